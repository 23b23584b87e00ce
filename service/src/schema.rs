use watertight_entity::{auth, public};

use crate::tenant::RegistrationError;
use crate::tenant::Registry;

impl Registry {
    /// Adds the tables that watertight's migrations make.
    ///
    /// # Errors
    /// [`RegistrationError::RegisteredTwice`] when the application has declared one of them shared.
    pub(crate) fn add_own_tables(&mut self) -> Result<(), RegistrationError> {
        self.tenant_table(auth::audit_events::Entity)?;
        self.tenant_table(auth::backup_codes::Entity)?;
        self.tenant_table(auth::invitations::Entity)?;
        self.tenant_table(auth::sessions::Entity)?;
        self.tenant_table(auth::totp_secrets::Entity)?;
        self.tenant_table(auth::users::Entity)?;
        self.tenant_table(public::appointments::Entity)?;
        self.tenant_table(public::bookings::Entity)?;
        self.tenant_table(public::business_hours::Entity)?;
        self.tenant_table(public::business_hours_overrides::Entity)?;
        self.tenant_table(public::business_profile::Entity)?;
        self.tenant_table(public::clients::Entity)?;
        self.tenant_table(public::gift_certificate_redemptions::Entity)?;
        self.tenant_table(public::gift_certificates::Entity)?;
        self.tenant_table(public::intake_form_templates::Entity)?;
        self.tenant_table(public::intake_submissions::Entity)?;
        self.tenant_table(public::local_bookings::Entity)?;
        self.tenant_table(public::packages::Entity)?;
        self.tenant_table(public::payments::Entity)?;
        self.tenant_table(public::practitioners::Entity)?;
        self.tenant_table(public::reviews::Entity)?;
        self.tenant_table(public::services::Entity)?;
        self.tenant_table(public::slot_reservations::Entity)?;
        self.tenant_table(public::time_blocks::Entity)?;
        Ok(())
    }
}
