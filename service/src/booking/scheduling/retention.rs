//! Deletion of holds that have ended.

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, Condition, DbErr, EntityTrait, QueryFilter};
use watertight_entity::public::slot_reservations;

use crate::tenant::TenantExecutor;

/// Deletes the holds on slots that were released or have expired.
pub(crate) async fn delete_holds(db: &impl TenantExecutor) -> Result<u64, DbErr> {
    let ended = Condition::any()
        .add(slot_reservations::Column::ReleasedAt.is_not_null())
        .add(slot_reservations::Column::ExpiresAt.into_expr().lte(Expr::current_timestamp()));
    Ok(slot_reservations::Entity::delete_many().filter(ended).exec(db).await?.rows_affected)
}
