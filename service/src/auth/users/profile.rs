//! The profile of a user.

use sea_orm::FromQueryResult;
use serde::{Deserialize, Serialize};

use crate::vocabulary::{Change, InvalidInput, limits, text};

/// The profile of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, FromQueryResult)]
pub struct Profile {
    /// The name to show; at most 128 characters.
    pub display_name: Option<String>,
    /// A few words about the user.
    pub bio: Option<String>,
    /// The URL of the user's picture.
    pub avatar_url: Option<String>,
    /// At most 32 characters.
    pub pronouns: Option<String>,
    /// The name of an IANA time zone; at most 64 characters.
    pub timezone: Option<String>,
    /// A language tag (BCP 47); at most 16 characters.
    pub locale: Option<String>,
    /// At most 8 characters.
    pub theme: Option<String>,
    /// True if the user wants mail; true by default.
    pub email_notifications: bool,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            display_name: None,
            bio: None,
            avatar_url: None,
            pronouns: None,
            timezone: None,
            locale: None,
            theme: None,
            email_notifications: true,
        }
    }
}

impl Profile {
    pub(in crate::auth) fn check(&self) -> Result<(), InvalidInput> {
        text::check_optional("display name", self.display_name.as_ref(), 128)?;
        text::check_optional("bio", self.bio.as_ref(), limits::TEXT_CHARS)?;
        text::check_optional("avatar URL", self.avatar_url.as_ref(), limits::TEXT_CHARS)?;
        text::check_optional("pronouns", self.pronouns.as_ref(), 32)?;
        text::check_optional("time zone", self.timezone.as_ref(), 64)?;
        text::check_optional("locale", self.locale.as_ref(), 16)?;
        text::check_optional("theme", self.theme.as_ref(), 8)
    }
}

/// Changes to a user's profile.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "as in `Profile`")]
pub struct ProfileUpdate {
    pub display_name: Change<Option<String>>,
    pub bio: Change<Option<String>>,
    pub avatar_url: Change<Option<String>>,
    pub pronouns: Change<Option<String>>,
    pub timezone: Change<Option<String>>,
    pub locale: Change<Option<String>>,
    pub theme: Change<Option<String>>,
    pub email_notifications: Change<bool>,
}

impl From<Profile> for ProfileUpdate {
    fn from(profile: Profile) -> Self {
        Self {
            display_name: profile.display_name.into(),
            bio: profile.bio.into(),
            avatar_url: profile.avatar_url.into(),
            pronouns: profile.pronouns.into(),
            timezone: profile.timezone.into(),
            locale: profile.locale.into(),
            theme: profile.theme.into(),
            email_notifications: profile.email_notifications.into(),
        }
    }
}
