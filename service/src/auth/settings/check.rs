//! Limits of the settings.

use std::time::Duration;

use crate::auth::second_factor::backup_code::BackupCodes;
use crate::auth::settings::AuthSettings;
use crate::vocabulary::{InvalidInput, text};

const TEN_YEARS: Duration = Duration::from_hours(3650 * 24);

impl AuthSettings {
    /// Refuses settings that are outside their limits.
    pub(in crate::auth) fn check(&self) -> Result<(), InvalidInput> {
        let refuse =
            |what, value: String, reason: &str| Err(InvalidInput { what, value, reason: reason.to_owned() });
        text::check("issuer", &self.issuer, 128)?;
        if self.issuer.trim().is_empty() || self.issuer.contains(':') {
            return refuse(
                "issuer",
                self.issuer.clone(),
                "is empty or contains a colon; use the application's name",
            );
        }
        let lockout = self.lockout.unwrap_or_default();
        for (what, span) in [
            ("session_age", self.session_age),
            ("enrollment_age", self.enrollment_age),
            ("lockout.window", lockout.window),
            ("lockout.duration", lockout.duration),
        ] {
            if span < Duration::from_secs(1) || span > TEN_YEARS {
                return refuse(what, format!("{span:?}"), "is not between one second and ten years");
            }
        }
        if self.renewal_threshold > self.session_age {
            let value = format!("{:?}", self.renewal_threshold);
            return refuse("renewal_threshold", value, "is longer than `session_age`; set a shorter time");
        }
        if lockout.failures == 0 {
            return refuse(
                "lockout.failures",
                "0".into(),
                "would lock every account; set at least 1, or disable the lockout",
            );
        }
        if !(4..=31).contains(&self.bcrypt_cost) {
            return refuse("bcrypt_cost", self.bcrypt_cost.to_string(), "is not between 4 and 31");
        }
        if let Some(slowest) = self.slowest_bcrypt_cost
            && !(self.bcrypt_cost..=31).contains(&slowest)
        {
            return refuse(
                "slowest_bcrypt_cost",
                slowest.to_string(),
                "is not between `bcrypt_cost` and 31; set the highest cost of the stored hashes",
            );
        }
        if !(1..=1024).contains(&self.concurrent_hashes) {
            return refuse(
                "concurrent_hashes",
                self.concurrent_hashes.to_string(),
                "is not between 1 and 1024",
            );
        }
        if !(1..=10_000).contains(&self.hashing_queue) {
            return refuse("hashing_queue", self.hashing_queue.to_string(), "is not between 1 and 10000");
        }
        if !(1..=BackupCodes::MAX).contains(&self.backup_codes) {
            return refuse("backup_codes", self.backup_codes.to_string(), "is not between 1 and 20");
        }
        if self.sessions_per_user == Some(0) {
            return refuse(
                "sessions_per_user",
                "0".into(),
                "would end every session; set at least 1, or `None`",
            );
        }
        Ok(())
    }
}
