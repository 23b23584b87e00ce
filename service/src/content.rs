#![doc = include_str!("../docs/content.md")]
//! # Example
//!
#![doc = concat!("```no_run\n", include_str!("../examples/content.rs"), "\n```")]

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;
use rust_decimal::Decimal;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, Set,
    TransactionSession, Value,
};
use serde::Serialize;
use uuid::Uuid;
use watertight_entity::public::{
    business_hours, business_hours_overrides, business_profile, practitioners, reviews, services, time_blocks,
};

use crate::auth::{Change, Email, Handle};
use crate::certificates::check_currency;
use crate::sql::statement;
use crate::text::text_enum;
use crate::{Error, Tenant, text};

/// What one tenant offers. Cheap to make: a reference.
///
/// [`TenantConnection::content`](crate::TenantConnection::content) gives it.
#[derive(Debug)]
pub struct Content<'a, C> {
    db: &'a C,
}

crate::tenant::facade!(Content);

text_enum! {
    /// Why a practitioner is not to be had.
    pub enum BlockType as "block type" {
        /// A pause.
        Break = "break",
        /// Days off.
        Vacation = "vacation",
        /// Kept for something else.
        Hold = "hold",
    }
}

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

    fn check(&self) -> Result<(), Error> {
        text::check("name", &self.name, 255)?;
        text::check("phone", &self.phone, 32)?;
        text::check("street address", &self.street_address, 255)?;
        text::check_optional("suite", self.suite_unit.as_ref(), 64)?;
        text::check("city", &self.city, 128)?;
        text::check("state", &self.state, 2)?;
        text::check("postal code", &self.postal_code, 10)?;
        text::check_optional("licence number", self.license_number.as_ref(), 32)?;
        text::check_optional("description", self.description.as_ref(), usize::MAX)?;
        text::check_optional("slogan", self.slogan.as_ref(), 255)?;
        text::check_optional("website", self.website_url.as_ref(), 512)?;
        text::check_optional("map", self.google_maps_url.as_ref(), usize::MAX)?;
        if let Some((latitude, longitude)) = self.coordinates
            && (latitude.abs() > Decimal::from(90) || longitude.abs() > Decimal::from(180))
        {
            let reason = "are not within 90 degrees of the equator and 180 of Greenwich".to_owned();
            let value = format!("{latitude} {longitude}");
            return Err(Error::InvalidInput { what: "coordinates", value, reason });
        }
        if self.country.len() != 2 || !self.country.bytes().all(|byte| byte.is_ascii_uppercase()) {
            let reason = "is not two capital letters; give an ISO 3166-1 code, as US".to_owned();
            return Err(Error::InvalidInput { what: "country", value: self.country.clone(), reason });
        }
        Ok(())
    }
}

/// A service to be offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewService {
    /// At most 255 characters.
    pub name: String,
    /// A few words.
    pub description: Option<String>,
    /// At most 128 characters.
    pub category: Option<String>,
    /// How long it takes: 1 to 1440 minutes.
    pub duration_minutes: u16,
    /// What it costs, in cents.
    pub price_cents: u32,
    /// Three capital letters (ISO 4217).
    pub currency: String,
    /// Whether it is offered now.
    pub active: bool,
    /// Its place among the others.
    pub display_order: i32,
    /// Its identity in a foreign system; at most 64 characters.
    pub acuity_id: Option<String>,
}

impl NewService {
    /// A service in US dollars that is offered now.
    pub fn new(name: impl Into<String>, duration_minutes: u16, price_cents: u32) -> Self {
        Self {
            name: name.into(),
            description: None,
            category: None,
            duration_minutes,
            price_cents,
            currency: "USD".to_owned(),
            active: true,
            display_order: 0,
            acuity_id: None,
        }
    }
}

/// What to change of a service. What may be absent is cleared with `Change::Set(None)`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "as in `NewService`")]
pub struct ServiceUpdate {
    pub name: Change<String>,
    pub description: Change<Option<String>>,
    pub category: Change<Option<String>>,
    pub duration_minutes: Change<u16>,
    pub price_cents: Change<u32>,
    pub currency: Change<String>,
    pub active: Change<bool>,
    pub display_order: Change<i32>,
    pub acuity_id: Change<Option<String>>,
}

