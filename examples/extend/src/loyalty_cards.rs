use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use watertight::entity::public::clients;

/// A client's loyalty card.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(schema_name = "public", table_name = "loyalty_cards")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// The card's ID.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The client.
    pub client_id: Uuid,
    /// The number of visits, at most 10.
    pub stamps: i32,
    /// The time of creation.
    pub created_at: DateTimeWithTimeZone,
}

/// The relations of a card.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    /// The client, by both columns of the key, and therefore never another tenant's.
    #[sea_orm(
        belongs_to = "clients::Entity",
        from = "(Column::TenantId, Column::ClientId)",
        to = "(clients::Column::TenantId, clients::Column::Id)",
        on_delete = "Cascade"
    )]
    Client,
}

impl Related<clients::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Client.def()
    }
}

/// The opposite direction. Rust allows this implementation for watertight's entity, because it names this
/// crate's entity.
impl Related<Entity> for clients::Entity {
    fn to() -> RelationDef {
        Relation::Client.def().rev()
    }
}

impl ActiveModelBehavior for ActiveModel {}
