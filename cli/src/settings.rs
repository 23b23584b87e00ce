//! The arguments for the settings of the migrations, which several commands share.

use watertight_migration::{Settings, TenantType};

use crate::configuration::Configuration;
use crate::failure::Failure;
use crate::table_sets::TableSetsArg;

#[derive(Debug, clap::Args)]
pub(crate) struct SettingsArgs {
    #[command(flatten)]
    app_role: AppRoleArg,
    /// The type of the tenant's key: uuid, bigint, integer or text. Every type other than uuid needs --table-sets none. The default
    /// is that of watertight.toml, or else uuid.
    #[arg(long, global = true, env = Settings::TENANT_TYPE_VARIABLE)]
    tenant_type: Option<TenantType>,
    /// The tenant column of the application's tables. The default is that of watertight.toml, or else tenant_id.
    #[arg(long, global = true, value_name = "COLUMN", env = Settings::TENANT_COLUMN_VARIABLE)]
    tenant_column: Option<String>,
    #[command(flatten)]
    table_sets: TableSetsArg,
}

/// The argument for the application's role.
#[derive(Debug, clap::Args)]
pub(crate) struct AppRoleArg {
    /// The application's role. The default is that of watertight.toml, or else watertight_app.
    #[arg(long, global = true, value_name = "ROLE", env = Settings::APP_ROLE_VARIABLE)]
    app_role: Option<String>,
}

impl AppRoleArg {
    /// The role of the argument or the environment, or else that of the file.
    pub(crate) fn app_role(self, configuration: &Configuration) -> String {
        let of_file = || configuration.app_role.clone();
        self.app_role.or_else(of_file).unwrap_or_else(|| Settings::DEFAULT_APP_ROLE.to_owned())
    }
}

impl SettingsArgs {
    /// The settings of the arguments, or else those of the environment and of the file.
    pub(crate) fn settings(self, configuration: &Configuration) -> Result<Settings, Failure> {
        let mut settings = Settings::default()
            .with_app_role(self.app_role.app_role(configuration))
            .with_table_sets(self.table_sets.table_sets(configuration))
            .with_migration_table(configuration.migration_table());
        if let Some(column) = self.tenant_column.as_ref().or(configuration.tenant_column.as_ref()) {
            settings = settings.with_tenant_column(column);
        }
        let of_file = configuration.tenant_type().map_err(Failure::Usage)?;
        if let Some(tenant_type) = self.tenant_type.or(of_file) {
            settings = settings.with_tenant_type(tenant_type);
        }
        Ok(settings)
    }
}
