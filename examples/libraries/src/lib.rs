//! Tenants in applications on loco, actix and tonic. The guide's page "With other libraries" explains the code.

pub mod actix;
pub mod loco;
pub mod tonic;
