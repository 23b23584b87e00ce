//! How people are named: by handle and by email.

use sea_orm::DeriveValueType;

use crate::Error;
use crate::text::{check_word, text_traits};

/// A user's handle: unique within the tenant, trimmed and in lower case, 1 to 64 characters, without white space,
/// `@` (so that it is never taken for an email) and `:` (which separates the parts of an otpauth label).
///
/// ```
/// use watertight::auth::Handle;
///
/// let handle: Handle = "  Jess ".parse()?;
/// assert_eq!(handle.as_str(), "jess");
/// assert!("jess@example.com".parse::<Handle>().is_err());
/// # Ok::<(), watertight::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, DeriveValueType)]
pub struct Handle(String);

impl Handle {
    /// The longest handle, in characters.
    pub const MAX_CHARS: usize = 64;

    /// The handle as it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Handle {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let handle = text.trim().to_lowercase();
        check_word("handle", &handle, Self::MAX_CHARS)?;
        if handle.contains(['@', ':']) {
            let reason = "holds @ or :; choose a handle without them".to_owned();
            return Err(Error::InvalidInput { what: "handle", value: handle, reason });
        }
        Ok(Self(handle))
    }
}

text_traits!(Handle);

/// An email address: unique within the tenant, trimmed and in lower case, at most 255 characters, with something on
/// either side of its last `@` and no white space.
///
/// Whether mail arrives there only mail can tell, so no more is asked of it.
///
/// ```
/// use watertight::auth::Email;
///
/// let email: Email = " Jess@Example.com".parse()?;
/// assert_eq!(email.as_str(), "jess@example.com");
/// assert!("jess".parse::<Email>().is_err());
/// # Ok::<(), watertight::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, DeriveValueType)]
pub struct Email(String);

impl Email {
    /// The longest address, in characters.
    pub const MAX_CHARS: usize = 255;

    /// The address as it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Email {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let email = text.trim().to_lowercase();
        check_word("email", &email, Self::MAX_CHARS)?;
        match email.rsplit_once('@') {
            Some((local, domain)) if !local.is_empty() && !domain.is_empty() => Ok(Self(email)),
            _ => {
                let reason = "has no name before or no host after an @; give it as name@host".to_owned();
                Err(Error::InvalidInput { what: "email", value: email, reason })
            }
        }
    }
}

text_traits!(Email);
