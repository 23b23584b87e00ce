use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// The application's own columns of a client.
///
/// Read and update them by the client's key. Insert clients with watertight's entity `clients`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(schema_name = "public", table_name = "clients")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// The client's ID.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The client's birthday.
    pub birthday: Option<Date>,
}

/// No relations: watertight's entity `clients` has them.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
