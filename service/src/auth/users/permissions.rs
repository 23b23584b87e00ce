//! Permissions of a user.

use sea_orm::FromJsonQueryResult;
use serde::{Deserialize, Serialize};

use crate::vocabulary::{InvalidInput, limits, text};

/// The permissions of a user beyond the role, as names that the application defines.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, FromJsonQueryResult)]
#[serde(transparent)]
pub struct Permissions(pub Vec<String>);

impl Permissions {
    pub(in crate::auth) fn check(permissions: Option<&Self>) -> Result<(), InvalidInput> {
        permissions.map_or(Ok(()), |Self(names)| {
            text::check_list("permissions", names)?;
            names.iter().try_for_each(|name| text::check("permission", name, limits::TEXT_CHARS))
        })
    }
}
