//! The amount that is due for a booking.

use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect, Set};
use watertight_entity::public::{bookings, services};

use super::Certificates;
use super::status::RedemptionType;
use crate::booking::BookingError;
use crate::booking::payment_status::PaymentStatus;
use crate::booking::scheduling::{BookingRecord, BookingStatus};
use crate::tenant::TenantExecutor;

impl<C: TenantExecutor> Certificates<'_, C> {
    /// The cents that are due for a locked booking.
    pub(super) async fn due(self, booking: &bookings::Model, code: &str) -> Result<i32, BookingError> {
        let refuse = |reason: &str| {
            Err(BookingError::NotRedeemable { code: code.to_owned(), reason: reason.to_owned() })
        };
        if booking.booking_status()? == BookingStatus::Cancelled {
            return refuse("the booking is cancelled");
        }
        if booking.payment_status()? != PaymentStatus::Pending {
            return refuse("nothing is due for the booking");
        }
        let paid: i64 = self
            .get_redemptions(booking.id)
            .await?
            .iter()
            .filter(|redemption| redemption.refunded_at.is_none())
            .filter_map(|redemption| redemption.amount_cents.map(i64::from))
            .sum();
        // Redemptions that another program wrote can exceed the amount.
        match i32::try_from(i64::from(booking.amount_cents) - paid) {
            Ok(due) if due > 0 => Ok(due),
            _ => refuse("nothing is due for the booking"),
        }
    }

    /// The currency of a booking's service.
    pub(super) async fn currency(self, booking: &bookings::Model) -> Result<String, BookingError> {
        let select = services::Entity::find().select_only().column(services::Column::Currency);
        let currency =
            select.filter(services::Column::Id.eq(booking.service_id)).into_tuple().one(self.db).await?;
        currency.ok_or_else(|| BookingError::not_found("service", booking.service_id))
    }

    /// Marks a booking as paid by a certificate or package.
    pub(super) async fn mark_paid(
        self,
        booking: bookings::Model,
        method: RedemptionType,
    ) -> Result<(), BookingError> {
        let mut row = booking.into_active_model();
        row.payment_status = Set(PaymentStatus::Paid.to_string());
        row.payment_method = Set(Some(method.to_string()));
        bookings::Entity::update(row).exec(self.db).await?;
        Ok(())
    }
}
