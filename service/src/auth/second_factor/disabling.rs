//! Disabling a second factor.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;
use watertight_entity::auth::{backup_codes, totp_secrets, users};

use crate::auth::audit::event_type::AuditEventType;
use crate::auth::audit::kinds::Severity;
use crate::auth::audit::new_event::NewAuditEvent;
use crate::auth::error::AuthError;
use crate::auth::handle::Totp;
use crate::auth::login::attempt::Factor;
use crate::auth::login::device::Origin;
use crate::auth::sessions::metadata::SessionMetadata;
use crate::auth::users::password::Password;
use crate::tenant::TenantExecutor;

impl<C: TenantExecutor> Totp<'_, C> {
    /// Removes a user's second factor and backup codes after verifying the password.
    ///
    /// # Errors
    /// [`AuthError::LoginRefused`] for a wrong password, which counts as a failed login; [`AuthError::UserNotFound`].
    pub async fn disable(self, user: Uuid, password: &Password) -> Result<(), AuthError> {
        let attempt = self.auth.compare_user(user, Origin::Anywhere, password).await?;
        let transaction = self.auth.db.begin().await?;
        let auth = self.auth.on(&transaction);
        let verified = match auth.judge(&attempt, Factor::NotAsked, &SessionMetadata::default()).await? {
            Ok(verified) => verified,
            Err(refusal) => {
                transaction.commit().await?;
                return Err(refusal.into());
            }
        };
        users::Entity::update_many()
            .col_expr(users::Column::TotpEnabled, Expr::val(false))
            .col_expr(users::Column::TotpSecretId, Expr::val(Option::<String>::None))
            .col_expr(users::Column::UpdatedAt, Expr::current_timestamp())
            .filter(users::Column::Id.eq(user))
            .exec(&transaction)
            .await?;
        totp_secrets::Entity::delete_many()
            .filter(totp_secrets::Column::UserId.eq(user))
            .exec(&transaction)
            .await?;
        backup_codes::Entity::delete_many()
            .filter(backup_codes::Column::UserId.eq(user))
            .exec(&transaction)
            .await?;
        let event = NewAuditEvent {
            severity: Severity::Warning,
            ..NewAuditEvent::by_user(AuditEventType::TotpDisabled, user, Some(&verified.handle))
        };
        auth.audit().log(event).await?;
        Ok(transaction.commit().await?)
    }
}
