//! The purchase of a gift certificate or package.

use serde_json::{Value, json};
use uuid::Uuid;

use super::status::CertificateStatus;
use crate::booking::BookingError;
use crate::vocabulary::{Email, InvalidInput, text};

/// The purchaser of a gift certificate or package, and the payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purchase {
    /// At most 255 characters.
    pub purchaser_name: String,
    /// The address for the receipt.
    pub purchaser_email: Email,
    /// The id of the Stripe checkout session, or another id of the sale, by which a repeat is found.
    pub stripe_session_id: Option<String>,
    /// The number of the item, if one session buys several certificates or several packages; 1 otherwise.
    pub item: u16,
    /// The id of the Stripe payment.
    pub stripe_payment_id: Option<String>,
    /// The handle of the issuer; at most 64 characters.
    pub issued_by: Option<String>,
}

impl Purchase {
    /// A purchase without a payment reference.
    ///
    /// ```
    /// use watertight::certificates::Purchase;
    ///
    /// # let checkout_session = "cs_17".to_owned();
    /// let purchase = Purchase {
    ///     stripe_session_id: Some(checkout_session),
    ///     ..Purchase::new("Olivia Hart".into(), "olivia@example.com".parse()?)
    /// };
    /// assert_eq!(purchase.issued_by, None);
    /// # Ok::<(), watertight::Error>(())
    /// ```
    #[must_use]
    pub const fn new(purchaser_name: String, purchaser_email: Email) -> Self {
        Self {
            purchaser_name,
            purchaser_email,
            stripe_session_id: None,
            item: 1,
            stripe_payment_id: None,
            issued_by: None,
        }
    }

    pub(super) fn check(&self) -> Result<(), InvalidInput> {
        text::check("purchaser's name", &self.purchaser_name, 255)?;
        text::check_optional("stripe_session_id", self.stripe_session_id.as_ref(), 255)?;
        text::check_optional("stripe_payment_id", self.stripe_payment_id.as_ref(), 255)?;
        if self.item == 0 {
            return Err(InvalidInput::new("item", "0", "is not positive; number the items from 1"));
        }
        text::check_optional("issued_by", self.issued_by.as_ref(), 64)
    }

    /// The parts of the purchase that decide on a row.
    pub(super) fn request(&self) -> Value {
        json!([
            self.purchaser_name,
            self.purchaser_email.as_str(),
            self.stripe_session_id,
            self.item,
            self.stripe_payment_id,
            self.issued_by,
        ])
    }

    /// Accepts the row that an earlier request with the same session and item made, if it was this request.
    ///
    /// A row of an earlier version has no digest: its amount and currency are compared.
    pub(super) fn repeated(
        &self,
        what: &'static str,
        id: Uuid,
        first: Option<&[u8]>,
        digest: &[u8],
        is_same: bool,
        status: CertificateStatus,
    ) -> Result<(), BookingError> {
        if !first.map_or(is_same, |first| first == digest) {
            let session = self.stripe_session_id.as_deref().unwrap_or_default();
            let identity = format!("item {} of the session {session:?}", self.item);
            return Err(BookingError::IdentityReused { what, identity });
        }
        if status != CertificateStatus::Active {
            return Err(BookingError::NoLongerActive { what, id, status: status.to_string() });
        }
        Ok(())
    }
}
