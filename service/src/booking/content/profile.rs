//! A business's profile.

use chrono_tz::Tz;
use rust_decimal::Decimal;
use sea_orm::sea_query::OnConflict;
use sea_orm::{EntityTrait, Set};
use watertight_entity::public::business_profile::{self, Column};

use crate::booking::BookingError;
use crate::tenant::TenantExecutor;
use crate::vocabulary::InvalidInput;
use crate::vocabulary::{Email, limits, text};

use super::Content;

/// The profile of a business: name, address and time zone.
///
/// ```
/// use watertight::content::Profile;
///
/// let profile = Profile {
///     state: "NY".into(),
///     ..Profile::new("Harbor Street Clinic", "+1 607 555 0142", "America/New_York".parse()?)
/// };
/// # Ok::<(), chrono_tz::ParseError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// At most 255 characters.
    pub name: String,
    /// At most 32 characters.
    pub phone: String,
    /// The email address.
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
    /// A description.
    pub description: Option<String>,
    /// At most 255 characters.
    pub slogan: Option<String>,
    /// At most 512 characters.
    pub website_url: Option<String>,
    /// The link to Google Maps.
    pub google_maps_url: Option<String>,
    /// Latitude and longitude (WGS 84), in degrees.
    pub coordinates: Option<(Decimal, Decimal)>,
    /// The IANA time zone of the opening hours.
    pub time_zone: Tz,
}

impl Profile {
    /// A profile of a business in the United States, without an address.
    ///
    /// ```
    /// use watertight::chrono_tz::Tz;
    /// use watertight::content::Profile;
    ///
    /// let studio = Profile::new("Studio Berlin", "+49 30 5550188", Tz::Europe__Berlin);
    /// assert_eq!(studio.country, "US");
    /// let studio = Profile { country: "DE".into(), city: "Berlin".into(), ..studio };
    /// ```
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
        text::check_optional("description", self.description.as_ref(), limits::TEXT_CHARS)?;
        text::check_optional("slogan", self.slogan.as_ref(), 255)?;
        text::check_optional("website", self.website_url.as_ref(), 512)?;
        text::check_optional("map", self.google_maps_url.as_ref(), limits::TEXT_CHARS)?;
        if let Some((latitude, longitude)) = self.coordinates
            && (latitude.abs() > Decimal::from(90) || longitude.abs() > Decimal::from(180))
        {
            let reason = "are not between -90 and 90 degrees of latitude and -180 and 180 degrees of \
                          longitude";
            return Err(InvalidInput::new("coordinates", format!("{latitude} {longitude}"), reason));
        }
        if self.country.len() != 2 || !self.country.bytes().all(|byte| byte.is_ascii_uppercase()) {
            let reason = "is not two capital letters; use an ISO 3166-1 code such as US".to_owned();
            return Err(InvalidInput { what: "country", value: self.country.clone(), reason });
        }
        Ok(())
    }
}

/// Profile.
impl<C: TenantExecutor> Content<'_, C> {
    /// Saves the business's profile, or replaces the saved one.
    ///
    /// ```no_run
    /// use watertight::content::Profile;
    /// use watertight::{BookingError, Tenant, chrono_tz::Tz};
    ///
    /// # async fn example(tenant: &impl Tenant) -> Result<(), BookingError> {
    /// let profile = Profile::new("Harbor Street Clinic", "+1 607 555 0142", Tz::America__New_York);
    /// let saved = tenant.content().save_profile(&profile).await?;
    /// assert_eq!(saved.time_zone, "America/New_York");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`BookingError::InvalidInput`].
    pub async fn save_profile(self, profile: &Profile) -> Result<business_profile::Model, BookingError> {
        profile.check()?;
        let row = business_profile::ActiveModel {
            name: Set(profile.name.clone()),
            phone: Set(profile.phone.clone()),
            email: Set(profile.email.as_ref().map(ToString::to_string)),
            street_address: Set(profile.street_address.clone()),
            suite_unit: Set(profile.suite_unit.clone()),
            city: Set(profile.city.clone()),
            state: Set(profile.state.clone()),
            postal_code: Set(profile.postal_code.clone()),
            country: Set(profile.country.clone()),
            license_number: Set(profile.license_number.clone()),
            description: Set(profile.description.clone()),
            slogan: Set(profile.slogan.clone()),
            website_url: Set(profile.website_url.clone()),
            time_zone: Set(profile.time_zone.name().to_owned()),
            google_maps_url: Set(profile.google_maps_url.clone()),
            latitude: Set(profile.coordinates.map(|(latitude, _)| latitude)),
            longitude: Set(profile.coordinates.map(|(_, longitude)| longitude)),
            ..Default::default()
        };
        let known = OnConflict::column(Column::TenantId)
            .update_columns([
                Column::Name,
                Column::Phone,
                Column::Email,
                Column::StreetAddress,
                Column::SuiteUnit,
                Column::City,
                Column::State,
                Column::PostalCode,
                Column::Country,
                Column::LicenseNumber,
                Column::Description,
                Column::Slogan,
                Column::WebsiteUrl,
                Column::TimeZone,
                Column::GoogleMapsUrl,
                Column::Latitude,
                Column::Longitude,
                Column::UpdatedAt,
            ])
            .to_owned();
        Ok(business_profile::Entity::insert(row).on_conflict(known).exec_with_returning(self.db).await?)
    }

    /// The business's profile; `None` when there is none yet.
    ///
    /// # Errors
    /// [`BookingError::Database`].
    pub async fn get_profile(self) -> Result<Option<business_profile::Model>, BookingError> {
        Ok(business_profile::Entity::find().one(self.db).await?)
    }
}
