//! SeaORM, whose `DatabaseConnection` is a tenant's: the crate under whose name SeaORM's own tests are compiled.
//!
//! `cargo xtask sea-orm-tests` copies the tests of the published crate, which name `sea_orm`, next to this crate, which
//! has that name. The tests are not changed. Definitions of tables run as the owner, every other statement runs through a
//! `TenantConnection`, and another tenant has rows of the same ids.

mod connection;
mod conversion;
mod other_tenant;
mod table;

pub use real::*;
pub use watertight::TenantTransaction as DatabaseTransaction;

pub use crate::connection::{Database, DatabaseConnection, DbConn};

pub mod entity {
    pub use real::entity::*;

    pub mod prelude {
        pub use real::entity::prelude::*;

        pub use crate::{DatabaseConnection, DbConn};
    }
}

pub mod prelude {
    pub use crate::entity::prelude::*;
}
