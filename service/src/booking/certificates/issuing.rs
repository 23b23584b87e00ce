//! Issuing certificates and packages, and finding them.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{OnConflict, Query};
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryTrait, Set};
use uuid::Uuid;
use watertight_entity::public::{gift_certificates, packages};

use crate::booking::BookingError;
use crate::tenant::TenantExecutor;
use crate::tenant::constraint::constraint;
use crate::vocabulary::InvalidInput;
use crate::vocabulary::currency::check_currency;
use crate::vocabulary::{Email, text};

use super::{CODE, Certificates, cents};

/// Who buys, and with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purchase {
    /// At most 255 characters.
    pub purchaser_name: String,
    /// Where the receipt goes.
    pub purchaser_email: Email,
    /// The checkout session of the payment service.
    pub stripe_session_id: Option<String>,
    /// The payment at the payment service.
    pub stripe_payment_id: Option<String>,
    /// The handle of who issues it; at most 64 characters.
    pub issued_by: Option<String>,
}

impl Purchase {
    /// A purchase of which no more is known.
    #[must_use]
    pub const fn new(purchaser_name: String, purchaser_email: Email) -> Self {
        Self {
            purchaser_name,
            purchaser_email,
            stripe_session_id: None,
            stripe_payment_id: None,
            issued_by: None,
        }
    }

    fn check(&self) -> Result<(), InvalidInput> {
        text::check("purchaser's name", &self.purchaser_name, 255)?;
        text::check_optional("stripe_session_id", self.stripe_session_id.as_ref(), 255)?;
        text::check_optional("stripe_payment_id", self.stripe_payment_id.as_ref(), 255)?;
        text::check_optional("issued_by", self.issued_by.as_ref(), 64)
    }
}

/// A gift certificate to be issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCertificate {
    /// What it is worth, in cents; at least 1.
    pub amount_cents: u32,
    /// Three capital letters (ISO 4217).
    pub currency: String,
    /// Who buys it.
    pub purchase: Purchase,
    /// Whom it is for; at most 255 characters.
    pub recipient_name: Option<String>,
    /// Where it is sent.
    pub recipient_email: Option<Email>,
    /// A word to the recipient.
    pub message: Option<String>,
}

impl NewCertificate {
    /// A certificate in US dollars, for whoever has the code.
    #[must_use]
    pub fn new(amount_cents: u32, purchase: Purchase) -> Self {
        let currency = "USD".to_owned();
        Self { amount_cents, currency, purchase, recipient_name: None, recipient_email: None, message: None }
    }
}

/// A package of sessions to be issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPackage {
    /// What it is called; at most 64 characters.
    pub package_type: String,
    /// How many sessions it has; at least 1.
    pub sessions: u16,
    /// What it costs, in cents.
    pub price_cents: u32,
    /// Three capital letters (ISO 4217).
    pub currency: String,
    /// Who buys it.
    pub purchase: Purchase,
    /// Whose sessions they are; whoever has the code when `None`.
    pub client: Option<Uuid>,
    /// When it ends; never when `None`.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Issuing.
