use std::sync::Arc;
use std::time::Duration;

use sea_orm::sqlx::PgPool;
use sea_orm::{ConnectOptions, DatabaseConnection, DatabaseConnectionType, EntityTrait};
use watertight_schema::{TableSets, TenantType};

use crate::error::Error;
use crate::operations::configuration::{self, Configuration};
use crate::operations::doctor::{self, Expected, Migrations, Report};
use crate::operations::inspection::{connect_checks, first_connection, hosts, tenant_columns};
use crate::operations::maintenance::Maintenance;
use crate::operations::{ConfigurationError, ConnectError};
use crate::schema::built_in_sets;
use crate::tenant::{
    Extension, Generation, Layers, Names, Ownership, RegistrationErrors, Registry, ReportOnly, Rewriter,
    Settings, Shared, SigningError, Snapshot, TenantKeys, TenantSigner,
};
use crate::watertight::Watertight;

/// The environment variable with the URL of the database.
pub const DATABASE_URL: &str = "DATABASE_URL";

/// The longest wait for an answer of the server by default.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(5);

/// Configures a [`Watertight`]: its tables, declared names, settings and connection.
///
/// Setters do not fail. Problems with registered tables are collected, and reported together when the builder
/// connects. Setters that can bypass isolation have `dangerous` in their names.
///
/// ```no_run
/// # async fn example() -> Result<(), watertight::Error> {
/// # use watertight::entity::public::services as loyalty_cards;
/// let water = watertight::Watertight::builder()
///     .tenant_table(loyalty_cards::Entity)
///     .dangerous_function("similarity")
///     .connect("postgres://app@localhost/clinic")
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Builder {
    registry: Registry,
    table_sets: TableSets,
    layers: Layers,
    /// The choice of the application. With `None` the host name decides.
    transaction_pooler: Option<bool>,
    read_only: bool,
    report_only: bool,
    /// The longest wait for an answer of the server, or `None` without a limit.
    answer_timeout: Option<Duration>,
    settings: Settings,
    cache_bytes: u64,
    tenant_keys: Option<TenantKeys>,
    #[cfg(feature = "auth")]
    auth: crate::auth::AuthSettings,
    migrations: Migrations,
    check_with_doctor: bool,
    /// The application's role for the doctor, if it is not the role of the connection.
    application_role: Option<String>,
    /// The functions that the application declared, without those of extensions.
    functions: Vec<String>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            registry: Registry::default(),
            table_sets: built_in_sets(),
            layers: Layers::default(),
            transaction_pooler: None,
            read_only: false,
            report_only: false,
            answer_timeout: Some(ANSWER_TIMEOUT),
            settings: Settings::default(),
            cache_bytes: 8 << 20,
            tenant_keys: None,
            #[cfg(feature = "auth")]
            auth: crate::auth::AuthSettings::default(),
            migrations: Migrations::default(),
            check_with_doctor: false,
            application_role: None,
            functions: Vec::new(),
        }
    }
}

impl Builder {
    /// Registers a tenant table, whose tenant column names the tenant of each row.
    ///
    /// A problem with the table is reported when the builder connects: [`RegistrationError::NoTenantColumn`](crate::RegistrationError::NoTenantColumn)
    /// or [`RegistrationError::RegisteredTwice`](crate::RegistrationError::RegisteredTwice). [`tenant_tables`](Self::tenant_tables) registers tables whose entities do not have
    /// the column.
    ///
    /// ```
    /// use watertight::Watertight;
    ///
    /// mod loyalty_cards {
    ///     use sea_orm::entity::prelude::*;
    ///
    ///     #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    ///     #[sea_orm(schema_name = "public", table_name = "loyalty_cards")]
    ///     pub struct Model {
    ///         #[sea_orm(primary_key, auto_increment = false)]
    ///         pub tenant_id: Uuid,
    ///         #[sea_orm(primary_key, auto_increment = false)]
    ///         pub id: Uuid,
    ///         pub stamps: i32,
    ///     }
    ///
    ///     #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    ///     pub enum Relation {}
    ///
    ///     impl ActiveModelBehavior for ActiveModel {}
    /// }
    ///
    /// let rewriter = Watertight::builder().tenant_table(loyalty_cards::Entity).rewriter()?;
    /// assert_eq!(
    ///     rewriter.rewrite("UPDATE loyalty_cards SET stamps = 0", 0)?,
    ///     r#"UPDATE "public".loyalty_cards SET stamps = 0 WHERE loyalty_cards."tenant_id" = $1 /* tenant $1, token $2 */"#
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn tenant_table<E: EntityTrait>(mut self, entity: E) -> Self {
        self.registry.entity(&entity, Ownership::Tenant);
        self
    }

