//! The client of a booking: known, or the contact that a visitor typed.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;
use watertight_entity::public::clients;

use super::Scheduling;
use crate::booking::BookingError;
use crate::tenant::TenantExecutor;
use crate::tenant::sql::statement;
use crate::vocabulary::{Email, InvalidInput, text};

/// The client of a booking.
///
/// ```
/// use watertight::scheduling::{BookingClient, Contact};
///
/// # let olivia = uuid::Uuid::nil();
/// // The staff has chosen the client, or the client has logged in.
/// let known = BookingClient::Known(olivia);
/// // A visitor has filled in a form.
/// let visitor = BookingClient::Contact(Contact::new("Olivia", "Hart", "olivia@example.com".parse()?));
/// # Ok::<(), watertight::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BookingClient {
    /// A client that the staff has chosen, or that has logged in.
    Known(Uuid),
    /// A visitor, who can type any name and any email address.
    Contact(Contact),
}

impl From<Uuid> for BookingClient {
    fn from(client: Uuid) -> Self {
        Self::Known(client)
    }
}

impl From<Contact> for BookingClient {
    fn from(contact: Contact) -> Self {
        Self::Contact(contact)
    }
}

/// The contact of a booking, as a visitor typed it. Nobody has proved it.
///
/// The name and the telephone number are kept with the booking, in `contact_name` and `contact_phone`. The booking belongs to
/// the client who has the email address, and leaves the record of a known client unchanged. A client who is unknown gets a
/// record with the name and without the telephone number, if the booking succeeds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// At most 128 characters.
    pub first_name: String,
    /// At most 128 characters.
    pub last_name: String,
    /// The address, which finds the client.
    pub email: Email,
    /// At most 32 characters.
    pub phone: Option<String>,
}

impl Contact {
    /// A contact with a name and an email address.
    ///
    /// ```
    /// use watertight::scheduling::Contact;
    ///
    /// let typed = Contact {
    ///     phone: Some("+1 607 555 0142".into()),
    ///     ..Contact::new("Olivia", "Hart", "Olivia@Example.com".parse()?)
    /// };
    /// assert_eq!(typed.name(), "Olivia Hart");
    /// # Ok::<(), watertight::Error>(())
    /// ```
    pub fn new(first_name: impl Into<String>, last_name: impl Into<String>, email: Email) -> Self {
        Self { first_name: first_name.into(), last_name: last_name.into(), email, phone: None }
    }

    /// The name as the booking keeps it: the first name and the last name.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{} {}", self.first_name, self.last_name)
    }

    pub(super) fn check(&self) -> Result<(), InvalidInput> {
        text::check("first name", &self.first_name, 128)?;
        text::check("last name", &self.last_name, 128)?;
        text::check_optional("phone", self.phone.as_ref(), 32)
    }
}

impl BookingClient {
    pub(super) const fn contact(&self) -> Option<&Contact> {
        match self {
            Self::Known(_) => None,
            Self::Contact(contact) => Some(contact),
        }
    }
}

const INSERT: &str = r#"INSERT INTO "public"."clients" ("first_name", "last_name", "email") VALUES ($1, $2, $3)
    ON CONFLICT ("email") DO NOTHING RETURNING "id""#;

impl<C: TenantExecutor> Scheduling<'_, C> {
    /// The client of a new booking. An unknown contact becomes a client; a known client stays unchanged.
    pub(super) async fn client_of(self, client: &BookingClient) -> Result<Uuid, BookingError> {
        let contact = match client {
            BookingClient::Known(id) => {
                let select = clients::Entity::find().filter(clients::Column::Id.eq(*id));
                let found = select.one(self.db).await?;
                return found.map(|client| client.id).ok_or_else(|| BookingError::not_found("client", *id));
            }
            BookingClient::Contact(contact) => contact,
        };
        // The client can be inserted or deleted between two statements.
        for _ in 0..3 {
            if let Some(known) = self.get_client_by_email(&contact.email).await? {
                return Ok(known.id);
            }
            let (first, last) = (contact.first_name.as_str(), contact.last_name.as_str());
            let insert = statement(INSERT, [first.into(), last.into(), contact.email.as_str().into()]);
            if let Some(row) = self.db.query_one_raw(insert).await? {
                return Ok(row.try_get("", "id")?);
            }
        }
        Err(BookingError::Database(sea_orm::DbErr::RecordNotInserted))
    }
}
