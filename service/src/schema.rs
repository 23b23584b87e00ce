//! The sets of watertight's own tables: which are built in, and the registration of their entities.

use watertight_schema::{TableSet, TableSets};

use crate::error::Error;
use crate::tenant::Registry;

/// Whether the entities of a set are built in.
const fn is_built_in(set: TableSet) -> bool {
    match set {
        TableSet::Auth => cfg!(feature = "auth"),
        TableSet::Content => cfg!(feature = "content"),
        TableSet::Booking => cfg!(feature = "booking"),
        TableSet::Certificates => cfg!(feature = "certificates"),
        TableSet::Intake => cfg!(feature = "intake"),
        TableSet::History => cfg!(feature = "history"),
        _ => false,
    }
}

/// Every set that is built in, each in its own schema.
pub(crate) fn built_in_sets() -> TableSets {
    TableSet::ALL.into_iter().filter(|set| is_built_in(*set)).fold(TableSets::none(), TableSets::with)
}

impl Registry {
    /// Adds the tables of the chosen sets.
    ///
    /// # Errors
    /// [`Error::FeatureOff`] for a set that is not built in, [`Error::AmbiguousTable`] and [`Error::RegisteredTwice`]
    /// when the application has registered one of the tables otherwise.
    pub(crate) fn add_table_sets(&mut self, sets: &TableSets) -> Result<(), Error> {
        if let Some(set) = sets.iter().find(|set| !is_built_in(*set)) {
            return Err(Error::FeatureOff { set });
        }
        self.choose(sets.clone())?;
        sets.iter().try_for_each(|set| self.add_table_set(set))
    }

    fn add_table_set(&mut self, set: TableSet) -> Result<(), Error> {
        /// Adds the entities of these modules.
        #[allow(unused_macros, reason = "without features no set is built in")]
        macro_rules! add {
            ($schema:ident: $($table:ident),*) => {{
                $(self.own_table(set, watertight_entity::$schema::$table::Entity)?;)*
            }};
        }
        match set {
            #[cfg(feature = "auth")]
            TableSet::Auth => {
                add!(auth: audit_events, backup_codes, invitations, sessions, totp_secrets, users)
            }
            #[cfg(feature = "content")]
            TableSet::Content => {
                add!(public: business_hours, business_profile, practitioners, reviews, services);
            }
            #[cfg(feature = "booking")]
            TableSet::Booking => {
                add!(public: bookings, business_hours_overrides, clients, slot_reservations, time_blocks);
            }
            #[cfg(feature = "certificates")]
            TableSet::Certificates => {
                add!(public: gift_certificate_redemptions, gift_certificates, packages);
            }
            #[cfg(feature = "intake")]
            TableSet::Intake => add!(public: intake_form_templates, intake_submissions),
            #[cfg(feature = "history")]
            TableSet::History => add!(public: appointments, local_bookings, payments),
            _ => return Err(Error::FeatureOff { set }),
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
