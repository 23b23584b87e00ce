//! The services of a business.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, Value};
use uuid::Uuid;
use watertight_entity::public::services;

use crate::booking::BookingError;
use crate::tenant::TenantExecutor;
use crate::vocabulary::InvalidInput;
use crate::vocabulary::currency::check_currency;
use crate::vocabulary::{Change, limits, text};

use super::Content;

/// A service to create with [`Content::create_service`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewService {
    /// At most 255 characters.
    pub name: String,
    /// A description.
    pub description: Option<String>,
    /// At most 128 characters.
    pub category: Option<String>,
    /// The duration: 1 to 1440 minutes.
    pub duration_minutes: u16,
    /// The minutes that are kept free before and after an appointment: 0 to 1440.
    pub buffer_minutes: u16,
    /// The price in cents.
    pub price_cents: u32,
    /// Three capital letters (ISO 4217).
    pub currency: String,
    /// True if the service is offered now.
    pub active: bool,
    /// The position among the services.
    pub display_order: i32,
    /// The id in a foreign system; at most 64 characters.
    pub acuity_id: Option<String>,
}

impl NewService {
    /// A service in US dollars that is offered now.
    ///
    /// ```
    /// use watertight::content::NewService;
    ///
    /// let massage = NewService {
    ///     category: Some("Massage".into()),
    ///     ..NewService::new("Deep tissue massage", 75, 12_000)
    /// };
    /// assert!(massage.active);
    /// assert_eq!(massage.currency, "USD");
    /// ```
    pub fn new(name: impl Into<String>, duration_minutes: u16, price_cents: u32) -> Self {
        Self {
            name: name.into(),
            description: None,
            category: None,
            duration_minutes,
            buffer_minutes: 0,
            price_cents,
            currency: "USD".to_owned(),
            active: true,
            display_order: 0,
            acuity_id: None,
        }
    }
}

/// An update of a service. `Change::Set(None)` clears an optional value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "as in `NewService`")]
pub struct ServiceUpdate {
    pub name: Change<String>,
    pub description: Change<Option<String>>,
    pub category: Change<Option<String>>,
    pub duration_minutes: Change<u16>,
    pub buffer_minutes: Change<u16>,
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
            buffer_minutes: new.buffer_minutes.into(),
            price_cents: new.price_cents.into(),
            currency: new.currency.into(),
            active: new.active.into(),
            display_order: new.display_order.into(),
            acuity_id: new.acuity_id.into(),
        }
    }
}

impl ServiceUpdate {
    fn into_values(self) -> Result<Vec<(services::Column, Value)>, BookingError> {
        use services::Column;
        let invalid = |what, value: String, reason: &str| {
            Err(InvalidInput { what, value, reason: reason.to_owned() }.into())
        };
        let mut values: Vec<(Column, Value)> = Vec::new();
        if let Change::Set(name) = self.name {
            text::check("name", &name, 255)?;
            values.push((Column::Name, name.into()));
        }
        if let Change::Set(description) = self.description {
            text::check_optional("description", description.as_ref(), limits::TEXT_CHARS)?;
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
        if let Change::Set(minutes) = self.buffer_minutes {
            if minutes > 1440 {
                return invalid("buffer_minutes", minutes.to_string(), "is not between 0 and 1440");
            }
            values.push((Column::BufferMinutes, i32::from(minutes).into()));
        }
        if let Change::Set(cents) = self.price_cents {
            let Ok(cents) = i32::try_from(cents) else {
                return invalid("price_cents", cents.to_string(), "is greater than 2147483647");
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

/// Services.
impl<C: TenantExecutor> Content<'_, C> {
    /// Creates a service.
    ///
    /// ```no_run
    /// use watertight::content::NewService;
    /// use watertight::{BookingError, Tenant};
    ///
    /// # async fn example(tenant: &impl Tenant) -> Result<(), BookingError> {
    /// let massage = NewService::new("Deep tissue massage", 75, 12_000);
    /// let massage = tenant.content().create_service(massage).await?;
    /// println!("{} has the ID {}", massage.name, massage.id);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`BookingError::InvalidInput`].
    pub async fn create_service(self, new: NewService) -> Result<services::Model, BookingError> {
        let mut row = <services::ActiveModel as Default>::default();
        for (column, value) in ServiceUpdate::from(new).into_values()? {
            row.set(column, value);
        }
        Ok(row.insert(self.db).await?)
    }

    /// Updates a service, and returns the updated row. Existing bookings keep their duration, buffer and price.
    ///
    /// # Errors
    /// [`BookingError::NotFound`], [`BookingError::InvalidInput`].
    pub async fn update_service(
        self,
        id: Uuid,
        update: ServiceUpdate,
    ) -> Result<services::Model, BookingError> {
        let mut query = services::Entity::update_many()
            .col_expr(services::Column::UpdatedAt, Expr::current_timestamp())
            .filter(services::Column::Id.eq(id));
        for (column, value) in update.into_values()? {
            query = query.col_expr(column, Expr::val(value));
        }
        let changed = query.exec_with_returning(self.db).await?;
        changed.into_iter().next().ok_or_else(|| BookingError::not_found("service", id))
    }

    /// The active services, by display order and name.
    ///
    /// # Errors
    /// [`BookingError::Database`].
    pub async fn get_services(self) -> Result<Vec<services::Model>, BookingError> {
        let select = services::Entity::find()
            .filter(services::Column::Active.eq(true))
            .order_by_asc(services::Column::DisplayOrder)
            .order_by_asc(services::Column::Name);
        Ok(select.all(self.db).await?)
    }

    /// Every service, active or not, by display order and name.
    ///
    /// # Errors
    /// [`BookingError::Database`].
    pub async fn get_all_services(self) -> Result<Vec<services::Model>, BookingError> {
        let select = services::Entity::find()
            .order_by_asc(services::Column::DisplayOrder)
            .order_by_asc(services::Column::Name);
        Ok(select.all(self.db).await?)
    }
}
