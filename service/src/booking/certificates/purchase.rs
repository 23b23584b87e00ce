//! The purchase of a gift certificate or package.

use crate::vocabulary::{Email, InvalidInput, text};

/// The purchaser of a gift certificate or package, and the payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purchase {
    /// At most 255 characters.
    pub purchaser_name: String,
    /// The address for the receipt.
    pub purchaser_email: Email,
    /// The id of the Stripe checkout session.
    pub stripe_session_id: Option<String>,
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
            stripe_payment_id: None,
            issued_by: None,
        }
    }

    pub(super) fn check(&self) -> Result<(), InvalidInput> {
        text::check("purchaser's name", &self.purchaser_name, 255)?;
        text::check_optional("stripe_session_id", self.stripe_session_id.as_ref(), 255)?;
        text::check_optional("stripe_payment_id", self.stripe_payment_id.as_ref(), 255)?;
        text::check_optional("issued_by", self.issued_by.as_ref(), 64)
    }
}
