//! Clients of a business.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Set};
use watertight_entity::public::clients;

use super::Scheduling;
use crate::booking::BookingError;
use crate::tenant::TenantExecutor;
use crate::vocabulary::{Email, InvalidInput, json, limits, text};

/// A client to save with [`Scheduling::save_client`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewClient {
    /// At most 128 characters.
    pub first_name: String,
    /// At most 128 characters.
    pub last_name: String,
    /// The key: a client is updated when the tenant has one with this address.
    pub email: Email,
    /// At most 32 characters; `None` keeps the saved number.
    pub phone: Option<String>,
    /// Notes of the staff; `None` keeps the saved notes.
    pub notes: Option<String>,
    /// Fields of the application, a JSON object; `None` keeps the saved fields.
    pub custom_fields: Option<serde_json::Value>,
}

impl NewClient {
    /// A client with a name and an email address.
    ///
    /// ```
    /// use serde_json::json;
    /// use watertight::scheduling::NewClient;
    ///
    /// let olivia = NewClient {
    ///     phone: Some("+1 607 555 0142".into()),
    ///     custom_fields: Some(json!({"found_by": "a friend"})),
    ///     ..NewClient::new("Olivia", "Hart", "Olivia@Example.com".parse()?)
    /// };
    /// assert_eq!(olivia.email.as_str(), "olivia@example.com");
    /// # Ok::<(), watertight::Error>(())
    /// ```
    pub fn new(first_name: impl Into<String>, last_name: impl Into<String>, email: Email) -> Self {
        let (first_name, last_name) = (first_name.into(), last_name.into());
        Self { first_name, last_name, email, phone: None, notes: None, custom_fields: None }
    }

    fn check(&self) -> Result<(), InvalidInput> {
        text::check("first name", &self.first_name, 128)?;
        text::check("last name", &self.last_name, 128)?;
        text::check_optional("phone", self.phone.as_ref(), 32)?;
        text::check_optional("notes", self.notes.as_ref(), limits::TEXT_CHARS)?;
        self.custom_fields.as_ref().map_or(Ok(()), |fields| json::check_object("custom fields", fields))
    }
}

/// Clients.
impl<C: TenantExecutor> Scheduling<'_, C> {
    /// Inserts a client, or updates the client with the same email address.
    ///
    /// # Errors
    /// [`BookingError::InvalidInput`].
    pub async fn save_client(self, client: &NewClient) -> Result<clients::Model, BookingError> {
        client.check()?;
        // A value that is not given is not in the statement, so that a known client keeps it.
        let mut updated =
            vec![clients::Column::FirstName, clients::Column::LastName, clients::Column::UpdatedAt];
        let mut row = clients::ActiveModel {
            first_name: Set(client.first_name.clone()),
            last_name: Set(client.last_name.clone()),
            email: Set(client.email.to_string()),
            ..Default::default()
        };
        if client.phone.is_some() {
            row.phone = Set(client.phone.clone());
            updated.push(clients::Column::Phone);
        }
        if client.notes.is_some() {
            row.notes = Set(client.notes.clone());
            updated.push(clients::Column::Notes);
        }
        if let Some(fields) = &client.custom_fields {
            row.custom_fields = Set(fields.clone());
            updated.push(clients::Column::CustomFields);
        }
        let known = OnConflict::column(clients::Column::Email).update_columns(updated).to_owned();
        Ok(clients::Entity::insert(row).on_conflict(known).exec_with_returning(self.db).await?)
    }

    /// The client of an email address; `None` when the tenant has none.
    ///
    /// # Errors
    /// [`BookingError::Database`].
    pub async fn get_client_by_email(self, email: &Email) -> Result<Option<clients::Model>, BookingError> {
        Ok(clients::Entity::find().filter(clients::Column::Email.eq(email.as_str())).one(self.db).await?)
    }
}
