//! The arguments for the settings of the migrations, which several commands share.

use watertight_migration::{Settings, TenantType};

use crate::table_sets::TableSetsArg;

#[derive(Debug, clap::Args)]
pub(crate) struct SettingsArgs {
    /// The application's role, which is granted rights on the tables.
    #[arg(long, env = Settings::APP_ROLE_VARIABLE, default_value = Settings::DEFAULT_APP_ROLE)]
    app_role: String,
    /// The type of the tenant's key: uuid, bigint, integer or text. Every type other than uuid needs --table-sets none.
    #[arg(long, env = Settings::TENANT_TYPE_VARIABLE, default_value = "uuid")]
    tenant_type: TenantType,
    #[command(flatten)]
    table_sets: TableSetsArg,
}

impl SettingsArgs {
    pub(crate) fn settings(self) -> Settings {
        Settings::default()
            .with_app_role(self.app_role)
            .with_table_sets(self.table_sets.table_sets())
            .with_tenant_type(self.tenant_type)
    }
}
