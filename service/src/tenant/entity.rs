//! Access to rows by their key within a tenant.

use sea_orm::sea_query::{FromValueTuple, IntoValueTuple};
use sea_orm::{EntityTrait, PrimaryKeyTrait, Select, ValidatedDeleteOne};
use uuid::Uuid;

use super::access::TenantExecutor;
use super::id::TenantId;

/// Finds and deletes rows of an entity with the primary key `(tenant_id, ..)` by the rest of the key.
///
/// Like [`EntityTrait::find_by_id`], the methods belong to the entity and return a [`Select`] that takes
/// filters, joins and `one`.
///
/// The trait is implemented for every entity with a key of two or three columns that begins with a [`Uuid`], an `i64`, an `i32`
/// or a `String`. This column must be the tenant column, as in all tables that `watertight-migration` creates. With another
/// first column, or another type than the tenant's, no row is found.
///
/// ```no_run
/// use sea_orm::DbErr;
/// use uuid::Uuid;
/// use watertight::entity::auth::users;
/// use watertight::{Tenant, TenantEntity};
///
/// async fn handle_of(tenant: &impl Tenant, user_id: Uuid) -> Result<Option<String>, DbErr> {
///     let user = users::Entity::find_by_id_in(tenant, user_id).one(tenant).await?;
///     Ok(user.map(|user| user.handle))
/// }
/// ```
pub trait TenantEntity: EntityTrait {
    /// The key without the tenant, such as `Uuid`, `i32` or `String`.
    type Id;

    /// Finds a row of the tenant by the rest of its key, as `find_by_id((tenant_id, id))` does.
    ///
    /// ```no_run
    /// # use sea_orm::{DbErr, EntityTrait, QuerySelect};
    /// # use watertight::entity::public::{bookings, clients};
    /// # use watertight::{TenantConnection, TenantEntity};
    /// # async fn example(tenant: TenantConnection, id: uuid::Uuid) -> Result<(), DbErr> {
    /// let select = bookings::Entity::find_by_id_in(&tenant, id).find_also_related(clients::Entity);
    /// let booking_and_client = select.one(&tenant).await?;
    /// # Ok(())
    /// # }
    /// ```
    fn find_by_id_in(tenant: &impl TenantExecutor, id: impl Into<Self::Id>) -> Select<Self>;

    /// Deletes a row of the tenant by the rest of its key, as `delete_by_id((tenant_id, id))` does.
    ///
    /// ```no_run
    /// # use sea_orm::DbErr;
    /// # use watertight::entity::public::services;
    /// # use watertight::{TenantConnection, TenantEntity};
    /// # async fn example(tenant: TenantConnection, id: uuid::Uuid) -> Result<(), DbErr> {
    /// let deleted = services::Entity::delete_by_id_in(&tenant, id).exec(&tenant).await?;
    /// println!("{} service deleted", deleted.rows_affected);
    /// # Ok(())
    /// # }
    /// ```
    fn delete_by_id_in(tenant: &impl TenantExecutor, id: impl Into<Self::Id>) -> ValidatedDeleteOne<Self>;
}

impl<E> TenantEntity for E
where
    E: EntityTrait,
    KeyOf<E>: TenantKey,
{
    type Id = <KeyOf<E> as TenantKey>::Id;

    fn find_by_id_in(tenant: &impl TenantExecutor, id: impl Into<Self::Id>) -> Select<Self> {
        Self::find_by_id(KeyOf::<E>::in_tenant(tenant.tenant_id(), id.into()))
    }

    fn delete_by_id_in(tenant: &impl TenantExecutor, id: impl Into<Self::Id>) -> ValidatedDeleteOne<Self> {
        Self::delete_by_id(KeyOf::<E>::in_tenant(tenant.tenant_id(), id.into()))
    }
}

type KeyOf<E> = <<E as EntityTrait>::PrimaryKey as PrimaryKeyTrait>::ValueType;

/// A primary key that begins with the tenant.
#[diagnostic::on_unimplemented(
    message = "the primary key `{Self}` does not begin with a tenant ID",
    note = "`TenantEntity` is for primary keys `(tenant_id, id)`; for other entities, use `find_by_id` and \
            `delete_by_id`"
)]
pub trait TenantKey: IntoValueTuple + FromValueTuple {
    /// The rest of the key.
    type Id;

    /// The complete key of a row.
    fn in_tenant(tenant: TenantId, id: Self::Id) -> Self;
}

/// A type of the tenant column. For a tenant of another type, the value is the one that no tenant has.
pub trait TenantColumn {
    /// The value of the column in the rows of a tenant.
    fn of(tenant: TenantId) -> Self;
}

impl TenantColumn for Uuid {
    fn of(tenant: TenantId) -> Self {
        tenant.uuid().unwrap_or_default()
    }
}

impl TenantColumn for i64 {
    fn of(tenant: TenantId) -> Self {
        tenant.number().unwrap_or_default()
    }
}

impl TenantColumn for i32 {
    fn of(tenant: TenantId) -> Self {
        tenant.number().and_then(|number| Self::try_from(number).ok()).unwrap_or_default()
    }
}

impl TenantColumn for String {
    fn of(tenant: TenantId) -> Self {
        tenant.to_string()
    }
}

impl<T: TenantColumn, A> TenantKey for (T, A)
where
    Self: IntoValueTuple + FromValueTuple,
{
    type Id = A;

    fn in_tenant(tenant: TenantId, id: A) -> Self {
        (T::of(tenant), id)
    }
}

impl<T: TenantColumn, A, B> TenantKey for (T, A, B)
where
    Self: IntoValueTuple + FromValueTuple,
{
    type Id = (A, B);

    fn in_tenant(tenant: TenantId, (a, b): (A, B)) -> Self {
        (T::of(tenant), a, b)
    }
}
