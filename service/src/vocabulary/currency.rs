//! Currency codes of ISO 4217, and amounts.

use crate::vocabulary::InvalidInput;

/// Checks that a currency code consists of three capital letters.
pub(crate) fn check_currency(currency: &str) -> Result<(), InvalidInput> {
    if currency.len() == 3 && currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Ok(());
    }
    let reason = "is not three capital letters; use an ISO 4217 code such as USD".to_owned();
    Err(InvalidInput { what: "currency", value: currency.to_owned(), reason })
}

/// Converts an amount of cents to the type of its column.
#[cfg(feature = "booking")]
pub(crate) fn cents(what: &'static str, value: u32) -> Result<i32, InvalidInput> {
    i32::try_from(value).map_err(|_| InvalidInput::new(what, value.to_string(), "is greater than 2147483647"))
}

/// Converts an amount of at least one cent, as [`cents`] does.
#[cfg(feature = "booking")]
pub(crate) fn positive_cents(what: &'static str, value: u32) -> Result<i32, InvalidInput> {
    match cents(what, value)? {
        0 => Err(InvalidInput::new(what, "0", "is not positive; set at least 1 cent")),
        cents => Ok(cents),
    }
}
