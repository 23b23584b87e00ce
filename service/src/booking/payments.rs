//! The ledger of a booking: its payments and refunds, and the totals that the booking keeps.

mod entry;
#[cfg(feature = "certificates")]
mod redemptions;
mod repeat;

pub(super) use self::entry::{Entry, Kind, due, payable};
#[cfg(feature = "certificates")]
pub(super) use self::redemptions::{redemptions, refund_all, refund_one};
pub(super) use self::repeat::{Identity, find_made};
