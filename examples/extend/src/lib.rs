//! An application that extends watertight with a table, a column and methods on a model.
//!
//! The table refers to one of watertight's, and the column is on one of watertight's tables. No code of
//! watertight is edited, so its entities can be regenerated.
//!
//! - [`migration`] creates the table with [`TenantTable`](watertight_migration::TenantTable), adds the
//!   column, and lists both after watertight's own migrations.
//! - [`loyalty_cards`] is the table's entity, as `sea-orm-cli generate entity` writes it, with relations to
//!   and from watertight's `clients`, so that `client.find_related(..)` works.
//! - [`client_details`] is a second entity of watertight's table `clients`, for the application's column.
//! - [`LoyalClient`] adds methods to a client.
//!
//! The application registers its table when it connects:
//!
//! ```no_run
//! use watertight::Watertight;
//! use watertight_extend::loyalty_cards;
//!
//! # async fn connect() -> Result<(), watertight::Error> {
//! let water = Watertight::builder().tenant_table(loyalty_cards::Entity).connect_from_env().await?;
//! # Ok(())
//! # }
//! ```
//!
//! Without `tenant_table` every statement that names the table is refused with an error that says so.

/// A second entity of watertight's table `clients`, with the key and the application's column.
pub mod client_details;
pub mod loyalty;
/// The loyalty cards of a tenant's clients.
pub mod loyalty_cards;
pub mod migration;

pub use loyalty::LoyalClient;
