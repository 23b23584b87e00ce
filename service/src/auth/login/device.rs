//! Devices that a user has logged in from, after OWASP's device cookies.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::auth::error::AuthError;
use crate::auth::sessions::token::SigningKeys;
use crate::tenant::TenantId;

/// Where an attempt comes from, which decides which failures count for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::auth) enum Origin {
    /// Anywhere: anyone can make such attempts.
    Anywhere,
    /// A device that the user has logged in from before.
    KnownDevice,
}

/// The proof that users have logged in from a device before: the value of a long-lived cookie.
///
/// [`Login::device`](crate::auth::Login::device) is the token to store, and
/// [`LoginRequest::device`](crate::auth::LoginRequest::device) takes it at the next login from the same device. Failures of
/// other devices do not lock such a login, so that anonymous guesses cannot lock a user out. The token does not log anyone
/// in. It remembers the last four users of the device, is signed for the tenant, and is valid as long as the key that
/// signed it. `Debug` does not print it.
///
/// ```no_run
/// use watertight::Tenant;
/// use watertight::auth::{AuthError, DeviceToken, LoginRequest};
///
/// /// Logs in, and returns the new value of the device's cookie.
/// async fn log_in(
///     tenant: &impl Tenant,
///     request: LoginRequest,
///     cookie: Option<String>,
/// ) -> Result<DeviceToken, AuthError> {
///     let request = LoginRequest { device: cookie.map(DeviceToken::new), ..request };
///     Ok(tenant.auth().login(request).await?.device)
/// }
/// ```
#[derive(Clone)]
pub struct DeviceToken(SecretString);

/// The most users that a token remembers.
const USERS: usize = 4;
/// The bytes of a user's id, and the length of a user's part: the id and an HMAC-SHA256 in base64url.
const ID_BYTES: usize = 16;
const PART_CHARS: usize = 64;

impl DeviceToken {
    /// Takes a token as a client sent it. A token that no key of the tenant signed proves nothing.
    ///
    /// ```
    /// use watertight::auth::{DeviceToken, LoginRequest, Password};
    ///
    /// let device = Some(DeviceToken::new("the value of the cookie".to_owned()));
    /// let request = LoginRequest::new("jess".parse()?, Password::to_verify("correct horse")?);
    /// let request = LoginRequest { device, ..request };
    /// # Ok::<(), watertight::auth::AuthError>(())
    /// ```
    #[must_use]
    pub fn new(text: impl Into<SecretString>) -> Self {
        Self(text.into())
    }

    /// The token in clear.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        self.0.expose_secret()
    }

    /// The users of the tenant who have logged in from the device, the last one first.
    fn users<'t>(
        &'t self,
        keys: &'t SigningKeys,
        tenant: TenantId,
    ) -> impl Iterator<Item = Result<(Uuid, &'t str), AuthError>> {
        let parts = self.expose_secret().split('.').take(USERS).filter(|part| part.len() == PART_CHARS);
        parts.filter_map(move |part| {
            let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
            let (id, mac) = bytes.split_at_checked(ID_BYTES)?;
            let user = Uuid::from_slice(id).ok()?;
            match keys.signed(message(tenant, user).as_bytes(), mac) {
                Ok(true) => Some(Ok((user, part))),
                Ok(false) => None,
                Err(error) => Some(Err(error)),
            }
        })
    }

    /// Where an attempt at a user comes from.
    pub(in crate::auth) fn origin(
        device: Option<&Self>,
        keys: &SigningKeys,
        tenant: TenantId,
        user: Uuid,
    ) -> Result<Origin, AuthError> {
        for known in device.into_iter().flat_map(|device| device.users(keys, tenant)) {
            if known?.0 == user {
                return Ok(Origin::KnownDevice);
            }
        }
        Ok(Origin::Anywhere)
    }

    /// The token of a device after a login.
    pub(in crate::auth) fn after_login(
        before: Option<&Self>,
        keys: &SigningKeys,
        tenant: TenantId,
        user: Uuid,
    ) -> Result<Self, AuthError> {
        let mac = keys.signature_of(message(tenant, user).as_bytes())?;
        let mut parts = vec![URL_SAFE_NO_PAD.encode([user.as_bytes().as_slice(), mac.as_slice()].concat())];
        for known in before.into_iter().flat_map(|device| device.users(keys, tenant)) {
            let (other, part) = known?;
            if other != user && parts.len() < USERS {
                parts.push(part.to_owned());
            }
        }
        Ok(Self(parts.join(".").into()))
    }
}

/// A session's message begins with the tenant, so that no token is valid as the other.
fn message(tenant: TenantId, user: Uuid) -> String {
    format!("device:{tenant}:{user}")
}

impl fmt::Debug for DeviceToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceToken(..)")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn tenant(n: u128) -> TenantId {
        TenantId::new(Uuid::from_u128(n)).unwrap()
    }

    fn token(device: Option<&DeviceToken>, keys: &SigningKeys, user: u128) -> DeviceToken {
        DeviceToken::after_login(device, keys, tenant(1), Uuid::from_u128(user)).unwrap()
    }

    fn is_known(device: &DeviceToken, keys: &SigningKeys, tenant: TenantId, user: u128) -> bool {
        let origin = DeviceToken::origin(Some(device), keys, tenant, Uuid::from_u128(user)).unwrap();
        origin == Origin::KnownDevice
    }

    #[test]
    fn a_device_is_known_to_its_last_users_of_one_tenant() {
        let keys = SigningKeys::new([vec![1; 32]]).unwrap();
        let mut device = token(None, &keys, 1);
        for user in [2, 3, 2, 4, 5] {
            device = token(Some(&device), &keys, user);
        }
        assert_eq!(device.expose_secret().len(), 4 * PART_CHARS + 3);
        for user in [2, 3, 4, 5] {
            assert!(is_known(&device, &keys, tenant(1), user), "{user}");
        }
        assert!(!is_known(&device, &keys, tenant(1), 1), "the fifth is forgotten");
        assert!(!is_known(&device, &keys, tenant(2), 5), "of one tenant");
        assert_eq!(format!("{device:?}"), "DeviceToken(..)");
    }

    #[test]
    fn nothing_else_is_known() {
        let (keys, others) =
            (SigningKeys::new([vec![1; 32]]).unwrap(), SigningKeys::new([vec![2; 32]]).unwrap());
        let session = keys.sign(tenant(1), Uuid::from_u128(1)).unwrap();
        let right = token(None, &keys, 1);
        let text = right.expose_secret();
        let ours = token(None, &others, 1);
        for odd in
            ["", ".", "....", session.expose_secret(), &text[1..], &format!("A{text}"), ours.expose_secret()]
        {
            assert!(!is_known(&DeviceToken::new(odd), &keys, tenant(1), 1), "{odd}");
        }
        let both = SigningKeys::new([vec![2; 32], vec![1; 32]]).unwrap();
        assert!(is_known(&right, &both, tenant(1), 1), "an old key is still accepted");
    }
}
