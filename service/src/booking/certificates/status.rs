//! The status of certificates and packages, and the types of redemptions.

use crate::vocabulary::text_enum::text_enum;

text_enum! {
    /// The status of a gift certificate or package.
    #[derive(Default)]
    #[non_exhaustive]
    pub enum CertificateStatus as "certificate status" {
        /// It can be redeemed.
        #[default]
        Active = "active",
        /// It was withdrawn and cannot be redeemed.
        Void = "void",
    }
}

text_enum! {
    /// The type of a redemption.
    #[non_exhaustive]
    pub enum RedemptionType as "redemption type" {
        /// Cents of a gift certificate.
        GiftCertificate = "gift_certificate",
        /// A session of a package.
        Package = "package",
    }
}
