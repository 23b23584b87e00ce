//! Steps of onboarding.

use sea_orm::{DbBackend, Statement, Value};
use serde_json::json;
use uuid::Uuid;

use crate::auth::audit::event_type::AuditEventType;
use crate::auth::audit::new_event::NewAuditEvent;
use crate::auth::error::AuthError;
use crate::auth::handle::Users;
use crate::auth::users::columns::WRITTEN_USER_COLUMNS;
use crate::auth::users::user::User;
use crate::tenant::TenantExecutor;

impl<C: TenantExecutor> Users<'_, C> {
    /// Begins the onboarding of a user, or begins it again at step 0, and logs it.
    ///
    /// ```no_run
    /// use watertight::Tenant;
    /// use watertight::auth::AuthError;
    ///
    /// /// Onboarding of two steps: a profile, and the opening hours.
    /// async fn onboard(tenant: &impl Tenant, user: uuid::Uuid) -> Result<(), AuthError> {
    ///     let users = tenant.auth().users();
    ///     users.begin_onboarding(user).await?;
    ///     users.complete_onboarding_step(user, 1).await?;
    ///     users.complete_onboarding_step(user, 2).await?;
    ///     users.complete_onboarding(user).await?;
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// [`AuthError::UserNotFound`].
    pub async fn begin_onboarding(self, id: Uuid) -> Result<User, AuthError> {
        let set = r#""needs_onboarding" = TRUE, "onboarding_step" = 0"#;
        self.onboard(id, set, None, AuditEventType::OnboardingStarted).await
    }

    /// Records that a user has completed a step of onboarding, and logs it.
    ///
    /// A step that was completed before changes nothing else: the user stays at the highest step.
    ///
    /// # Errors
    /// [`AuthError::UserNotFound`].
    pub async fn complete_onboarding_step(self, id: Uuid, step: u16) -> Result<User, AuthError> {
        let set = r#""onboarding_step" = GREATEST("onboarding_step", $2)"#;
        self.onboard(id, set, Some(step), AuditEventType::OnboardingStepCompleted).await
    }

    /// Ends the onboarding of a user who has completed it, and logs it.
    ///
    /// # Errors
    /// [`AuthError::UserNotFound`].
    pub async fn complete_onboarding(self, id: Uuid) -> Result<User, AuthError> {
        self.onboard(id, r#""needs_onboarding" = FALSE"#, None, AuditEventType::OnboardingCompleted).await
    }

    /// Ends the onboarding of a user who skips the rest of it, and logs it.
    ///
    /// # Errors
    /// [`AuthError::UserNotFound`].
    pub async fn skip_onboarding(self, id: Uuid) -> Result<User, AuthError> {
        self.onboard(id, r#""needs_onboarding" = FALSE"#, None, AuditEventType::OnboardingSkipped).await
    }

    async fn onboard(
        self,
        id: Uuid,
        set: &str,
        step: Option<u16>,
        event_type: AuditEventType,
    ) -> Result<User, AuthError> {
        let update = format!(
            r#"UPDATE "auth"."users" SET {set}, "updated_at" = CURRENT_TIMESTAMP WHERE "id" = $1 RETURNING {}"#,
            *WRITTEN_USER_COLUMNS
        );
        let step = step.map(i32::from);
        let values: Vec<Value> = [Some(id.into()), step.map(Value::from)].into_iter().flatten().collect();
        let transaction = self.auth.db.begin().await?;
        let auth = self.auth.on(&transaction);
        let row = auth
            .db
            .query_one_raw(Statement::from_sql_and_values(DbBackend::Postgres, update, values))
            .await?;
        let user = User::of(&row.ok_or_else(|| AuthError::UserNotFound { user: id.to_string() })?)?;
        let details = step.map_or_else(|| json!({}), |step| json!({"step": step}));
        let event = NewAuditEvent::by_user(event_type, id, Some(&user.handle));
        auth.audit().log(NewAuditEvent { details, ..event }).await?;
        transaction.commit().await?;
        Ok(user)
    }
}
