//! Tenants, the connections scoped to a tenant, and the rewriting of their statements.

mod access;
mod across;
mod answer;
#[cfg(any(feature = "auth", feature = "booking"))]
pub(crate) mod batches;
pub(crate) mod clock;
mod connection;
#[cfg(any(feature = "auth", feature = "booking", feature = "history"))]
pub(crate) mod constraint;
pub(crate) mod driver;
mod entity;
mod error;
#[cfg(any(feature = "auth", feature = "content", feature = "history"))]
pub(crate) mod facade;
mod id;
mod inspection;
mod job;
mod layers;
mod lease;
mod listener;
mod locks;
mod long_lists;
mod names;
mod notifying;
mod numbers;
mod outbox;
mod parameter;
mod pg_transaction;
mod pooled;
mod presets;
#[cfg(feature = "proxy")]
mod proxy;
mod refusal;
mod registry;
mod report_only;
mod rewrite;
mod scope;
mod sealing;
mod shared;
mod signing;
mod snapshot;
pub(crate) mod sql;
mod statement;
mod stream;
mod timeouts;
mod transaction;
mod transaction_settings;
mod unnamed;
mod unscoped;

pub use self::access::TenantExecutor;
pub use self::across::AcrossTenants;
pub(crate) use self::across::record_access;
pub use self::connection::TenantConnection;
pub use self::driver::is_outcome_unknown;
pub(crate) use self::driver::sql_state;
pub use self::entity::TenantEntity;
pub use self::error::{
    JobError, LockError, NotificationError, NumberError, OutboxError, RegistrationError, RegistrationErrors,
    SigningError, TenantIdError, TimeoutError,
};
pub use self::id::TenantId;
pub(crate) use self::inspection::Inspection;
pub use self::job::{Job, TenantJob};
pub use self::layers::Layers;
pub use self::listener::{ListenerEvent, Notification, TenantListener};
pub(crate) use self::names::Names;
pub use self::outbox::{Delivery, Outbox, OutboxRun};
pub(crate) use self::parameter::TENANT_TYPE;
pub(crate) use self::pooled::Generation;
pub use self::presets::Extension;
#[cfg(feature = "proxy")]
pub use self::proxy::{DatabaseOptions, TenantDatabase, TenantDatabaseError, Timestamps};
pub use self::refusal::{Reason, Refusal, StatementKind};
pub use self::registry::TENANT_COLUMN;
pub(crate) use self::registry::{EntityColumn, Ownership, RegisteredTable, Registry, TableName};
pub(crate) use self::report_only::ReportOnly;
pub use self::report_only::{ReportedRefusals, ReportedStatement};
pub(crate) use self::rewrite::Settings;
pub use self::rewrite::{RewriteMetrics, Rewriter};
pub(crate) use self::shared::Shared;
pub(crate) use self::signing::TenantSigner;
pub use self::signing::{TENANT_KEY_VARIABLE, TenantKeys};
pub(crate) use self::snapshot::Snapshot;
pub use self::stream::TenantStream;
pub use self::transaction::TenantTransaction;
pub use self::transaction_settings::TransactionSettings;
pub use self::unscoped::{Unscoped, UnscopedTransaction};
