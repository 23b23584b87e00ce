//! The secret and the QR code that a user needs to enroll a second factor.

use std::fmt;

use qrcode::QrCode;
use qrcode::render::{svg, unicode};
use secrecy::{ExposeSecret, SecretString};

use crate::auth::error::AuthError;
use crate::auth::second_factor::totp_secret::TotpSecret;

/// The secret of a new second factor, to be shown once. It does not print.
#[derive(Clone)]
pub struct TotpEnrollment {
    secret: TotpSecret,
    uri: SecretString,
}

impl TotpEnrollment {
    pub(in crate::auth) const fn new(secret: TotpSecret, uri: SecretString) -> Self {
        Self { secret, uri }
    }

    /// The secret, for typing.
    #[must_use]
    pub const fn secret(&self) -> &TotpSecret {
        &self.secret
    }

    /// The `otpauth` URI, which contains the secret in clear.
    #[must_use]
    pub const fn uri(&self) -> &SecretString {
        &self.uri
    }

    /// The URI as a QR code in SVG, to put into a page. It contains the secret.
    ///
    /// # Errors
    /// [`AuthError::InvalidSecret`] when issuer and handle are too long for a QR code.
    pub fn qr_svg(&self) -> Result<SecretString, AuthError> {
        let code = self.qr()?;
        Ok(code.render::<svg::Color<'_>>().min_dimensions(240, 240).build().into())
    }

    /// The URI as a QR code of block characters, for a terminal. It contains the secret.
    ///
    /// # Errors
    /// As [`TotpEnrollment::qr_svg`].
    pub fn qr_text(&self) -> Result<SecretString, AuthError> {
        // Most terminals are dark, and a scanner wants dark on light: the colors change places.
        let code = self.qr()?;
        let text = code
            .render::<unicode::Dense1x2>()
            .dark_color(unicode::Dense1x2::Light)
            .light_color(unicode::Dense1x2::Dark)
            .build();
        Ok(text.into())
    }

    fn qr(&self) -> Result<QrCode, AuthError> {
        QrCode::new(self.uri.expose_secret()).map_err(|_| AuthError::InvalidSecret {
            what: "otpauth URI",
            reason: "is too long for a QR code; choose a shorter issuer",
        })
    }
}

impl fmt::Debug for TotpEnrollment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpEnrollment(..)")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn enrollment_gives_a_uri_and_a_code_to_scan() {
        let secret = TotpSecret::from_bytes(b"12345678901234567890".to_vec()).unwrap();
        let uri = secret.uri("Harbor Clinic", &"jess".parse().unwrap()).unwrap();
        let enrollment = TotpEnrollment::new(secret, uri);
        assert_eq!(
            enrollment.uri().expose_secret(),
            "otpauth://totp/Harbor%20Clinic:jess?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Harbor%20Clinic"
        );
        assert!(enrollment.qr_svg().unwrap().expose_secret().contains("<svg"));
        assert!(enrollment.qr_text().unwrap().expose_secret().lines().count() > 15);
        assert_eq!(format!("{enrollment:?}"), "TotpEnrollment(..)");
    }
}
