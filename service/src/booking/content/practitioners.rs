//! The practitioners of a business.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, Set};
use watertight_entity::public::practitioners::{self, Column};

use crate::booking::BookingError;
use crate::tenant::TenantExecutor;
use crate::vocabulary::{Handle, limits, text};

use super::Content;

/// A practitioner to save with [`Content::save_practitioner`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPractitioner {
    /// The key: a practitioner is updated when the tenant has one with this handle.
    pub handle: Handle,
    /// At most 255 characters.
    pub name: String,
    /// At most 128 characters.
    pub title: Option<String>,
    /// A short biography.
    pub bio: Option<String>,
    /// Degrees and licenses.
    pub credentials: Vec<String>,
    /// Specializations.
    pub specializations: Vec<String>,
    /// At most 32 characters.
    pub license_number: Option<String>,
    /// The URL of a photo; at most 512 characters.
    pub photo_url: Option<String>,
}

impl NewPractitioner {
    /// A practitioner with a handle and a name.
    ///
    /// ```
    /// use watertight::content::NewPractitioner;
    ///
    /// let maya = NewPractitioner {
    ///     title: Some("Massage therapist".into()),
    ///     specializations: vec!["deep tissue".into(), "sports".into()],
    ///     ..NewPractitioner::new("Maya".parse()?, "Maya Lindqvist")
    /// };
    /// assert_eq!(maya.handle.as_str(), "maya");
    /// # Ok::<(), watertight::Error>(())
    /// ```
    pub fn new(handle: Handle, name: impl Into<String>) -> Self {
        Self {
            handle,
            name: name.into(),
            title: None,
            bio: None,
            credentials: Vec::new(),
            specializations: Vec::new(),
            license_number: None,
            photo_url: None,
        }
    }
}

/// Practitioners.
impl<C: TenantExecutor> Content<'_, C> {
    /// Inserts a practitioner, or updates the practitioner with the same handle.
    ///
    /// # Errors
    /// [`BookingError::InvalidInput`].
    pub async fn save_practitioner(
        self,
        new: &NewPractitioner,
    ) -> Result<practitioners::Model, BookingError> {
        text::check("name", &new.name, 255)?;
        text::check_optional("title", new.title.as_ref(), 128)?;
        text::check_optional("bio", new.bio.as_ref(), limits::TEXT_CHARS)?;
        text::check_optional("license number", new.license_number.as_ref(), 32)?;
        text::check_optional("picture", new.photo_url.as_ref(), 512)?;
        text::check_list("credentials", &new.credentials)?;
        text::check_list("specializations", &new.specializations)?;
        for text in new.credentials.iter().chain(&new.specializations) {
            text::check("credential", text, limits::TEXT_CHARS)?;
        }
        let row = practitioners::ActiveModel {
            handle: Set(new.handle.to_string()),
            name: Set(new.name.clone()),
            title: Set(new.title.clone()),
            bio: Set(new.bio.clone()),
            credentials: Set(Some(new.credentials.clone())),
            specializations: Set(Some(new.specializations.clone())),
            license_number: Set(new.license_number.clone()),
            photo_url: Set(new.photo_url.clone()),
            ..Default::default()
        };
        let known = OnConflict::column(Column::Handle)
            .update_columns([
                Column::Name,
                Column::Title,
                Column::Bio,
                Column::Credentials,
                Column::Specializations,
                Column::LicenseNumber,
                Column::PhotoUrl,
                Column::UpdatedAt,
            ])
            .to_owned();
        Ok(practitioners::Entity::insert(row).on_conflict(known).exec_with_returning(self.db).await?)
    }

    /// The practitioner of a handle; `None` when the tenant has none.
    ///
    /// # Errors
    /// [`BookingError::Database`].
    pub async fn get_practitioner(
        self,
        handle: &Handle,
    ) -> Result<Option<practitioners::Model>, BookingError> {
        let select = practitioners::Entity::find().filter(practitioners::Column::Handle.eq(handle.as_str()));
        Ok(select.one(self.db).await?)
    }

    /// Every practitioner, ordered by handle.
    ///
    /// # Errors
    /// [`BookingError::Database`].
    pub async fn get_practitioners(self) -> Result<Vec<practitioners::Model>, BookingError> {
        Ok(practitioners::Entity::find().order_by_asc(practitioners::Column::Handle).all(self.db).await?)
    }
}
