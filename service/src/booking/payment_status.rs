//! The payment status of bookings and imported payments.

use crate::vocabulary::text_enum::text_enum;

text_enum! {
    /// The payment status of a booking or an imported payment.
    #[derive(Default)]
    pub enum PaymentStatus as "payment status" {
        /// An amount is due.
        #[default]
        Pending = "pending",
        /// Nothing is due.
        Paid = "paid",
        /// The payment was refunded.
        Refunded = "refunded",
        ; custom CustomPaymentStatus of at most 32
    }
}
