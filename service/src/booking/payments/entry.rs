//! An entry of the ledger.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, QueryFilter, Set};
use uuid::Uuid;
use watertight_entity::public::{booking_payments, bookings};

use super::repeat::Identity;
use crate::booking::BookingError;
use crate::booking::payment_status::PaymentStatus;
use crate::booking::scheduling::BookingRecord;
use crate::tenant::TenantExecutor;
use crate::vocabulary::text_enum::text_enum;

text_enum! {
    /// The kind of an entry.
    pub enum Kind as "kind of entry" {
        /// A payment.
        Payment = "payment",
        /// A refund of a payment.
        Refund = "refund",
    }
}

/// An entry to add to the ledger of a locked booking.
pub(crate) struct Entry<'a> {
    /// The payment that a refund gives back; `None` for a payment.
    pub(crate) refund_of: Option<Uuid>,
    pub(crate) method: &'a str,
    pub(crate) amount_cents: i32,
    pub(crate) redemption: Option<Uuid>,
    pub(crate) identity: Identity<'a>,
}

/// The cents that are due for a booking: its amount without the payments that are not refunded.
pub(crate) fn due(booking: &bookings::Model) -> i32 {
    let due = i64::from(booking.amount_cents) - booking.paid_cents + booking.refunded_cents;
    i32::try_from(due.max(0)).unwrap_or(i32::MAX)
}

/// The cents that can be paid: those that are due, and none under a status of the application's own.
pub(crate) fn payable(booking: &bookings::Model) -> Result<i32, BookingError> {
    match booking.payment_status()? {
        PaymentStatus::Custom(_) => Ok(0),
        _ => Ok(due(booking)),
    }
}

impl Entry<'_> {
    /// Adds the entry, and updates the totals and the status of the booking, which is locked.
    pub(crate) async fn add(
        self,
        db: &impl TenantExecutor,
        booking: &mut bookings::Model,
    ) -> Result<booking_payments::Model, BookingError> {
        let kind = if self.refund_of.is_some() { Kind::Refund } else { Kind::Payment };
        let row = booking_payments::ActiveModel {
            booking_id: Set(booking.id),
            kind: Set(kind.to_string()),
            refund_of: Set(self.refund_of),
            method: Set(self.method.to_owned()),
            processor: Set(self.identity.reference.map(|reference| reference.processor.clone())),
            reference: Set(self.identity.reference.map(|reference| reference.id.clone())),
            item: Set(self.identity.reference.map_or(1, |reference| reference.item.into())),
            amount_cents: Set(self.amount_cents),
            currency: Set(booking.currency.clone()),
            redemption_id: Set(self.redemption),
            idempotency_key: Set(self.identity.key.map(str::to_owned)),
            request_digest: Set(self.identity.digest.clone()),
            ..Default::default()
        };
        let made = row.insert(db).await.map_err(|error| self.identity.reused(error))?;
        let (mut paid, mut refunded) = (booking.paid_cents, booking.refunded_cents);
        let mut update = bookings::Entity::update_many();
        match kind {
            Kind::Payment => {
                paid += i64::from(self.amount_cents);
                update = update
                    .col_expr(bookings::Column::PaymentMethod, Expr::val(self.method))
                    .col_expr(bookings::Column::PaymentRef, Expr::val(made.reference.clone()));
            }
            Kind::Refund => refunded += i64::from(self.amount_cents),
        }
        let status = PaymentStatus::of(booking.amount_cents.into(), paid, refunded);
        let update = update
            .col_expr(bookings::Column::PaidCents, Expr::val(paid))
            .col_expr(bookings::Column::RefundedCents, Expr::val(refunded))
            .col_expr(bookings::Column::PaymentStatus, Expr::val(status))
            .col_expr(bookings::Column::UpdatedAt, Expr::current_timestamp())
            .filter(bookings::Column::Id.eq(booking.id));
        let updated = update.exec_with_returning(db).await?.into_iter().next();
        *booking = updated.ok_or_else(|| BookingError::not_found("booking", booking.id))?;
        Ok(made)
    }
}
