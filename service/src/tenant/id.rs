use std::fmt;
use std::str::FromStr;

use sea_orm::Value;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::error::TenantIdError;

/// The ID of a tenant: a UUID that is not nil.
///
/// The nil UUID is rejected, because it is typical of uninitialized variables and default values.
///
/// ```
/// use watertight::TenantId;
///
/// let tenant: TenantId = "7b0e8d3c-5a53-4f6e-9b0e-0f8a1f0f2a11".parse()?;
/// assert_eq!(tenant.to_string(), "7b0e8d3c-5a53-4f6e-9b0e-0f8a1f0f2a11");
/// assert!("00000000-0000-0000-0000-000000000000".parse::<TenantId>().is_err());
/// # Ok::<(), watertight::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Uuid", into = "Uuid")]
pub struct TenantId(Uuid);

impl TenantId {
    /// Creates a tenant ID from a UUID.
    ///
    /// ```
    /// use uuid::{Uuid, uuid};
    /// use watertight::{TenantId, TenantIdError};
    ///
    /// let clinic = TenantId::new(uuid!("7b0e8d3c-5a53-4f6e-9b0e-0f8a1f0f2a11"))?;
    /// assert_eq!(clinic.to_string(), "7b0e8d3c-5a53-4f6e-9b0e-0f8a1f0f2a11");
    /// assert_eq!(TenantId::new(Uuid::nil()), Err(TenantIdError::Nil));
    /// # Ok::<(), TenantIdError>(())
    /// ```
    ///
    /// # Errors
    /// [`TenantIdError::Nil`] for the nil UUID.
    pub fn new(id: Uuid) -> Result<Self, TenantIdError> {
        if id.is_nil() { Err(TenantIdError::Nil) } else { Ok(Self(id)) }
    }

    /// The UUID, for keys that name the tenant: `users::Entity::find_by_id((tenant.uuid(), id))`.
    #[must_use]
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TenantId({})", self.0)
    }
}

impl TryFrom<Uuid> for TenantId {
    type Error = TenantIdError;

    fn try_from(id: Uuid) -> Result<Self, TenantIdError> {
        Self::new(id)
    }
}

impl FromStr for TenantId {
    type Err = TenantIdError;

    fn from_str(text: &str) -> Result<Self, TenantIdError> {
        let id = Uuid::parse_str(text.trim())
            .map_err(|source| TenantIdError::Malformed { text: text.to_owned(), source })?;
        Self::new(id)
    }
}

impl From<TenantId> for Uuid {
    fn from(tenant: TenantId) -> Self {
        tenant.0
    }
}

impl From<TenantId> for Value {
    fn from(tenant: TenantId) -> Self {
        tenant.0.into()
    }
}
