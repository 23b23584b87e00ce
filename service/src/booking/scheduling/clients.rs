//! Whom bookings are for.

use sea_orm::{ColumnTrait, DbErr, EntityTrait, FromQueryResult, QueryFilter};
use watertight_entity::public::clients;

use super::Scheduling;
use crate::booking::BookingError;
use crate::tenant::TenantExecutor;
use crate::tenant::sql::statement;
use crate::vocabulary::InvalidInput;
use crate::vocabulary::{Email, text};

/// A client to be saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewClient {
    /// At most 128 characters.
    pub first_name: String,
    /// At most 128 characters.
    pub last_name: String,
    /// By which the client is known to be there.
    pub email: Email,
    /// At most 32 characters; `None` keeps what is there.
    pub phone: Option<String>,
    /// Whatever is to be remembered; `None` keeps what is there.
    pub notes: Option<String>,
    /// Fields of the application's own, a JSON object; `None` keeps what is there.
    pub custom_fields: Option<serde_json::Value>,
}

impl NewClient {
    /// A client of whom no more is known.
    pub fn new(first_name: impl Into<String>, last_name: impl Into<String>, email: Email) -> Self {
        let (first_name, last_name) = (first_name.into(), last_name.into());
        Self { first_name, last_name, email, phone: None, notes: None, custom_fields: None }
    }

    fn check(&self) -> Result<(), InvalidInput> {
        text::check("first name", &self.first_name, 128)?;
        text::check("last name", &self.last_name, 128)?;
        text::check_optional("phone", self.phone.as_ref(), 32)?;
        text::check_optional("notes", self.notes.as_ref(), usize::MAX)?;
        self.custom_fields.as_ref().map_or(Ok(()), |fields| text::check_object("custom fields", fields))
    }
}

/// Clients.
impl<C: TenantExecutor> Scheduling<'_, C> {
    /// Saves a client, known by the email: one that is there gets the names and telephone number given.
    ///
    /// # Errors
    /// [`BookingError::InvalidInput`].
    pub async fn save_client(self, client: &NewClient) -> Result<clients::Model, BookingError> {
        client.check()?;
        let upsert = statement(
            r#"INSERT INTO "public"."clients" ("first_name", "last_name", "email", "phone", "notes", "custom_fields")
               VALUES ($1, $2, $3, $4, $5, coalesce($6, '{}'::jsonb))
               ON CONFLICT ("email") DO UPDATE SET "first_name" = EXCLUDED."first_name",
                   "last_name" = EXCLUDED."last_name",
                   "phone" = coalesce(EXCLUDED."phone", "clients"."phone"),
                   "notes" = coalesce(EXCLUDED."notes", "clients"."notes"),
                   "custom_fields" = coalesce($6, "clients"."custom_fields"), "updated_at" = EXCLUDED."updated_at"
               RETURNING *"#,
            [
                client.first_name.clone().into(),
                client.last_name.clone().into(),
                client.email.clone().into(),
                client.phone.clone().into(),
                client.notes.clone().into(),
                client.custom_fields.clone().into(),
            ],
        );
        let row =
            self.db.query_one_raw(upsert).await?.ok_or(BookingError::Database(DbErr::RecordNotInserted))?;
        Ok(clients::Model::from_query_result(&row, "")?)
    }

    /// The client of an email address; `None` when the tenant has none.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn get_client_by_email(self, email: &Email) -> Result<Option<clients::Model>, BookingError> {
        Ok(clients::Entity::find().filter(clients::Column::Email.eq(email.as_str())).one(self.db).await?)
    }
}
