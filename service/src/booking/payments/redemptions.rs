//! Redemptions of gift certificates and packages, and their refunds.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use uuid::Uuid;
use watertight_entity::public::{booking_payments, bookings, gift_certificate_redemptions};
use watertight_schema::TableSet;

use super::entry::Entry;
use super::repeat::Identity;
use crate::booking::BookingError;
use crate::tenant::TenantExecutor;
use crate::tenant::sql::statement;

/// The redemptions of a booking, oldest first; refunded ones have a time for it.
pub(crate) async fn redemptions(
    db: &impl TenantExecutor,
    booking: Uuid,
) -> Result<Vec<gift_certificate_redemptions::Model>, BookingError> {
    let select = gift_certificate_redemptions::Entity::find()
        .filter(gift_certificate_redemptions::Column::BookingId.eq(booking))
        .order_by_asc(gift_certificate_redemptions::Column::CreatedAt)
        .order_by_asc(gift_certificate_redemptions::Column::Id);
    Ok(select.all(db).await?)
}

/// Refunds every redemption of a locked booking. The certificates and packages are locked in one order, so that two
/// refunds do not wait for one another. A database without certificates has nothing to refund.
pub(crate) async fn refund_all(
    db: &impl TenantExecutor,
    booking: &mut bookings::Model,
) -> Result<(), BookingError> {
    if !db.table_sets().contains(TableSet::Certificates) {
        return Ok(());
    }
    let mut redeemed = redemptions(db, booking.id).await?;
    redeemed.retain(|redemption| redemption.refunded_at.is_none());
    if redeemed.is_empty() {
        return Ok(());
    }
    redeemed.sort_by_key(|redemption| (redemption.gift_certificate_id, redemption.package_id));
    let payments = booking_payments::Entity::find()
        .filter(booking_payments::Column::BookingId.eq(booking.id))
        .filter(booking_payments::Column::RedemptionId.is_not_null());
    let payments = payments.all(db).await?;
    for redemption in &redeemed {
        give_back(db, redemption).await?;
        // A redemption that another program wrote has no payment.
        let paid = payments.iter().find(|payment| payment.redemption_id == Some(redemption.id));
        if let Some(payment) = paid {
            add_refund(db, booking, payment, Identity::default()).await?;
        }
    }
    Ok(())
}

/// Refunds one payment by certificate or package of a locked booking, and gives the cents or the session back.
pub(crate) async fn refund_one(
    db: &impl TenantExecutor,
    booking: &mut bookings::Model,
    payment: &booking_payments::Model,
    identity: Identity<'_>,
) -> Result<booking_payments::Model, BookingError> {
    let redemption = redemptions(db, booking.id).await?;
    let redemption = redemption.iter().find(|redemption| payment.redemption_id == Some(redemption.id));
    if let Some(redemption) = redemption.filter(|redemption| redemption.refunded_at.is_none()) {
        give_back(db, redemption).await?;
    }
    add_refund(db, booking, payment, identity).await
}

async fn add_refund(
    db: &impl TenantExecutor,
    booking: &mut bookings::Model,
    payment: &booking_payments::Model,
    identity: Identity<'_>,
) -> Result<booking_payments::Model, BookingError> {
    let entry = Entry {
        refund_of: Some(payment.id),
        method: &payment.method,
        amount_cents: payment.amount_cents,
        redemption: None,
        identity,
    };
    entry.add(db, booking).await
}

async fn give_back(
    db: &impl TenantExecutor,
    redemption: &gift_certificate_redemptions::Model,
) -> Result<(), BookingError> {
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
    gift_certificate_redemptions::Entity::update_many()
        .col_expr(gift_certificate_redemptions::Column::RefundedAt, Expr::current_timestamp())
        .filter(gift_certificate_redemptions::Column::Id.eq(redemption.id))
        .exec(db)
        .await?;
    Ok(())
}
