use sea_orm::DeriveValueType;
use watertight_schema::text;

use crate::vocabulary::InvalidInput;
use crate::vocabulary::text::{check_visible, check_word};
use crate::vocabulary::text_enum::text_traits;

/// The handle of a user in its normal form, unique within the tenant.
///
/// It is trimmed, in lower case and with composed letters (NFC). It has 1 to 64 characters, without white space, control characters and invisible characters. `@` is not allowed, so that a
/// handle is never mistaken for an email address. `:` is not allowed, because it separates the parts of an
/// otpauth label.
///
/// ```
/// use watertight::auth::Handle;
///
/// let handle: Handle = "  Jess ".parse()?;
/// assert_eq!(handle.as_str(), "jess");
/// assert!("jess@example.com".parse::<Handle>().is_err());
/// assert!("je\u{200b}ss".parse::<Handle>().is_err());
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
    type Err = InvalidInput;

    fn from_str(text: &str) -> Result<Self, InvalidInput> {
        let handle = Self::stored(text)?;
        check_visible("handle", handle.as_str())?;
        Ok(handle)
    }
}

impl Handle {
    /// A handle to search for, which can have been stored before invisible characters were refused.
    pub(crate) fn stored(text: &str) -> Result<Self, InvalidInput> {
        let handle = text::name(text);
        check_word("handle", &handle, Self::MAX_CHARS)?;
        if handle.contains(['@', ':']) {
            let reason = "contains @ or :; choose a handle without them".to_owned();
            return Err(InvalidInput { what: "handle", value: handle, reason });
        }
        Ok(Self(handle))
    }
}

text_traits!(Handle);
