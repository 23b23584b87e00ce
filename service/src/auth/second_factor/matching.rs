//! Matching and using up TOTP codes.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;
use watertight_entity::auth::totp_secrets;

use crate::auth::error::AuthError;
use crate::auth::handle::Totp;
use crate::auth::second_factor::sealing::owner::OwnerKind;
use crate::auth::second_factor::stored_secret::sealed;
use crate::tenant::sql::statement;
use crate::tenant::{TenantExecutor, clock};

impl<C: TenantExecutor> Totp<'_, C> {
    /// Finds the step that a code of a user's second factor is right for. The step may have been used.
    pub(in crate::auth) async fn matching_step(
        self,
        user: Uuid,
        code: &str,
    ) -> Result<Option<u64>, AuthError> {
        let select = totp_secrets::Entity::find().filter(totp_secrets::Column::UserId.eq(user));
        let Some(row) = select.one(self.auth.db).await? else { return Ok(None) };
        let secret = self.auth.open(OwnerKind::User, user, sealed(&row)).await?;
        Ok(secret.matching_step(code, clock::unix_seconds(self.auth.db).await?))
    }

    /// Uses up a step and all earlier ones. Returns `false` when they were used. One statement, so that of parallel attempts
    /// one succeeds.
    pub(in crate::auth) async fn use_step(self, user: Uuid, step: u64) -> Result<bool, AuthError> {
        let update = statement(
            r#"UPDATE "auth"."totp_secrets" SET "last_used_step" = $2, "last_used_at" = CURRENT_TIMESTAMP
               WHERE "user_id" = $1 AND ("last_used_step" IS NULL OR "last_used_step" < $2)"#,
            [user.into(), step.cast_signed().into()],
        );
        Ok(self.auth.db.execute_raw(update).await?.rows_affected() > 0)
    }
}
