//! The connection of the tests: definitions run as the owner, all other statements as a tenant.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use real::{
    AccessMode, ConnectOptions, ConnectionTrait, DbBackend, DbErr, ExecResult, IsolationLevel, QueryResult,
    Schema, SchemaBuilder, Statement, StreamTrait, TransactionError, TransactionOptions, TransactionTrait,
};
use tokio::sync::Mutex;
use uuid::Uuid;
use watertight::{TableSets, TenantConnection, TenantId, TenantStream, TenantTransaction, Watertight};
use watertight_migration::{Settings, TenantMigrator, sea_orm_migration::MigratorTraitSelf};

use crate::conversion::convert;
use crate::other_tenant::OtherTenant;
use crate::table;

/// The tested tenant.
pub(crate) const OWN: Uuid = Uuid::from_u128(0x5ea0_0000_0000_4000_8000_0000_0000_0001);

/// The tenant with rows of the same ids.
pub(crate) const OTHER: Uuid = Uuid::from_u128(0x5ea0_0000_0000_4000_8000_0000_0000_0002);

/// The words with which a definition begins.
const DEFINITIONS: [&str; 6] = ["CREATE", "ALTER", "DROP", "COMMENT", "TRUNCATE", "GRANT"];

/// As in SeaORM.
pub type DbConn = DatabaseConnection;

/// Connects, as SeaORM does.
#[derive(Debug)]
pub struct Database;

/// A database of a test.
#[derive(Debug, Clone)]
pub struct DatabaseConnection(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: String,
    owner: real::DatabaseConnection,
    /// Recreated after a definition. It is never freed, so that streams can borrow from it.
    tenants: Mutex<Option<&'static Tenants>>,
    /// True after a transaction, in which the other tenant wrote nothing.
    is_behind: AtomicBool,
}

#[derive(Debug)]
struct Tenants {
    own: TenantConnection,
    other: TenantConnection,
    rows: OtherTenant,
}

/// The URL of a role for a database, by the URL in a variable.
fn url(variable: &str, name: &str) -> String {
    let url = std::env::var(variable).unwrap_or_else(|_| panic!("{variable} is not set"));
    let mut url = url::Url::parse(&url).expect("a URL");
    url.set_path(name);
    url.into()
}

fn app_role() -> String {
    url::Url::parse(&url("DATABASE_URL", "")).expect("a URL").username().to_owned()
}

impl Database {
    pub async fn connect<C: Into<ConnectOptions>>(options: C) -> Result<DatabaseConnection, DbErr> {
        let options: ConnectOptions = options.into();
        let name = options.get_url().rsplit('/').next().unwrap_or_default().to_owned();
        let mut owner = ConnectOptions::new(url("DATABASE_OWNER_URL", &name));
        owner.max_connections(2).sqlx_logging(false);
        let owner = real::Database::connect(owner).await?;
        if name != "postgres" {
            let migrator = TenantMigrator::new(
                Settings::default().with_app_role(app_role()).with_table_sets(TableSets::none()),
            );
            migrator.up(&owner, None).await?;
        }
        let inner = Inner { name, owner, tenants: Mutex::new(None), is_behind: AtomicBool::new(false) };
        Ok(DatabaseConnection(Arc::new(inner)))
    }
}

fn word(sql: &str) -> String {
    sql.trim_start().split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default().to_ascii_uppercase()
}

impl DatabaseConnection {
    pub fn get_database_backend(&self) -> DbBackend {
        DbBackend::Postgres
    }

    pub fn get_schema_builder(&self) -> SchemaBuilder {
        Schema::new(DbBackend::Postgres).builder()
    }

    pub async fn ping(&self) -> Result<(), DbErr> {
        self.tenants().await?.own.ping().await
    }

    pub async fn close(self) -> Result<(), DbErr> {
        self.0.owner.clone().close().await
    }

