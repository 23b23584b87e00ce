//! The argument for the table sets of the database, which several commands share.

use watertight_migration::{Settings, TableSets};

#[derive(Debug, clap::Args)]
pub(crate) struct TableSetsArg {
    /// The table sets of watertight in the database: all, none, or a list of auth, content, booking, certificates, intake
    /// and history. A set in another schema than its own is written as in auth=identity,booking.
    #[arg(
        long,
        global = true,
        value_name = "SETS",
        env = Settings::TABLE_SETS_VARIABLE,
        default_value = "all"
    )]
    table_sets: TableSets,
}

impl TableSetsArg {
    pub(crate) fn table_sets(self) -> TableSets {
        self.table_sets
    }
}
