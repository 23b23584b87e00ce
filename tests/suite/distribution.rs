//! Distribution of tables by tenant: the plan without a cluster, and the result on a cluster.

mod cluster;
mod planned;
