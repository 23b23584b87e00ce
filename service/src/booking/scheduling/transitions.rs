//! Transitions of a booking's status.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;
use watertight_entity::public::bookings;

use super::Scheduling;
use super::status::BookingStatus;
use crate::booking::BookingError;
use crate::tenant::TenantExecutor;

/// Transitions.
impl<C: TenantExecutor> Scheduling<'_, C> {
    /// Marks a confirmed booking as completed. A completed booking stays unchanged.
    ///
    /// # Errors
    /// [`BookingError::NotFound`], [`BookingError::InvalidTransition`].
    pub async fn complete(self, id: Uuid) -> Result<bookings::Model, BookingError> {
        self.transition(id, BookingStatus::Completed, None).await
    }

    /// Marks a confirmed booking as a no-show: the client did not come. A no-show stays unchanged.
    ///
    /// # Errors
    /// [`BookingError::NotFound`], [`BookingError::InvalidTransition`].
    pub async fn mark_no_show(self, id: Uuid) -> Result<bookings::Model, BookingError> {
        self.transition(id, BookingStatus::NoShow, None).await
    }

    /// Moves a confirmed booking to another status, in one statement. A booking that has the status stays unchanged, so a
    /// repeat has the same effect.
    pub(super) async fn transition(
        self,
        id: Uuid,
        to: BookingStatus,
        reason: Option<&str>,
    ) -> Result<bookings::Model, BookingError> {
        let mut update = bookings::Entity::update_many()
            .col_expr(bookings::Column::Status, Expr::val(to))
            .col_expr(bookings::Column::UpdatedAt, Expr::current_timestamp())
            .filter(bookings::Column::Id.eq(id))
            .filter(bookings::Column::Status.eq(BookingStatus::Confirmed));
        if let Some(reason) = reason {
            update = update
                .col_expr(bookings::Column::CancelledAt, Expr::current_timestamp())
                .col_expr(bookings::Column::CancelReason, Expr::val(reason));
        }
        if let Some(moved) = update.exec_with_returning(self.db).await?.into_iter().next() {
            return Ok(moved);
        }
        let booking = self.get_booking(id).await?.ok_or_else(|| BookingError::not_found("booking", id))?;
        if booking.status == to.as_str() {
            return Ok(booking);
        }
        Err(BookingError::InvalidTransition { what: "booking", from: booking.status, to: to.as_str() })
    }
}
