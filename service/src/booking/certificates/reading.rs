//! Reading certificates, packages and redemptions.

use sea_orm::Select;
use uuid::Uuid;
use watertight_entity::public::{gift_certificate_redemptions, gift_certificates, packages};

use super::{CODE, Certificates};
use crate::booking::BookingError;
use crate::booking::codes::with_code;
use crate::booking::payments;
use crate::tenant::TenantExecutor;

/// Reading.
impl<C: TenantExecutor> Certificates<'_, C> {
    /// The gift certificate of a code, in any case and spacing; `None` when the tenant has none.
    ///
    /// # Errors
    /// [`BookingError::Database`].
    pub async fn get(self, code: &str) -> Result<Option<gift_certificates::Model>, BookingError> {
        let select: Select<gift_certificates::Entity> =
            with_code(gift_certificates::Column::Code, CODE, code);
        Ok(select.one(self.db).await?)
    }

    /// The package of a code, in any case and spacing; `None` when the tenant has none.
    ///
    /// # Errors
    /// [`BookingError::Database`].
    pub async fn get_package(self, code: &str) -> Result<Option<packages::Model>, BookingError> {
        let select: Select<packages::Entity> = with_code(packages::Column::Code, CODE, code);
        Ok(select.one(self.db).await?)
    }

    /// The redemptions of a booking, oldest first. A refunded one has `refunded_at`.
    ///
    /// # Errors
    /// [`BookingError::Database`].
    pub async fn get_redemptions(
        self,
        booking: Uuid,
    ) -> Result<Vec<gift_certificate_redemptions::Model>, BookingError> {
        payments::redemptions(self.db, booking).await
    }
}
