//! Tenant isolation, authentication storage and booking for `SeaORM` 2 on `PostgreSQL`.
//!
//! A `SeaORM` application keeps writing plain `SeaORM` and hands it a [`TenantConnection`] in place of a
//! `DatabaseConnection`. Every select, update and delete that passes through it, built or raw, at every depth,
//! is confined to one tenant's rows, and every insert is stamped with the tenant. What cannot be proved to stay
//! within the tenant is refused with a [`Refusal`] before it reaches the server.
//!
//! ```no_run
//! use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, QueryFilter, Set};
//! use watertight::entity::auth::users;
//! use watertight::{TenantId, Watertight};
//!
//! # async fn example(tenant_id: TenantId) -> Result<(), Box<dyn std::error::Error>> {
//! let water = Watertight::connect_from_env().await?;
//! let tenant = water.tenant(tenant_id);
//!
//! let jess = users::ActiveModel {
//!     handle: Set("jess".into()),
//!     email: Set("jess@example.com".into()),
//!     password_hash: Set("$2b$12$..".into()),
//!     ..Default::default()
//! };
//! jess.insert(&tenant).await?;
//! let viewers = users::Entity::find().filter(users::Column::Role.eq("viewer")).all(&tenant).await?;
//! # Ok(())
//! # }
//! ```
//!
//! Three layers keep tenants apart, and each would do alone for what it covers: the rewriting of statements,
//! row-level security in the database, and keys that hold the tenant, so that no row can refer to another tenant's.
//! The page [`guide::isolation`] states the law, what is refused and why, the threat model, and how it is all tested.
//! [`Layers`] chooses between the first two; the third is in the schema that `watertight-migration` makes.
//!
//! On that connection rest the domains of a booking business, each with a page of its own and an example that runs:
//! [`auth`] logs people in, [`content`] says what is offered, [`scheduling`] books it, [`certificates`] pay for it,
//! [`intake`] asks what is to be known before, and [`history`] brings what was there. [`guide::extending`] tells how an
//! application adds tables, columns and behaviours of its own; the [`guide`] is in the order in which a team meets the
//! questions. [`doctor`] finds what stands in the way of isolation
//! in a database as it is; [`maintenance`] exports, restores and erases whole tenants; [`routing`] leads to them where
//! they are in more than one database.
//!
//! # Features
//!
//! | feature | what it brings | by default |
//! |---|---|---|
//! | `auth` | [`auth`], and `auth()` on connections, transactions and the builder | yes |
//! | `content` | [`content`] | yes |
//! | `booking` | [`scheduling`]; needs `content` | yes |
//! | `certificates` | [`certificates`]; needs `booking` | yes |
//! | `intake` | [`intake`]; needs `booking` | yes |
//! | `history` | [`history`] | yes |
//! | `axum` | the tenant of a request, who has logged in (with `auth`), protection against forged requests | no |
//!
//! Each of the first six is a [`TableSet`] with its entities and operations. [`Builder::table_sets`] chooses among the
//! sets that are built in, and names their schemas. The connection, [`doctor`], [`maintenance`] and [`routing`] need no
//! feature: [`maintenance`] exports and erases every table that has a tenant. [`guide::building`] lists what each feature
//! costs to build.
#![cfg_attr(
    feature = "axum",
    doc = "\n\nWith the feature `axum`, [`web`] gives the handlers of a web application the connection of the \
           request's tenant, and who sent it."
)]

#[cfg(feature = "auth")]
pub mod auth;
mod booking;
mod builder;
mod error;
pub mod guide;
mod operations;
pub mod prelude;
mod schema;
mod tenant;
mod vocabulary;
mod watertight;
#[cfg(feature = "axum")]
pub mod web;

/// Its [`Tz`](chrono_tz::Tz) is what a business's time zone is.
#[cfg(feature = "content")]
pub use chrono_tz;
/// Its [`SecretString`](secrecy::SecretString) holds what is shown once, and its
/// [`ExposeSecret`](secrecy::ExposeSecret) takes it out.
#[cfg(feature = "auth")]
pub use secrecy;
pub use watertight_entity as entity;
pub use watertight_schema::{TableSet, TableSetError, TableSets};

#[cfg(any(feature = "content", feature = "history"))]
pub use crate::booking::BookingError;
#[cfg(feature = "certificates")]
pub use crate::booking::certificates;
#[cfg(feature = "content")]
pub use crate::booking::content;
#[cfg(feature = "history")]
pub use crate::booking::history;
#[cfg(feature = "intake")]
pub use crate::booking::intake;
#[cfg(feature = "booking")]
pub use crate::booking::scheduling;
pub use crate::builder::{Builder, DATABASE_URL};
pub use crate::error::Error;
pub use crate::operations::{ConnectError, MaintenanceError, RoutingError, doctor, maintenance};
pub use crate::tenant::{
    Extension, Layers, Reason, Refusal, RegistrationError, RegistrationErrors, RewriteMetrics, Rewriter,
    SigningError, StatementKind, TENANT_COLUMN, TENANT_KEY_VARIABLE, TenantConnection, TenantEntity,
    TenantExecutor, TenantId, TenantIdError, TenantKeys, TenantStream, TenantTransaction, TimeoutError,
};
#[cfg(any(feature = "auth", feature = "content"))]
pub use crate::vocabulary::{Change, Email, Handle};
pub use crate::vocabulary::{InvalidInput, MalformedRow, NoRandomness};
pub use crate::watertight::{Tenant, Watertight, routing};