impl<C: TenantExecutor> Certificates<'_, C> {
    /// Issues a gift certificate, with a code `XXXX-XXXX-XXXX`. It does not expire.
    ///
    /// # Errors
    /// [`BookingError::InvalidInput`].
    pub async fn issue(self, new: &NewCertificate) -> Result<gift_certificates::Model, BookingError> {
        new.purchase.check()?;
        check_currency(&new.currency)?;
        text::check_optional("recipient's name", new.recipient_name.as_ref(), 255)?;
        text::check_optional("message", new.message.as_ref(), usize::MAX)?;
        let amount = cents("amount_cents", new.amount_cents)?;
        if amount == 0 {
            let reason = "is nothing; give at least 1 cent".to_owned();
            return Err(InvalidInput { what: "amount_cents", value: "0".into(), reason }.into());
        }
        for _ in 0..8 {
            let row = gift_certificates::ActiveModel {
                code: Set(CODE.generate()?),
                amount_cents: Set(amount),
                balance_cents: Set(amount),
                currency: Set(new.currency.clone()),
                purchaser_name: Set(new.purchase.purchaser_name.clone()),
                purchaser_email: Set(new.purchase.purchaser_email.to_string()),
                recipient_name: Set(new.recipient_name.clone()),
                recipient_email: Set(new.recipient_email.as_ref().map(ToString::to_string)),
                message: Set(new.message.clone()),
                stripe_session_id: Set(new.purchase.stripe_session_id.clone()),
                stripe_payment_id: Set(new.purchase.stripe_payment_id.clone()),
                issued_by: Set(new.purchase.issued_by.clone()),
                ..Default::default()
            };
            if let Some(issued) = self.insert_unless_taken(row, gift_certificates::Column::Code).await? {
                return Ok(issued);
            }
        }
        Err(BookingError::Database(sea_orm::DbErr::RecordNotInserted))
    }

    /// Issues a package of sessions, with a code `XXXX-XXXX-XXXX`.
    ///
    /// # Errors
    /// [`BookingError::InvalidInput`], [`BookingError::NotFound`] for the client.
    pub async fn issue_package(self, new: &NewPackage) -> Result<packages::Model, BookingError> {
        new.purchase.check()?;
        check_currency(&new.currency)?;
        text::check("package type", &new.package_type, 64)?;
        let (price, sessions) = (cents("price_cents", new.price_cents)?, i32::from(new.sessions));
        if sessions == 0 {
            let reason = "is none; give at least 1".to_owned();
            return Err(InvalidInput { what: "sessions", value: "0".into(), reason }.into());
        }
        for _ in 0..8 {
            let row = packages::ActiveModel {
                code: Set(CODE.generate()?),
                client_id: Set(new.client),
                package_type: Set(new.package_type.clone()),
                total_sessions: Set(sessions),
                remaining_sessions: Set(sessions),
                price_cents: Set(price),
                currency: Set(new.currency.clone()),
                purchaser_name: Set(new.purchase.purchaser_name.clone()),
                purchaser_email: Set(new.purchase.purchaser_email.to_string()),
                stripe_session_id: Set(new.purchase.stripe_session_id.clone()),
                stripe_payment_id: Set(new.purchase.stripe_payment_id.clone()),
                issued_by: Set(new.purchase.issued_by.clone()),
                expires_at: Set(new.expires_at.map(Into::into)),
                ..Default::default()
            };
            match self.insert_unless_taken(row, packages::Column::Code).await {
                Ok(Some(issued)) => return Ok(issued),
                Ok(None) => {}
                Err(BookingError::Database(error))
                    if constraint(&error) == Some("packages_client_id_fkey") =>
                {
                    let id = new.client.unwrap_or_default().to_string();
                    return Err(BookingError::NotFound { what: "client", id });
                }
                Err(error) => return Err(error),
            }
        }
        Err(BookingError::Database(sea_orm::DbErr::RecordNotInserted))
    }

    async fn insert_unless_taken<A>(
        self,
        row: A,
        key: <A::Entity as EntityTrait>::Column,
    ) -> Result<Option<<A::Entity as EntityTrait>::Model>, BookingError>
    where
        A: ActiveModelTrait,
    {
        let insert = A::Entity::insert(row)
            .on_conflict(OnConflict::column(key).do_nothing().to_owned())
            .into_query()
            .returning(Query::returning().all())
            .to_owned();
        let row = self.db.query_one(&insert).await?;
        Ok(row.map(|row| <A::Entity as EntityTrait>::Model::from_query_result(&row, "")).transpose()?)
    }

    /// The gift certificate of a code, however it is typed; `None` when the tenant has none.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn get(self, code: &str) -> Result<Option<gift_certificates::Model>, BookingError> {
        let code = CODE.normal_form(code);
        let select = gift_certificates::Entity::find().filter(gift_certificates::Column::Code.eq(code));
        Ok(select.one(self.db).await?)
    }

    /// The package of a code, however it is typed; `None` when the tenant has none.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn get_package(self, code: &str) -> Result<Option<packages::Model>, BookingError> {
        let code = CODE.normal_form(code);
        Ok(packages::Entity::find().filter(packages::Column::Code.eq(code)).one(self.db).await?)
    }
}
