//! The entity of the outbox `messages`.

use sea_orm::entity::prelude::*;

/// A letter that a tenant ordered.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "messages")]
pub(crate) struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) tenant_id: Uuid,
    /// The message, which keeps its ID in every attempt.
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    /// The recipient.
    pub(crate) client: String,
    /// The number of attempts to handle it.
    pub(crate) attempts: i32,
    /// The time of the next attempt.
    pub(crate) available_at: DateTimeWithTimeZone,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
