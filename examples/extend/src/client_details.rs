use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// What this application keeps of a client beyond what watertight does.
///
/// It is read and changed by the client's key, and not inserted: watertight's `clients` is.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(schema_name = "public", table_name = "clients")]
pub struct Model {
    /// Whose client it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    /// The client's identity.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// When they get a present.
    pub birthday: Option<Date>,
}

/// None: those of `clients` are watertight's.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
