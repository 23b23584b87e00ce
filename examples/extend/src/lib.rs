//! An application that adds to watertight: a table of its own that refers to one of watertight's, a column on one of
//! watertight's tables, and behaviors on its models. Nothing of watertight is edited, so nothing is lost when its
//! entities are generated anew.
//!
//! - [`migration`] makes the table with [`TenantTable`](watertight_migration::TenantTable), adds the column, and puts
//!   both behind watertight's own migrations.
//! - [`loyalty_cards`] is the table's entity, as `sea-orm-cli generate entity` writes it, with a relation to
//!   watertight's `clients` added: both ways, so that `client.find_related(..)` works.
//! - [`client_details`] is a second entity of watertight's table `clients`, for the column that is the application's.
//! - [`LoyalClient`] is what a client can do here.
//!
//! The application connects with one line more than it would otherwise:
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
//! Without that line every statement that names the table is refused, and says so.

/// A second entity of watertight's table `clients`: the key, and the column that this application has added.
pub mod client_details;
pub mod loyalty;
/// The loyalty cards of a tenant's clients.
pub mod loyalty_cards;
pub mod migration;

pub use loyalty::LoyalClient;
