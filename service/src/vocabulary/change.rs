/// The change of one field in an update: keep it or set it.
///
/// ```
/// use watertight::auth::{Change, ProfileUpdate};
///
/// let update = ProfileUpdate { bio: Change::Set(None), theme: Some("dark".into()).into(), ..Default::default() };
/// assert_eq!(update.pronouns, Change::Keep);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Change<T> {
    /// Keeps the value.
    #[default]
    Keep,
    /// Sets the value. `Set(None)` clears an optional field.
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
