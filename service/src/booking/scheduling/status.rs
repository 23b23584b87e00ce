//! What becomes of a booking.

use crate::vocabulary::text_enum::text_enum;

text_enum! {
    /// The state of a booking. A confirmed one becomes any of the others; those stay as they are.
    #[derive(Default)]
    pub enum BookingStatus as "booking status" {
        /// It will take place.
        #[default]
        Confirmed = "confirmed",
        /// It will not; its slot is free again.
        Cancelled = "cancelled",
        /// It took place.
        Completed = "completed",
        /// The client did not come.
        NoShow = "no_show",
    }
}

text_enum! {
    /// Whether a booking is paid.
    #[derive(Default)]
    pub enum PaymentStatus as "payment status" {
        /// Something is due.
        #[default]
        Pending = "pending",
        /// Nothing is due.
        Paid = "paid",
        /// It was paid, and given back.
        Refunded = "refunded",
        ; custom CustomPaymentStatus of at most 32
    }
}
