//! Reconciling local bookings with the foreign system.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use uuid::Uuid;
use watertight_entity::public::local_bookings;

use super::History;
use super::status::ReconciliationStatus;
use crate::booking::BookingError;
use crate::tenant::TenantExecutor;
use crate::tenant::constraint::constraint;
use crate::vocabulary::text;

/// The key over the ids in the foreign system.
const KEY: &str = "local_bookings_acuity_appointment_id_key";

/// Reconciling.
impl<C: TenantExecutor> History<'_, C> {
    /// Marks a local booking as reconciled, with its id in the foreign system. A repeat with the same id changes nothing.
    ///
    /// # Errors
    /// [`BookingError::NotFound`], [`BookingError::InvalidTransition`] when it is reconciled with another id,
    /// [`BookingError::IdentityReused`] when another local booking has the id, [`BookingError::InvalidInput`].
    pub async fn reconcile(
        self,
        id: Uuid,
        acuity_appointment_id: &str,
    ) -> Result<local_bookings::Model, BookingError> {
        text::check_word("foreign identity", acuity_appointment_id, 64)?;
        let update = local_bookings::Entity::update_many()
            .col_expr(local_bookings::Column::AcuityAppointmentId, Expr::val(acuity_appointment_id))
            .col_expr(local_bookings::Column::ReconciledAt, Expr::current_timestamp());
        match self.transition(id, update, ReconciliationStatus::Reconciled).await {
            Err(error @ BookingError::InvalidTransition { .. }) => {
                let select = local_bookings::Entity::find()
                    .filter(local_bookings::Column::Id.eq(id))
                    .filter(local_bookings::Column::AcuityAppointmentId.eq(acuity_appointment_id));
                select.one(self.db).await?.ok_or(error)
            }
            Err(BookingError::Database(error)) if constraint(&error) == Some(KEY) => {
                let identity = format!("the appointment {acuity_appointment_id:?} of the foreign system");
                Err(BookingError::IdentityReused { what: "local booking", identity })
            }
            outcome => outcome,
        }
    }

    /// Marks the reconciliation of a local booking as failed. The booking can be reconciled later.
    ///
    /// # Errors
    /// [`BookingError::NotFound`], [`BookingError::InvalidTransition`] when it is reconciled.
    pub async fn mark_reconciliation_failed(self, id: Uuid) -> Result<local_bookings::Model, BookingError> {
        self.transition(id, local_bookings::Entity::update_many(), ReconciliationStatus::Failed).await
    }

    async fn transition(
        self,
        id: Uuid,
        update: sea_orm::UpdateMany<local_bookings::Entity>,
        to: ReconciliationStatus,
    ) -> Result<local_bookings::Model, BookingError> {
        let update = update
            .col_expr(local_bookings::Column::ReconciliationStatus, Expr::val(to))
            .col_expr(local_bookings::Column::UpdatedAt, Expr::current_timestamp())
            .filter(local_bookings::Column::Id.eq(id))
            .filter(local_bookings::Column::ReconciliationStatus.ne(ReconciliationStatus::Reconciled));
        if let Some(moved) = update.exec_with_returning(self.db).await?.into_iter().next() {
            return Ok(moved);
        }
        let select = local_bookings::Entity::find().filter(local_bookings::Column::Id.eq(id));
        Err(match select.one(self.db).await? {
            Some(row) => BookingError::InvalidTransition {
                what: "local booking",
                from: row.reconciliation_status,
                to: to.as_str(),
            },
            None => BookingError::not_found("local booking", id),
        })
    }

    /// The local bookings that are not reconciled, oldest first.
    ///
    /// # Errors
    /// [`BookingError::Database`].
    pub async fn get_unreconciled(self) -> Result<Vec<local_bookings::Model>, BookingError> {
        let select = local_bookings::Entity::find()
            .filter(local_bookings::Column::ReconciliationStatus.ne(ReconciliationStatus::Reconciled))
            .order_by_asc(local_bookings::Column::Datetime)
            .order_by_asc(local_bookings::Column::Id);
        Ok(select.all(self.db).await?)
    }
}