    pub async fn transaction_async<F, T, E>(&self, callback: F) -> Result<T, TransactionError<E>>
    where
        F: for<'c> AsyncFnOnce(&'c TenantTransaction) -> Result<T, E> + Send,
        T: Send,
        E: std::fmt::Display + std::fmt::Debug + Send,
    {
        let tenants = self.tenants().await.map_err(TransactionError::Connection)?;
        self.behind();
        tenants.own.transaction_async(callback).await
    }

    pub async fn transaction_with_config_async<F, T, E>(
        &self,
        callback: F,
        isolation_level: Option<IsolationLevel>,
        access_mode: Option<AccessMode>,
    ) -> Result<T, TransactionError<E>>
    where
        F: for<'c> AsyncFnOnce(&'c TenantTransaction) -> Result<T, E> + Send,
        T: Send,
        E: std::fmt::Display + std::fmt::Debug + Send,
    {
        let tenants = self.tenants().await.map_err(TransactionError::Connection)?;
        self.behind();
        tenants.own.transaction_with_config_async(callback, isolation_level, access_mode).await
    }

    /// The connections of the tenants, to the tables as they are now.
    async fn tenants(&self) -> Result<&'static Tenants, DbErr> {
        let mut tenants = self.0.tenants.lock().await;
        let present = match *tenants {
            Some(present) => present,
            None => {
                let made: &'static Tenants = Box::leak(Box::new(self.connect().await?));
                *tenants.insert(made)
            }
        };
        if self.0.is_behind.swap(false, Ordering::SeqCst) {
            present.rows.catch_up().await?;
        }
        Ok(present)
    }

    async fn connect(&self) -> Result<Tenants, DbErr> {
        let tables = convert(&self.0.owner, &app_role()).await?;
        let builder = Watertight::builder().table_sets(TableSets::none());
        let builder =
            tables.into_iter().fold(builder, |builder, table| builder.tenant_table(table::entity(table)));
        let mut options = ConnectOptions::new(url("DATABASE_URL", &self.0.name));
        options.max_connections(8).sqlx_logging(false);
        let water = builder.connect(options).await.map_err(|error| DbErr::Custom(error.to_string()))?;
        let [own, other] = [OWN, OTHER].map(|id| water.tenant(TenantId::new(id).expect("not nil")));
        let mut options = ConnectOptions::new(url("DATABASE_SUPERUSER_URL", &self.0.name));
        options.max_connections(1).sqlx_logging(false);
        let rows = OtherTenant::of(real::Database::connect(options).await?).await?;
        Ok(Tenants { own, other, rows })
    }

    fn behind(&self) {
        self.0.is_behind.store(true, Ordering::SeqCst);
    }

    /// The owner's connection for a definition, or `None` for a statement of the tenant.
    async fn for_definition(&self, sql: &str) -> Option<&real::DatabaseConnection> {
        let is_definition = self.0.name == "postgres" || DEFINITIONS.contains(&word(sql).as_str());
        if is_definition {
            *self.0.tenants.lock().await = None;
        }
        is_definition.then_some(&self.0.owner)
    }

    /// The tenant's connection for a statement, whose rows the other tenant then has.
    async fn for_statement(&self, statement: &Statement) -> Result<&'static TenantConnection, DbErr> {
        let tenants = self.tenants().await?;
        if word(&statement.sql) == "INSERT" {
            tenants.rows.insert_first(&tenants.other, statement).await?;
        }
        Ok(&tenants.own)
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for DatabaseConnection {
    fn get_database_backend(&self) -> DbBackend {
        DbBackend::Postgres
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match self.for_definition(&statement.sql).await {
            Some(owner) => owner.execute_raw(statement).await,
            None => self.for_statement(&statement).await?.execute_raw(statement).await,
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match self.for_definition(sql).await {
            Some(owner) => owner.execute_unprepared(sql).await,
            None => {
                let statement = Statement::from_string(DbBackend::Postgres, sql);
                self.for_statement(&statement).await?.execute_unprepared(sql).await
            }
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match self.for_definition(&statement.sql).await {
            Some(owner) => owner.query_one_raw(statement).await,
            None => self.for_statement(&statement).await?.query_one_raw(statement).await,
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match self.for_definition(&statement.sql).await {
            Some(owner) => owner.query_all_raw(statement).await,
            None => self.for_statement(&statement).await?.query_all_raw(statement).await,
        }
    }
}

impl StreamTrait for DatabaseConnection {
    type Stream<'a> = TenantStream<'a>;

    fn get_database_backend(&self) -> DbBackend {
        DbBackend::Postgres
    }

    fn stream_raw<'a>(
        &'a self,
        statement: Statement,
    ) -> Pin<Box<dyn Future<Output = Result<TenantStream<'a>, DbErr>> + 'a + Send>> {
        Box::pin(async move {
            self.behind();
            self.tenants().await?.own.stream_raw(statement).await
        })
    }
}

#[async_trait::async_trait]
impl TransactionTrait for DatabaseConnection {
    type Transaction = TenantTransaction;

    async fn begin(&self) -> Result<TenantTransaction, DbErr> {
        let tenants = self.tenants().await?;
        self.behind();
        tenants.own.begin().await
    }

    async fn begin_with_config(
        &self,
        isolation_level: Option<IsolationLevel>,
        access_mode: Option<AccessMode>,
    ) -> Result<TenantTransaction, DbErr> {
        let tenants = self.tenants().await?;
        self.behind();
        tenants.own.begin_with_config(isolation_level, access_mode).await
    }

    async fn begin_with_options(&self, options: TransactionOptions) -> Result<TenantTransaction, DbErr> {
        let tenants = self.tenants().await?;
        self.behind();
        tenants.own.begin_with_options(options).await
    }

    async fn transaction<F, T, E>(&self, callback: F) -> Result<T, TransactionError<E>>
    where
        F: for<'c> FnOnce(&'c TenantTransaction) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>>
            + Send,
        T: Send,
        E: std::fmt::Display + std::fmt::Debug + Send,
    {
        self.transaction_with_config(callback, None, None).await
    }

    async fn transaction_with_config<F, T, E>(
        &self,
        callback: F,
        isolation_level: Option<IsolationLevel>,
        access_mode: Option<AccessMode>,
    ) -> Result<T, TransactionError<E>>
    where
        F: for<'c> FnOnce(&'c TenantTransaction) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>>
            + Send,
        T: Send,
        E: std::fmt::Display + std::fmt::Debug + Send,
    {
        let tenants = self.tenants().await.map_err(TransactionError::Connection)?;
        self.behind();
        tenants.own.transaction_with_config(callback, isolation_level, access_mode).await
    }
}
