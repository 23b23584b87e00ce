//! Typed accessors of the rows of certificates, packages and redemptions.

use watertight_entity::public::{gift_certificate_redemptions, gift_certificates, packages};

use super::status::{CertificateStatus, RedemptionType};
use crate::booking::BookingError;

/// Typed accessors of the row of a gift certificate or package.
pub trait CertificateRecord {
    /// The status of the gift certificate or package.
    ///
    /// # Errors
    /// [`BookingError::InvalidInput`] for a status that this version does not know.
    fn certificate_status(&self) -> Result<CertificateStatus, BookingError>;
}

impl CertificateRecord for gift_certificates::Model {
    fn certificate_status(&self) -> Result<CertificateStatus, BookingError> {
        Ok(self.status.parse()?)
    }
}

impl CertificateRecord for packages::Model {
    fn certificate_status(&self) -> Result<CertificateStatus, BookingError> {
        Ok(self.status.parse()?)
    }
}

/// Typed accessors of the row of a redemption.
pub trait RedemptionRecord {
    /// The type of the redemption.
    ///
    /// # Errors
    /// [`BookingError::InvalidInput`] for a type that this version does not know.
    fn redemption_type(&self) -> Result<RedemptionType, BookingError>;
}

impl RedemptionRecord for gift_certificate_redemptions::Model {
    fn redemption_type(&self) -> Result<RedemptionType, BookingError> {
        Ok(self.r#type.parse()?)
    }
}
