//! The payment status of bookings and imported payments, and the methods of payments.

use crate::vocabulary::text_enum::text_enum;

text_enum! {
    /// The payment status of a booking or an imported payment. That of a booking follows from its payments.
    #[derive(Default)]
    pub enum PaymentStatus as "payment status" {
        /// An amount is due, and nothing was paid.
        #[default]
        Pending = "pending",
        /// A part was paid.
        PartiallyPaid = "partially_paid",
        /// Nothing is due.
        Paid = "paid",
        /// A part of the payments was refunded.
        PartiallyRefunded = "partially_refunded",
        /// All payments were refunded.
        Refunded = "refunded",
        ; custom CustomPaymentStatus of at most 32
    }
}

#[cfg(feature = "booking")]
text_enum! {
    /// The method of a payment.
    pub enum PaymentMethod as "payment method" {
        /// A card, through a processor.
        Card = "card",
        /// Cash.
        Cash = "cash",
        /// A gift certificate: `Certificates::redeem`.
        GiftCertificate = "gift_certificate",
        /// A session of a package: `Certificates::redeem_session`.
        Package = "package",
        ; custom CustomPaymentMethod of at most 32
    }
}

#[cfg(feature = "booking")]
impl PaymentStatus {
    /// The status that follows from the amount of a booking and the totals of its payments and refunds.
    pub(super) const fn of(amount_cents: i64, paid_cents: i64, refunded_cents: i64) -> Self {
        match paid_cents - refunded_cents {
            _ if paid_cents == 0 && amount_cents > 0 => Self::Pending,
            0 if paid_cents > 0 => Self::Refunded,
            net if net >= amount_cents => Self::Paid,
            _ if refunded_cents > 0 => Self::PartiallyRefunded,
            _ => Self::PartiallyPaid,
        }
    }
}
