//! Tenant isolation for `SeaORM` 2 on `PostgreSQL`, with authentication and booking for each tenant.
//!
//! A [`TenantConnection`] takes the place of a `DatabaseConnection` in a `SeaORM` application. Every statement that runs
//! through it, built or raw, reads and changes the rows of one tenant. Every insert gets its `tenant_id`. A statement that
//! cannot be proved to stay within the tenant is refused with a [`Refusal`] before it is sent.
//!
//! ```no_run
//! use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, QueryFilter, Set};
//! use watertight::entity::auth::users;
//! use watertight::prelude::*;
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
//! Three layers isolate tenants. None of them depends on another:
//!
//! ```text
//! statement            SELECT .. FROM "auth"."users" WHERE "role" = $1
//!    |
//! rewriting            SELECT .. FROM ("auth"."users" JOIN (SELECT) AS "__tenant_1" ON "users"."tenant_id" = $2)
//!    |                   WHERE "role" = $1                                        or a refusal
//!    |
//! binding              $2 is the tenant, $3 its signed token
//!    |
//! row-level security   tenant_id = watertight.tenant(), which verifies the token
//!    |
//! keys                 FOREIGN KEY (tenant_id, user_id): no row refers to a row of another tenant
//! ```
//!
//! The planner removes the join and keeps its condition. `UPDATE` and `DELETE` get the condition in `WHERE` instead:
//! `WHERE "users"."tenant_id" = $2 AND ("role" = $1)`. [`Rewriter`] shows the text of any statement.
//!
//! [`guide::isolation`] states the guarantee, the refusals, the threat model and the tests of each claim. [`Layers`] chooses
//! between the first two layers; the keys are part of the schema that `watertight-migration` creates.
//!
//! [`auth`], [`content`], [`scheduling`], [`certificates`], [`intake`] and [`history`] are domains on that connection, each
//! with tables of its own. [`Tenant`] has a method for each. [`guide::extending`] describes tables, columns and behavior
//! of an application's own. [`doctor`] reports weaknesses of isolation in a database, [`maintenance`] exports, restores
//! and erases tenants, and [`routing`] finds the database of a tenant.
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
//! | `proxy` | a `DatabaseConnection` of one tenant, for libraries that take the type: [`guide::libraries`] | no |
//! | `proxy-time`, `proxy-ipnetwork`, `proxy-mac-address` | more types in the rows of such a connection | no |
//!
//! Each of the first six is a [`TableSet`] with its entities and operations. [`Builder::table_sets`] chooses among the
//! sets that are built in, and names their schemas. The connection, [`doctor`], [`maintenance`] and [`routing`] need no
//! feature: [`maintenance`] exports and erases every table that has a tenant. [`guide::building`] lists what each feature
//! costs to build.
#![cfg_attr(
    feature = "axum",
    doc = "\n\nWith the feature `axum`, [`web`] provides the handlers of a web application with the connection \
           of the request's tenant and the user's session."
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
pub use watertight_schema::{TableSet, TableSetError, TableSets, TenantType, TenantTypeError};

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
pub use crate::operations::{
    ConfigurationError, ConnectError, MaintenanceError, NotIsolable, RoutingError, doctor, maintenance,
};
pub use crate::tenant::{
    AcrossTenants, Delivery, Extension, Job, JobError, Layers, ListenerEvent, LockError, Notification,
    NotificationError, NumberError, Outbox, OutboxError, OutboxRun, Reason, Refusal, RegistrationError,
    RegistrationErrors, ReportedRefusals, ReportedStatement, RewriteMetrics, Rewriter, SigningError,
    StatementKind, TENANT_COLUMN, TENANT_KEY_VARIABLE, TenantConnection, TenantEntity, TenantExecutor,
    TenantId, TenantIdError, TenantJob, TenantKeys, TenantListener, TenantStream, TenantTransaction,
    TimeoutError, TransactionSettings, Unscoped, UnscopedTransaction, is_outcome_unknown,
};
#[cfg(feature = "proxy")]
pub use crate::tenant::{DatabaseOptions, TenantDatabase, TenantDatabaseError, Timestamps};
#[cfg(any(feature = "auth", feature = "intake"))]
pub use crate::vocabulary::{AddressKind, ClientAddress};
#[cfg(any(feature = "auth", feature = "content"))]
pub use crate::vocabulary::{Change, Email, Handle};
pub use crate::vocabulary::{InvalidInput, MalformedRow, NoRandomness};
pub use crate::watertight::{EachTenant, Tenant, Watertight, routing};
