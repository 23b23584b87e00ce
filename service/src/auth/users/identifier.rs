//! The handle or email address of a login.

use crate::vocabulary::InvalidInput;
use crate::vocabulary::{Email, Handle};

/// A handle or an email address, typed into one field: text with an `@` is an email address.
///
/// ```
/// use watertight::auth::Identifier;
///
/// assert!(matches!("jess".parse()?, Identifier::Handle(_)));
/// assert!(matches!("jess@example.com".parse()?, Identifier::Email(_)));
/// # Ok::<(), watertight::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Identifier {
    /// A handle.
    Handle(Handle),
    /// An email address.
    Email(Email),
}

impl std::str::FromStr for Identifier {
    type Err = InvalidInput;

    fn from_str(text: &str) -> Result<Self, InvalidInput> {
        if text.contains('@') { text.parse().map(Self::Email) } else { text.parse().map(Self::Handle) }
    }
}

impl From<Handle> for Identifier {
    fn from(handle: Handle) -> Self {
        Self::Handle(handle)
    }
}

impl From<Email> for Identifier {
    fn from(email: Email) -> Self {
        Self::Email(email)
    }
}
