//! The connection to the database, and its role.

use std::time::Duration;

use clap::ValueEnum;
use sea_orm::{ConnectOptions, DatabaseConnection};
use watertight::maintenance::Maintenance;
use watertight::{Builder, TableSets, Watertight};

use crate::configuration::Configuration;
use crate::failure::Failure;

/// The time limit for connecting, long enough for a suspended hosted database to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The roles with which a command connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// The application's role: `DATABASE_URL`.
    App,
    /// The owner of the tables: `DATABASE_OWNER_URL`.
    Owner,
    /// A member of the owner that sees the rows of all tenants: `DATABASE_MAINTENANCE_URL`.
    Maintenance,
}

impl Role {
    const fn variable(self) -> &'static str {
        match self {
            Self::App => "DATABASE_URL",
            Self::Owner => "DATABASE_OWNER_URL",
            Self::Maintenance => "DATABASE_MAINTENANCE_URL",
        }
    }
}

/// The arguments of the connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Connector {
    pub(crate) role: Option<Role>,
    pub(crate) transaction_pooler: bool,
    /// The registration of the application.
    pub(crate) configuration: &'static Configuration,
}

impl Connector {
    /// A builder without the tables of the application.
    pub(crate) fn builder(self) -> Builder {
        Watertight::builder().transaction_pooler(self.transaction_pooler)
    }

    /// A builder with the tables of the application.
    pub(crate) fn application(self) -> Result<Builder, Failure> {
        self.configuration.builder(self.builder())
    }

    /// The options for a role, or for the role that the arguments choose instead.
    pub(crate) fn options(self, role: Role) -> Result<ConnectOptions, Failure> {
        let variable = self.role.unwrap_or(role).variable();
        let url = std::env::var(variable).unwrap_or_default();
        if url.trim().is_empty() {
            return Err(Failure::Usage(format!(
                "{variable} is not set; set it to postgres://ROLE:PASSWORD@HOST:PORT/DATABASE, or choose another role with --as"
            )));
        }
        let scheme = url::Url::parse(&url).map(|url| url.scheme().to_owned());
        if !scheme.as_deref().is_ok_and(|scheme| matches!(scheme, "postgres" | "postgresql")) {
            return Err(Failure::Usage(format!(
                "{variable} is malformed; set it to postgres://ROLE:PASSWORD@HOST:PORT/DATABASE, and percent-encode special \
                 characters of the password, such as # as %23 and / as %2F"
            )));
        }
        let mut options = ConnectOptions::new(url);
        options.max_connections(4).acquire_timeout(PATIENCE).connect_timeout(PATIENCE).sqlx_logging(false);
        Ok(options)
    }

    pub(crate) async fn connect(self, role: Role) -> Result<DatabaseConnection, Failure> {
        Ok(Watertight::open_pool(self.options(role)?).await?)
    }

    pub(crate) async fn maintenance(self, role: Role, sets: TableSets) -> Result<Maintenance, Failure> {
        let connection = self.connect(role).await?;
        Ok(self.application()?.table_sets(sets).maintenance(&connection).await?)
    }
}
