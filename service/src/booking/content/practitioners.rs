//! Who does the work.

use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, Value};
use watertight_entity::public::practitioners;

use crate::booking::BookingError;
use crate::tenant::TenantExecutor;
use crate::tenant::sql::statement;
use crate::vocabulary::{Handle, text};

use super::Content;

/// A practitioner to be saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPractitioner {
    /// By which the practitioner is known to be there.
    pub handle: Handle,
    /// At most 255 characters.
    pub name: String,
    /// At most 128 characters.
    pub title: Option<String>,
    /// A few words.
    pub bio: Option<String>,
    /// Degrees and licenses.
    pub credentials: Vec<String>,
    /// What they are good at.
    pub specializations: Vec<String>,
    /// At most 32 characters.
    pub license_number: Option<String>,
    /// Where their picture is; at most 512 characters.
    pub photo_url: Option<String>,
}

/// Practitioners.
impl<C: TenantExecutor> Content<'_, C> {
    /// Saves a practitioner, known by the handle.
    ///
    /// # Errors
    /// [`BookingError::InvalidInput`].
    pub async fn save_practitioner(
        self,
        new: &NewPractitioner,
    ) -> Result<practitioners::Model, BookingError> {
        text::check("name", &new.name, 255)?;
        text::check_optional("title", new.title.as_ref(), 128)?;
        text::check_optional("bio", new.bio.as_ref(), usize::MAX)?;
        text::check_optional("license number", new.license_number.as_ref(), 32)?;
        text::check_optional("picture", new.photo_url.as_ref(), 512)?;
        for text in new.credentials.iter().chain(&new.specializations) {
            text::check("credential", text, usize::MAX)?;
        }
        let array = |texts: &[String]| Value::from(texts.to_vec());
        let upsert = statement(
            r#"INSERT INTO "public"."practitioners" ("handle", "name", "title", "bio", "credentials", "specializations",
                   "license_number", "photo_url")
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
               ON CONFLICT ("handle") DO UPDATE SET "name" = EXCLUDED."name", "title" = EXCLUDED."title",
                   "bio" = EXCLUDED."bio", "credentials" = EXCLUDED."credentials",
                   "specializations" = EXCLUDED."specializations",
                   "license_number" = EXCLUDED."license_number", "photo_url" = EXCLUDED."photo_url",
                   "updated_at" = EXCLUDED."updated_at"
               RETURNING *"#,
            [
                new.handle.clone().into(),
                new.name.clone().into(),
                new.title.clone().into(),
                new.bio.clone().into(),
                array(&new.credentials),
                array(&new.specializations),
                new.license_number.clone().into(),
                new.photo_url.clone().into(),
            ],
        );
        let row = self.db.query_one_raw(upsert).await?;
        let row = row.ok_or(BookingError::Database(sea_orm::DbErr::RecordNotInserted))?;
        Ok(practitioners::Model::from_query_result(&row, "")?)
    }

    /// The practitioner of a handle; `None` when the tenant has none.
    ///
    /// # Errors
    /// What the database reports.
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
    /// What the database reports.
    pub async fn get_practitioners(self) -> Result<Vec<practitioners::Model>, BookingError> {
        Ok(practitioners::Entity::find().order_by_asc(practitioners::Column::Handle).all(self.db).await?)
    }
}
