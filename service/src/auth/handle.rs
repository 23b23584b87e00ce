//! `Auth` and its parts: one handle for each noun of authentication.

use crate::auth::settings::config::AuthConfig;
use crate::tenant::{TenantExecutor, TenantTransaction};

/// Authentication of one tenant.
///
/// [`TenantConnection::auth`](crate::TenantConnection::auth) returns it, and so does [`TenantTransaction::auth`], where
/// every operation is part of the transaction. `Auth` itself carries the operations of a whole login; its parts carry the
/// operations of one noun each:
///
/// | part | operations |
/// |---|---|
/// | [`users`](Self::users) | find, create, change, lock and delete users; passwords |
/// | [`sessions`](Self::sessions) | create, find, renew and end sessions |
/// | [`totp`](Self::totp) | enroll, confirm and disable the second factor |
/// | [`backup_codes`](Self::backup_codes) | make and use up backup codes |
/// | [`invitations`](Self::invitations) | create, find and accept invitations |
/// | [`audit`](Self::audit) | write and read the audit trail |
///
/// ```no_run
/// # async fn example(tenant: watertight::TenantConnection) -> Result<(), watertight::Error> {
/// let auth = tenant.auth();
/// if let Some(jess) = auth.users().find_by_handle(&"jess".parse()?).await? {
///     println!("{} sessions", auth.sessions().all_of(jess.id).await?.len());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Auth<'a, C> {
    pub(in crate::auth) db: &'a C,
    pub(in crate::auth) config: &'a AuthConfig,
}

impl<C> Clone for Auth<'_, C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C> Copy for Auth<'_, C> {}

impl<'a, C: TenantExecutor> Auth<'a, C> {
    pub(crate) fn new(db: &'a C) -> Self {
        Self { db, config: AuthConfig::of(db.auth_settings()) }
    }

    /// The same within a transaction.
    pub(in crate::auth) const fn on<'t>(
        self,
        transaction: &'t TenantTransaction,
    ) -> Auth<'t, TenantTransaction>
    where
        'a: 't,
    {
        Auth { db: transaction, config: self.config }
    }
}

/// Defines the parts of [`Auth`], each as cheap to copy as the two references that it consists of.
macro_rules! parts {
    ($($(#[$meta:meta])* $name:ident by $method:ident;)+) => {$(
        $(#[$meta])*
        #[derive(Debug)]
        pub struct $name<'a, C> {
            pub(in crate::auth) auth: Auth<'a, C>,
        }

        impl<C> Clone for $name<'_, C> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<C> Copy for $name<'_, C> {}

        impl<'a, C> Auth<'a, C> {
            $(#[$meta])*
            #[must_use]
            pub const fn $method(self) -> $name<'a, C> {
                $name { auth: self }
            }
        }
    )+};
}

parts! {
    /// Users of the tenant, and their passwords.
    ///
    /// ```no_run
    /// use watertight::auth::{NewUser, Password, Role};
    ///
    /// # async fn example(tenant: watertight::TenantConnection) -> Result<(), watertight::Error> {
    /// let users = tenant.auth().users();
    /// let password = Password::new("correct horse battery staple")?;
    /// let jess = NewUser::new("jess".parse()?, "jess@example.com".parse()?, password);
    /// let jess = users.create(NewUser { role: Role::Editor, ..jess }).await?;
    /// users.lock(jess.id, "left the company").await?;
    /// assert!(users.find(jess.id).await?.is_some_and(|jess| jess.is_locked));
    /// # Ok(())
    /// # }
    /// ```
    Users by users;
    /// Sessions of the tenant's users. The database's clock decides which are live.
    ///
    /// ```no_run
    /// use watertight::auth::SessionMetadata;
    ///
    /// # async fn example(tenant: watertight::TenantConnection, user: uuid::Uuid) -> Result<(), watertight::Error> {
    /// let sessions = tenant.auth().sessions();
    /// let session = sessions.create(user, &SessionMetadata::default()).await?;
    /// let token = sessions.issue_token(session.id).await?;
    /// assert!(tenant.auth().authenticate(token.expose_secret()).await?.is_some());
    /// sessions.end_all_of(user).await?;
    /// # Ok(())
    /// # }
    /// ```
    Sessions by sessions;
    /// TOTP secrets: the second factor of the tenant's users.
    ///
    /// ```no_run
    /// # async fn example(
    /// #     tenant: watertight::TenantConnection, session: uuid::Uuid, code: &str,
    /// # ) -> Result<(), watertight::Error> {
    /// let totp = tenant.auth().totp();
    /// let enrollment = totp.enroll(session).await?;
    /// println!("{} bytes of SVG", secrecy::ExposeSecret::expose_secret(&enrollment.qr_svg()?).len());
    /// // When the user has typed the code that the app shows:
    /// let backup_codes = totp.confirm(session, code).await?;
    /// # Ok(())
    /// # }
    /// ```
    Totp by totp;
    /// Backup codes of the tenant's users, as stored: hashed.
    ///
    /// ```no_run
    /// # async fn example(
    /// #     tenant: watertight::TenantConnection, user: uuid::Uuid, typed: &str,
    /// # ) -> Result<(), watertight::Error> {
    /// let backup_codes = tenant.auth().backup_codes();
    /// if let Some(remaining) = backup_codes.consume(user, typed).await? {
    ///     println!("{remaining} codes remain");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    StoredBackupCodes by backup_codes;
    /// Invitations to become a user of the tenant.
    ///
    /// ```no_run
    /// use watertight::auth::{InvitedUser, NewInvitation, Password, Role};
    ///
    /// # async fn example(tenant: watertight::TenantConnection, jess: uuid::Uuid) -> Result<(), watertight::Error> {
    /// let invitations = tenant.auth().invitations();
    /// let new = NewInvitation::new("kai@example.com".parse()?, Role::Editor, jess);
    /// let created = invitations.create(new).await?;
    /// // When Kai follows the link that carries the token:
    /// let kai = InvitedUser::new("kai".parse()?, Password::new("correct horse battery staple")?);
    /// let kai = invitations.accept(created.token.expose_secret(), kai).await?;
    /// # Ok(())
    /// # }
    /// ```
    Invitations by invitations;
    /// The audit trail of the tenant.
    ///
    /// ```no_run
    /// use watertight::auth::{AuditEventType, AuditFilter, NewAuditEvent, Severity};
    ///
    /// # async fn example(tenant: watertight::TenantConnection) -> Result<(), watertight::Error> {
    /// let audit = tenant.auth().audit();
    /// audit.log(NewAuditEvent::new(AuditEventType::SystemConfigured)).await?;
    /// let warnings = AuditFilter { severity: Some(Severity::Warning), ..Default::default() };
    /// let page = audit.page(&warnings).await?;
    /// let next = audit.page(&AuditFilter { after: page.next, ..warnings }).await?;
    /// # Ok(())
    /// # }
    /// ```
    AuditTrail by audit;
}

crate::tenant::facade::facade! {
    @methods
    /// Authentication of the tenant.
    Auth by auth
}
