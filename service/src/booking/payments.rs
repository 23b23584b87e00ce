//! The ledger of what gift certificates and packages have paid for bookings.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use uuid::Uuid;
use watertight_entity::public::gift_certificate_redemptions;
use watertight_schema::TableSet;

use crate::booking::BookingError;
use crate::tenant::TenantExecutor;
use crate::tenant::sql::statement;

/// The redemptions of a booking, oldest first; refunded ones have a time for it.
pub(super) async fn redemptions(
    db: &impl TenantExecutor,
    booking: Uuid,
) -> Result<Vec<gift_certificate_redemptions::Model>, BookingError> {
    let select = gift_certificate_redemptions::Entity::find()
        .filter(gift_certificate_redemptions::Column::BookingId.eq(booking))
        .order_by_asc(gift_certificate_redemptions::Column::CreatedAt)
        .order_by_asc(gift_certificate_redemptions::Column::Id);
    Ok(select.all(db).await?)
}

/// Refunds every redemption of a locked booking, and returns their number. The certificates and packages are locked in
/// one order, so that two refunds do not wait for one another. A database without certificates has nothing to refund.
pub(super) async fn refund(db: &impl TenantExecutor, booking: Uuid) -> Result<usize, BookingError> {
    if !db.table_sets().contains(TableSet::Certificates) {
        return Ok(0);
    }
    let mut redeemed = redemptions(db, booking).await?;
    redeemed.retain(|redemption| redemption.refunded_at.is_none());
    redeemed.sort_by_key(|redemption| (redemption.gift_certificate_id, redemption.package_id));
    for redemption in &redeemed {
        if let (Some(id), Some(amount)) = (redemption.gift_certificate_id, redemption.amount_cents) {
            let give_back = statement(
                r#"UPDATE "public"."gift_certificates" SET "balance_cents" = "balance_cents" + $2, "redeemed_at" = NULL,
                   "updated_at" = CURRENT_TIMESTAMP WHERE "id" = $1"#,
                [id.into(), amount.into()],
            );
            db.execute_raw(give_back).await?;
        }
        if let Some(id) = redemption.package_id {
            let give_back = statement(
                r#"UPDATE "public"."packages" SET "remaining_sessions" = "remaining_sessions" + 1,
                   "updated_at" = CURRENT_TIMESTAMP WHERE "id" = $1"#,
                [id.into()],
            );
            db.execute_raw(give_back).await?;
        }
    }
    gift_certificate_redemptions::Entity::update_many()
        .col_expr(gift_certificate_redemptions::Column::RefundedAt, Expr::current_timestamp())
        .filter(gift_certificate_redemptions::Column::BookingId.eq(booking))
        .filter(gift_certificate_redemptions::Column::RefundedAt.is_null())
        .exec(db)
        .await?;
    Ok(redeemed.len())
}