impl From<NewService> for ServiceUpdate {
    fn from(new: NewService) -> Self {
        Self {
            name: new.name.into(),
            description: new.description.into(),
            category: new.category.into(),
            duration_minutes: new.duration_minutes.into(),
            price_cents: new.price_cents.into(),
            currency: new.currency.into(),
            active: new.active.into(),
            display_order: new.display_order.into(),
            acuity_id: new.acuity_id.into(),
        }
    }
}

impl ServiceUpdate {
    fn into_values(self) -> Result<Vec<(services::Column, Value)>, Error> {
        use services::Column;
        let invalid = |what, value: String, reason: &str| {
            Err(Error::InvalidInput { what, value, reason: reason.to_owned() })
        };
        let mut values: Vec<(Column, Value)> = Vec::new();
        if let Change::Set(name) = self.name {
            text::check("name", &name, 255)?;
            values.push((Column::Name, name.into()));
        }
        if let Change::Set(description) = self.description {
            text::check_optional("description", description.as_ref(), usize::MAX)?;
            values.push((Column::Description, description.into()));
        }
        if let Change::Set(category) = self.category {
            text::check_optional("category", category.as_ref(), 128)?;
            values.push((Column::Category, category.into()));
        }
        if let Change::Set(minutes) = self.duration_minutes {
            if !(1..=1440).contains(&minutes) {
                return invalid("duration_minutes", minutes.to_string(), "is not between 1 and 1440");
            }
            values.push((Column::DurationMinutes, i32::from(minutes).into()));
        }
        if let Change::Set(cents) = self.price_cents {
            let Ok(cents) = i32::try_from(cents) else {
                return invalid("price_cents", cents.to_string(), "is more than an integer holds");
            };
            values.push((Column::PriceCents, cents.into()));
        }
        if let Change::Set(currency) = self.currency {
            check_currency(&currency)?;
            values.push((Column::Currency, currency.into()));
        }
        if let Change::Set(active) = self.active {
            values.push((Column::Active, active.into()));
        }
        if let Change::Set(order) = self.display_order {
            values.push((Column::DisplayOrder, order.into()));
        }
        if let Change::Set(id) = self.acuity_id {
            text::check_optional("acuity_id", id.as_ref(), 64)?;
            values.push((Column::AcuityId, id.into()));
        }
        Ok(values)
    }
}

/// When a business is open, on one day of the week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpeningHours {
    /// 0 for Sunday to 6 for Saturday.
    pub day_of_week: u8,
    /// By the clock on the wall.
    pub opens: NaiveTime,
    /// After it opens.
    pub closes: NaiveTime,
    /// At most 64 characters.
    pub label: Option<String>,
}

fn check_hours(opens: NaiveTime, closes: NaiveTime) -> Result<(), Error> {
    if opens < closes {
        return Ok(());
    }
    let reason = "do not open before they close; split hours past midnight into two days".to_owned();
    Err(Error::InvalidInput { what: "hours", value: format!("{opens} to {closes}"), reason })
}

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
    /// Degrees and licences.
    pub credentials: Vec<String>,
    /// What they are good at.
    pub specializations: Vec<String>,
    /// At most 32 characters.
    pub license_number: Option<String>,
    /// Where their picture is; at most 512 characters.
    pub photo_url: Option<String>,
}

/// A review to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewReview {
    /// At most 255 characters.
    pub reviewer_name: String,
    /// 1 to 5.
    pub rating: u8,
    /// What they say.
    pub text: String,
    /// Where they say it; at most 64 characters.
    pub source: String,
    /// When they said it.
    pub published_at: Option<DateTime<Utc>>,
    /// What it is about.
    pub tags: Vec<String>,
}

/// How a tenant is rated.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RatingSummary {
    /// Of all ratings; `None` when there is none.
    pub average: Option<f64>,
    /// How many there are.
    pub count: u64,
}

