//! The argument for the table sets of the database, which several commands share.

use watertight_migration::{Settings, TableSets};

use crate::configuration::Configuration;

#[derive(Debug, clap::Args)]
pub(crate) struct TableSetsArg {
    /// The table sets of watertight in the database: all, none, or a list of auth, content, booking, certificates, intake
    /// and history. A set in another schema than its own is written as in auth=identity,booking. The default is that of
    /// watertight.toml, or else all.
    #[arg(
        long,
        global = true,
        value_name = "SETS",
        env = Settings::TABLE_SETS_VARIABLE
    )]
    table_sets: Option<TableSets>,
}

impl TableSetsArg {
    /// The sets of the argument or the environment, or else those of the file.
    pub(crate) fn table_sets(self, configuration: &Configuration) -> TableSets {
        let of_file = || configuration.table_sets().ok().flatten();
        self.table_sets.or_else(of_file).unwrap_or_default()
    }
}
