#![doc = include_str!("../../docs/certificates.md")]
//! # Example
//!
#![doc = concat!("```no_run\n", include_str!("../../examples/certificates.rs"), "\n```")]

mod issuing;
mod redeeming;

pub use self::issuing::{NewCertificate, NewPackage, Purchase};
pub use self::redeeming::Imbalance;
use crate::booking::BookingError;
use crate::vocabulary::InvalidInput;
use crate::vocabulary::code::CodeFormat;

/// `XXXX-XXXX-XXXX`
const CODE: CodeFormat = CodeFormat::new(3, 4);

/// Gift certificates and packages of one tenant. Cheap to make: a reference.
///
/// [`TenantConnection::certificates`](crate::TenantConnection::certificates) gives it.
#[derive(Debug)]
pub struct Certificates<'a, C> {
    db: &'a C,
}

crate::tenant::facade::facade! {
    /// Gift certificates and packages of the tenant.
    Certificates by certificates
}

fn cents(what: &'static str, value: u32) -> Result<i32, BookingError> {
    i32::try_from(value).map_err(|_| {
        InvalidInput { what, value: value.to_string(), reason: "is more than an integer holds".to_owned() }
            .into()
    })
}
