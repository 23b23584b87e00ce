//! The file `watertight.toml`: the registration of the application, for commands that need its tables.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::Deserialize;
use watertight::{Builder, TableSets, TenantId, TenantType};
use watertight_schema::isolation;

use crate::failure::Failure;

/// The name of the file in the current folder.
const FILE: &str = "watertight.toml";

/// The argument for the file.
#[derive(Debug, clap::Args)]
pub(crate) struct ConfigurationArg {
    /// The file with the registration of the application, as `Builder::write_configuration` writes it. Without the argument, the
    /// command reads watertight.toml in the current folder if it exists. Arguments and environment variables take precedence.
    #[arg(long = "config", global = true, value_name = "FILE", env = "WATERTIGHT_CONFIG")]
    path: Option<PathBuf>,
}

/// A tenant, whose type is known when the file has been read.
#[derive(Debug, Clone)]
pub(crate) struct TenantArg(String);

impl FromStr for TenantArg {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl TenantArg {
    /// The tenant, by the type of watertight.toml or of the environment.
    pub(crate) fn id(&self, configuration: &Configuration) -> Result<TenantId, Failure> {
        let tenant_type = configuration.tenant_type().map_err(Failure::Usage)?.unwrap_or_default();
        TenantId::parse_as(tenant_type, &self.0).map_err(|error| Failure::Usage(error.to_string()))
    }
}

/// The registration of the application.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Configuration {
    pub(crate) app_role: Option<String>,
    table_sets: Option<String>,
    tenant_type: Option<String>,
    pub(crate) tenant_column: Option<String>,
    migration_table: Option<String>,
    pub(crate) rewriting_only: bool,
    tenant_tables: Vec<String>,
    pub(crate) shared_tables: Vec<String>,
    outbox_tables: Vec<String>,
    one_layer_tables: Vec<String>,
    rows_for_everyone: Vec<String>,
    migrations: Vec<String>,
    functions: Vec<String>,
    tenant_columns: BTreeMap<String, String>,
}

impl ConfigurationArg {
    /// Reads the file, and the variables that take precedence. A file that the argument names must exist.
    pub(crate) fn read(&self) -> Result<Configuration, Failure> {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let mut read = self.read_file()?;
        if let Some(column) = variable(isolation::TENANT_COLUMN_VARIABLE) {
            read.tenant_column = Some(column);
        }
        if let Some(tenant_type) = variable(TenantType::VARIABLE) {
            read.tenant_type = Some(tenant_type);
            read.tenant_type().map_err(Failure::Usage)?;
        }
        Ok(read)
    }

    fn read_file(&self) -> Result<Configuration, Failure> {
        let path = self.path.as_deref().unwrap_or(Path::new(FILE));
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && self.path.is_none() => {
                return Ok(Configuration::default());
            }
            Err(error) => return Err(Failure::opening(path, &error)),
        };
        let malformed = |reason: String| Failure::Usage(format!("{}: {reason}", path.display()));
        let read: Configuration =
            toml::from_str(&text).map_err(|error| malformed(error.message().to_owned()))?;
        read.table_sets().map_err(malformed)?;
        read.tenant_type().map_err(malformed)?;
        Ok(read)
    }
}

impl Configuration {
    pub(crate) fn table_sets(&self) -> Result<Option<TableSets>, String> {
        self.table_sets
            .as_deref()
            .map(str::parse)
            .transpose()
            .map_err(|error: watertight::TableSetError| error.to_string())
    }

    pub(crate) fn tenant_type(&self) -> Result<Option<TenantType>, String> {
        let parsed = self.tenant_type.as_deref().map(str::parse).transpose();
        parsed.map_err(|error: watertight_schema::TenantTypeError| error.to_string())
    }

    /// The table of applied migrations.
    pub(crate) fn migration_table(&self) -> &str {
        self.migration_table.as_deref().unwrap_or(isolation::MIGRATION_TABLE)
    }

    /// A builder with the registration, except the table sets.
    pub(crate) fn builder(&self, mut builder: Builder) -> Result<Builder, Failure> {
        if let Some(tenant_type) = self.tenant_type().map_err(Failure::Usage)? {
            builder = builder.tenant_type(tenant_type);
        }
        if let Some(column) = &self.tenant_column {
            builder = builder.tenant_column(column);
        }
        for (table, column) in &self.tenant_columns {
            builder = builder.tenant_column_of(table, column);
        }
        for function in &self.functions {
            builder = builder.dangerous_function(function);
        }
        Ok(builder
            .tenant_tables(&self.tenant_tables)
            .shared_tables(&self.shared_tables)
            .outbox_tables(&self.outbox_tables)
            .dangerous_one_layer_tables(&self.one_layer_tables)
            .rows_for_everyone(&self.rows_for_everyone)
            .migrations(self.migrations.iter().cloned())
            .migration_table(self.migration_table()))
    }
}