/// Profile and services.
impl<C: Tenant> Content<'_, C> {
    /// Saves the business's profile, of which there is one.
    ///
    /// # Errors
    /// [`Error::InvalidInput`].
    pub async fn save_profile(self, profile: &Profile) -> Result<business_profile::Model, Error> {
        profile.check()?;
        let upsert = statement(
            r#"INSERT INTO "business_profile" ("name", "phone", "email", "street_address", "suite_unit", "city",
                   "state", "postal_code", "country", "license_number", "description", "slogan", "website_url",
                   "time_zone", "google_maps_url", "latitude", "longitude")
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
               ON CONFLICT ("tenant_id") DO UPDATE SET "name" = $1, "phone" = $2, "email" = $3,
                   "street_address" = $4, "suite_unit" = $5, "city" = $6, "state" = $7, "postal_code" = $8,
                   "country" = $9, "license_number" = $10, "description" = $11, "slogan" = $12,
                   "website_url" = $13, "time_zone" = $14, "google_maps_url" = $15, "latitude" = $16, "longitude" = $17,
                   "updated_at" = CURRENT_TIMESTAMP
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
        let row = row.ok_or(Error::Database(sea_orm::DbErr::RecordNotInserted))?;
        Ok(business_profile::Model::from_query_result(&row, "")?)
    }

    /// The business's profile; `None` when there is none yet.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn get_profile(self) -> Result<Option<business_profile::Model>, Error> {
        Ok(business_profile::Entity::find().one(self.db).await?)
    }

    /// Offers a service.
    ///
    /// # Errors
    /// [`Error::InvalidInput`].
    pub async fn create_service(self, new: NewService) -> Result<services::Model, Error> {
        let mut row = <services::ActiveModel as Default>::default();
        for (column, value) in ServiceUpdate::from(new).into_values()? {
            row.set(column, value);
        }
        Ok(row.insert(self.db).await?)
    }

    /// Changes a service, and gives it as changed. Bookings that were made keep their length and price.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::InvalidInput`].
    pub async fn update_service(self, id: Uuid, update: ServiceUpdate) -> Result<services::Model, Error> {
        let mut query = services::Entity::update_many()
            .col_expr(services::Column::UpdatedAt, Expr::current_timestamp())
            .filter(services::Column::Id.eq(id));
        for (column, value) in update.into_values()? {
            query = query.col_expr(column, Expr::val(value));
        }
        let changed = query.exec_with_returning(self.db).await?;
        changed.into_iter().next().ok_or_else(|| Error::not_found("service", id))
    }

    /// The services that are offered now, in their order.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn get_services(self) -> Result<Vec<services::Model>, Error> {
        let select = services::Entity::find()
            .filter(services::Column::Active.eq(true))
            .order_by_asc(services::Column::DisplayOrder)
            .order_by_asc(services::Column::Name);
        Ok(select.all(self.db).await?)
    }

    /// Every service, offered now or not, in their order.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn get_all_services(self) -> Result<Vec<services::Model>, Error> {
        let select = services::Entity::find()
            .order_by_asc(services::Column::DisplayOrder)
            .order_by_asc(services::Column::Name);
        Ok(select.all(self.db).await?)
    }
}

