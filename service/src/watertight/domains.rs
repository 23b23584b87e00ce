use sea_orm::{ActiveModelBehavior, DbErr, Insert};

use crate::tenant::TenantExecutor;

/// The operations of one tenant: its statements and those of every domain.
///
/// [`TenantConnection`](crate::TenantConnection) and [`TenantTransaction`](crate::TenantTransaction)
/// implement the trait. Functions that run for a tenant take `&impl Tenant`. A `DatabaseConnection` does not
/// implement the trait, so the compiler rejects it as an argument.
///
/// ```
/// use sea_orm::{DbErr, EntityTrait, PaginatorTrait};
/// use watertight::Tenant;
/// use watertight::entity::public::services;
///
/// async fn services_offered(tenant: &impl Tenant) -> Result<u64, DbErr> {
///     services::Entity::find().count(tenant).await
/// }
/// ```
///
/// This function does not compile with a `DatabaseConnection`:
///
/// ```compile_fail,E0277
/// use sea_orm::{DatabaseConnection, DbErr, EntityTrait, PaginatorTrait};
/// use watertight::Tenant;
/// use watertight::entity::public::services;
///
/// async fn services_offered(tenant: &impl Tenant) -> Result<u64, DbErr> {
///     services::Entity::find().count(tenant).await
/// }
///
/// async fn of_all_tenants(database: DatabaseConnection) -> Result<u64, DbErr> {
///     services_offered(&database).await
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not scoped to a tenant",
    label = "expected a `TenantConnection` or a `TenantTransaction`",
    note = "call `water.tenant(tenant_id)` for a connection that is scoped to the tenant"
)]
pub trait Tenant: TenantExecutor + Sized {
    /// Inserts a message into an [outbox table](crate::Builder::outbox_table), without reading it back.
    ///
    /// On a transaction the message belongs to it: a rollback takes the message back. The hook `before_save` of the
    /// active model runs, and `after_save` does not. The database sets the columns that are not set, such as `id`.
    ///
    /// ```no_run
    /// # mod outbox {
    /// #     use sea_orm::entity::prelude::*;
    /// #     #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    /// #     #[sea_orm(schema_name = "public", table_name = "outbox")]
    /// #     pub struct Model {
    /// #         #[sea_orm(primary_key, auto_increment = false)]
    /// #         pub tenant_id: Uuid,
    /// #         #[sea_orm(primary_key, auto_increment = false)]
    /// #         pub id: Uuid,
    /// #         pub kind: String,
    /// #     }
    /// #     #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    /// #     pub enum Relation {}
    /// #     impl ActiveModelBehavior for ActiveModel {}
    /// # }
    /// use sea_orm::{DbErr, Set};
    /// use watertight::Tenant;
    ///
    /// async fn order_letter(tenant: &impl Tenant) -> Result<(), DbErr> {
    ///     tenant.enqueue(outbox::ActiveModel { kind: Set("letter".to_owned()), ..Default::default() }).await
    /// }
    /// ```
    ///
    /// # Errors
    /// As an insert of the active model.
    fn enqueue<A>(&self, message: A) -> impl Future<Output = Result<(), DbErr>> + Send
    where
        A: ActiveModelBehavior + Send,
    {
        async move {
            let message = message.before_save(self, true).await?;
            Insert::one(message).exec_without_returning(self).await.map(drop)
        }
    }

    /// Authentication of the tenant, with the settings of the application.
    #[cfg(feature = "auth")]
    fn auth(&self) -> crate::auth::Auth<'_, Self> {
        crate::auth::Auth::new(self)
    }

    /// Content: the profile of the business, its services, opening hours, practitioners and reviews.
    #[cfg(feature = "content")]
    fn content(&self) -> crate::booking::content::Content<'_, Self> {
        crate::booking::content::Content::new(self)
    }

    /// Availability, holds and bookings of the tenant.
    #[cfg(feature = "booking")]
    fn scheduling(&self) -> crate::booking::scheduling::Scheduling<'_, Self> {
        crate::booking::scheduling::Scheduling::new(self)
    }

    /// Gift certificates and packages of the tenant.
    #[cfg(feature = "certificates")]
    fn certificates(&self) -> crate::booking::certificates::Certificates<'_, Self> {
        crate::booking::certificates::Certificates::new(self)
    }

    /// Intake forms and submissions of the tenant.
    #[cfg(feature = "intake")]
    fn intake(&self) -> crate::booking::intake::Intake<'_, Self> {
        crate::booking::intake::Intake::new(self)
    }

    /// Appointments, payments and bookings that were imported from another system.
    #[cfg(feature = "history")]
    fn history(&self) -> crate::booking::history::History<'_, Self> {
        crate::booking::history::History::new(self)
    }
}

impl<T: TenantExecutor> Tenant for T {}
