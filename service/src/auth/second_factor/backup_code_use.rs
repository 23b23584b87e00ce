//! Matching and using up backup codes.

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect, Set};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use uuid::Uuid;
use watertight_entity::auth::backup_codes;

use crate::auth::audit::event_type::AuditEventType;
use crate::auth::audit::kinds::Severity;
use crate::auth::audit::new_event::NewAuditEvent;
use crate::auth::error::AuthError;
use crate::auth::handle::StoredBackupCodes;
use crate::auth::login::device::Origin;
use crate::auth::refusal::LoginRefusal;
use crate::auth::second_factor::backup_code;
use crate::auth::second_factor::backup_code::Found;
use crate::auth::second_factor::backup_code_storing::{parse, to_json};
use crate::auth::sessions::metadata::SessionMetadata;
use crate::auth::users::hasher::Lane;
use crate::tenant::{TenantExecutor, clock};

impl<C: TenantExecutor> StoredBackupCodes<'_, C> {
    /// Uses up a backup code and returns the number of remaining codes.
    ///
    /// Returns `None` when the code is wrong or has been used. Of parallel attempts with one code, one succeeds.
    ///
    /// A code that is none of the user's counts as a failed login; a used code does not.
    ///
    /// # Errors
    /// [`AuthError::LoginRefused`] while the account is locked or inactive, whether the code is right or not;
    /// [`AuthError::MalformedRow`].
    pub async fn consume(self, user: Uuid, code: &str) -> Result<Option<usize>, AuthError> {
        let metadata = SessionMetadata::default();
        let found = self.find_match(user, code).await?;
        let transaction = self.auth.db.begin().await?;
        let auth = self.auth.on(&transaction);
        let Some(account) = auth.locked_candidate(user).await? else { return Ok(None) };
        let who = Some((user, &account.handle));
        let outcome = match found {
            _ if account.is_locked => {
                let locked = LoginRefusal::Locked { until: account.locked_until };
                Err(auth.refuse(who, Origin::Anywhere, locked, &metadata).await?.into())
            }
            _ if !account.is_active => {
                Err(auth.refuse(who, Origin::Anywhere, LoginRefusal::Inactive, &metadata).await?.into())
            }
            Some(Found { id, used: false }) => auth.backup_codes().use_up(user, &id).await,
            Some(Found { used: true, .. }) => Ok(None),
            None => {
                auth.refuse(who, Origin::Anywhere, LoginRefusal::SecondFactorWrong, &metadata).await?;
                Ok(None)
            }
        };
        transaction.commit().await?;
        outcome
    }

    /// Returns the time at which a backup code was used: the answer of [`consume`](Self::consume) if it was lost.
    ///
    /// Returns `None` for a code that is unused, or none of the user's.
    ///
    /// # Errors
    /// [`AuthError::MalformedRow`].
    pub async fn used_at(self, user: Uuid, code: &str) -> Result<Option<DateTime<Utc>>, AuthError> {
        let Some(Found { id, used: true }) = self.find_match(user, code).await? else { return Ok(None) };
        let codes = self.find(user).await?.map(|set| set.codes).unwrap_or_default();
        Ok(codes.into_iter().find(|code| code.id == id).and_then(|code| code.used_at))
    }

    /// Finds the typed code. Another attempt can use it up in the meantime.
    pub(in crate::auth) async fn find_match(
        self,
        user: Uuid,
        code: &str,
    ) -> Result<Option<Found>, AuthError> {
        let select = backup_codes::Entity::find().filter(backup_codes::Column::UserId.eq(user));
        let Some(row) = select.one(self.auth.db).await? else { return Ok(None) };
        let (codes, typed) = (parse(&row)?, SecretString::from(code));
        let find = move || backup_code::find(&codes, ExposeSecret::expose_secret(&typed));
        self.auth.hashing(Lane::Known).run(find).await
    }

    /// Uses up a code by its id, within a transaction: the row is locked until that ends.
    pub(in crate::auth) async fn use_up(self, user: Uuid, id: &str) -> Result<Option<usize>, AuthError> {
        let select = backup_codes::Entity::find().filter(backup_codes::Column::UserId.eq(user));
        let Some(row) = select.lock_exclusive().one(self.auth.db).await? else { return Ok(None) };
        let mut codes = parse(&row)?;
        let Some(code) = codes.iter_mut().find(|code| code.id == id && !code.used) else { return Ok(None) };
        let now = clock::now(self.auth.db).await?;
        (code.used, code.used_at) = (true, Some(now));
        let remaining = codes.iter().filter(|code| !code.used).count();
        let mut row = row.into_active_model();
        (row.codes, row.last_used_at) = (Set(to_json(&codes)?), Set(Some(now.into())));
        backup_codes::Entity::update(row).exec(self.auth.db).await?;
        let event = NewAuditEvent {
            severity: Severity::Warning,
            details: json!({"remaining": remaining}),
            ..NewAuditEvent::by_user(AuditEventType::BackupCodeUsed, user, None)
        };
        self.auth.audit().log(event).await?;
        Ok(Some(remaining))
    }
}
