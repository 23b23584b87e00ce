#![doc = include_str!("../../docs/links/certificates.md")]
#![doc = include_str!("../../docs/certificates.md")]
#![doc = concat!("```no_run\n", include_str!("../../examples/certificates.rs"), "\n```")]

mod due;
mod imbalances;
mod issuing;
mod packages;
mod purchase;
mod reading;
mod record;
mod redeeming;
mod sessions;
mod status;

pub use self::imbalances::{Imbalance, ImbalanceKind};
pub use self::issuing::NewCertificate;
pub use self::packages::NewPackage;
pub use self::purchase::Purchase;
pub use self::record::{CertificateRecord, RedemptionRecord};
pub use self::status::{CertificateStatus, RedemptionType};
use crate::vocabulary::code::CodeFormat;

/// `XXXX-XXXX-XXXX`
const CODE: CodeFormat = CodeFormat::new(3, 4);

/// Gift certificates and packages of one tenant. A reference, so it is cheap to copy.
///
/// Call [`TenantConnection::certificates`](crate::TenantConnection::certificates) to get it.
#[derive(Debug)]
pub struct Certificates<'a, C> {
    db: &'a C,
}

crate::tenant::facade::facade! {
    /// Gift certificates and packages of the tenant.
    Certificates by certificates
}
