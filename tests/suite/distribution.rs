//! The tables spread over machines by tenant: what keeps them from it is found without a cluster, and what becomes of
//! them is seen on one.

mod cluster;
mod planned;
