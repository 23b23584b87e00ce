//! The settings of the migrations, as arguments that several commands take.

use watertight_migration::{Settings, TableSets};

#[derive(Debug, clap::Args)]
pub(crate) struct SettingsArgs {
    /// The role of the application, which is granted rights on the tables.
    #[arg(long, env = Settings::APP_ROLE_VARIABLE, default_value = Settings::DEFAULT_APP_ROLE)]
    app_role: String,
    #[command(flatten)]
    table_sets: TableSetsArg,
}

/// The argument of commands that need no other setting.
#[derive(Debug, clap::Args)]
pub(crate) struct TableSetsArg {
    /// The table sets of watertight in the database: all, none, or a list of auth, content, booking, certificates, intake
    /// and history, each with its schema where it is another, as in auth=identity,booking.
    #[arg(
        long,
        value_name = "SETS",
        env = Settings::TABLE_SETS_VARIABLE,
        default_value = "all"
    )]
    table_sets: TableSets,
}

impl SettingsArgs {
    pub(crate) fn settings(self) -> Settings {
        Settings::default().with_app_role(self.app_role).with_table_sets(self.table_sets.table_sets)
    }
}

impl TableSetsArg {
    pub(crate) fn table_sets(self) -> TableSets {
        self.table_sets
    }
}
