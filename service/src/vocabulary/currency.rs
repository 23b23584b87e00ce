//! Currency codes of ISO 4217.

use crate::vocabulary::InvalidInput;

/// Checks that a currency code consists of three capital letters.
pub(crate) fn check_currency(currency: &str) -> Result<(), InvalidInput> {
    if currency.len() == 3 && currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Ok(());
    }
    let reason = "is not three capital letters; use an ISO 4217 code such as USD".to_owned();
    Err(InvalidInput { what: "currency", value: currency.to_owned(), reason })
}
