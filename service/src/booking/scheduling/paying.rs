//! Recording payments of a booking.

use std::fmt;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::json;
use uuid::Uuid;
use watertight_entity::public::{booking_payments, bookings};

use super::Scheduling;
use super::record::BookingRecord;
use super::status::BookingStatus;
use crate::booking::BookingError;
use crate::booking::payment_status::PaymentMethod;
use crate::booking::payments::{Entry, Identity, Kind, find_made, payable};
use crate::booking::request::{check_key, digest};
use crate::tenant::TenantExecutor;
use crate::vocabulary::currency::positive_cents;
use crate::vocabulary::{InvalidInput, text};

/// The identity of a payment or a refund at its processor.
///
/// A tenant has each identity once. One payment at the processor can pay several bookings: number its items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The processor, such as `stripe`; at most 32 characters.
    pub processor: String,
    /// The id at the processor; at most 255 characters.
    pub id: String,
    /// The number of the booking, if one payment pays several; 1 otherwise.
    pub item: u16,
}

impl Reference {
    /// A payment or a refund of one booking.
    ///
    /// ```
    /// use watertight::scheduling::Reference;
    ///
    /// let charge = Reference::new("stripe", "pi_17");
    /// assert_eq!(charge.to_string(), r#"the reference "pi_17" of "stripe", item 1"#);
    /// // The same charge pays a second booking.
    /// let second = Reference { item: 2, ..charge };
    /// ```
    pub fn new(processor: impl Into<String>, id: impl Into<String>) -> Self {
        Self { processor: processor.into(), id: id.into(), item: 1 }
    }

    pub(super) fn check(&self) -> Result<(), InvalidInput> {
        text::check_word("processor", &self.processor, 32)?;
        text::check_word("payment reference", &self.id, 255)?;
        match self.item {
            0 => Err(InvalidInput::new("item", "0", "is not positive; number the items from 1")),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { processor, id, item } = self;
        write!(f, "the reference {id:?} of {processor:?}, item {item}")
    }
}

/// A payment to record with [`Scheduling::record_payment`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPayment {
    /// The method.
    pub method: PaymentMethod,
    /// The amount in cents; `None` for the amount that is due.
    pub amount_cents: Option<u32>,
    /// The identity of the payment at its processor, which makes a repeat safe.
    pub reference: Option<Reference>,
    /// A key that makes a repeat of a payment without a reference safe. At most 255 characters.
    pub idempotency_key: Option<String>,
}

impl NewPayment {
    /// A payment of the amount that is due.
    ///
    /// ```
    /// use watertight::scheduling::{NewPayment, PaymentMethod, Reference};
    ///
    /// let by_card = NewPayment {
    ///     reference: Some(Reference::new("stripe", "pi_17")),
    ///     ..NewPayment::new(PaymentMethod::Card)
    /// };
    /// let in_cash = NewPayment {
    ///     amount_cents: Some(2_000),
    ///     idempotency_key: Some("till 4, receipt 311".replace(' ', "-")),
    ///     ..NewPayment::new(PaymentMethod::Cash)
    /// };
    /// assert_eq!((by_card.amount_cents, in_cash.reference), (None, None));
    /// ```
    #[must_use]
    pub const fn new(method: PaymentMethod) -> Self {
        Self { method, amount_cents: None, reference: None, idempotency_key: None }
    }

    fn check(&self) -> Result<Option<i32>, InvalidInput> {
        if matches!(self.method, PaymentMethod::GiftCertificate | PaymentMethod::Package) {
            let reason = "changes a balance; use `Certificates::redeem` or `Certificates::redeem_session`";
            return Err(InvalidInput::new("payment method", self.method.to_string(), reason));
        }
        self.reference.as_ref().map_or(Ok(()), Reference::check)?;
        check_key(self.idempotency_key.as_deref())?;
        self.amount_cents.map(|cents| positive_cents("amount_cents", cents)).transpose()
    }

    fn digest(&self, booking: Uuid) -> Vec<u8> {
        let reference = self.reference.as_ref().map(Reference::to_string);
        digest(
            "record_payment",
            &json!([booking.to_string(), self.method.as_str(), self.amount_cents, reference]),
        )
    }
}

