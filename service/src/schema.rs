//! The sets of watertight's own tables that are built in, and the registration of their entities.

use watertight_schema::{TableSet, TableSets};

use crate::tenant::RegistrationError;
use crate::tenant::Registry;

/// Registers one entity of a set.
type Register = fn(&mut Registry, TableSet) -> Result<(), RegistrationError>;

/// The entities of a schema, as functions that register them.
#[allow(unused_macros, reason = "without features no set is built in")]
macro_rules! entities {
    ($schema:ident: $($table:ident),*) => {
        &[$(Registry::own_table::<watertight_entity::$schema::$table::Entity>),*]
    };
}

/// The sets that are built in, each after those that it requires, with their entities.
const BUILT_IN: &[(TableSet, &[Register])] = &[
    #[cfg(feature = "auth")]
    (TableSet::Auth, entities!(auth: audit_events, backup_codes, invitations, sessions, totp_secrets, users)),
    #[cfg(feature = "content")]
    (
        TableSet::Content,
        entities!(public: business_hours, business_profile, practitioners, reviews, services),
    ),
    #[cfg(feature = "booking")]
    (
        TableSet::Booking,
        entities!(public: booking_payments, bookings, business_hours_overrides, clients, slot_reservations, time_blocks),
    ),
    #[cfg(feature = "certificates")]
    (TableSet::Certificates, entities!(public: gift_certificate_redemptions, gift_certificates, packages)),
    #[cfg(feature = "intake")]
    (TableSet::Intake, entities!(public: intake_form_templates, intake_submissions)),
    #[cfg(feature = "history")]
    (TableSet::History, entities!(public: appointments, local_bookings, payments)),
];

/// Every set that is built in, each in its own schema.
pub(crate) fn built_in_sets() -> TableSets {
    BUILT_IN.iter().fold(TableSets::none(), |sets, (set, _)| sets.with(*set))
}

impl Registry {
    /// Chooses table sets, and adds their tables.
    ///
    /// # Errors
    /// [`Error::FeatureOff`] for a set that is not built in; [`Error::AmbiguousTable`] and [`Error::RegisteredTwice`]
    /// when the application has registered one of the tables otherwise.
    pub(crate) fn add_table_sets(&mut self, sets: &TableSets) -> Result<(), RegistrationError> {
        self.choose(sets.clone())?;
        for set in sets.iter() {
            let built_in = BUILT_IN.iter().find(|(known, _)| *known == set);
            let (_, entities) = built_in.ok_or(RegistrationError::FeatureOff { set })?;
            entities.iter().try_for_each(|register| register(self, set))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_of_a_set_that_is_built_in_has_an_entity() {
        let mut registry = Registry::default();
        registry.add_table_sets(&built_in_sets()).unwrap();
        let mut names: Vec<String> = registry.tables().map(|(name, _)| name.to_string()).collect();
        names.sort_unstable();
        let tables =
            |set: TableSet| set.tables().iter().map(move |table| format!("{}.{table}", set.schema()));
        let mut expected: Vec<String> = built_in_sets().iter().flat_map(tables).collect();
        expected.sort_unstable();
        assert_eq!(names, expected);
    }
}
