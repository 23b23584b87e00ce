//! Logging in.

use crate::auth::error::AuthError;
use crate::auth::handle::Auth;
use crate::auth::login::admitting::Proof;
use crate::auth::login::attempt::Factor;
use crate::auth::login::device::{DeviceToken, Origin};
use crate::auth::login::request::LoginRequest;
use crate::auth::login::result::Login;
use crate::auth::users::hasher::Lane;
use crate::tenant::TenantExecutor;

impl<C: TenantExecutor> Auth<'_, C> {
    /// Logs a user in: verifies the credentials and creates a session.
    ///
    /// The second factor is verified if one is enrolled. Every attempt is written to the audit trail.
    ///
    /// An unknown user takes as long as a wrong password and costs the database as much. Failures are counted in the database and
    /// lock the account as [`Lockout`](crate::auth::Lockout) defines. After hashing, the row is locked and read again, and the
    /// failure is counted in the same transaction: once the account is locked, no answer depends on the password. A hash of a
    /// lower cost than the settings' is replaced.
    ///
    /// Anyone can cause that lock. It does not bind a login with a [`LoginRequest::device`] that the user has logged in from
    /// before: such failures are counted apart, and lock such logins alone.
    ///
    /// Call it outside a transaction of your own: a refusal that is rolled back is not counted.
    ///
    /// If the answer of a login can be lost, give it an [`attempt`](LoginRequest::attempt): a new random UUID, which the application
    /// keeps secret. For ten minutes the same request returns the session that it has created, although its second factor is
    /// used up, and counts no failure. Without an attempt, a repeated login with a second factor is refused and counted.
    ///
    /// ```no_run
    /// use watertight::Tenant;
    /// use watertight::auth::{AuthError, LoginRefusal, LoginRequest, Password};
    ///
    /// # async fn example(tenant: &impl Tenant, name: &str, password: String) -> Result<(), AuthError> {
    /// let request = LoginRequest::new(name.parse()?, Password::to_verify(password)?);
    /// match tenant.auth().login(request).await {
    ///     Ok(login) => println!("{} is logged in until {}", login.user.handle, login.session.expires_at),
    ///     Err(AuthError::LoginRefused(LoginRefusal::SecondFactorRequired)) => println!("Enter a code."),
    ///     Err(AuthError::LoginRefused(refusal)) => println!("{refusal}"),
    ///     Err(other) => return Err(other),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`AuthError::LoginRefused`]; [`AuthError::HashingQueueFull`] at once when too many logins of the tenant wait;
    /// [`AuthError::SessionNotFound`] if the session of the attempt has ended or is too old; [`AuthError::NotConfigured`] without
    /// [`signing_keys`](crate::auth::AuthSettings::signing_keys), before anything else.
    pub async fn login(self, request: LoginRequest) -> Result<Login, AuthError> {
        let keys = self.config.signing_keys()?;
        let LoginRequest { identifier, password, second_factor, metadata, attempt: repeatable, device } =
            request;
        metadata.check()?;
        let (condition, names) = identifier.condition();
        let candidate = self.candidate(&condition, names).await?;
        let (tenant, device) = (self.db.tenant_id(), device.as_ref());
        let origin = candidate.as_ref().map(|user| DeviceToken::origin(device, keys, tenant, user.id));
        let origin = origin.transpose()?.unwrap_or(Origin::Anywhere);
        let lane = if origin == Origin::KnownDevice { Lane::Known } else { Lane::Anyone };
        let attempt = self.compare(candidate, origin, &password, lane).await?;

        let first = if second_factor.is_some() { Factor::Unchecked } else { Factor::Missing };
        let mut transaction = self.db.begin().await?;
        let mut verdict = self.on(&transaction).judge(&attempt, first, &metadata).await?;
        let (mut proof, mut rehashed) = (Proof::None, None);
        if let Ok(verified) = &verdict
            && (verified.totp_enabled || self.config.hasher.needs_rehash(&verified.hash))
        {
            transaction.commit().await?;
            let event = self.event_of_attempt(verified.id, repeatable)?;
            let is_repeated = self.session_of_attempt(verified.id, event).await?.is_some();
            let prepared = self.prepare(verified, second_factor, password, is_repeated).await?;
            (proof, rehashed) = (prepared.proof, prepared.rehashed);
            transaction = self.db.begin().await?;
            verdict = self.on(&transaction).judge(&attempt, prepared.factor, &metadata).await?;
        }
        let auth = self.on(&transaction);
        let admitted = match verdict {
            Ok(verified) => {
                let event = self.event_of_attempt(verified.id, repeatable)?;
                match auth.session_of_attempt(verified.id, event).await? {
                    Some(session) => auth.admit_again(&verified, session, &proof).await?,
                    None => {
                        auth.admit(&attempt, &verified, proof, rehashed.as_ref(), &metadata, event).await?
                    }
                }
            }
            Err(refusal) => Err(refusal),
        };
        transaction.commit().await?;
        let (user, session, backup_codes_remaining) = admitted?;
        let token = keys.sign(tenant, session.id)?;
        let device = DeviceToken::after_login(device, keys, tenant, user.id)?;
        Ok(Login { user, session, token, device, backup_codes_remaining })
    }
}
