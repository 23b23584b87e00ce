//! Issuing gift certificates.

use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, Set};
use serde_json::json;
use watertight_entity::public::gift_certificates;

use super::purchase::Purchase;
use super::record::CertificateRecord;
use super::{CODE, Certificates};
use crate::booking::BookingError;
use crate::booking::codes::{ATTEMPTS, try_insert_with_code};
use crate::booking::request::digest;
use crate::tenant::TenantExecutor;
use crate::vocabulary::currency::{check_currency, positive_cents};
use crate::vocabulary::{Email, limits, text};

/// A gift certificate to issue with [`Certificates::issue`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCertificate {
    /// The amount in cents; at least 1.
    pub amount_cents: u32,
    /// Three capital letters (ISO 4217).
    pub currency: String,
    /// The purchaser and the payment.
    pub purchase: Purchase,
    /// The name of the recipient; at most 255 characters.
    pub recipient_name: Option<String>,
    /// The address of the recipient.
    pub recipient_email: Option<Email>,
    /// A message to the recipient.
    pub message: Option<String>,
}

impl NewCertificate {
    /// A certificate in US dollars without a named recipient.
    ///
    /// ```
    /// use watertight::certificates::{NewCertificate, Purchase};
    ///
    /// let purchase = Purchase::new("Olivia Hart".into(), "olivia@example.com".parse()?);
    /// let gift = NewCertificate {
    ///     recipient_name: Some("Noah Kim".into()),
    ///     message: Some("Happy birthday!".into()),
    ///     ..NewCertificate::new(10_000, purchase)
    /// };
    /// assert_eq!((gift.amount_cents, gift.currency.as_str()), (10_000, "USD"));
    /// # Ok::<(), watertight::Error>(())
    /// ```
    #[must_use]
    pub fn new(amount_cents: u32, purchase: Purchase) -> Self {
        let currency = "USD".to_owned();
        Self { amount_cents, currency, purchase, recipient_name: None, recipient_email: None, message: None }
    }
}

/// Issuing.
impl<C: TenantExecutor> Certificates<'_, C> {
    /// Issues a gift certificate, with a code `XXXX-XXXX-XXXX`. A certificate does not expire.
    ///
    /// A repeat with the same session, item and content returns the certificate that was issued. Without a session, each
    /// call issues another certificate.
    ///
    /// ```no_run
    /// use watertight::certificates::{NewCertificate, Purchase};
    /// use watertight::{BookingError, Tenant};
    ///
    /// # async fn example(tenant: &impl Tenant) -> Result<(), BookingError> {
    /// let purchase = Purchase {
    ///     stripe_session_id: Some("cs_17".to_owned()),
    ///     ..Purchase::new("Olivia Hart".into(), "olivia@example.com".parse()?)
    /// };
    /// let gift = tenant.certificates().issue(&NewCertificate::new(10_000, purchase)).await?;
    /// println!("The code for the recipient is {}.", gift.code);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`BookingError::IdentityReused`] when the session and item have issued another certificate,
    /// [`BookingError::NoLongerActive`] when that certificate is void, [`BookingError::InvalidInput`].
    pub async fn issue(self, new: &NewCertificate) -> Result<gift_certificates::Model, BookingError> {
        new.purchase.check()?;
        check_currency(&new.currency)?;
        text::check_optional("recipient's name", new.recipient_name.as_ref(), 255)?;
        text::check_optional("message", new.message.as_ref(), limits::TEXT_CHARS)?;
        let amount = positive_cents("amount_cents", new.amount_cents)?;
        let request = json!([
            new.purchase.request(),
            amount,
            new.currency,
            new.recipient_name,
            new.recipient_email.as_ref().map(Email::as_str),
            new.message,
        ]);
        let digest = digest("issue", &request);
        let row = gift_certificates::ActiveModel {
            amount_cents: Set(amount),
            balance_cents: Set(amount),
            currency: Set(new.currency.clone()),
            purchaser_name: Set(new.purchase.purchaser_name.clone()),
            purchaser_email: Set(new.purchase.purchaser_email.to_string()),
            recipient_name: Set(new.recipient_name.clone()),
            recipient_email: Set(new.recipient_email.as_ref().map(ToString::to_string)),
            message: Set(new.message.clone()),
            stripe_session_id: Set(new.purchase.stripe_session_id.clone()),
            item: Set(new.purchase.item.into()),
            request_digest: Set(Some(digest.clone())),
            stripe_payment_id: Set(new.purchase.stripe_payment_id.clone()),
            issued_by: Set(new.purchase.issued_by.clone()),
            ..Default::default()
        };
        for _ in 0..ATTEMPTS {
            if let Some(made) = self.issued(new, amount, &digest).await? {
                return Ok(made);
            }
            let column = gift_certificates::Column::Code;
            if let Some(issued) = try_insert_with_code(self.db, row.clone(), column, CODE).await? {
                return Ok(issued);
            }
        }
        Err(BookingError::Database(DbErr::RecordNotInserted))
    }

    /// The certificate that an earlier request with the same session and item has issued.
    async fn issued(
        self,
        new: &NewCertificate,
        amount: i32,
        digest: &[u8],
    ) -> Result<Option<gift_certificates::Model>, BookingError> {
        let Some(session) = &new.purchase.stripe_session_id else { return Ok(None) };
        let select = gift_certificates::Entity::find()
            .filter(gift_certificates::Column::StripeSessionId.eq(session))
            .filter(gift_certificates::Column::Item.eq(i32::from(new.purchase.item)));
        let Some(made) = select.one(self.db).await? else { return Ok(None) };
        let (first, status) = (made.request_digest.as_deref(), made.certificate_status()?);
        let is_same = (made.amount_cents, &made.currency) == (amount, &new.currency);
        new.purchase.repeated("gift certificate", made.id, first, digest, is_same, status)?;
        Ok(Some(made))
    }
}
