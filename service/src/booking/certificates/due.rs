//! Paying what is due for a booking.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;
use watertight_entity::public::{bookings, gift_certificate_redemptions};

use super::Certificates;
use super::status::RedemptionType;
use crate::booking::BookingError;
use crate::booking::payments::{Entry, Identity, payable};
use crate::booking::scheduling::{BookingRecord, BookingStatus};
use crate::tenant::TenantExecutor;

impl<C: TenantExecutor> Certificates<'_, C> {
    /// The cents that are due for a locked booking.
    pub(super) fn due(booking: &bookings::Model, code: &str) -> Result<i32, BookingError> {
        let refuse = |reason: &str| {
            Err(BookingError::NotRedeemable { code: code.to_owned(), reason: reason.to_owned() })
        };
        if booking.booking_status()? == BookingStatus::Cancelled {
            return refuse("the booking is cancelled");
        }
        match payable(booking)? {
            0 => refuse("nothing is due for the booking"),
            due => Ok(due),
        }
    }

    /// Adds the payment of a redemption to the ledger of a locked booking.
    pub(super) async fn pay(
        self,
        mut booking: bookings::Model,
        redemption: &gift_certificate_redemptions::Model,
        method: RedemptionType,
        amount_cents: i32,
        identity: Identity<'_>,
    ) -> Result<(), BookingError> {
        let entry = Entry {
            refund_of: None,
            method: method.as_str(),
            amount_cents,
            redemption: Some(redemption.id),
            identity,
        };
        entry.add(self.db, &mut booking).await?;
        Ok(())
    }

    /// The redemption of an id.
    pub(super) async fn redemption(
        self,
        id: Option<Uuid>,
    ) -> Result<gift_certificate_redemptions::Model, BookingError> {
        let id = id.unwrap_or_default();
        let select = gift_certificate_redemptions::Entity::find()
            .filter(gift_certificate_redemptions::Column::Id.eq(id));
        select.one(self.db).await?.ok_or_else(|| BookingError::not_found("redemption", id))
    }
}
