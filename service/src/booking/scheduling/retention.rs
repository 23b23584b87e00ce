//! Deletion of holds that have ended.

use sea_orm::DbErr;

use crate::tenant::TenantExecutor;
use crate::tenant::batches::Expired;

/// Deletes the holds on slots that were released or have expired.
pub(crate) async fn delete_holds(db: &impl TenantExecutor) -> Result<u64, DbErr> {
    let holds = Expired {
        table: r#""public"."slot_reservations""#,
        condition: r#"("x"."released_at" IS NOT NULL OR "x"."expires_at" <= CURRENT_TIMESTAMP)"#,
        oldest: "expires_at",
    };
    holds.delete(db, &[]).await
}
