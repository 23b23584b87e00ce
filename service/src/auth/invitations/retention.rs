//! Retention of invitations.

use sea_orm::DbErr;

use crate::tenant::TenantExecutor;
use crate::tenant::batches::Expired;

/// Deletes the invitations that expired unused.
pub(crate) async fn delete_expired_invitations(db: &impl TenantExecutor) -> Result<u64, DbErr> {
    let invitations = Expired {
        table: r#""auth"."invitations""#,
        condition: r#""x"."expires_at" <= CURRENT_TIMESTAMP AND "x"."used_at" IS NULL"#,
        oldest: "expires_at",
    };
    invitations.delete(db, &[]).await
}
