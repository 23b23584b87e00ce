//! Types of audit events.

use crate::vocabulary::text_enum::text_enum;

text_enum! {
    /// Type of an audit event. The names are those of tinyland-auth-pg 0.2.
    ///
    /// ```
    /// use watertight::auth::AuditEventType;
    ///
    /// assert_eq!(AuditEventType::LoginSuccess.as_str(), "LOGIN_SUCCESS");
    /// let own: AuditEventType = "GIFT_CARD_PRINTED".parse()?;
    /// assert_eq!(own.as_str(), "GIFT_CARD_PRINTED");
    /// # Ok::<(), watertight::Error>(())
    /// ```
    pub enum AuditEventType as "audit event type" {
        /// A login succeeded.
        LoginSuccess = "LOGIN_SUCCESS",
        /// A login was refused.
        LoginFailure = "LOGIN_FAILURE",
        /// A user logged out.
        Logout = "LOGOUT",
        /// A session was used after its end.
        SessionExpired = "SESSION_EXPIRED",
        /// A session was created.
        SessionCreated = "SESSION_CREATED",
        /// A session was ended before its time.
        SessionDestroyed = "SESSION_DESTROYED",
        /// A second factor was enrolled.
        TotpEnabled = "TOTP_ENABLED",
        /// A second factor was disabled.
        TotpDisabled = "TOTP_DISABLED",
        /// A code of the second factor was right.
        TotpSuccess = "TOTP_SUCCESS",
        /// A code of the second factor was wrong.
        TotpFailure = "TOTP_FAILURE",
        /// A backup code was used up.
        BackupCodeUsed = "BACKUP_CODE_USED",
        /// New backup codes replaced the old.
        BackupCodesRegenerated = "BACKUP_CODES_REGENERATED",
        /// A user was created.
        UserCreated = "USER_CREATED",
        /// A user was changed.
        UserUpdated = "USER_UPDATED",
        /// A user was deleted.
        UserDeleted = "USER_DELETED",
        /// An administrator locked a user.
        UserLocked = "USER_LOCKED",
        /// An administrator unlocked a user.
        UserUnlocked = "USER_UNLOCKED",
        /// A password was changed.
        PasswordChanged = "PASSWORD_CHANGED",
        /// A role was changed.
        RoleChanged = "ROLE_CHANGED",
        /// Too many failures locked an account.
        AccountLocked = "ACCOUNT_LOCKED",
        /// A lock of that kind was lifted.
        AccountUnlocked = "ACCOUNT_UNLOCKED",
        /// An invitation was created.
        InvitationCreated = "INVITATION_CREATED",
        /// An invitation was sent.
        InvitationSent = "INVITATION_SENT",
        /// An invitation was accepted.
        InvitationAccepted = "INVITATION_ACCEPTED",
        /// An invitation was revoked.
        InvitationRevoked = "INVITATION_REVOKED",
        /// An invitation expired.
        InvitationExpired = "INVITATION_EXPIRED",
        /// Onboarding began.
        OnboardingStarted = "ONBOARDING_STARTED",
        /// A step of onboarding was completed.
        OnboardingStepCompleted = "ONBOARDING_STEP_COMPLETED",
        /// Onboarding was completed.
        OnboardingCompleted = "ONBOARDING_COMPLETED",
        /// Onboarding was skipped.
        OnboardingSkipped = "ONBOARDING_SKIPPED",
        /// A bootstrap began.
        BootstrapInitiated = "BOOTSTRAP_INITIATED",
        /// A bootstrap was completed.
        BootstrapCompleted = "BOOTSTRAP_COMPLETED",
        /// The system was configured.
        SystemConfigured = "SYSTEM_CONFIGURED",
        /// A security scan was run.
        SecurityScan = "SECURITY_SCAN",
        ; custom CustomAuditEventType of at most 64
    }
}