/// Hours.
impl<C: Tenant> Content<'_, C> {
    /// Replaces the weekly hours, all or none. A day can have several, and one without is closed.
    ///
    /// # Errors
    /// [`Error::InvalidInput`].
    pub async fn save_hours(self, hours: &[OpeningHours]) -> Result<Vec<business_hours::Model>, Error> {
        for day in hours {
            if day.day_of_week > 6 {
                let reason = "is not between 0 for Sunday and 6 for Saturday".to_owned();
                let value = day.day_of_week.to_string();
                return Err(Error::InvalidInput { what: "day of the week", value, reason });
            }
            check_hours(day.opens, day.closes)?;
            text::check_optional("label", day.label.as_ref(), 64)?;
        }
        let transaction = self.db.begin().await?;
        business_hours::Entity::delete_many().exec(&transaction).await?;
        let rows = hours.iter().map(|day| business_hours::ActiveModel {
            day_of_week: Set(day.day_of_week.into()),
            opens: Set(day.opens),
            closes: Set(day.closes),
            label: Set(day.label.clone()),
            ..Default::default()
        });
        if !hours.is_empty() {
            business_hours::Entity::insert_many(rows).exec_without_returning(&transaction).await?;
        }
        let saved = Content::new(&transaction).get_hours().await?;
        transaction.commit().await?;
        Ok(saved)
    }

    /// The weekly hours, by day and time.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn get_hours(self) -> Result<Vec<business_hours::Model>, Error> {
        let select = business_hours::Entity::find()
            .order_by_asc(business_hours::Column::DayOfWeek)
            .order_by_asc(business_hours::Column::Opens);
        Ok(select.all(self.db).await?)
    }

    /// Says when the business is open on one date, in place of the weekly hours; `None` for closed.
    ///
    /// # Errors
    /// [`Error::InvalidInput`].
    pub async fn save_override(
        self,
        date: NaiveDate,
        hours: Option<(NaiveTime, NaiveTime)>,
        reason: Option<&str>,
    ) -> Result<business_hours_overrides::Model, Error> {
        if let Some((opens, closes)) = hours {
            check_hours(opens, closes)?;
        }
        text::check("reason", reason.unwrap_or_default(), 255)?;
        let upsert = statement(
            r#"INSERT INTO "business_hours_overrides" ("date", "opens", "closes", "reason") VALUES ($1, $2, $3, $4)
               ON CONFLICT ("date") DO UPDATE SET "opens" = EXCLUDED."opens", "closes" = EXCLUDED."closes",
                   "reason" = EXCLUDED."reason"
               RETURNING *"#,
            [
                date.into(),
                hours.map(|(opens, _)| opens).into(),
                hours.map(|(_, closes)| closes).into(),
                reason.map(str::to_owned).into(),
            ],
        );
        let row = self.db.query_one_raw(upsert).await?;
        let row = row.ok_or(Error::Database(sea_orm::DbErr::RecordNotInserted))?;
        Ok(business_hours_overrides::Model::from_query_result(&row, "")?)
    }

    /// Goes back to the weekly hours on one date. `false` when they held already.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn delete_override(self, date: NaiveDate) -> Result<bool, Error> {
        let delete = business_hours_overrides::Entity::delete_many()
            .filter(business_hours_overrides::Column::Date.eq(date));
        Ok(delete.exec(self.db).await?.rows_affected > 0)
    }

    /// Blocks a practitioner's time. Bookings that are there stay.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the practitioner, [`Error::InvalidInput`].
    pub async fn create_time_block(
        self,
        practitioner: Uuid,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        block_type: BlockType,
        title: Option<&str>,
    ) -> Result<time_blocks::Model, Error> {
        text::check("title", title.unwrap_or_default(), 255)?;
        if from >= to {
            let reason = "does not begin before it ends".to_owned();
            return Err(Error::InvalidInput { what: "time block", value: format!("{from} to {to}"), reason });
        }
        let insert = statement(
            r#"INSERT INTO "time_blocks" ("practitioner_id", "start_time", "end_time", "block_type", "title")
               SELECT "practitioners"."id", $2::timestamptz, $3::timestamptz, $4::varchar, $5::varchar
               FROM "practitioners" WHERE "practitioners"."id" = $1 RETURNING *"#,
            [practitioner.into(), from.into(), to.into(), block_type.into(), title.map(str::to_owned).into()],
        );
        let row = self.db.query_one_raw(insert).await?;
        let row = row.ok_or_else(|| Error::not_found("practitioner", practitioner))?;
        Ok(time_blocks::Model::from_query_result(&row, "")?)
    }

    /// Frees a practitioner's blocked time. `false` when there was no such block.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn delete_time_block(self, id: Uuid) -> Result<bool, Error> {
        let delete = time_blocks::Entity::delete_many().filter(time_blocks::Column::Id.eq(id));
        Ok(delete.exec(self.db).await?.rows_affected > 0)
    }
}