/// Payments.
impl<C: TenantExecutor> Scheduling<'_, C> {
    /// Records a payment of a booking, in whole or in part, in the currency of the booking.
    ///
    /// The payment status of the booking follows from its payments and refunds. The booking is locked, so concurrent
    /// payments never exceed its amount, and a check of the database refuses them from any program. Redeeming a gift
    /// certificate or a session of a package records its payment itself.
    ///
    /// A repeat with the same reference or key returns the payment that was recorded.
    ///
    /// ```no_run
    /// use watertight::scheduling::{NewPayment, PaymentMethod, Reference};
    /// use watertight::{BookingError, Tenant};
    ///
    /// /// A webhook of the processor, which can arrive twice.
    /// async fn charged(tenant: &impl Tenant, visit: uuid::Uuid, charge: &str, cents: u32) -> Result<(), BookingError> {
    ///     let payment = NewPayment {
    ///         amount_cents: Some(cents),
    ///         reference: Some(Reference::new("stripe", charge)),
    ///         ..NewPayment::new(PaymentMethod::Card)
    ///     };
    ///     match tenant.scheduling().record_payment(visit, &payment).await {
    ///         Ok(payment) => println!("{} {} are paid.", payment.amount_cents, payment.currency),
    ///         Err(error @ BookingError::InvalidTransition { .. }) => println!("Return the money: {error}"),
    ///         Err(other) => return Err(other),
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// [`BookingError::NotFound`], [`BookingError::InvalidTransition`] when nothing is due or the booking is cancelled,
    /// [`BookingError::ExceedsAmount`], [`BookingError::IdentityReused`], [`BookingError::InvalidInput`].
    pub async fn record_payment(
        self,
        booking: Uuid,
        new: &NewPayment,
    ) -> Result<booking_payments::Model, BookingError> {
        let amount = new.check()?;
        let transaction = self.db.begin().await?;
        let mut booking = Scheduling::new(&transaction).lock_booking(booking).await?;
        let identity = Identity {
            reference: new.reference.as_ref(),
            key: new.idempotency_key.as_deref(),
            digest: Some(new.digest(booking.id)),
        };
        let is_same = |made: &booking_payments::Model| {
            made.booking_id == booking.id
                && made.kind == Kind::Payment.as_str()
                && amount.map_or(made.request_digest.is_none(), |amount| amount == made.amount_cents)
        };
        if let Some(made) = find_made(&transaction, &identity, is_same).await? {
            return Ok(made);
        }
        let due = payable_cents(&booking)?;
        let amount_cents = amount.unwrap_or(due);
        if amount_cents > due {
            return Err(BookingError::ExceedsAmount { what: "payment", amount_cents, most_cents: due });
        }
        let entry =
            Entry { refund_of: None, method: new.method.as_str(), amount_cents, redemption: None, identity };
        let made = entry.add(&transaction, &mut booking).await?;
        transaction.commit().await?;
        Ok(made)
    }

    /// The payments and refunds of a booking, oldest first. A refund names its payment in `refund_of`.
    ///
    /// # Errors
    /// [`BookingError::Database`].
    pub async fn get_payments(self, booking: Uuid) -> Result<Vec<booking_payments::Model>, BookingError> {
        let select = booking_payments::Entity::find()
            .filter(booking_payments::Column::BookingId.eq(booking))
            .order_by_asc(booking_payments::Column::CreatedAt)
            .order_by_asc(booking_payments::Column::Kind)
            .order_by_asc(booking_payments::Column::Id);
        Ok(select.all(self.db).await?)
    }
}

/// The cents that are due for a locked booking, at least 1.
fn payable_cents(booking: &bookings::Model) -> Result<i32, BookingError> {
    match payable(booking)? {
        due if due > 0 && booking.booking_status()? != BookingStatus::Cancelled => Ok(due),
        _ => {
            let from = format!("{} (payment {})", booking.status, booking.payment_status);
            Err(BookingError::InvalidTransition { what: "booking", from, to: "paid" })
        }
    }
}
