//! Paying a booking with a session of a package.

use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, QueryFilter, QuerySelect, Select, Set};
use uuid::Uuid;
use watertight_entity::public::{gift_certificate_redemptions, packages};

use super::record::CertificateRecord;
use super::status::{CertificateStatus, RedemptionType};
use super::{CODE, Certificates};
use crate::booking::BookingError;
use crate::booking::codes::with_code;
use crate::booking::payments::Identity;
use crate::booking::scheduling::Scheduling;
use crate::tenant::TenantExecutor;
use crate::tenant::sql::statement;

/// Redeeming sessions.
impl<C: TenantExecutor> Certificates<'_, C> {
    /// Pays a booking with one session of a package. A repeat returns the redemption that pays the booking.
    ///
    /// # Errors
    /// [`BookingError::NotRedeemable`], [`BookingError::NotFound`] for the package or the booking.
    pub async fn redeem_session(
        self,
        code: &str,
        booking: Uuid,
    ) -> Result<gift_certificate_redemptions::Model, BookingError> {
        let select: Select<packages::Entity> = with_code(packages::Column::Code, CODE, code);
        let code = CODE.normal_form(code);
        let refuse =
            |reason: &str| Err(BookingError::NotRedeemable { code: code.clone(), reason: reason.to_owned() });
        let transaction = self.db.begin().await?;
        let certificates = Certificates::new(&transaction);
        let booking = Scheduling::new(&transaction).lock_booking(booking).await?;
        if let Some(paid) = certificates.paid_by_session(booking.id, select.clone()).await? {
            return Ok(paid);
        }
        let due = Self::due(&booking, &code)?;
        if due < booking.amount_cents {
            return refuse("the booking is partly paid, but a session pays for a whole booking");
        }
        let package = select.lock_exclusive().one(&transaction).await?;
        let package = package.ok_or(BookingError::NotFound { what: "package", id: code.clone() })?;
        if package.certificate_status()? != CertificateStatus::Active {
            return refuse("it is not active");
        }
        if package.client_id.is_some_and(|client| client != booking.client_id) {
            return refuse("it belongs to another client");
        }
        // The database's clock decides on the expiry.
        let use_one = statement(
            r#"UPDATE "public"."packages"
               SET "remaining_sessions" = "remaining_sessions" - 1, "updated_at" = CURRENT_TIMESTAMP
               WHERE "id" = $1 AND ("expires_at" IS NULL OR "expires_at" > CURRENT_TIMESTAMP)
                   AND "remaining_sessions" > 0"#,
            [package.id.into()],
        );
        if transaction.execute_raw(use_one).await?.rows_affected() == 0 {
            return refuse(if package.remaining_sessions == 0 {
                "no session is left on it"
            } else {
                "it has expired"
            });
        }
        let number = certificates.free_session_number(package.id).await?;
        let redemption = gift_certificate_redemptions::ActiveModel {
            booking_id: Set(booking.id),
            package_id: Set(Some(package.id)),
            r#type: Set(RedemptionType::Package.to_string()),
            session_number: Set(Some(number)),
            ..Default::default()
        };
        let redemption = redemption.insert(&transaction).await?;
        let identity = Identity::default();
        certificates.pay(booking, &redemption, RedemptionType::Package, due, identity).await?;
        transaction.commit().await?;
        Ok(redemption)
    }

    /// The redemption by which a session of the package pays the booking already.
    async fn paid_by_session(
        self,
        booking: Uuid,
        package: Select<packages::Entity>,
    ) -> Result<Option<gift_certificate_redemptions::Model>, BookingError> {
        let select = gift_certificate_redemptions::Entity::find()
            .filter(gift_certificate_redemptions::Column::BookingId.eq(booking))
            .filter(gift_certificate_redemptions::Column::PackageId.is_not_null())
            .filter(gift_certificate_redemptions::Column::RefundedAt.is_null());
        let Some(paid) = select.one(self.db).await? else { return Ok(None) };
        let package = package.one(self.db).await?;
        Ok(package.filter(|package| paid.package_id == Some(package.id)).map(|_| paid))
    }

    /// The lowest number that no session of a locked package has. A refunded session gives its number back.
    async fn free_session_number(self, package: Uuid) -> Result<i32, BookingError> {
        let used = gift_certificate_redemptions::Entity::find()
            .select_only()
            .column(gift_certificate_redemptions::Column::SessionNumber)
            .filter(gift_certificate_redemptions::Column::PackageId.eq(package))
            .filter(gift_certificate_redemptions::Column::RefundedAt.is_null());
        let used: Vec<Option<i32>> = used.into_tuple().all(self.db).await?;
        Ok((1..i32::MAX).find(|number| !used.contains(&Some(*number))).unwrap_or(i32::MAX))
    }
}
