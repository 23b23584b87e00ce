//! Failed logins of the recent past.

use std::time::Duration;

use crate::auth::error::AuthError;
use crate::auth::handle::AuditTrail;
use crate::tenant::TenantExecutor;
use crate::tenant::sql::{seconds, statement};
use crate::vocabulary::{ClientAddress, Handle};

/// The origin of failed logins: a user or an address.
///
/// ```
/// use watertight::auth::LoginOrigin;
///
/// # fn main() -> Result<(), watertight::Error> {
/// let user = LoginOrigin::Handle("jess".parse()?);
/// let client = LoginOrigin::Address("192.0.2.17".parse()?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LoginOrigin {
    /// The handle of a known user. Names of unknown users are not logged.
    Handle(Handle),
    /// The address of a client. A whole one is searched for as the setting
    /// [`address_storage`](crate::auth::AuthSettings::address_storage) stores it.
    Address(ClientAddress),
}

impl<C: TenantExecutor> AuditTrail<'_, C> {
    /// Returns the number of failed logins of a user or of an address within a time until now.
    ///
    /// It counts events of the type `LOGIN_FAILURE`, except logins that were asked for a second factor. One query reads the
    /// failures of the time from an index.
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use watertight::Tenant;
    /// use watertight::auth::{AuthError, ClientAddress, LoginOrigin};
    ///
    /// /// Returns true if a client has guessed too often, over all users.
    /// async fn is_guessing(tenant: &impl Tenant, client: ClientAddress) -> Result<bool, AuthError> {
    ///     let origin = LoginOrigin::Address(client);
    ///     Ok(tenant.auth().audit().failed_logins(&origin, Duration::from_mins(15)).await? >= 20)
    /// }
    /// ```
    ///
    /// # Errors
    /// [`AuthError::Database`].
    pub async fn failed_logins(self, origin: &LoginOrigin, window: Duration) -> Result<u64, AuthError> {
        let (column, value) = match origin {
            LoginOrigin::Handle(handle) => ("handle", handle.to_string()),
            LoginOrigin::Address(address) => {
                ("ip_address", self.auth.config.address_storage().form(address).into())
            }
        };
        let count = format!(
            r#"SELECT count(*) AS "failures" FROM "auth"."audit_events"
               WHERE "type" = 'LOGIN_FAILURE' AND "timestamp" > CURRENT_TIMESTAMP - $2::float8 * INTERVAL '1 second'
                   AND "{column}" = $1 AND "details"->>'reason' IS DISTINCT FROM 'second factor wanted'"#
        );
        // The trail is younger than a century.
        let window = window.min(Duration::from_hours(24 * 36_500));
        let row = self.auth.db.query_one_raw(statement(count, [value.into(), seconds(window)])).await?;
        let failures: i64 = row.map(|row| row.try_get("", "failures")).transpose()?.unwrap_or_default();
        Ok(failures.unsigned_abs())
    }
}