    /// Registers an outbox table, into which tenants insert messages that a worker handles later.
    ///
    /// A message belongs to the transaction of the tenant. The tenant is added to every message. A tenant can neither read nor change the table, so `RETURNING` and
    /// `ON CONFLICT` are refused, too: insert with [`Tenant::enqueue`](crate::Tenant::enqueue). The worker takes the
    /// messages of all tenants with [`Watertight::outbox`]. Create the table with `TenantTable::outbox` of
    /// `watertight-migration`; the [guide](crate::guide::jobs#an-outbox-table) shows all of it.
    ///
    /// A problem with the table is reported when the builder connects, as for [`tenant_table`](Self::tenant_table).
    ///
    /// ```
    /// use watertight::{Reason, Watertight};
    ///
    /// # mod outbox {
    /// #     use sea_orm::entity::prelude::*;
    /// #     #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    /// #     #[sea_orm(schema_name = "public", table_name = "outbox")]
    /// #     pub struct Model {
    /// #         #[sea_orm(primary_key, auto_increment = false)]
    /// #         pub tenant_id: Uuid,
    /// #         #[sea_orm(primary_key, auto_increment = false)]
    /// #         pub id: Uuid,
    /// #         pub kind: String,
    /// #     }
    /// #     #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    /// #     pub enum Relation {}
    /// #     impl ActiveModelBehavior for ActiveModel {}
    /// # }
    /// let rewriter = Watertight::builder().outbox_table(outbox::Entity).rewriter()?;
    /// assert!(rewriter.rewrite("INSERT INTO outbox (kind) VALUES ('letter')", 0).is_ok());
    ///
    /// let refused = rewriter.rewrite("SELECT kind FROM outbox", 0).map_err(|refusal| refusal.reason);
    /// assert!(matches!(refused, Err(Reason::OutboxTable { used: "a query", .. })));
    /// # Ok::<(), watertight::Error>(())
    /// ```
    #[must_use]
    pub fn outbox_table<E: EntityTrait>(mut self, entity: E) -> Self {
        self.registry.outbox_table(&entity);
        self
    }

    /// Registers outbox tables by their names, `name` or `schema.name`.
    ///
    /// See [`outbox_table`](Self::outbox_table).
    ///
    /// ```
    /// let rewriter = watertight::Watertight::builder().outbox_tables(["messages"]).rewriter()?;
    /// assert!(rewriter.rewrite("SELECT payload FROM messages", 0).is_err());
    /// # Ok::<(), watertight::Error>(())
    /// ```
    #[must_use]
    pub fn outbox_tables(mut self, names: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        names.into_iter().for_each(|name| self.registry.outbox_named(name.as_ref()));
        self
    }

    /// Registers a shared table: tenants read its rows, and only the unscoped connection changes them.
    ///
    /// A problem with the table is reported when the builder connects: [`RegistrationError::RegisteredTwice`](crate::RegistrationError::RegisteredTwice).
    ///
    /// ```
    /// use watertight::{Reason, Watertight};
    ///
    /// # mod postcodes {
    /// #     use sea_orm::entity::prelude::*;
    /// #     #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    /// #     #[sea_orm(schema_name = "public", table_name = "postcodes")]
    /// #     pub struct Model {
    /// #         #[sea_orm(primary_key, auto_increment = false)]
    /// #         pub code: String,
    /// #         pub city: String,
    /// #     }
    /// #     #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    /// #     pub enum Relation {}
    /// #     impl ActiveModelBehavior for ActiveModel {}
    /// # }
    /// // An entity without the column `tenant_id`.
    /// let rewriter = Watertight::builder().shared_table(postcodes::Entity).rewriter()?;
    /// assert!(rewriter.rewrite("SELECT city FROM postcodes WHERE code = $1", 1).is_ok());
    ///
    /// let refused = rewriter.rewrite("DELETE FROM postcodes", 0).map_err(|refusal| refusal.reason);
    /// assert!(matches!(refused, Err(Reason::SharedTable(table)) if table == "public.postcodes"));
    /// # Ok::<(), watertight::Error>(())
    /// ```
    #[must_use]
    pub fn shared_table<E: EntityTrait>(mut self, entity: E) -> Self {
        self.registry.entity(&entity, Ownership::Shared);
        self
    }

