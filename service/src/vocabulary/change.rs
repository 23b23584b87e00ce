/// What becomes of a field in an update.
///
/// ```
/// use watertight::auth::{Change, ProfileUpdate};
///
/// let update = ProfileUpdate { bio: Change::Set(None), theme: Some("dark".into()).into(), ..Default::default() };
/// assert_eq!(update.pronouns, Change::Keep);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Change<T> {
    /// It stays as it is.
    #[default]
    Keep,
    /// It becomes this. What may be absent is cleared with `Set(None)`.
    Set(T),
}

impl<T> Change<T> {
    /// The new value, if there is one.
    pub fn into_option(self) -> Option<T> {
        match self {
            Self::Keep => None,
            Self::Set(value) => Some(value),
        }
    }

    /// The new value, if there is one.
    pub const fn as_option(&self) -> Option<&T> {
        match self {
            Self::Keep => None,
            Self::Set(value) => Some(value),
        }
    }
}

impl<T> From<T> for Change<T> {
    fn from(value: T) -> Self {
        Self::Set(value)
    }
}
