//! Paying a booking with a gift certificate.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, QueryFilter, QuerySelect, Select, Set};
use serde_json::json;
use uuid::Uuid;
use watertight_entity::public::{gift_certificate_redemptions, gift_certificates};

use super::record::CertificateRecord;
use super::status::{CertificateStatus, RedemptionType};
use super::{CODE, Certificates};
use crate::booking::BookingError;
use crate::booking::codes::with_code;
use crate::booking::payments::{Identity, find_made};
use crate::booking::request::{check_key, digest};
use crate::booking::scheduling::Scheduling;
use crate::tenant::TenantExecutor;
use crate::vocabulary::currency::cents;

/// Redeeming.
impl<C: TenantExecutor> Certificates<'_, C> {
    /// Pays a booking, or part of it, with a gift certificate.
    ///
    /// `None` for the number of cents pays what is due, up to the balance of the certificate. A booking that is paid in
    /// full becomes [`PaymentStatus::Paid`](crate::scheduling::PaymentStatus::Paid).
    ///
    /// A repeat with the same key returns the redemption that was made, and pays nothing again. Without a key, a repeat pays
    /// again if something is due. A key is unique among the payments of the tenant and has at most 255 characters.
    ///
    /// Concurrent redemptions spend no cent twice: the booking and then the certificate are locked, and a CHECK keeps
    /// the balance between zero and the amount.
    ///
    /// ```no_run
    /// use watertight::{BookingError, Tenant};
    ///
    /// # async fn example(tenant: &impl Tenant, booking: uuid::Uuid, typed: &str) -> Result<(), BookingError> {
    /// match tenant.certificates().redeem(typed, booking, None, None).await {
    ///     Ok(paid) => println!("{} cents are paid.", paid.amount_cents.unwrap_or_default()),
    ///     Err(BookingError::NotRedeemable { reason, .. }) => println!("This certificate cannot pay: {reason}"),
    ///     Err(error) if error.is_not_found() => println!("{error}"),
    ///     Err(other) => return Err(other),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`BookingError::NotRedeemable`], [`BookingError::NotFound`] for the certificate or the booking,
    /// [`BookingError::IdentityReused`] for a key of another payment, [`BookingError::InvalidInput`].
    pub async fn redeem(
        self,
        code: &str,
        booking: Uuid,
        amount_cents: Option<u32>,
        idempotency_key: Option<&str>,
    ) -> Result<gift_certificate_redemptions::Model, BookingError> {
        let select: Select<gift_certificates::Entity> =
            with_code(gift_certificates::Column::Code, CODE, code);
        let code = CODE.normal_form(code);
        let refuse = |reason: String| Err(BookingError::NotRedeemable { code: code.clone(), reason });
        check_key(idempotency_key)?;
        let transaction = self.db.begin().await?;
        let certificates = Certificates::new(&transaction);
        let booking = Scheduling::new(&transaction).lock_booking(booking).await?;
        let request = json!([code, booking.id.to_string(), amount_cents]);
        let identity =
            Identity { reference: None, key: idempotency_key, digest: Some(digest("redeem", &request)) };
        if let Some(made) = find_made(&transaction, &identity, |_| false).await? {
            return certificates.redemption(made.redemption_id).await;
        }
        let due = Self::due(&booking, &code)?;
        let certificate = select.lock_exclusive().one(&transaction).await?;
        let certificate =
            certificate.ok_or(BookingError::NotFound { what: "gift certificate", id: code.clone() })?;
        let status = certificate.certificate_status()?;
        if status != CertificateStatus::Active {
            return refuse(format!("it is {status}"));
        }
        if certificate.currency != booking.currency {
            return refuse(format!(
                "it is in {}, but the booking is in {}",
                certificate.currency, booking.currency
            ));
        }
        let amount = match amount_cents {
            Some(amount) => cents("amount_cents", amount)?,
            None => due.min(certificate.balance_cents),
        };
        if amount > due {
            return refuse(format!("only {due} cents are due"));
        }
        if amount > certificate.balance_cents || amount == 0 {
            return refuse(format!("{} cents are left on it", certificate.balance_cents));
        }
        let (id, left) = (certificate.id, certificate.balance_cents - amount);
        let spent = gift_certificates::Entity::update_many()
            .col_expr(gift_certificates::Column::BalanceCents, Expr::val(left))
            .col_expr(gift_certificates::Column::UpdatedAt, Expr::current_timestamp())
            .filter(gift_certificates::Column::Id.eq(id));
        let spent = if left == 0 {
            spent.col_expr(gift_certificates::Column::RedeemedAt, Expr::current_timestamp())
        } else {
            spent
        };
        spent.exec(&transaction).await?;
        let redemption = gift_certificate_redemptions::ActiveModel {
            booking_id: Set(booking.id),
            gift_certificate_id: Set(Some(id)),
            r#type: Set(RedemptionType::GiftCertificate.to_string()),
            amount_cents: Set(Some(amount)),
            ..Default::default()
        };
        let redemption = redemption.insert(&transaction).await?;
        certificates.pay(booking, &redemption, RedemptionType::GiftCertificate, amount, identity).await?;
        transaction.commit().await?;
        Ok(redemption)
    }
}
