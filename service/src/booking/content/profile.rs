//! A business's profile.

use chrono_tz::Tz;
use rust_decimal::Decimal;
use sea_orm::{EntityTrait, FromQueryResult};
use watertight_entity::public::business_profile;

use crate::booking::BookingError;
use crate::tenant::TenantExecutor;
use crate::tenant::sql::statement;
use crate::vocabulary::InvalidInput;
use crate::vocabulary::{Email, text};

use super::Content;

/// What a business says of itself.
///
/// ```
/// use watertight::content::Profile;
///
/// let profile = Profile {
///     state: "NY".into(),
///     ..Profile::new("Harbour Street Clinic", "+1 607 555 0142", "America/New_York".parse()?)
/// };
/// # Ok::<(), chrono_tz::ParseError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// At most 255 characters.
    pub name: String,
    /// At most 32 characters.
    pub phone: String,
    /// An address for mail.
    pub email: Option<Email>,
    /// At most 255 characters.
    pub street_address: String,
    /// At most 64 characters.
    pub suite_unit: Option<String>,
    /// At most 128 characters.
    pub city: String,
    /// At most 2 characters.
    pub state: String,
    /// At most 10 characters.
    pub postal_code: String,
    /// Two capital letters (ISO 3166-1).
    pub country: String,
    /// At most 32 characters.
    pub license_number: Option<String>,
    /// A few words.
    pub description: Option<String>,
    /// At most 255 characters.
    pub slogan: Option<String>,
    /// At most 512 characters.
    pub website_url: Option<String>,
    /// Where it is on a map.
    pub google_maps_url: Option<String>,
    /// Latitude and longitude (WGS 84), in degrees.
    pub coordinates: Option<(Decimal, Decimal)>,
    /// The IANA time zone that the opening hours are told in.
    pub time_zone: Tz,
}

impl Profile {
    /// A business in the United States that says little of itself.
    pub fn new(name: impl Into<String>, phone: impl Into<String>, time_zone: Tz) -> Self {
        Self {
            name: name.into(),
            phone: phone.into(),
            email: None,
            street_address: String::new(),
            suite_unit: None,
            city: String::new(),
            state: String::new(),
            postal_code: String::new(),
            country: "US".to_owned(),
            license_number: None,
            description: None,
            slogan: None,
            website_url: None,
            google_maps_url: None,
            coordinates: None,
            time_zone,
        }
    }

    fn check(&self) -> Result<(), InvalidInput> {
        text::check("name", &self.name, 255)?;
        text::check("phone", &self.phone, 32)?;
        text::check("street address", &self.street_address, 255)?;
        text::check_optional("suite", self.suite_unit.as_ref(), 64)?;
        text::check("city", &self.city, 128)?;
        text::check("state", &self.state, 2)?;
        text::check("postal code", &self.postal_code, 10)?;
        text::check_optional("license number", self.license_number.as_ref(), 32)?;
        text::check_optional("description", self.description.as_ref(), usize::MAX)?;
        text::check_optional("slogan", self.slogan.as_ref(), 255)?;
        text::check_optional("website", self.website_url.as_ref(), 512)?;
        text::check_optional("map", self.google_maps_url.as_ref(), usize::MAX)?;
        if let Some((latitude, longitude)) = self.coordinates
            && (latitude.abs() > Decimal::from(90) || longitude.abs() > Decimal::from(180))
        {
            let reason = "are not within 90 degrees of the equator and 180 of Greenwich".to_owned();
            let value = format!("{latitude} {longitude}");
            return Err(InvalidInput { what: "coordinates", value, reason });
        }
        if self.country.len() != 2 || !self.country.bytes().all(|byte| byte.is_ascii_uppercase()) {
            let reason = "is not two capital letters; give an ISO 3166-1 code, as US".to_owned();
            return Err(InvalidInput { what: "country", value: self.country.clone(), reason });
        }
        Ok(())
    }
}

/// Profile.
impl<C: TenantExecutor> Content<'_, C> {
    /// Saves the business's profile, of which there is one.
    ///
    /// # Errors
    /// [`BookingError::InvalidInput`].
    pub async fn save_profile(self, profile: &Profile) -> Result<business_profile::Model, BookingError> {
        profile.check()?;
        let upsert = statement(
            r#"INSERT INTO "public"."business_profile" ("name", "phone", "email", "street_address", "suite_unit", "city",
                   "state", "postal_code", "country", "license_number", "description", "slogan", "website_url",
                   "time_zone", "google_maps_url", "latitude", "longitude")
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
               ON CONFLICT ("tenant_id") DO UPDATE SET "name" = $1, "phone" = $2, "email" = $3,
                   "street_address" = $4, "suite_unit" = $5, "city" = $6, "state" = $7, "postal_code" = $8,
                   "country" = $9, "license_number" = $10, "description" = $11, "slogan" = $12,
                   "website_url" = $13, "time_zone" = $14, "google_maps_url" = $15, "latitude" = $16, "longitude" = $17,
                   "updated_at" = EXCLUDED."updated_at"
               RETURNING *"#,
            [
                profile.name.clone().into(),
                profile.phone.clone().into(),
                profile.email.clone().into(),
                profile.street_address.clone().into(),
                profile.suite_unit.clone().into(),
                profile.city.clone().into(),
                profile.state.clone().into(),
                profile.postal_code.clone().into(),
                profile.country.clone().into(),
                profile.license_number.clone().into(),
                profile.description.clone().into(),
                profile.slogan.clone().into(),
                profile.website_url.clone().into(),
                profile.time_zone.name().into(),
                profile.google_maps_url.clone().into(),
                profile.coordinates.map(|(latitude, _)| latitude).into(),
                profile.coordinates.map(|(_, longitude)| longitude).into(),
            ],
        );
        let row = self.db.query_one_raw(upsert).await?;
        let row = row.ok_or(BookingError::Database(sea_orm::DbErr::RecordNotInserted))?;
        Ok(business_profile::Model::from_query_result(&row, "")?)
    }

    /// The business's profile; `None` when there is none yet.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn get_profile(self) -> Result<Option<business_profile::Model>, BookingError> {
        Ok(business_profile::Entity::find().one(self.db).await?)
    }
}
