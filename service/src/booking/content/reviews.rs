//! Reviews of a business.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set};
use serde::Serialize;
use uuid::Uuid;
use watertight_entity::public::reviews;

use crate::booking::BookingError;
use crate::tenant::TenantExecutor;
use crate::vocabulary::InvalidInput;
use crate::vocabulary::calendar::check_time;
use crate::vocabulary::{limits, text};

use super::Content;

/// A review to save with [`Content::create_review`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewReview {
    /// At most 255 characters.
    pub reviewer_name: String,
    /// 1 to 5.
    pub rating: u8,
    /// The text of the review.
    pub text: String,
    /// The site of the review; at most 64 characters.
    pub source: String,
    /// The time of publication.
    pub published_at: Option<DateTime<Utc>>,
    /// Tags.
    pub tags: Vec<String>,
}

/// The average and the number of ratings.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RatingSummary {
    /// The average rating; `None` without ratings.
    pub average: Option<f64>,
    /// The number of ratings.
    pub count: u64,
}

/// Reviews.
impl<C: TenantExecutor> Content<'_, C> {
    /// Saves a review.
    ///
    /// # Errors
    /// [`BookingError::InvalidInput`].
    pub async fn create_review(self, new: NewReview) -> Result<reviews::Model, BookingError> {
        text::check("reviewer's name", &new.reviewer_name, 255)?;
        text::check("text", &new.text, limits::TEXT_CHARS)?;
        text::check("source", &new.source, 64)?;
        text::check_list("tags", &new.tags)?;
        new.tags.iter().try_for_each(|tag| text::check("tag", tag, limits::TEXT_CHARS))?;
        new.published_at.map_or(Ok(()), |time| check_time("published_at", time))?;
        if !(1..=5).contains(&new.rating) {
            let reason = "is not between 1 and 5".to_owned();
            return Err(InvalidInput { what: "rating", value: new.rating.to_string(), reason }.into());
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

    /// Features a review, or stops featuring it.
    ///
    /// # Errors
    /// [`BookingError::NotFound`].
    pub async fn feature_review(self, id: Uuid, featured: bool) -> Result<reviews::Model, BookingError> {
        let update = reviews::Entity::update_many()
            .col_expr(reviews::Column::Featured, Expr::val(featured))
            .col_expr(reviews::Column::UpdatedAt, Expr::current_timestamp())
            .filter(reviews::Column::Id.eq(id));
        let changed = update.exec_with_returning(self.db).await?;
        changed.into_iter().next().ok_or_else(|| BookingError::not_found("review", id))
    }

    /// The featured reviews, newest first.
    ///
    /// # Errors
    /// [`BookingError::Database`].
    pub async fn get_featured_reviews(self) -> Result<Vec<reviews::Model>, BookingError> {
        let select = reviews::Entity::find()
            .filter(reviews::Column::Featured.eq(true))
            .order_by_desc(reviews::Column::PublishedAt)
            .order_by_asc(reviews::Column::Id);
        Ok(select.all(self.db).await?)
    }

    /// The average and the number of ratings, computed by the database.
    ///
    /// # Errors
    /// [`BookingError::Database`].
    pub async fn rating_summary(self) -> Result<RatingSummary, BookingError> {
        let select = reviews::Entity::find()
            .select_only()
            .expr(Expr::cust(r#"avg("rating")::float8"#))
            .expr(Expr::cust("count(*)"));
        let row: Option<(Option<f64>, i64)> = select.into_tuple().one(self.db).await?;
        let (average, count) = row.unwrap_or_default();
        Ok(RatingSummary { average, count: u64::try_from(count).unwrap_or_default() })
    }
}
