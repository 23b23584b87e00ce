//! Issuing packages of sessions.

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, Set};
use serde_json::json;
use uuid::Uuid;
use watertight_entity::public::packages;

use super::purchase::Purchase;
use super::record::CertificateRecord;
use super::{CODE, Certificates};
use crate::booking::BookingError;
use crate::booking::codes::{ATTEMPTS, try_insert_with_code};
use crate::booking::request::digest;
use crate::tenant::TenantExecutor;
use crate::tenant::constraint::constraint;
use crate::vocabulary::calendar::check_time;
use crate::vocabulary::currency::{cents, check_currency};
use crate::vocabulary::{InvalidInput, text};

/// A package of sessions to issue with [`Certificates::issue_package`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPackage {
    /// The name of the package; at most 64 characters.
    pub package_type: String,
    /// The number of sessions; at least 1.
    pub sessions: u16,
    /// The price in cents.
    pub price_cents: u32,
    /// Three capital letters (ISO 4217).
    pub currency: String,
    /// The purchaser and the payment.
    pub purchase: Purchase,
    /// The client who may use it; `None` for any client with the code.
    pub client: Option<Uuid>,
    /// The expiry; `None` for never.
    pub expires_at: Option<DateTime<Utc>>,
}

impl NewPackage {
    /// A package in US dollars for any client with the code, without an expiry.
    ///
    /// ```
    /// use chrono::{Months, Utc};
    /// use watertight::certificates::{NewPackage, Purchase};
    ///
    /// # let noah = uuid::Uuid::nil();
    /// let purchase = Purchase::new("Noah Kim".into(), "noah@example.com".parse()?);
    /// let package = NewPackage {
    ///     client: Some(noah),
    ///     expires_at: Some(Utc::now() + Months::new(12)),
    ///     ..NewPackage::new("Ten massages", 10, 90_000, purchase)
    /// };
    /// assert_eq!(package.price_cents / u32::from(package.sessions), 9_000);
    /// # Ok::<(), watertight::Error>(())
    /// ```
    pub fn new(package_type: impl Into<String>, sessions: u16, price_cents: u32, purchase: Purchase) -> Self {
        Self {
            package_type: package_type.into(),
            sessions,
            price_cents,
            currency: "USD".to_owned(),
            purchase,
            client: None,
            expires_at: None,
        }
    }
}

/// Packages.
impl<C: TenantExecutor> Certificates<'_, C> {
    /// Issues a package of sessions, with a code `XXXX-XXXX-XXXX`. A repeat is as with [`issue`](Self::issue).
    ///
    /// # Errors
    /// [`BookingError::InvalidInput`], [`BookingError::NotFound`] for the client, [`BookingError::IdentityReused`],
    /// [`BookingError::NoLongerActive`].
    pub async fn issue_package(self, new: &NewPackage) -> Result<packages::Model, BookingError> {
        new.purchase.check()?;
        check_currency(&new.currency)?;
        text::check("package type", &new.package_type, 64)?;
        let (price, sessions) = (cents("price_cents", new.price_cents)?, i32::from(new.sessions));
        new.expires_at.map_or(Ok(()), |time| check_time("expires_at", time))?;
        if sessions == 0 {
            return Err(InvalidInput::new("sessions", "0", "is not positive; set at least 1 session").into());
        }
        let request = json!([
            new.purchase.request(),
            new.package_type,
            sessions,
            price,
            new.currency,
            new.client.map(|id| id.to_string()),
            new.expires_at.map(|time| time.timestamp_micros()),
        ]);
        let digest = digest("issue_package", &request);
        let row = packages::ActiveModel {
            client_id: Set(new.client),
            package_type: Set(new.package_type.clone()),
            total_sessions: Set(sessions),
            remaining_sessions: Set(sessions),
            price_cents: Set(price),
            currency: Set(new.currency.clone()),
            purchaser_name: Set(new.purchase.purchaser_name.clone()),
            purchaser_email: Set(new.purchase.purchaser_email.to_string()),
            stripe_session_id: Set(new.purchase.stripe_session_id.clone()),
            item: Set(new.purchase.item.into()),
            request_digest: Set(Some(digest.clone())),
            stripe_payment_id: Set(new.purchase.stripe_payment_id.clone()),
            issued_by: Set(new.purchase.issued_by.clone()),
            expires_at: Set(new.expires_at.map(Into::into)),
            ..Default::default()
        };
        for _ in 0..ATTEMPTS {
            if let Some(made) = self.issued_package(new, price, &digest).await? {
                return Ok(made);
            }
            let issued = try_insert_with_code(self.db, row.clone(), packages::Column::Code, CODE).await;
            let issued = issued.map_err(|error| match error {
                BookingError::Database(error) if constraint(&error) == Some("packages_client_id_fkey") => {
                    BookingError::not_found("client", new.client.unwrap_or_default())
                }
                error => error,
            });
            if let Some(issued) = issued? {
                return Ok(issued);
            }
        }
        Err(BookingError::Database(DbErr::RecordNotInserted))
    }

    /// The package that an earlier request with the same session and item has issued.
    async fn issued_package(
        self,
        new: &NewPackage,
        price: i32,
        digest: &[u8],
    ) -> Result<Option<packages::Model>, BookingError> {
        let Some(session) = &new.purchase.stripe_session_id else { return Ok(None) };
        let select = packages::Entity::find()
            .filter(packages::Column::StripeSessionId.eq(session))
            .filter(packages::Column::Item.eq(i32::from(new.purchase.item)));
        let Some(made) = select.one(self.db).await? else { return Ok(None) };
        let (first, status) = (made.request_digest.as_deref(), made.certificate_status()?);
        let is_same = (made.price_cents, made.total_sessions, &made.currency)
            == (price, i32::from(new.sessions), &new.currency);
        new.purchase.repeated("package", made.id, first, digest, is_same, status)?;
        Ok(Some(made))
    }
}
