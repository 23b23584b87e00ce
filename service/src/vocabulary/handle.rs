use sea_orm::DeriveValueType;

use crate::vocabulary::InvalidInput;
use crate::vocabulary::text::check_word;
use crate::vocabulary::text_enum::text_traits;

/// The handle of a user, trimmed and in lower case, and unique within the tenant.
///
/// It has 1 to 64 characters, without white space and control characters. `@` is not allowed, so that a
/// handle is never mistaken for an email address. `:` is not allowed, because it separates the parts of an
/// otpauth label.
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
    type Err = InvalidInput;

    fn from_str(text: &str) -> Result<Self, InvalidInput> {
        let handle = text.trim().to_lowercase();
        check_word("handle", &handle, Self::MAX_CHARS)?;
        if handle.contains(['@', ':']) {
            let reason = "contains @ or :; choose a handle without them".to_owned();
            return Err(InvalidInput { what: "handle", value: handle, reason });
        }
        Ok(Self(handle))
    }
}

text_traits!(Handle);
