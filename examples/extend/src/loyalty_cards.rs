use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use watertight::entity::public::clients;

/// A client's card.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(schema_name = "public", table_name = "loyalty_cards")]
pub struct Model {
    /// Whose client has it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// The card's identity.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Who has it.
    pub client_id: Uuid,
    /// How often they came: 10 at most.
    pub stamps: i32,
    /// When it was given out.
    pub created_at: DateTimeWithTimeZone,
}

/// What a card refers to.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    /// The client, by both columns of the key: so never another tenant's.
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

/// The other way round. Rust lets this crate say it of watertight's entity, because its own stands in it.
impl Related<Entity> for clients::Entity {
    fn to() -> RelationDef {
        Relation::Client.def().rev()
    }
}

impl ActiveModelBehavior for ActiveModel {}
