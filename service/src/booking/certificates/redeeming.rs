//! Paying with certificates and packages, and getting it back.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, FromQueryResult, IntoActiveModel, QueryFilter, QuerySelect,
    Set,
};
use serde::Serialize;
use uuid::Uuid;
use watertight_entity::public::{
    bookings, gift_certificate_redemptions, gift_certificates, packages, services,
};

use crate::booking::BookingError;
use crate::booking::payments;
use crate::booking::scheduling::Scheduling;
use crate::tenant::TenantExecutor;
use crate::tenant::sql::statement;

use super::{CODE, Certificates, cents};

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

/// Redeeming.
impl<C: TenantExecutor> Certificates<'_, C> {
    /// Pays a booking with a gift certificate: so many cents, or, for `None`, as much as is due and left. A booking that
    /// is paid in full says so.
    ///
    /// However many redeem one certificate or pay one booking at once, no cent is spent twice: booking and certificate
    /// are locked, in this order, and a CHECK keeps the balance between nothing and the amount.
    ///
    /// # Errors
    /// [`BookingError::NotRedeemable`], [`BookingError::NotFound`] for the certificate or the booking.
    pub async fn redeem(
        self,
        code: &str,
        booking: Uuid,
        amount_cents: Option<u32>,
    ) -> Result<gift_certificate_redemptions::Model, BookingError> {
        let code = CODE.normal_form(code);
        let refuse = |reason: String| Err(BookingError::NotRedeemable { code: code.clone(), reason });
        let transaction = self.db.begin().await?;
        let certificates = Certificates::new(&transaction);
        let booking = Scheduling::new(&transaction).lock_booking(booking).await?;
        let due = certificates.due(&booking, &code).await?;
        let select = gift_certificates::Entity::find().filter(gift_certificates::Column::Code.eq(&code));
        let certificate = select.lock_exclusive().one(&transaction).await?;
        let certificate =
            certificate.ok_or(BookingError::NotFound { what: "gift certificate", id: code.clone() })?;
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
    /// [`BookingError::NotRedeemable`], [`BookingError::NotFound`] for the package or the booking.
    pub async fn redeem_session(
        self,
        code: &str,
        booking: Uuid,
    ) -> Result<gift_certificate_redemptions::Model, BookingError> {
        let code = CODE.normal_form(code);
        let refuse =
            |reason: &str| Err(BookingError::NotRedeemable { code: code.clone(), reason: reason.to_owned() });
        let transaction = self.db.begin().await?;
        let certificates = Certificates::new(&transaction);
        let booking = Scheduling::new(&transaction).lock_booking(booking).await?;
        let due = certificates.due(&booking, &code).await?;
        if due < booking.amount_cents {
            return refuse("a part of the booking is paid, and a session pays all of it");
        }
        let select = packages::Entity::find().filter(packages::Column::Code.eq(&code));
        let package = select.lock_exclusive().one(&transaction).await?;
        let package = package.ok_or(BookingError::NotFound { what: "package", id: code.clone() })?;
        if package.status != "active" {
            return refuse("it is not active");
        }
        if package.client_id.is_some_and(|client| client != booking.client_id) {
            return refuse("it is another client's");
        }
        // The database's clock decides, and the count is changed where it is.
        let use_one = statement(
            r#"UPDATE "public"."packages"
               SET "remaining_sessions" = "remaining_sessions" - 1, "updated_at" = CURRENT_TIMESTAMP
               WHERE "id" = $1 AND ("expires_at" IS NULL OR "expires_at" > CURRENT_TIMESTAMP)
                   AND "remaining_sessions" > 0"#,
            [package.id.into()],
        );
        {
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
    async fn due(self, booking: &bookings::Model, code: &str) -> Result<i32, BookingError> {
        let refuse = |reason: &str| {
            Err(BookingError::NotRedeemable { code: code.to_owned(), reason: reason.to_owned() })
        };
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

    async fn currency(self, booking: &bookings::Model) -> Result<String, BookingError> {
        let select = services::Entity::find().select_only().column(services::Column::Currency);
        let currency =
            select.filter(services::Column::Id.eq(booking.service_id)).into_tuple().one(self.db).await?;
        currency.ok_or_else(|| BookingError::not_found("service", booking.service_id))
    }

    async fn paid(self, booking: bookings::Model, method: &str) -> Result<(), BookingError> {
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
    ) -> Result<Vec<gift_certificate_redemptions::Model>, BookingError> {
        payments::redemptions(self.db, booking).await
    }

    /// Every certificate and package of which what is left and what was redeemed do not add up to what it was issued
    /// with. There is none, unless someone has changed rows by hand.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn find_imbalances(self) -> Result<Vec<Imbalance>, BookingError> {
        let select = r#"SELECT "c"."code", "c"."amount_cents"::bigint AS "issued", "c"."balance_cents"::bigint AS "left",
                coalesce(sum("r"."amount_cents") FILTER (WHERE "r"."refunded_at" IS NULL), 0)::bigint AS "redeemed"
            FROM "public"."gift_certificates" AS "c" LEFT JOIN "public"."gift_certificate_redemptions" AS "r"
                ON "r"."tenant_id" = "c"."tenant_id" AND "r"."gift_certificate_id" = "c"."id"
            GROUP BY "c"."tenant_id", "c"."id", "c"."code", "c"."amount_cents", "c"."balance_cents"
            HAVING "c"."amount_cents" <> "c"."balance_cents"
                + coalesce(sum("r"."amount_cents") FILTER (WHERE "r"."refunded_at" IS NULL), 0)
            UNION ALL SELECT "p"."code", "p"."total_sessions"::bigint, "p"."remaining_sessions"::bigint,
                count("r"."id") FILTER (WHERE "r"."refunded_at" IS NULL)
            FROM "public"."packages" AS "p" LEFT JOIN "public"."gift_certificate_redemptions" AS "r"
                ON "r"."tenant_id" = "p"."tenant_id" AND "r"."package_id" = "p"."id"
            GROUP BY "p"."tenant_id", "p"."id", "p"."code", "p"."total_sessions", "p"."remaining_sessions"
            HAVING "p"."total_sessions" <> "p"."remaining_sessions"
                + count("r"."id") FILTER (WHERE "r"."refunded_at" IS NULL)"#;
        let rows = self.db.query_all_raw(statement(select, [])).await?;
        Ok(rows.iter().map(|row| Imbalance::from_query_result(row, "")).collect::<Result<_, _>>()?)
    }
}
