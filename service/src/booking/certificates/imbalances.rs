//! Checking the books of certificates and packages.

use sea_orm::FromQueryResult;
use serde::Serialize;

use super::Certificates;
use crate::booking::BookingError;
use crate::tenant::TenantExecutor;
use crate::tenant::sql::statement;

/// A gift certificate or package whose books do not balance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromQueryResult)]
#[non_exhaustive]
pub struct Imbalance {
    /// The code.
    pub code: String,
    /// The issued amount: cents, or sessions.
    pub issued: i64,
    /// The remaining amount.
    pub left: i64,
    /// The amount redeemed and not refunded.
    pub redeemed: i64,
}

/// Checking the books.
impl<C: TenantExecutor> Certificates<'_, C> {
    /// The certificates and packages whose books do not balance.
    ///
    /// The remaining and redeemed amounts of each do not add up to the issued amount. The list is empty
    /// unless rows were changed by hand.
    ///
    /// # Errors
    /// [`BookingError::Database`].
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
