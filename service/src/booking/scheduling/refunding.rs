//! Recording refunds of payments, and the refunds that are due.

use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;
use watertight_entity::public::{booking_payments, bookings};

use super::Scheduling;
use super::paying::Reference;
use crate::booking::BookingError;
use crate::booking::payment_status::PaymentMethod;
#[cfg(feature = "certificates")]
use crate::booking::payments::refund_one;
use crate::booking::payments::{Entry, Identity, Kind, find_made};
use crate::booking::request::{check_key, digest};
use crate::tenant::TenantExecutor;
use crate::tenant::sql::statement;
use crate::vocabulary::InvalidInput;
use crate::vocabulary::currency::positive_cents;

/// A refund to record with [`Scheduling::record_refund`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewRefund {
    /// The amount in cents; `None` for the rest of the payment.
    pub amount_cents: Option<u32>,
    /// The method; `None` for the method of the payment.
    pub method: Option<PaymentMethod>,
    /// The identity of the refund at its processor, which makes a repeat safe.
    pub reference: Option<Reference>,
    /// A key that makes a repeat of a refund without a reference safe. At most 255 characters.
    pub idempotency_key: Option<String>,
}

impl NewRefund {
    fn check(&self) -> Result<Option<i32>, InvalidInput> {
        if let Some(method @ (PaymentMethod::GiftCertificate | PaymentMethod::Package)) = &self.method {
            let reason = "is the method of a redemption; leave the method out to refund a redemption";
            return Err(InvalidInput::new("refund method", method.to_string(), reason));
        }
        self.reference.as_ref().map_or(Ok(()), Reference::check)?;
        check_key(self.idempotency_key.as_deref())?;
        self.amount_cents.map(|cents| positive_cents("amount_cents", cents)).transpose()
    }

    fn digest(&self, payment: Uuid) -> Vec<u8> {
        let reference = self.reference.as_ref().map(Reference::to_string);
        let method = self.method.as_ref().map(PaymentMethod::as_str);
        digest("record_refund", &json!([payment.to_string(), method, self.amount_cents, reference]))
    }
}

/// A payment of a cancelled booking that is not refunded, or not in whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromQueryResult)]
#[non_exhaustive]
pub struct RefundDue {
    /// The payment.
    pub payment: Uuid,
    /// The booking.
    pub booking: Uuid,
    /// The method of the payment.
    pub method: String,
    /// The processor of the payment.
    pub processor: Option<String>,
    /// The id of the payment at the processor.
    pub reference: Option<String>,
    /// The cents that are not refunded.
    pub amount_cents: i64,
    /// Three capital letters (ISO 4217).
    pub currency: String,
}

