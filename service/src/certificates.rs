#![doc = include_str!("../docs/certificates.md")]
//! # Example
//!
#![doc = concat!("```no_run\n", include_str!("../examples/certificates.rs"), "\n```")]

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, OnConflict, Query};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, FromQueryResult, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait, Set, TransactionSession,
};
use serde::Serialize;
use uuid::Uuid;
use watertight_entity::public::{
    bookings, gift_certificate_redemptions, gift_certificates, packages, services,
};

use crate::auth::Email;
use crate::code::CERTIFICATE;
use crate::scheduling::Scheduling;
use crate::sql::statement;
use crate::{Error, Tenant, text};

/// Gift certificates and packages of one tenant. Cheap to make: a reference.
///
/// [`TenantConnection::certificates`](crate::TenantConnection::certificates) gives it.
#[derive(Debug)]
pub struct Certificates<'a, C> {
    db: &'a C,
}

crate::tenant::facade!(Certificates);

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

    fn check(&self) -> Result<(), Error> {
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

/// A certificate or package whose books do not balance; see [`Certificates::find_imbalances`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromQueryResult)]
pub struct Imbalance {
    /// The code.
    pub code: String,
    /// What it was issued with: cents, or sessions.
    pub issued: i64,
    /// What is left.
    pub left: i64,
    /// What was redeemed, and not given back.
    pub redeemed: i64,
}

fn cents(what: &'static str, value: u32) -> Result<i32, Error> {
    i32::try_from(value).map_err(|_| Error::InvalidInput {
        what,
        value: value.to_string(),
        reason: "is more than an integer holds".to_owned(),
    })
}

pub(crate) fn check_currency(currency: &str) -> Result<(), Error> {
    if currency.len() == 3 && currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Ok(());
    }
    let reason = "is not three capital letters; give an ISO 4217 code, as USD".to_owned();
    Err(Error::InvalidInput { what: "currency", value: currency.to_owned(), reason })
}

/// Issuing.
impl<C: Tenant> Certificates<'_, C> {
    /// Issues a gift certificate, with a code `XXXX-XXXX-XXXX`. It does not expire.
    ///
    /// # Errors
    /// [`Error::InvalidInput`].
    pub async fn issue(self, new: &NewCertificate) -> Result<gift_certificates::Model, Error> {
        new.purchase.check()?;
        check_currency(&new.currency)?;
        text::check_optional("recipient's name", new.recipient_name.as_ref(), 255)?;
        text::check_optional("message", new.message.as_ref(), usize::MAX)?;
        let amount = cents("amount_cents", new.amount_cents)?;
        if amount == 0 {
            let reason = "is nothing; give at least 1 cent".to_owned();
            return Err(Error::InvalidInput { what: "amount_cents", value: "0".into(), reason });
        }
        for _ in 0..8 {
            let row = gift_certificates::ActiveModel {
                code: Set(CERTIFICATE.generate()?),
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
        Err(Error::Database(sea_orm::DbErr::RecordNotInserted))
    }

    /// Issues a package of sessions, with a code `XXXX-XXXX-XXXX`.
    ///
    /// # Errors
    /// [`Error::InvalidInput`], [`Error::NotFound`] for the client.
    pub async fn issue_package(self, new: &NewPackage) -> Result<packages::Model, Error> {
        new.purchase.check()?;
        check_currency(&new.currency)?;
        text::check("package type", &new.package_type, 64)?;
        let (price, sessions) = (cents("price_cents", new.price_cents)?, i32::from(new.sessions));
        if sessions == 0 {
            let reason = "is none; give at least 1".to_owned();
            return Err(Error::InvalidInput { what: "sessions", value: "0".into(), reason });
        }
        for _ in 0..8 {
            let row = packages::ActiveModel {
                code: Set(CERTIFICATE.generate()?),
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
                Err(Error::Database(error))
                    if Error::constraint(&error) == Some("packages_client_id_fkey") =>
                {
                    let id = new.client.unwrap_or_default().to_string();
                    return Err(Error::NotFound { what: "client", id });
                }
                Err(error) => return Err(error),
            }
        }
        Err(Error::Database(sea_orm::DbErr::RecordNotInserted))
    }

    async fn insert_unless_taken<A>(
        self,
        row: A,
        key: <A::Entity as EntityTrait>::Column,
    ) -> Result<Option<<A::Entity as EntityTrait>::Model>, Error>
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
    pub async fn get(self, code: &str) -> Result<Option<gift_certificates::Model>, Error> {
        let code = CERTIFICATE.normal_form(code);
        let select = gift_certificates::Entity::find().filter(gift_certificates::Column::Code.eq(code));
        Ok(select.one(self.db).await?)
    }

    /// The package of a code, however it is typed; `None` when the tenant has none.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn get_package(self, code: &str) -> Result<Option<packages::Model>, Error> {
        let code = CERTIFICATE.normal_form(code);
        Ok(packages::Entity::find().filter(packages::Column::Code.eq(code)).one(self.db).await?)
    }
}

