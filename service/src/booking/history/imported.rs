//! The values of an import.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::booking::payment_status::PaymentStatus;

/// An appointment of a foreign system. Its key is the id there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImportedAppointment {
    /// The id in the foreign system.
    pub acuity_id: i32,
    /// At most 255 characters.
    pub client_name: String,
    /// At most 255 characters.
    pub client_email: Option<String>,
    /// At most 32 characters.
    pub client_phone: Option<String>,
    /// At most 255 characters.
    pub service: String,
    /// Minutes.
    pub duration: u16,
    /// The price, in cents.
    pub price_cents: u32,
    /// The currency of the price: three capital letters (ISO 4217).
    pub currency: String,
    /// True if the appointment is paid.
    pub paid: bool,
    /// At most 32 characters.
    pub payment_method: Option<String>,
    /// The start.
    pub appointment_date: DateTime<Utc>,
    /// Notes.
    pub notes: Option<String>,
}

/// A payment. Its key is the processor and the reference there.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ImportedPayment {
    /// The foreign system's id of the paid appointment, which is imported first.
    pub acuity_id: Option<i32>,
    /// Cents.
    pub amount_cents: u32,
    /// Three capital letters (ISO 4217).
    pub currency: String,
    /// At most 32 characters.
    pub processor: String,
    /// The processor's reference; at most 255 characters.
    pub processor_ref: String,
    /// The status of the payment.
    pub status: PaymentStatus,
    /// Further data of the processor.
    pub metadata: Option<serde_json::Value>,
}

/// A booking made here while a foreign system was in use. Its key is the id there.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ImportedBooking {
    /// The id in the foreign system; at most 64 characters.
    pub acuity_appointment_id: String,
    /// The foreign system's id of the service; at most 128 characters.
    pub service_id: String,
    /// At most 255 characters.
    pub service_name: String,
    /// The foreign system's id of the practitioner; at most 128 characters.
    pub provider_id: Option<String>,
    /// At most 255 characters.
    pub provider_name: Option<String>,
    /// The start.
    pub datetime: DateTime<Utc>,
    /// Minutes.
    pub duration: u16,
    /// The client.
    pub client: ImportedClient,
    /// At most 32 characters.
    pub payment_method: String,
    /// At most 255 characters.
    pub payment_transaction_id: Option<String>,
    /// Cents.
    pub amount_cents: u32,
    /// Three capital letters (ISO 4217).
    pub currency: String,
    /// The status of the payment.
    pub payment_status: PaymentStatus,
}

/// The client of an imported booking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImportedClient {
    /// The first name.
    pub first_name: String,
    /// The last name.
    pub last_name: String,
    /// The email address.
    pub email: String,
    /// The telephone number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
}