    /// Registers tenant tables by their names, `name` or `schema.name`.
    ///
    /// The entities of these tables stay as they are: they need neither the tenant column, which is filled in and compared by
    /// every statement, nor another key. The columns are read from the catalog when the builder connects.
    ///
    /// ```
    /// let builder = watertight::Watertight::builder().tenant_tables(["customers", "billing.orders"]);
    /// let sql = builder.rewriter()?.rewrite("DELETE FROM billing.orders WHERE id = $1", 1)?;
    /// assert!(sql.starts_with(r#"DELETE FROM billing.orders WHERE orders."tenant_id" = $2 AND (id = $1)"#));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn tenant_tables(mut self, names: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        names.into_iter().for_each(|name| self.registry.named(name.as_ref(), Ownership::Tenant));
        self
    }

    /// Registers shared tables by their names, `name` or `schema.name`; see [`shared_table`](Self::shared_table).
    ///
    /// ```
    /// let builder = watertight::Watertight::builder().shared_tables(["currencies"]);
    /// assert!(builder.rewriter()?.rewrite("SELECT code FROM currencies", 0).is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn shared_tables(mut self, names: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        names.into_iter().for_each(|name| self.registry.named(name.as_ref(), Ownership::Shared));
        self
    }

    /// Names the tenant column of the application's tables; `tenant_id` by default.
    ///
    /// Watertight's own tables always have `tenant_id`.
    ///
    /// ```
    /// let builder = watertight::Watertight::builder().tenant_column("org_id").tenant_tables(["orders"]);
    /// let sql = builder.rewriter()?.rewrite("INSERT INTO orders (item) VALUES ($1)", 1)?;
    /// assert!(sql.starts_with(r#"INSERT INTO "public".orders (item, "org_id") VALUES ($1, $2)"#));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn tenant_column(mut self, column: impl Into<String>) -> Self {
        self.registry.set_tenant_column(column.into());
        self
    }

    /// Names the tenant column of one table, if it differs from that of the others.
    ///
    /// The table is given as `name` or `schema.name`. The table must be registered as a tenant table: [`RegistrationError::NotRegistered`](crate::RegistrationError::NotRegistered).
    ///
    /// ```
    /// let builder = watertight::Watertight::builder().tenant_tables(["orders", "seats"]);
    /// let rewriter = builder.tenant_column_of("seats", "account_id").rewriter()?;
    /// let sql = rewriter.rewrite("DELETE FROM seats", 0)?;
    /// assert!(sql.starts_with(r#"DELETE FROM "public".seats WHERE seats."account_id" = $1"#));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn tenant_column_of(mut self, table: impl AsRef<str>, column: impl Into<String>) -> Self {
        self.registry.set_tenant_column_of(table.as_ref(), column.into());
        self
    }

    /// Chooses the type of the tenant's key; `uuid` by default.
    ///
    /// The database has one type, which its first migration has chosen (`watertight_migration::Settings::with_tenant_type`); another
    /// one is [`SigningError::TenantTypeDiffers`]. Watertight's own tables need `uuid`, so every other type needs
    /// [`TableSets::none`].
    ///
    /// ```
    /// use watertight::{TableSets, TenantType, Watertight};
    ///
    /// let builder = Watertight::builder().table_sets(TableSets::none()).tenant_type(TenantType::BigInt);
    /// assert!(builder.tenant_tables(["orders"]).rewriter().is_ok());
    /// ```
    #[must_use]
    pub const fn tenant_type(mut self, tenant_type: TenantType) -> Self {
        self.registry.set_tenant_type(tenant_type);
        self
    }

    /// Sets the schema of the application's tables that are named without a schema; `public` by default.
    ///
    /// It applies to registered names, to entities without `schema_name`, and to names in statements. The `search_path` of the
    /// connection has no effect.
    ///
    /// ```
    /// let builder = watertight::Watertight::builder().default_schema("shop").tenant_tables(["orders"]);
    /// let sql = builder.rewriter()?.rewrite("DELETE FROM orders", 0)?;
    /// assert!(sql.starts_with(r#"DELETE FROM "shop".orders WHERE orders."tenant_id" = $1"#));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn default_schema(mut self, schema: impl Into<String>) -> Self {
        self.registry.set_default_schema(schema.into());
        self
    }

    /// Declares that tenant tables have rows for everyone besides the rows of tenants.
    ///
    /// The tables are given as `name` or `schema.name`. A row for everyone has the reserved value in its tenant column: the nil UUID, zero or the empty text. Every tenant
    /// reads it, and none changes it: UPDATE and DELETE apply to the tenant's own rows. The second policy of such a table is made
    /// by `watertight_migration::TenantTable::rows_for_everyone`. The table must be registered as a tenant table:
    /// [`RegistrationError::NotRegistered`](crate::RegistrationError::NotRegistered).
    ///
    /// ```
    /// let builder = watertight::Watertight::builder().tenant_tables(["tags"]).rows_for_everyone(["tags"]);
    /// let sql = builder.rewriter()?.rewrite("SELECT name FROM tags", 0)?;
    /// assert!(sql.contains(r#"tags."tenant_id" IN ($1, '00000000-0000-0000-0000-000000000000'::uuid)"#));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn rows_for_everyone(mut self, tables: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        tables.into_iter().for_each(|table| self.registry.add_rows_for_everyone(table.as_ref()));
        self
    }

    /// Registers a materialized view or a foreign table, which rewriting alone isolates.
    ///
    /// Row-level security does not apply to these objects, so a statement that reaches one by another way, such as the
    /// unscoped connection or a function, reads the rows of all tenants. Tenants only read it:
    /// [`Reason::NotATable`](crate::Reason::NotATable). Use it for trusted SQL, as [`Layers::RewritingOnly`]: the message of a
    /// failing predicate can contain a value of another tenant. The [doctor](Self::doctor) reports it as a warning.
    ///
    /// ```
    /// use watertight::{Reason, Watertight};
    ///
    /// # mod visits_by_month {
    /// #     use sea_orm::entity::prelude::*;
    /// #     #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    /// #     #[sea_orm(schema_name = "public", table_name = "visits_by_month")]
    /// #     pub struct Model {
    /// #         #[sea_orm(primary_key, auto_increment = false)]
    /// #         pub tenant_id: Uuid,
    /// #         #[sea_orm(primary_key, auto_increment = false)]
    /// #         pub month: Date,
    /// #         pub visits: i64,
    /// #     }
    /// #     #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    /// #     pub enum Relation {}
    /// #     impl ActiveModelBehavior for ActiveModel {}
    /// # }
    /// // An entity with the columns of CREATE MATERIALIZED VIEW visits_by_month AS SELECT tenant_id, ..
    /// let rewriter = Watertight::builder().dangerous_one_layer_table(visits_by_month::Entity).rewriter()?;
    /// assert!(rewriter.rewrite("SELECT visits FROM visits_by_month", 0)?.contains(r#""tenant_id" = $1"#));
    ///
    /// let refused = rewriter.rewrite("DELETE FROM visits_by_month", 0).map_err(|refusal| refusal.reason);
    /// assert!(matches!(refused, Err(Reason::NotATable(name)) if name == "public.visits_by_month"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn dangerous_one_layer_table<E: EntityTrait>(mut self, entity: E) -> Self {
        self.registry.one_layer_entity(&entity);
        self
    }

    /// Registers materialized views and foreign tables by their names, `name` or `schema.name`.
    ///
    /// See [`dangerous_one_layer_table`](Self::dangerous_one_layer_table).
    ///
    /// ```
    /// let builder = watertight::Watertight::builder().dangerous_one_layer_tables(["visits_by_month"]);
    /// let sql = builder.rewriter()?.rewrite("SELECT visits FROM visits_by_month", 0)?;
    /// assert!(sql.contains(r#"visits_by_month."tenant_id" = $1"#));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn dangerous_one_layer_tables(mut self, names: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        names.into_iter().for_each(|name| self.registry.one_layer_named(name.as_ref()));
        self
    }

    /// Chooses the sets of watertight's own tables, and their schemas in the database.
    ///
    /// The default is every set whose cargo feature is enabled. Statements cannot use the tables of other
    /// sets, unless the application registers them. A name in a statement means a table as follows:
    ///
    /// | name | table |
    /// |---|---|
    /// | `auth.users`: the schema of the generated entities | watertight's own table, in the schema chosen for it |
    /// | `clients`: no schema | the table that the application registered in `public`, or else watertight's own |
    /// | `identity.users`: the schema in the database | the table of that name |
    ///
    /// ```
    /// use watertight::{TableSet, TableSets, Watertight};
    ///
    /// let sets = TableSets::none().in_schema(TableSet::Auth, "identity");
    /// let rewriter = Watertight::builder().table_sets(sets).rewriter()?;
    /// assert_eq!(
    ///     rewriter.rewrite("DELETE FROM auth.users", 0)?,
    ///     r#"DELETE FROM "identity".users WHERE users."tenant_id" = $1 /* tenant $1, token $2 */"#
    /// );
    /// assert!(rewriter.rewrite("SELECT name FROM services", 0).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn table_sets(mut self, sets: TableSets) -> Self {
        self.table_sets = sets;
        self
    }

    /// Declares a function that statements may call.
    ///
    /// Give the name as PostgreSQL stores it: `name`, or `schema.name` if statements call it with its schema.
    ///
    /// The body of a function is not rewritten. Declare only functions that read no table and change no
    /// setting, or whose tables have row-level security in force.
    ///
    /// ```
    /// use watertight::Watertight;
    ///
    /// let sql = "SELECT name FROM services WHERE loyalty_level(name) > 3";
    /// assert!(Watertight::builder().rewriter()?.rewrite(sql, 0).is_err());
    ///
    /// let rewriter = Watertight::builder().dangerous_function("loyalty_level").rewriter()?;
    /// assert!(rewriter.rewrite(sql, 0).is_ok());
    /// # Ok::<(), watertight::Error>(())
    /// ```
    #[must_use]
    pub fn dangerous_function(mut self, name: &str) -> Self {
        self.registry.function(name);
        self.functions.push(name.to_owned());
        self
    }

    /// Declares a type that statements may name.
    ///
    /// Give the name as PostgreSQL stores it: `name`, or `schema.name` if statements write it with its
    /// schema. Column types of registered tables need no declaration.
    ///
    /// The functions of a type are not rewritten. Declare only types whose input, output and cast functions
    /// read no table.
    ///
    /// ```
    /// let rewriter = watertight::Watertight::builder().dangerous_data_type("mood").rewriter()?;
    /// assert!(rewriter.rewrite("SELECT 'calm'::mood", 0).is_ok());
    /// # Ok::<(), watertight::Error>(())
    /// ```
    #[must_use]
    pub fn dangerous_data_type(mut self, name: &str) -> Self {
        self.registry.data_type(name);
        self
    }

    /// Declares an operator that statements may use.
    ///
    /// Give the name as `<%>`, or as `schema.<%>` if statements write `OPERATOR(schema.<%>)`. Also declare an
    /// operator of the application that shares its name with an operator of PostgreSQL: otherwise statements
    /// that could call it are refused.
    ///
    /// The function of an operator is not rewritten. Declare only operators whose functions read no table.
    ///
    /// ```
    /// let rewriter = watertight::Watertight::builder().dangerous_operator("<%>").rewriter()?;
    /// assert!(rewriter.rewrite("SELECT 1 <%> 2", 0).is_ok());
    /// # Ok::<(), watertight::Error>(())
    /// ```
    #[must_use]
    pub fn dangerous_operator(mut self, name: &str) -> Self {
        self.registry.operator(name);
        self
    }

    /// Declares the functions, types and operators of a known [`Extension`].
    ///
    /// Statements can call the functions without a schema, or in the schemas `public` and `extensions`.
    ///
    /// ```
    /// use watertight::{Extension, Watertight};
    ///
    /// let rewriter = Watertight::builder().extension(Extension::PgTrgm).rewriter()?;
    /// assert!(rewriter.rewrite("SELECT name FROM services WHERE similarity(name, $1) > 0.3", 1).is_ok());
    /// # Ok::<(), watertight::Error>(())
    /// ```
    #[must_use]
    pub fn extension(mut self, extension: Extension) -> Self {
        self.registry.extension(extension);
        self
    }

    /// Allows `EXPLAIN` of statements that stay within the tenant.
    ///
    /// Allow it only for trusted SQL. Its estimates come from statistics over the rows of all tenants, so
    /// they can reveal values of other tenants to the author of a statement.
    ///
    /// ```
    /// let rewriter = watertight::Watertight::builder().dangerous_explain().rewriter()?;
    /// assert!(rewriter.rewrite("EXPLAIN SELECT 1", 0).is_ok());
    /// # Ok::<(), watertight::Error>(())
    /// ```
    #[must_use]
    pub const fn dangerous_explain(mut self) -> Self {
        self.settings.explain = true;
        self
    }

    /// Removes a layer of isolation; see [`Layers`]. By default both layers are in force.
    ///
    /// ```
    /// use watertight::{Layers, Watertight};
    ///
    /// let rewriter = Watertight::builder().dangerous_layers(Layers::RewritingOnly).rewriter()?;
    /// assert_eq!(
    ///     rewriter.rewrite("DELETE FROM services", 0)?,
    ///     r#"DELETE FROM "public".services WHERE services."tenant_id" = $1 /* tenant $1 */"#
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn dangerous_layers(mut self, layers: Layers) -> Self {
        self.layers = layers;
        self
    }

    /// Sends statements that would be refused, unchanged, so that row-level security alone isolates them.
    ///
    /// Use it while an existing application is adopted, to find the statements that have to be changed before they fail.
    /// Each one is logged as a warning, without values, and counted
    /// ([`Watertight::refused_in_report_only`]). Its connection is closed afterwards, because an unchecked statement could
    /// change the state of its session. All other statements are rewritten as always.
    ///
    /// These statements stay refused:
    /// - everything except one `SELECT`, `INSERT`, `UPDATE`, `DELETE` or `MERGE`;
    /// - `SELECT .. INTO`, calls of `set_config`, and texts that are not understood;
    /// - writes for another tenant, and writes on a [read-only](Self::read_only) database.
    ///
    /// The mode removes the first layer for these statements: a table without row-level security is read as a whole. The
    /// connection fails with [`ConnectError::ReportOnly`] where row-level security alone does not isolate tenants.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), watertight::Error> {
    /// use watertight::Watertight;
    ///
    /// let water = Watertight::builder().dangerous_report_only().connect_from_env().await?;
    /// // After some days of production:
    /// println!("{} statements would be refused", water.refused_in_report_only().total());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub const fn dangerous_report_only(mut self) -> Self {
        self.report_only = true;
        self
    }

    /// Declares whether the connection passes through a transaction pooler.
    ///
    /// An example is PgBouncer with `pool_mode = transaction`. By default the hosts of Neon's and Supabase's
    /// poolers are recognized, and no others.
    ///
    /// Behind a transaction pooler every statement of a tenant runs in a transaction, and no statement stays
    /// prepared on the server. The first result with a user-defined type takes additional round trips. The
    /// unscoped connection prepares its statements, as SeaORM does: run migrations on a connection without
    /// the pooler.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), watertight::Error> {
    /// use watertight::Watertight;
    ///
    /// let builder = Watertight::builder().transaction_pooler(true);
    /// let water = builder.connect("postgres://app@pgbouncer.internal:6432/clinic").await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub const fn transaction_pooler(mut self, pooler: bool) -> Self {
        self.transaction_pooler = Some(pooler);
        self
    }

    /// Declares that the database is only read, such as a replica.
    ///
    /// Inserts, updates and deletes are refused before they are sent
    /// ([`Reason::ReadOnly`](crate::Reason::ReadOnly)). Every transaction is `READ ONLY`, so the server
    /// refuses all other changes of rows. [`Layers::RewritingOnly`] opens no transaction for a single
    /// statement: there only the replica itself prevents such changes.
    ///
    /// Watertight never sends a statement to a replica on its own, because a replica lags: a client would not
    /// see a booking directly after making it. Create a second `Watertight` for the replica, and use it where
    /// older rows are acceptable:
    ///
    /// ```no_run
    /// # async fn example(tenant_id: watertight::TenantId) -> Result<(), watertight::Error> {
    /// use watertight::Watertight;
    ///
    /// let primary = Watertight::connect_from_env().await?;
    /// let replica = Watertight::builder().read_only().connect("postgres://app@replica/clinic").await?;
    /// let reports = replica.tenant(tenant_id).scheduling();
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub const fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// Sets the longest wait for an answer of the server; 5 minutes by default.
    ///
    /// A network that goes silent produces no error: without a limit, a statement that was sent waits for good. When the time is
    /// over, the statement fails, and its connection is closed. For a commit, or a change outside a transaction, the outcome is then
    /// unknown; see [`is_outcome_unknown`](crate::is_outcome_unknown). A stream has the limit for each row. [`Duration::MAX`] is no
    /// limit. The limit does not end the statement on the server: set `statement_timeout` there, to a shorter time.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), watertight::Error> {
    /// use std::time::Duration;
    /// use watertight::Watertight;
    ///
    /// let water = Watertight::builder().answer_timeout(Duration::from_secs(30)).connect_from_env().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub const fn answer_timeout(mut self, limit: Duration) -> Self {
        self.answer_timeout = Some(limit);
        self
    }

    /// Sets the keys that sign tenants for row-level security. The first key signs.
    ///
    /// By default they are read from the environment variable
    /// [`TENANT_KEY_VARIABLE`](crate::TENANT_KEY_VARIABLE).
    ///
    /// ```no_run
    /// # async fn example(secret: &str) -> Result<(), watertight::Error> {
    /// use watertight::{TenantKeys, Watertight};
    ///
    /// let keys: TenantKeys = secret.parse()?;
    /// let water = Watertight::builder().tenant_keys(keys).connect_from_env().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn tenant_keys(mut self, keys: TenantKeys) -> Self {
        self.tenant_keys = Some(keys);
        self
    }

    /// Sets the settings of authentication. Without keys the operations that need them are refused.
    ///
    /// ```no_run
    /// # async fn example(cookie_key: Vec<u8>) -> Result<(), watertight::Error> {
    /// use watertight::Watertight;
    /// use watertight::auth::{AuthSettings, SigningKeys};
    ///
    /// let settings = AuthSettings::default().signing_keys(SigningKeys::new([cookie_key])?);
    /// let water = Watertight::builder().auth(settings).connect_from_env().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "auth")]
    #[must_use]
    pub fn auth(mut self, settings: crate::auth::AuthSettings) -> Self {
        self.auth = settings;
        self
    }

    /// Sets the size of the cache of rewritten statements in bytes; 8 MiB by default.
    ///
    /// ```
    /// let rewriter = watertight::Watertight::builder().cache_bytes(64 << 20).rewriter()?;
    /// rewriter.rewrite("SELECT name FROM services", 0)?;
    /// rewriter.rewrite("SELECT name FROM services", 0)?;
    /// assert_eq!((rewriter.metrics().misses, rewriter.metrics().hits), (1, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn cache_bytes(mut self, bytes: u64) -> Self {
        self.cache_bytes = bytes;
        self
    }

    /// Adds migrations of the application that the [doctor](Self::doctor) requires to be applied.
    ///
    /// The required migrations of watertight follow from the [table sets](Self::table_sets).
    ///
    /// ```no_run
    /// # async fn example(connection: &sea_orm::DatabaseConnection) -> Result<(), watertight::Error> {
    /// use watertight::Watertight;
    /// use watertight::doctor::Check;
    ///
    /// let builder = Watertight::builder().migrations(["m20270101_000001_create_loyalty_cards"]);
    /// for pending in builder.doctor(connection).await?.of(Check::PendingMigration) {
    ///     println!("{}: {}", pending.object, pending.remedy);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn migrations(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.migrations.names.extend(names.into_iter().map(Into::into));
        self
    }

    /// Sets the table in which sea-orm-migration lists applied migrations; `seaql_migrations` by default.
    ///
    /// ```no_run
    /// # async fn example(connection: &sea_orm::DatabaseConnection) -> Result<(), watertight::Error> {
    /// let builder = watertight::Watertight::builder().migration_table("applied_migrations");
    /// println!("{}", builder.doctor(connection).await?);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn migration_table(mut self, table: impl Into<String>) -> Self {
        self.migrations.table = table.into();
        self
    }

    /// Names the application's role, about which the [doctor](Self::doctor) reports.
    ///
    /// The default is the role of the connection. Name the role to run the doctor as another one, such as the role for
    /// maintenance, which sees rows that cross tenants: the doctor then expects the connection to bypass row-level security, and
    /// checks the privileges of the application's role.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let maintenance = sea_orm::Database::connect("postgres://maintenance@localhost/clinic").await?;
    /// let report = watertight::Watertight::builder().application_role("watertight_app").doctor(&maintenance).await?;
    /// report.require_sound()?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn application_role(mut self, role: impl Into<String>) -> Self {
        self.application_role = Some(role.into());
        self
    }

    /// Runs the [doctor](Self::doctor) before connecting, and fails if its report contains an error.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), watertight::Error> {
    /// let water = watertight::Watertight::builder().check_with_doctor().connect_from_env().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub const fn check_with_doctor(mut self) -> Self {
        self.check_with_doctor = true;
        self
    }

    /// Writes the registration to a file, which the command `watertight` reads.
    ///
    /// The file is `watertight.toml` in the folder in which the command runs. It is part of the repository, so that a change of the
    /// registration is reviewed, and the doctor of a deployment knows the tables of the application.
    ///
    /// ```
    /// use watertight::{TableSets, Watertight};
    ///
    /// let folder = std::env::temp_dir().join(format!("watertight-{}", std::process::id()));
    /// std::fs::create_dir_all(&folder)?;
    /// let file = folder.join("watertight.toml");
    /// let builder = Watertight::builder().table_sets(TableSets::none()).tenant_tables(["orders"]);
    /// builder.clone().write_configuration(&file)?;
    /// assert!(std::fs::read_to_string(&file)?.contains("tenant_tables = [\n    \"public.orders\",\n]"));
    /// builder.check_configuration(&file)?;
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigurationError::Io`], and [`ConfigurationError::Registration`] with the errors of [`Builder::rewriter`].
    pub fn write_configuration(self, path: impl AsRef<std::path::Path>) -> Result<(), ConfigurationError> {
        let text = self.configuration()?;
        configuration::write(path.as_ref(), &text)
    }

    /// Checks in a test that a file has the registration of the builder.
    ///
    /// [`write_configuration`](Self::write_configuration) describes the file. With the environment variable `WATERTIGHT_WRITE_CONFIGURATION` it writes the file instead.
    ///
    /// ```no_run
    /// # fn builder() -> watertight::Builder { watertight::Watertight::builder() }
    /// #[test]
    /// fn the_command_knows_the_tables_of_the_application() {
    ///     builder().check_configuration("watertight.toml").unwrap();
    /// }
    /// ```
    ///
    /// # Errors
    /// [`ConfigurationError::Differs`], and the errors of [`write_configuration`](Self::write_configuration).
    pub fn check_configuration(self, path: impl AsRef<std::path::Path>) -> Result<(), ConfigurationError> {
        let text = self.configuration()?;
        configuration::check(path.as_ref(), &text)
    }

    /// The registration as the text of a file.
    fn configuration(mut self) -> Result<String, RegistrationErrors> {
        self.add_table_sets()?;
        let Self { registry, table_sets, migrations, functions, .. } = &self;
        let application_role = self.application_role.as_deref();
        let layers = self.layers;
        Ok(Configuration { registry, table_sets, layers, migrations, application_role, functions }.text())
    }

    /// Checks a database for problems of isolation, without changing it; see [`doctor`](crate::doctor).
    ///
    /// With a role that sees the rows of all tenants it also finds rows that refer to another tenant.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use watertight::Watertight;
    ///
    /// let connection = sea_orm::Database::connect("postgres://app@localhost/clinic").await?;
    /// let report = Watertight::builder().doctor(&connection).await?;
    /// println!("{report}");
    /// report.require_sound()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ConnectError::NotPostgres`], [`ConnectError::UnknownRole`], [`ConnectError::Database`], and the errors of
    /// [`Builder::rewriter`].
    pub async fn doctor(mut self, connection: &DatabaseConnection) -> Result<Report, Error> {
        self.add_table_sets()?;
        let Self { registry, layers, migrations, application_role, .. } = &self;
        let application_role = application_role.as_deref();
        let pool = postgres_pool(connection)?;
        let transaction_pooler = self.pooled(pool);
        let expected =
            Expected { registry, layers: *layers, transaction_pooler, migrations, application_role };
        Ok(doctor::examine(pool, expected).await?)
    }

    /// Creates the [`Maintenance`] operations on whole tenants; see [`maintenance`](crate::maintenance).
    ///
    /// Connect as the owner of the tables, or as a role that is a member of the owner and has `BYPASSRLS`.
    ///
    /// ```no_run
    /// # async fn example(clinic: watertight::TenantId) -> Result<(), watertight::Error> {
    /// let owner = sea_orm::Database::connect("postgres://watertight_owner@localhost/clinic").await?;
    /// let maintenance = watertight::Watertight::builder().maintenance(&owner).await?;
    /// println!("{} rows", maintenance.stats(clinic).await?.rows());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ConnectError::NotPostgres`], [`ConnectError::BackslashEscapes`], [`ConnectError::Unreachable`], and
    /// the errors of [`Builder::rewriter`]. Unless the role bypasses row-level security, also the errors of
    /// [`Builder::connect`] about tenant keys.
    pub async fn maintenance(mut self, connection: &DatabaseConnection) -> Result<Maintenance, Error> {
        let (keys, tenant_type) = (self.keys()?, self.registry.tenant_type());
        // The statements of whole tenants take long.
        self.answer_timeout = None;
        self.report_only = false;
        let mut plain = self.clone().shared(connection, Layers::UnscopedRowSecurityOnly)?;
        let mut scoped = self.shared(connection, Layers::RewritingAndRowSecurity)?;
        let mut inspection = connect_checks::begin(&scoped).await?;
        connect_checks::check_strings(&mut inspection).await?;
        scoped.distributed = connect_checks::is_distributed(&mut inspection).await?;
        if scoped.distributed {
            scoped.rewriter.without_token();
        }
        let names = Snapshot::read(&mut inspection, scoped.rewriter.registry()).await?;
        scoped.rewriter.replace_snapshot(names);
        match connect_checks::check_role(&mut inspection).await {
            Ok(()) => {
                scoped.signer =
                    TenantSigner::check(&mut inspection, keys, scoped.distributed, tenant_type).await?;
            }
            // No policy applies to the role, so no policy verifies a tenant.
            Err(ConnectError::PrivilegedRole { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        plain.distributed = scoped.distributed;
        plain.signer = scoped.signer.clone();
        // Only watertight's own statements run on it.
        plain.hostile_sql = false;
        Ok(Maintenance::new(Arc::new(plain), Arc::new(scoped)))
    }

    /// Connects to a database and checks the preconditions of isolation.
    ///
    /// The tables must exist, row-level security must be enabled and forced on them, and the role must not
    /// bypass it.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), watertight::Error> {
    /// use sea_orm::ConnectOptions;
    /// use watertight::Watertight;
    ///
    /// let mut options = ConnectOptions::new("postgres://app@localhost/clinic");
    /// options.max_connections(20).sqlx_logging(false);
    /// let water = Watertight::builder().connect(options).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// - [`ConnectError::EmptyUrl`] and [`ConnectError::MalformedUrl`], before a connection is opened.
    /// - [`ConnectError::Unreachable`].
    /// - [`ConnectError::NotMigrated`], [`ConnectError::RowSecurityOff`], [`ConnectError::PrivilegedRole`]
    ///   and [`ConnectError::TenantPreset`].
    /// - [`ConnectError::SchemaNotUsable`], [`ConnectError::NotGranted`] and [`ConnectError::TypeNotUsable`] for privileges
    ///   that the role lacks.
    /// - [`ConnectError::NotIsolable`] for registered views and other objects that cannot be isolated, and
    ///   [`ConnectError::RowSecurityApplies`] for [`Layers::RewritingOnly`] with a role that row-level security binds.
    /// - [`ConnectError::SchemasNeedRewriting`].
    /// - [`ConnectError::ReportOnly`] for [`dangerous_report_only`](Self::dangerous_report_only).
    /// - [`ConnectError::DoctorFailed`] after [`check_with_doctor`](Self::check_with_doctor).
    /// - [`SigningError::TenantKey`], [`SigningError::NoTenantKey`], [`SigningError::NoTenantKeyInstalled`],
    ///   [`SigningError::TenantKeyNotInstalled`], [`SigningError::TenantKeyDiffers`] and
    ///   [`SigningError::SignedCluster`], if the tenant keys of the application and of the database do not
    ///   match.
    /// - The errors of [`Builder::rewriter`].
    pub async fn connect(self, options: impl Into<ConnectOptions> + Send) -> Result<Watertight, Error> {
        let connection = first_connection::open(options.into()).await?;
        self.finish(connection, true).await
    }

    /// Connects to the database in [`DATABASE_URL`]; see [`Builder::connect`].
    ///
    /// # Errors
    /// As [`Builder::connect`]; [`ConnectError::EmptyUrl`] if the variable is not set.
    pub async fn connect_from_env(self) -> Result<Watertight, Error> {
        let url = std::env::var(DATABASE_URL).unwrap_or_default();
        self.connect(url).await
    }

    /// Uses a connection of the application, with the checks of [`Builder::connect`].
    ///
    /// The application remains responsible for closing the connection.
    ///
    /// ```no_run
    /// # async fn example(connection: sea_orm::DatabaseConnection) -> Result<(), watertight::Error> {
    /// let water = watertight::Watertight::builder().with_connection(connection.clone()).await?;
    /// // The other parts of the application use the same pool, without a tenant.
    /// connection.ping().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ConnectError::NotPostgres`], and the errors of [`Builder::connect`].
    pub async fn with_connection(self, connection: DatabaseConnection) -> Result<Watertight, Error> {
        self.finish(connection, false).await
    }

    /// Creates the rewriter alone, without a database.
    ///
    /// ```
    /// let rewriter = watertight::Watertight::builder().rewriter()?;
    /// assert!(rewriter.rewrite("SELECT name FROM services", 0).is_ok());
    /// assert!(rewriter.rewrite("TRUNCATE services", 0).is_err());
    /// # Ok::<(), watertight::Error>(())
    /// ```
    ///
    /// # Errors
    /// The problems of the registered tables. [`RegistrationError::RegisteredTwice`](crate::RegistrationError::RegisteredTwice) if one of watertight's
    /// own tables was registered as shared. [`RegistrationError::FeatureOff`](crate::RegistrationError::FeatureOff) and
    /// [`RegistrationError::AmbiguousTable`](crate::RegistrationError::AmbiguousTable) for the chosen [table sets](Self::table_sets).
    pub fn rewriter(mut self) -> Result<Rewriter, Error> {
        self.add_table_sets()?;
        let settings = Settings { token: self.layers.row_security(), ..self.settings };
        Ok(Rewriter::new(self.registry, settings, self.cache_bytes))
    }

    async fn finish(
        self,
        connection: DatabaseConnection,
        owns_connection: bool,
    ) -> Result<Watertight, Error> {
        if self.check_with_doctor {
            self.clone().doctor(&connection).await?.require_sound()?;
        }
        let layers = self.layers;
        if !layers.rewriting() && !self.table_sets.has_own_schemas() {
            return Err(ConnectError::SchemasNeedRewriting { sets: self.table_sets }.into());
        }
        if self.report_only && layers != Layers::RewritingAndRowSecurity {
            let reason = format!("Layers::{layers:?} is chosen; leave `Builder::dangerous_layers` out");
            return Err(ConnectError::ReportOnly { reason }.into());
        }
        let (keys, tenant_type) = (self.keys()?, self.registry.tenant_type());
        let mut shared = self.shared(&connection, layers)?;
        let mut inspection = connect_checks::begin(&shared).await?;
        connect_checks::check(&mut inspection, &shared).await?;
        shared.distributed = connect_checks::is_distributed(&mut inspection).await?;
        if shared.distributed {
            shared.rewriter.without_token();
        }
        let problems = tenant_columns::problems(&mut inspection, shared.rewriter.registry()).await?;
        if !problems.is_empty() {
            return Err(RegistrationErrors { problems }.into());
        }
        let names = Snapshot::read(&mut inspection, shared.rewriter.registry()).await?;
        shared.rewriter.replace_snapshot(names);
        if layers.row_security() {
            shared.signer =
                TenantSigner::check(&mut inspection, keys, shared.distributed, tenant_type).await?;
        }
        if shared.report_only.is_some() {
            connect_checks::check_report_only(&mut inspection, &shared).await?;
        }
        Ok(Watertight::new(Arc::new(shared), connection, owns_connection))
    }

    /// Registers the chosen table sets, and reports every problem of registered tables.
    fn add_table_sets(&mut self) -> Result<(), RegistrationErrors> {
        let added = self.registry.add_table_sets(&self.table_sets);
        let problems: Vec<_> = added.err().into_iter().chain(self.registry.add_given_tables()).collect();
        if problems.is_empty() { Ok(()) } else { Err(RegistrationErrors { problems }) }
    }

    fn keys(&self) -> Result<Option<TenantKeys>, SigningError> {
        self.tenant_keys.clone().map_or_else(TenantKeys::from_env, |keys| Ok(Some(keys)))
    }

    fn pooled(&self, pool: &PgPool) -> bool {
        self.transaction_pooler.unwrap_or_else(|| hosts::is_pooler(&pool.connect_options()))
    }

    fn shared(self, connection: &DatabaseConnection, layers: Layers) -> Result<Shared, Error> {
        let pool = postgres_pool(connection)?.clone();
        Ok(Shared {
            transaction_pooler: self.pooled(&pool),
            result_types: Arc::default(),
            pool,
            layers,
            read_only: self.read_only,
            report_only: self.report_only.then(ReportOnly::default),
            distributed: false,
            names: Names::default(),
            generation: Generation::with_answer_timeout(self.answer_timeout),
            signer: TenantSigner::Unsigned,
            hostile_sql: !layers.rewriting(),
            #[cfg(feature = "auth")]
            auth: Box::new(crate::auth::AuthConfig::new(self.auth.clone())?),
            rewriter: Self { layers, ..self }.rewriter()?,
        })
    }
}

/// The pool of a connection. A mock or a proxy has none, even with PostgreSQL's dialect.
fn postgres_pool(connection: &DatabaseConnection) -> Result<&PgPool, ConnectError> {
    if matches!(connection.inner, DatabaseConnectionType::SqlxPostgresPoolConnection(_)) {
        return Ok(connection.get_postgres_connection_pool());
    }
    let kind = format!("{:?}", connection.inner);
    let name = kind.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    Err(ConnectError::NotPostgres { backend: name.to_owned() })
}
