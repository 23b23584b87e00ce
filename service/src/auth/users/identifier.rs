//! The handle or email address of a login.

use watertight_schema::text;

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
        // Invisible characters are refused in new names only: a user with an older name can log in.
        if text.contains('@') {
            Email::stored(text).map(Self::Email)
        } else {
            Handle::stored(text).map(Self::Handle)
        }
    }
}

impl Identifier {
    /// The condition on a row of `auth.users`, with its values.
    ///
    /// A name that was stored before with decomposed letters (NFD) is found too, after one in the normal form.
    pub(in crate::auth) fn condition(&self) -> (String, Vec<sea_orm::Value>) {
        let (column, name) = match self {
            Self::Handle(handle) => ("handle", handle.as_str()),
            Self::Email(email) => ("email", email.as_str()),
        };
        let decomposed = text::decomposed(name);
        if decomposed == name {
            return (format!(r#""{column}" = $1"#), vec![name.into()]);
        }
        let condition = format!(r#""{column}" IN ($1, $2) ORDER BY "{column}" = $1 DESC LIMIT 1"#);
        (condition, vec![name.into(), decomposed.into()])
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