/// Practitioners and reviews.
impl<C: Tenant> Content<'_, C> {
    /// Saves a practitioner, known by the handle.
    ///
    /// # Errors
    /// [`Error::InvalidInput`].
    pub async fn save_practitioner(self, new: &NewPractitioner) -> Result<practitioners::Model, Error> {
        text::check("name", &new.name, 255)?;
        text::check_optional("title", new.title.as_ref(), 128)?;
        text::check_optional("bio", new.bio.as_ref(), usize::MAX)?;
        text::check_optional("licence number", new.license_number.as_ref(), 32)?;
        text::check_optional("picture", new.photo_url.as_ref(), 512)?;
        for text in new.credentials.iter().chain(&new.specializations) {
            text::check("credential", text, usize::MAX)?;
        }
        let array = |texts: &[String]| Value::from(texts.to_vec());
        let upsert = statement(
            r#"INSERT INTO "practitioners" ("handle", "name", "title", "bio", "credentials", "specializations",
                   "license_number", "photo_url")
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
               ON CONFLICT ("handle") DO UPDATE SET "name" = EXCLUDED."name", "title" = EXCLUDED."title",
                   "bio" = EXCLUDED."bio", "credentials" = EXCLUDED."credentials",
                   "specializations" = EXCLUDED."specializations",
                   "license_number" = EXCLUDED."license_number", "photo_url" = EXCLUDED."photo_url",
                   "updated_at" = CURRENT_TIMESTAMP
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
        let row = row.ok_or(Error::Database(sea_orm::DbErr::RecordNotInserted))?;
        Ok(practitioners::Model::from_query_result(&row, "")?)
    }

    /// The practitioner of a handle; `None` when the tenant has none.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn get_practitioner(self, handle: &Handle) -> Result<Option<practitioners::Model>, Error> {
        let select = practitioners::Entity::find().filter(practitioners::Column::Handle.eq(handle.as_str()));
        Ok(select.one(self.db).await?)
    }

    /// Every practitioner, ordered by handle.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn get_practitioners(self) -> Result<Vec<practitioners::Model>, Error> {
        Ok(practitioners::Entity::find().order_by_asc(practitioners::Column::Handle).all(self.db).await?)
    }

    /// Keeps a review.
    ///
    /// # Errors
    /// [`Error::InvalidInput`].
    pub async fn create_review(self, new: NewReview) -> Result<reviews::Model, Error> {
        text::check("reviewer's name", &new.reviewer_name, 255)?;
        text::check("text", &new.text, usize::MAX)?;
        text::check("source", &new.source, 64)?;
        new.tags.iter().try_for_each(|tag| text::check("tag", tag, usize::MAX))?;
        if !(1..=5).contains(&new.rating) {
            let reason = "is not between 1 and 5".to_owned();
            return Err(Error::InvalidInput { what: "rating", value: new.rating.to_string(), reason });
        }
        let row = reviews::ActiveModel {
            reviewer_name: Set(new.reviewer_name),
            rating: Set(new.rating.into()),
            text: Set(new.text),
            source: Set(new.source),
            published_at: Set(new.published_at.map(Into::into)),
            tags: Set(Some(new.tags)),
            ..Default::default()
        };
        Ok(row.insert(self.db).await?)
    }

    /// Shows a review among the featured ones, or no more.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn feature_review(self, id: Uuid, featured: bool) -> Result<reviews::Model, Error> {
        let update = reviews::Entity::update_many()
            .col_expr(reviews::Column::Featured, Expr::val(featured))
            .col_expr(reviews::Column::UpdatedAt, Expr::current_timestamp())
            .filter(reviews::Column::Id.eq(id));
        let changed = update.exec_with_returning(self.db).await?;
        changed.into_iter().next().ok_or_else(|| Error::not_found("review", id))
    }

    /// The featured reviews, newest first.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn get_featured_reviews(self) -> Result<Vec<reviews::Model>, Error> {
        let select = reviews::Entity::find()
            .filter(reviews::Column::Featured.eq(true))
            .order_by_desc(reviews::Column::PublishedAt)
            .order_by_asc(reviews::Column::Id);
        Ok(select.all(self.db).await?)
    }

    /// How the tenant is rated, computed by the database.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn rating_summary(self) -> Result<RatingSummary, Error> {
        let select = reviews::Entity::find()
            .select_only()
            .expr(Expr::cust(r#"avg("rating")::float8"#))
            .expr(Expr::cust("count(*)"));
        let row: Option<(Option<f64>, i64)> = select.into_tuple().one(self.db).await?;
        let (average, count) = row.unwrap_or_default();
        Ok(RatingSummary { average, count: u64::try_from(count).unwrap_or_default() })
    }
}
