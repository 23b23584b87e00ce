//! The status of a booking.

use crate::vocabulary::text_enum::text_enum;

text_enum! {
    /// The status of a booking. Only a confirmed booking can change to another status.
    #[derive(Default)]
    #[non_exhaustive]
    pub enum BookingStatus as "booking status" {
        /// The booking will take place.
        #[default]
        Confirmed = "confirmed",
        /// The booking will not take place, and its slot is free again.
        Cancelled = "cancelled",
        /// The booking took place.
        Completed = "completed",
        /// The client did not come.
        NoShow = "no_show",
    }
}
