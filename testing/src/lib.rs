//! Tests of tenant isolation for applications on watertight.
//!
//! The kit provides a `PostgreSQL` server, a migrated template, and a copy of it for each test in milliseconds. It writes
//! rows of two tenants with the same ids, and judges functions of the application:
//!
//! ```no_run
//! use sea_orm::{ActiveModelTrait, DbErr, EntityTrait, QueryOrder, Set};
//! use tokio::sync::OnceCell;
//! use watertight::{Builder, TableSets, TenantConnection, Watertight};
//! use watertight_testing::{Template, TestError, TestServer, TwoTenants};
//!
//! # mod migrator {
//! #     pub async fn up(_: &sea_orm::DatabaseConnection) -> Result<(), sea_orm::DbErr> { Ok(()) }
//! # }
//! # mod projects {
//! #     use sea_orm::entity::prelude::*;
//! #     #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
//! #     #[sea_orm(table_name = "projects")]
//! #     pub struct Model {
//! #         #[sea_orm(primary_key, auto_increment = false)]
//! #         pub tenant_id: Uuid,
//! #         #[sea_orm(primary_key, auto_increment = false)]
//! #         pub id: i32,
//! #         pub name: String,
//! #     }
//! #     #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
//! #     pub enum Relation {}
//! #     impl ActiveModelBehavior for ActiveModel {}
//! # }
//! /// The builder of the application, which production uses, too.
//! fn builder() -> Builder {
//!     Watertight::builder().table_sets(TableSets::none()).tenant_table(projects::Entity)
//! }
//!
//! /// The function to test.
//! async fn names(tenant: &TenantConnection) -> Result<Vec<String>, DbErr> {
//!     let projects = projects::Entity::find().order_by_asc(projects::Column::Name).all(tenant).await?;
//!     Ok(projects.into_iter().map(|project| project.name).collect())
//! }
//!
//! async fn template() -> Result<&'static Template, TestError> {
//!     static TEMPLATE: OnceCell<Template> = OnceCell::const_new();
//!     TEMPLATE
//!         .get_or_try_init(|| async {
//!             let server = TestServer::shared().await?;
//!             Template::create(server, |owner| async move { migrator::up(&owner).await }).await
//!         })
//!         .await
//! }
//!
//! /// Writes project 1 of a tenant.
//! async fn fixtures(tenant: TenantConnection, number: u32) -> Result<(), DbErr> {
//!     let name = Set(format!("Bridge of tenant {number}"));
//!     projects::ActiveModel { id: Set(1), name, ..Default::default() }.insert(&tenant).await.map(drop)
//! }
//!
//! // In the application, this function is a #[tokio::test].
//! async fn names_are_of_one_tenant() -> Result<(), TestError> {
//!     let tenants = TwoTenants::prepare(template().await?, builder()).fixtures(fixtures).await?;
//!     let names = tenants.assert_isolated(|tenant| async move { names(&tenant).await }).await;
//!     assert_eq!(names, Ok(vec!["Bridge of tenant 1".to_owned()]));
//!     Ok(())
//! }
//! ```
//!
//! | item | purpose |
//! |---|---|
//! | [`TestServer`] | a server of the environment, or a private one of an installed `PostgreSQL` |
//! | [`Template`] | a database with the application's migrations, applied once a process |
//! | [`TestDatabase`] | a copy of the template for one test, dropped afterwards |
//! | [`TwoTenants`] | rows of two tenants, and the judge of a function: [`TwoTenants::assert_isolated`] |
//! | [`assert_refused`] | the assertion that a statement was refused before it was sent |
//! | [`CountingProxy`] | the number of round trips to the server |

mod database;
mod error;
mod isolation;
mod proxy;
mod refused;
mod server;
mod template;

pub use crate::database::TestDatabase;
pub use crate::error::TestError;
pub use crate::isolation::{Difference, IsolationError, Preparation, TwoTenants};
pub use crate::proxy::CountingProxy;
pub use crate::refused::assert_refused;
pub use crate::server::TestServer;
#[cfg(unix)]
pub use crate::server::{PrivateServer, PrivateServerBuilder};
pub use crate::template::Template;
