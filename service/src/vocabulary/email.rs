use sea_orm::DeriveValueType;
use watertight_schema::text;

use crate::vocabulary::InvalidInput;
use crate::vocabulary::text::{check_visible, check_word};
use crate::vocabulary::text_enum::text_traits;

/// An email address in its normal form, unique within the tenant.
///
/// It is trimmed, in lower case and with composed letters (NFC). It has at most 255 characters, no white space, control or invisible characters, and text on both sides of its last
/// `@`. The check is deliberately loose: only a sent email proves that an address exists.
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
    type Err = InvalidInput;

    fn from_str(text: &str) -> Result<Self, InvalidInput> {
        let email = Self::stored(text)?;
        check_visible("email", email.as_str())?;
        Ok(email)
    }
}

impl Email {
    /// An address to search for, which can have been stored before invisible characters were refused.
    pub(crate) fn stored(text: &str) -> Result<Self, InvalidInput> {
        let email = text::name(text);
        check_word("email", &email, Self::MAX_CHARS)?;
        match email.rsplit_once('@') {
            Some((local, domain)) if !local.is_empty() && !domain.is_empty() => Ok(Self(email)),
            _ => {
                let reason = "has no name before or no host after the @; write it as name@host".to_owned();
                Err(InvalidInput { what: "email", value: email, reason })
            }
        }
    }
}

text_traits!(Email);