/// Refunds.
impl<C: TenantExecutor> Scheduling<'_, C> {
    /// Records a refund of a payment, in whole or in part.
    ///
    /// This records that the money was returned: return it first, by card or in cash. A payment by gift certificate or
    /// package is refunded in whole, and its cents or its session are given back. Refunds never exceed their payment.
    ///
    /// A repeat with the same reference or key returns the refund that was recorded.
    ///
    /// ```no_run
    /// use watertight::scheduling::{NewRefund, Reference};
    /// use watertight::{BookingError, Tenant};
    ///
    /// /// Returns what cancelled bookings have paid by card.
    /// async fn refund(tenant: &impl Tenant) -> Result<(), BookingError> {
    ///     let scheduling = tenant.scheduling();
    ///     for due in scheduling.get_refunds_due().await? {
    ///         // Ask the processor to return `due.amount_cents` of `due.reference`. It answers with an id.
    ///         let reference = Some(Reference::new("stripe", "re_17"));
    ///         scheduling.record_refund(due.payment, &NewRefund { reference, ..NewRefund::default() }).await?;
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// [`BookingError::NotFound`], [`BookingError::InvalidTransition`] when the payment is refunded in whole,
    /// [`BookingError::ExceedsAmount`], [`BookingError::IdentityReused`], [`BookingError::InvalidInput`].
    pub async fn record_refund(
        self,
        payment: Uuid,
        new: &NewRefund,
    ) -> Result<booking_payments::Model, BookingError> {
        let amount = new.check()?;
        let select = booking_payments::Entity::find()
            .filter(booking_payments::Column::Id.eq(payment))
            .filter(booking_payments::Column::Kind.eq(Kind::Payment));
        let transaction = self.db.begin().await?;
        let payment =
            select.one(&transaction).await?.ok_or_else(|| BookingError::not_found("payment", payment))?;
        let mut booking = Scheduling::new(&transaction).lock_booking(payment.booking_id).await?;
        let identity = Identity {
            reference: new.reference.as_ref(),
            key: new.idempotency_key.as_deref(),
            digest: Some(new.digest(payment.id)),
        };
        let is_same = |made: &booking_payments::Model| {
            made.refund_of == Some(payment.id)
                && amount.map_or(made.request_digest.is_none(), |amount| amount == made.amount_cents)
        };
        if let Some(made) = find_made(&transaction, &identity, is_same).await? {
            return Ok(made);
        }
        let left = refundable(&transaction, &payment).await?;
        if left == 0 {
            let from = "refunded".to_owned();
            return Err(BookingError::InvalidTransition { what: "payment", from, to: "refunded" });
        }
        let amount_cents = amount.unwrap_or(left);
        if amount_cents > left {
            return Err(BookingError::ExceedsAmount { what: "refund", amount_cents, most_cents: left });
        }
        let made = if payment.redemption_id.is_some() {
            if let Some(method) = &new.method {
                let reason = "differs from the payment by gift certificate or package; leave the method out";
                return Err(InvalidInput::new("refund method", method.to_string(), reason).into());
            }
            if amount_cents < payment.amount_cents {
                let reason =
                    "is a part of a payment by gift certificate or package, which is refunded in whole";
                return Err(InvalidInput::new("amount_cents", amount_cents.to_string(), reason).into());
            }
            refund_redemption(&transaction, &mut booking, &payment, identity).await?
        } else {
            let entry = Entry {
                refund_of: Some(payment.id),
                method: new.method.as_ref().map_or(payment.method.as_str(), PaymentMethod::as_str),
                amount_cents,
                redemption: None,
                identity,
            };
            entry.add(&transaction, &mut booking).await?
        };
        transaction.commit().await?;
        Ok(made)
    }

    /// The payments of cancelled bookings that are not refunded in whole, oldest first.
    ///
    /// A cancellation refunds gift certificates and packages itself, and lists the other payments here until
    /// [`record_refund`](Self::record_refund) has recorded their refunds.
    ///
    /// # Errors
    /// [`BookingError::Database`].
    pub async fn get_refunds_due(self) -> Result<Vec<RefundDue>, BookingError> {
        let select = r#"SELECT "p"."id" AS "payment", "p"."booking_id" AS "booking", "p"."method", "p"."processor", "p"."reference",
                "p"."amount_cents" - coalesce(sum("r"."amount_cents"), 0)::bigint AS "amount_cents", "p"."currency"
            FROM "public"."bookings" AS "b" JOIN "public"."booking_payments" AS "p"
                ON "p"."tenant_id" = "b"."tenant_id" AND "p"."booking_id" = "b"."id" AND "p"."kind" = 'payment'
            LEFT JOIN "public"."booking_payments" AS "r"
                ON "r"."tenant_id" = "p"."tenant_id" AND "r"."booking_id" = "p"."booking_id" AND "r"."refund_of" = "p"."id"
            WHERE "b"."status" = 'cancelled' AND "b"."paid_cents" > "b"."refunded_cents"
            GROUP BY "p"."tenant_id", "p"."id", "p"."booking_id", "p"."method", "p"."processor", "p"."reference",
                "p"."amount_cents", "p"."currency", "p"."created_at"
            HAVING "p"."amount_cents" > coalesce(sum("r"."amount_cents"), 0)
            ORDER BY "p"."created_at", "p"."id""#;
        let rows = self.db.query_all_raw(statement(select, [])).await?;
        Ok(rows.iter().map(|row| RefundDue::from_query_result(row, "")).collect::<Result<_, _>>()?)
    }
}

/// The cents of a payment that are not refunded. Its booking is locked.
async fn refundable(
    db: &impl TenantExecutor,
    payment: &booking_payments::Model,
) -> Result<i32, BookingError> {
    let select = booking_payments::Entity::find()
        .filter(booking_payments::Column::BookingId.eq(payment.booking_id))
        .filter(booking_payments::Column::RefundOf.eq(payment.id));
    let refunded = select.all(db).await?.iter().fold(0, |sum: i32, row| sum.saturating_add(row.amount_cents));
    Ok(payment.amount_cents.saturating_sub(refunded).max(0))
}

#[cfg(feature = "certificates")]
async fn refund_redemption(
    db: &impl TenantExecutor,
    booking: &mut bookings::Model,
    payment: &booking_payments::Model,
    identity: Identity<'_>,
) -> Result<booking_payments::Model, BookingError> {
    refund_one(db, booking, payment, identity).await
}

/// Without certificates nothing can give the cents or the session back.
#[cfg(not(feature = "certificates"))]
#[expect(clippy::unused_async, reason = "the same signature as with the feature")]
async fn refund_redemption(
    _: &impl TenantExecutor,
    _: &mut bookings::Model,
    payment: &booking_payments::Model,
    _: Identity<'_>,
) -> Result<booking_payments::Model, BookingError> {
    let reason = "is refunded by a program with the feature `certificates`";
    Err(InvalidInput::new("payment", payment.id.to_string(), reason).into())
}
