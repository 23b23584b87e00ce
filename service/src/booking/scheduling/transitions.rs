//! Transitions of a booking's status and payment status.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;
use watertight_entity::public::bookings;

use super::Scheduling;
use super::status::BookingStatus;
use crate::booking::BookingError;
use crate::booking::payment_status::PaymentStatus;
use crate::tenant::TenantExecutor;
use crate::vocabulary::text;

/// Transitions.
impl<C: TenantExecutor> Scheduling<'_, C> {
    /// Marks a confirmed booking as completed.
    ///
    /// # Errors
    /// [`BookingError::NotFound`], [`BookingError::InvalidTransition`].
    pub async fn complete(self, id: Uuid) -> Result<bookings::Model, BookingError> {
        self.transition(id, BookingStatus::Completed, None).await
    }

    /// Marks a confirmed booking as a no-show: the client did not come.
    ///
    /// # Errors
    /// [`BookingError::NotFound`], [`BookingError::InvalidTransition`].
    pub async fn mark_no_show(self, id: Uuid) -> Result<bookings::Model, BookingError> {
        self.transition(id, BookingStatus::NoShow, None).await
    }

    /// Marks a booking as paid, with a payment method and a reference. Redeeming a gift certificate or package does this
    /// itself.
    ///
    /// # Errors
    /// [`BookingError::NotFound`], [`BookingError::InvalidTransition`] when nothing is due, [`BookingError::InvalidInput`].
    pub async fn mark_paid(
        self,
        id: Uuid,
        method: &str,
        reference: Option<&str>,
    ) -> Result<bookings::Model, BookingError> {
        text::check("payment method", method, 32)?;
        text::check("payment reference", reference.unwrap_or_default(), 255)?;
        let update = bookings::Entity::update_many()
            .col_expr(bookings::Column::PaymentStatus, Expr::val(PaymentStatus::Paid))
            .col_expr(bookings::Column::PaymentMethod, Expr::val(method))
            .col_expr(bookings::Column::PaymentRef, Expr::val(reference.map(str::to_owned)))
            .col_expr(bookings::Column::UpdatedAt, Expr::current_timestamp())
            .filter(bookings::Column::Id.eq(id))
            .filter(bookings::Column::Status.ne(BookingStatus::Cancelled))
            .filter(bookings::Column::PaymentStatus.eq(PaymentStatus::Pending));
        if let Some(paid) = update.exec_with_returning(self.db).await?.into_iter().next() {
            return Ok(paid);
        }
        let booking = self.get_booking(id).await?.ok_or_else(|| BookingError::not_found("booking", id))?;
        let from = format!("{} (payment {})", booking.status, booking.payment_status);
        Err(BookingError::InvalidTransition { what: "booking", from, to: "paid" })
    }

    /// Moves a confirmed booking to another status, in one statement.
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
        Err(BookingError::InvalidTransition { what: "booking", from: booking.status, to: to.as_str() })
    }
}
