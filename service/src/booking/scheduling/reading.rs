//! Reading bookings.

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use uuid::Uuid;
use watertight_entity::public::bookings;

use super::Scheduling;
use crate::booking::BookingError;
use crate::booking::codes::with_code;
use crate::tenant::TenantExecutor;
use crate::vocabulary::calendar::check_time;
use crate::vocabulary::code::CodeFormat;

/// `XXXXXXXX`
pub(super) const CONFIRMATION_CODE: CodeFormat = CodeFormat::new(1, 8);

/// Reading bookings.
impl<C: TenantExecutor> Scheduling<'_, C> {
    /// The booking of an id; `None` when the tenant has none.
    ///
    /// # Errors
    /// [`BookingError::Database`].
    pub async fn get_booking(self, id: Uuid) -> Result<Option<bookings::Model>, BookingError> {
        Ok(bookings::Entity::find().filter(bookings::Column::Id.eq(id)).one(self.db).await?)
    }

    /// The booking of a confirmation code, in any case and spacing; `None` when the tenant has none.
    ///
    /// # Errors
    /// [`BookingError::Database`].
    pub async fn get_booking_by_code(self, code: &str) -> Result<Option<bookings::Model>, BookingError> {
        let select: Select<bookings::Entity> =
            with_code(bookings::Column::ConfirmationCode, CONFIRMATION_CODE, code);
        Ok(select.one(self.db).await?)
    }

    /// The bookings that overlap a span of time, ordered by start, of one practitioner or of all. Includes cancelled
    /// bookings.
    ///
    /// # Errors
    /// [`BookingError::InvalidInput`].
    pub async fn get_bookings(
        self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        practitioner: Option<Uuid>,
    ) -> Result<Vec<bookings::Model>, BookingError> {
        check_time("from", from)?;
        check_time("to", to)?;
        let of_practitioner =
            Condition::all().add_option(practitioner.map(|id| bookings::Column::PractitionerId.eq(id)));
        let select = bookings::Entity::find()
            .filter(bookings::Column::Datetime.lt(to))
            .filter(bookings::Column::EndTime.gt(from))
            .filter(of_practitioner)
            .order_by_asc(bookings::Column::Datetime)
            .order_by_asc(bookings::Column::Id);
        Ok(select.all(self.db).await?)
    }

    /// The bookings of a client, newest first.
    ///
    /// # Errors
    /// [`BookingError::Database`].
    pub async fn get_bookings_by_client(self, client: Uuid) -> Result<Vec<bookings::Model>, BookingError> {
        let select = bookings::Entity::find()
            .filter(bookings::Column::ClientId.eq(client))
            .order_by_desc(bookings::Column::Datetime);
        Ok(select.all(self.db).await?)
    }

    /// Locks a booking until the transaction ends.
    pub(crate) async fn lock_booking(self, id: Uuid) -> Result<bookings::Model, BookingError> {
        let select = bookings::Entity::find().filter(bookings::Column::Id.eq(id)).lock_exclusive();
        select.one(self.db).await?.ok_or_else(|| BookingError::not_found("booking", id))
    }
}
