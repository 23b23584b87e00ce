//! Checking the books of certificates, packages and bookings.

use sea_orm::FromQueryResult;
use serde::Serialize;

use super::Certificates;
use crate::booking::BookingError;
use crate::tenant::TenantExecutor;
use crate::tenant::sql::statement;
use crate::vocabulary::text_enum::text_enum;

text_enum! {
    /// The kind of an imbalance.
    #[non_exhaustive]
    pub enum ImbalanceKind as "kind of imbalance" {
        /// The balance and the redemptions of a gift certificate differ from its amount.
        GiftCertificate = "gift_certificate",
        /// The remaining and the redeemed sessions of a package differ from its number.
        Package = "package",
        /// A redemption differs from its payments and refunds.
        Redemption = "redemption",
        /// The totals of a booking differ from its payments and refunds.
        Booking = "booking",
    }
}

/// A gift certificate, package, redemption or booking whose books do not balance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromQueryResult)]
#[non_exhaustive]
pub struct Imbalance {
    /// The kind.
    pub kind: ImbalanceKind,
    /// The code of the certificate, package or booking.
    pub code: String,
    /// The issued amount: cents, or sessions. For a redemption or a booking, the amount that is paid and not refunded
    /// according to its row.
    pub issued: i64,
    /// The remaining amount; 0 for a redemption or a booking.
    pub left: i64,
    /// The amount redeemed and not refunded. For a redemption or a booking, its payments without its refunds.
    pub redeemed: i64,
}

/// The certificates and packages with their redemptions, the redemptions with their payments, and the bookings with
/// their payments.
const IMBALANCES: &str = r#"SELECT 'gift_certificate' AS "kind", "c"."code", "c"."amount_cents"::bigint AS "issued",
        "c"."balance_cents"::bigint AS "left",
        coalesce(sum("r"."amount_cents") FILTER (WHERE "r"."refunded_at" IS NULL), 0)::bigint AS "redeemed"
    FROM "public"."gift_certificates" AS "c" LEFT JOIN "public"."gift_certificate_redemptions" AS "r"
        ON "r"."tenant_id" = "c"."tenant_id" AND "r"."gift_certificate_id" = "c"."id"
    GROUP BY "c"."tenant_id", "c"."id", "c"."code", "c"."amount_cents", "c"."balance_cents"
    HAVING "c"."amount_cents" <> "c"."balance_cents"
        + coalesce(sum("r"."amount_cents") FILTER (WHERE "r"."refunded_at" IS NULL), 0)
    UNION ALL SELECT 'package', "p"."code", "p"."total_sessions"::bigint, "p"."remaining_sessions"::bigint,
        count("r"."id") FILTER (WHERE "r"."refunded_at" IS NULL)
    FROM "public"."packages" AS "p" LEFT JOIN "public"."gift_certificate_redemptions" AS "r"
        ON "r"."tenant_id" = "p"."tenant_id" AND "r"."package_id" = "p"."id"
    GROUP BY "p"."tenant_id", "p"."id", "p"."code", "p"."total_sessions", "p"."remaining_sessions"
    HAVING "p"."total_sessions" <> "p"."remaining_sessions"
        + count("r"."id") FILTER (WHERE "r"."refunded_at" IS NULL)
    UNION ALL SELECT 'redemption', coalesce("c"."code", "p"."code"),
        CASE WHEN "r"."refunded_at" IS NULL THEN coalesce("r"."amount_cents", "l"."amount_cents", 1) ELSE 0 END::bigint, 0,
        (coalesce("l"."amount_cents", 0) - coalesce("x"."amount_cents", 0))::bigint
    FROM "public"."gift_certificate_redemptions" AS "r"
    LEFT JOIN "public"."gift_certificates" AS "c"
        ON "c"."tenant_id" = "r"."tenant_id" AND "c"."id" = "r"."gift_certificate_id"
    LEFT JOIN "public"."packages" AS "p" ON "p"."tenant_id" = "r"."tenant_id" AND "p"."id" = "r"."package_id"
    LEFT JOIN "public"."booking_payments" AS "l"
        ON "l"."tenant_id" = "r"."tenant_id" AND "l"."booking_id" = "r"."booking_id" AND "l"."redemption_id" = "r"."id"
    LEFT JOIN "public"."booking_payments" AS "x"
        ON "x"."tenant_id" = "l"."tenant_id" AND "x"."booking_id" = "l"."booking_id" AND "x"."refund_of" = "l"."id"
    WHERE CASE WHEN "r"."refunded_at" IS NULL THEN coalesce("r"."amount_cents", "l"."amount_cents", 1) ELSE 0 END
        <> coalesce("l"."amount_cents", 0) - coalesce("x"."amount_cents", 0)
    UNION ALL SELECT 'booking', "b"."confirmation_code", "b"."paid_cents" - "b"."refunded_cents", 0,
        (coalesce(sum("l"."amount_cents") FILTER (WHERE "l"."kind" = 'payment'), 0)
            - coalesce(sum("l"."amount_cents") FILTER (WHERE "l"."kind" = 'refund'), 0))::bigint
    FROM "public"."bookings" AS "b" LEFT JOIN "public"."booking_payments" AS "l"
        ON "l"."tenant_id" = "b"."tenant_id" AND "l"."booking_id" = "b"."id"
    GROUP BY "b"."tenant_id", "b"."id", "b"."confirmation_code", "b"."paid_cents", "b"."refunded_cents"
    HAVING "b"."paid_cents" <> coalesce(sum("l"."amount_cents") FILTER (WHERE "l"."kind" = 'payment'), 0)
        OR "b"."refunded_cents" <> coalesce(sum("l"."amount_cents") FILTER (WHERE "l"."kind" = 'refund'), 0)"#;

/// Checking the books.
impl<C: TenantExecutor> Certificates<'_, C> {
    /// The certificates, packages, redemptions and bookings whose books do not balance.
    ///
    /// The remaining and redeemed amounts of a certificate or package do not add up to the issued amount, or a redemption
    /// or the totals of a booking do not agree with the booking's payments and refunds. The list is empty unless rows
    /// were changed by hand.
    ///
    /// # Errors
    /// [`BookingError::Database`].
    pub async fn find_imbalances(self) -> Result<Vec<Imbalance>, BookingError> {
        let rows = self.db.query_all_raw(statement(IMBALANCES, [])).await?;
        Ok(rows.iter().map(|row| Imbalance::from_query_result(row, "")).collect::<Result<_, _>>()?)
    }
}
