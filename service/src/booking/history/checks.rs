//! Checks of the rows of an import.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::imported::{ImportedAppointment, ImportedBooking, ImportedPayment};
use crate::vocabulary::limits;

/// A row of an import, with the checks that run before the statement.
pub(super) trait Imported: Serialize {
    const WHAT: &'static str;

    fn key(&self) -> String;

    /// The texts: name, value and greatest length.
    fn texts(&self) -> Vec<(&'static str, &str, usize)>;

    fn cents(&self) -> u32;

    fn currency(&self) -> &str;

    fn time(&self) -> Option<DateTime<Utc>>;
}

impl Imported for ImportedAppointment {
    const WHAT: &'static str = "appointment";

    fn key(&self) -> String {
        self.acuity_id.to_string()
    }

    fn texts(&self) -> Vec<(&'static str, &str, usize)> {
        vec![
            ("client name", &self.client_name, 255),
            ("client email", optional_ref(self.client_email.as_ref()), 255),
            ("client phone", optional_ref(self.client_phone.as_ref()), 32),
            ("service", &self.service, 255),
            ("payment method", optional_ref(self.payment_method.as_ref()), 32),
            ("notes", optional_ref(self.notes.as_ref()), limits::TEXT_CHARS),
        ]
    }

    fn cents(&self) -> u32 {
        self.price_cents
    }

    fn currency(&self) -> &str {
        &self.currency
    }

    fn time(&self) -> Option<DateTime<Utc>> {
        Some(self.appointment_date)
    }
}

fn optional_ref(text: Option<&String>) -> &str {
    text.map_or("", String::as_str)
}

impl Imported for ImportedPayment {
    const WHAT: &'static str = "payment";

    fn key(&self) -> String {
        format!("{} {}", self.processor, self.processor_ref)
    }

    fn texts(&self) -> Vec<(&'static str, &str, usize)> {
        vec![
            ("currency", &self.currency, 3),
            ("processor", &self.processor, 32),
            ("processor reference", &self.processor_ref, 255),
        ]
    }

    fn cents(&self) -> u32 {
        self.amount_cents
    }

    fn currency(&self) -> &str {
        &self.currency
    }

    fn time(&self) -> Option<DateTime<Utc>> {
        None
    }
}

impl Imported for ImportedBooking {
    const WHAT: &'static str = "booking";

    fn key(&self) -> String {
        self.acuity_appointment_id.clone()
    }

    fn texts(&self) -> Vec<(&'static str, &str, usize)> {
        vec![
            ("foreign identity", &self.acuity_appointment_id, 64),
            ("service", &self.service_id, 128),
            ("service name", &self.service_name, 255),
            ("provider", optional_ref(self.provider_id.as_ref()), 128),
            ("provider name", optional_ref(self.provider_name.as_ref()), 255),
            ("client first name", &self.client.first_name, limits::TEXT_CHARS),
            ("client last name", &self.client.last_name, limits::TEXT_CHARS),
            ("client email", &self.client.email, limits::TEXT_CHARS),
            ("client phone", optional_ref(self.client.phone.as_ref()), limits::TEXT_CHARS),
            ("payment method", &self.payment_method, 32),
            ("transaction", optional_ref(self.payment_transaction_id.as_ref()), 255),
        ]
    }

    fn cents(&self) -> u32 {
        self.amount_cents
    }

    fn currency(&self) -> &str {
        &self.currency
    }

    fn time(&self) -> Option<DateTime<Utc>> {
        Some(self.datetime)
    }
}