/// Redeeming.
impl<C: Tenant> Certificates<'_, C> {
    /// Pays a booking with a gift certificate: so many cents, or, for `None`, as much as is due and left. A booking that
    /// is paid in full says so.
    ///
    /// However many redeem one certificate or pay one booking at once, no cent is spent twice: booking and certificate
    /// are locked, in this order, and a CHECK keeps the balance between nothing and the amount.
    ///
    /// # Errors
    /// [`Error::NotRedeemable`], [`Error::NotFound`] for the certificate or the booking.
    pub async fn redeem(
        self,
        code: &str,
        booking: Uuid,
        amount_cents: Option<u32>,
    ) -> Result<gift_certificate_redemptions::Model, Error> {
        let code = CERTIFICATE.normal_form(code);
        let refuse = |reason: String| Err(Error::NotRedeemable { code: code.clone(), reason });
        let transaction = self.db.begin().await?;
        let certificates = Certificates::new(&transaction);
        let booking = Scheduling::new(&transaction).lock_booking(booking).await?;
        let due = certificates.due(&booking, &code).await?;
        let select = gift_certificates::Entity::find().filter(gift_certificates::Column::Code.eq(&code));
        let certificate = select.lock_exclusive().one(&transaction).await?;
        let certificate =
            certificate.ok_or(Error::NotFound { what: "gift certificate", id: code.clone() })?;
        let currency = certificates.currency(&booking).await?;
        if certificate.status != "active" {
            return refuse(format!("it is {}", certificate.status));
        }
        if certificate.currency != currency {
            return refuse(format!("it is in {}, and the booking in {currency}", certificate.currency));
        }
        let amount = match amount_cents {
            Some(amount) => cents("amount_cents", amount)?,
            None => due.min(certificate.balance_cents),
        };
        if amount > due {
            return refuse(format!("only {due} cents are due"));
        }
        if amount > certificate.balance_cents || amount == 0 {
            return refuse(format!("{} cents are left of it", certificate.balance_cents));
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
            r#type: Set("gift_certificate".to_owned()),
            amount_cents: Set(Some(amount)),
            ..Default::default()
        };
        let redemption = redemption.insert(&transaction).await?;
        if amount == due {
            certificates.paid(booking, "gift_certificate").await?;
        }
        transaction.commit().await?;
        Ok(redemption)
    }

    /// Pays a booking with one session of a package.
    ///
    /// # Errors
    /// [`Error::NotRedeemable`], [`Error::NotFound`] for the package or the booking.
    pub async fn redeem_session(
        self,
        code: &str,
        booking: Uuid,
    ) -> Result<gift_certificate_redemptions::Model, Error> {
        let code = CERTIFICATE.normal_form(code);
        let refuse =
            |reason: &str| Err(Error::NotRedeemable { code: code.clone(), reason: reason.to_owned() });
        let transaction = self.db.begin().await?;
        let certificates = Certificates::new(&transaction);
        let booking = Scheduling::new(&transaction).lock_booking(booking).await?;
        let due = certificates.due(&booking, &code).await?;
        if due < booking.amount_cents {
            return refuse("a part of the booking is paid, and a session pays all of it");
        }
        let select = packages::Entity::find().filter(packages::Column::Code.eq(&code));
        let package = select.lock_exclusive().one(&transaction).await?;
        let package = package.ok_or(Error::NotFound { what: "package", id: code.clone() })?;
        if package.status != "active" {
            return refuse("it is not active");
        }
        if package.client_id.is_some_and(|client| client != booking.client_id) {
            return refuse("it is another client's");
        }
        // The database's clock decides, and the count is changed where it is.
        let use_one = statement(
            r#"UPDATE "packages" SET "remaining_sessions" = "remaining_sessions" - 1, "updated_at" = CURRENT_TIMESTAMP
               WHERE "id" = $1 AND ("expires_at" IS NULL OR "expires_at" > CURRENT_TIMESTAMP)
                   AND "remaining_sessions" > 0"#,
            [package.id.into()],
        );
        {
            use sea_orm::ConnectionTrait;
            if transaction.execute_raw(use_one).await?.rows_affected() == 0 {
                return refuse(if package.remaining_sessions == 0 {
                    "no session is left of it"
                } else {
                    "it has expired"
                });
            }
        }
        let redemption = gift_certificate_redemptions::ActiveModel {
            booking_id: Set(booking.id),
            package_id: Set(Some(package.id)),
            r#type: Set("package".to_owned()),
            session_number: Set(Some(package.total_sessions - package.remaining_sessions + 1)),
            ..Default::default()
        };
        let redemption = redemption.insert(&transaction).await?;
        certificates.paid(booking, "package").await?;
        transaction.commit().await?;
        Ok(redemption)
    }

    /// What of a booking, which is locked, is still to be paid.
    async fn due(self, booking: &bookings::Model, code: &str) -> Result<i32, Error> {
        let refuse =
            |reason: &str| Err(Error::NotRedeemable { code: code.to_owned(), reason: reason.to_owned() });
        if booking.status == "cancelled" {
            return refuse("the booking is cancelled");
        }
        if booking.payment_status != "pending" {
            return refuse("nothing is due for the booking");
        }
        let paid: i32 = self
            .get_redemptions(booking.id)
            .await?
            .iter()
            .filter(|redemption| redemption.refunded_at.is_none())
            .filter_map(|redemption| redemption.amount_cents)
            .sum();
        match booking.amount_cents - paid {
            due if due > 0 => Ok(due),
            _ => refuse("nothing is due for the booking"),
        }
    }

    async fn currency(self, booking: &bookings::Model) -> Result<String, Error> {
        let select = services::Entity::find().select_only().column(services::Column::Currency);
        let currency =
            select.filter(services::Column::Id.eq(booking.service_id)).into_tuple().one(self.db).await?;
        currency.ok_or_else(|| Error::not_found("service", booking.service_id))
    }

    async fn paid(self, booking: bookings::Model, method: &str) -> Result<(), Error> {
        let mut row = booking.into_active_model();
        row.payment_status = Set("paid".to_owned());
        row.payment_method = Set(Some(method.to_owned()));
        bookings::Entity::update(row).exec(self.db).await?;
        Ok(())
    }

    /// The redemptions of a booking, oldest first; those that were given back have a time for it.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn get_redemptions(
        self,
        booking: Uuid,
    ) -> Result<Vec<gift_certificate_redemptions::Model>, Error> {
        let select = gift_certificate_redemptions::Entity::find()
            .filter(gift_certificate_redemptions::Column::BookingId.eq(booking))
            .order_by_asc(gift_certificate_redemptions::Column::CreatedAt)
            .order_by_asc(gift_certificate_redemptions::Column::Id);
        Ok(select.all(self.db).await?)
    }

    /// Gives back what certificates and packages have paid for a booking, which is locked, and says how many
    /// redemptions there were. In one order, so that two that do so do not wait for one another.
    pub(crate) async fn refund(self, booking: Uuid) -> Result<usize, Error> {
        let mut redeemed = self.get_redemptions(booking).await?;
        redeemed.retain(|redemption| redemption.refunded_at.is_none());
        redeemed.sort_by_key(|redemption| (redemption.gift_certificate_id, redemption.package_id));
        for redemption in &redeemed {
            if let (Some(id), Some(amount)) = (redemption.gift_certificate_id, redemption.amount_cents) {
                let give_back = statement(
                    r#"UPDATE "gift_certificates" SET "balance_cents" = "balance_cents" + $2, "redeemed_at" = NULL,
                       "updated_at" = CURRENT_TIMESTAMP WHERE "id" = $1"#,
                    [id.into(), amount.into()],
                );
                self.db.execute_raw(give_back).await?;
            }
            if let Some(id) = redemption.package_id {
                let give_back = statement(
                    r#"UPDATE "packages" SET "remaining_sessions" = "remaining_sessions" + 1,
                       "updated_at" = CURRENT_TIMESTAMP WHERE "id" = $1"#,
                    [id.into()],
                );
                self.db.execute_raw(give_back).await?;
            }
        }
        gift_certificate_redemptions::Entity::update_many()
            .col_expr(gift_certificate_redemptions::Column::RefundedAt, Expr::current_timestamp())
            .filter(gift_certificate_redemptions::Column::BookingId.eq(booking))
            .filter(gift_certificate_redemptions::Column::RefundedAt.is_null())
            .exec(self.db)
            .await?;
        Ok(redeemed.len())
    }

    /// Every certificate and package of which what is left and what was redeemed do not add up to what it was issued
    /// with. There is none, unless someone has changed rows by hand.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn find_imbalances(self) -> Result<Vec<Imbalance>, Error> {
        let select = r#"SELECT "c"."code", "c"."amount_cents"::bigint AS "issued", "c"."balance_cents"::bigint AS "left",
                coalesce(sum("r"."amount_cents") FILTER (WHERE "r"."refunded_at" IS NULL), 0)::bigint AS "redeemed"
            FROM "gift_certificates" AS "c" LEFT JOIN "gift_certificate_redemptions" AS "r"
                ON "r"."tenant_id" = "c"."tenant_id" AND "r"."gift_certificate_id" = "c"."id"
            GROUP BY "c"."tenant_id", "c"."id", "c"."code", "c"."amount_cents", "c"."balance_cents"
            HAVING "c"."amount_cents" <> "c"."balance_cents"
                + coalesce(sum("r"."amount_cents") FILTER (WHERE "r"."refunded_at" IS NULL), 0)
            UNION ALL SELECT "p"."code", "p"."total_sessions"::bigint, "p"."remaining_sessions"::bigint,
                count("r"."id") FILTER (WHERE "r"."refunded_at" IS NULL)
            FROM "packages" AS "p" LEFT JOIN "gift_certificate_redemptions" AS "r"
                ON "r"."tenant_id" = "p"."tenant_id" AND "r"."package_id" = "p"."id"
            GROUP BY "p"."tenant_id", "p"."id", "p"."code", "p"."total_sessions", "p"."remaining_sessions"
            HAVING "p"."total_sessions" <> "p"."remaining_sessions"
                + count("r"."id") FILTER (WHERE "r"."refunded_at" IS NULL)"#;
        let rows = self.db.query_all_raw(statement(select, [])).await?;
        Ok(rows.iter().map(|row| Imbalance::from_query_result(row, "")).collect::<Result<_, _>>()?)
    }
}
