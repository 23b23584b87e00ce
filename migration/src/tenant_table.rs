//! Tables whose rows each belong to one tenant.

mod checks;
mod foreign_key;
mod statements;
#[cfg(test)]
mod tests;

pub use foreign_key::TenantForeignKey;
use sea_orm_migration::{
    prelude::*,
    sea_query::{ColumnDef, Expr, IndexOrder, IntoColumnDef},
};

use watertight_schema::isolation::TENANT_COLUMN;

use crate::{Settings, access};

/// A table whose rows each belong to one tenant, with the keys, policy and grants that isolate them.
///
/// The description determines
///
/// - the tenant column, `tenant_id uuid NOT NULL` unless [`Settings`] or [`tenant_column`](Self::tenant_column) say
///   otherwise, which never has the reserved value of its type, such as the nil UUID;
/// - the primary key `(tenant_id, id)` with a generated `id uuid`, unless [`key`](Self::key) or
///   [`one_row_per_tenant`](Self::one_row_per_tenant) says otherwise;
/// - unique keys, foreign keys and indexes that all begin with `tenant_id`, and an index for every foreign key
///   that no key or index serves already;
/// - row-level security, enabled and forced, with one policy for every command;
/// - the rights of the application's role: all except truncating, or only reading and appending.
///
/// Constraints and indexes are named after the table and the given columns, without `tenant_id`:
/// `bookings_pkey`, `bookings_confirmation_code_key`, `bookings_client_id_fkey`, `bookings_status_check`,
/// `bookings_client_id_idx`. A constraint's name in an error therefore shows the column.
///
/// # Errors
///
/// The builder never fails. [`statements`](Self::statements), [`create`](Self::create) and
/// [`drop`](Self::drop) report a wrong description as a [`TableError`](crate::TableError).
///
/// # Examples
///
/// A migration of an application that adds a table of its own:
///
/// ```
/// use watertight_migration::{ForeignKeyAction, Settings, TenantForeignKey, TenantTable, sea_orm_migration};
/// use sea_orm_migration::{prelude::*, schema::*};
///
/// fn invoices() -> TenantTable {
///     TenantTable::new("public", "invoices")
///         .col(string_len("number", 16))
///         .col(uuid("booking_id"))
///         .col(uuid_null("clerk_id"))
///         .col(integer("amount_cents"))
///         .col(timestamp_with_time_zone_default_now("issued_at"))
///         .unique(["number"])
///         .foreign_key(TenantForeignKey::column("booking_id").to("public", "bookings"))
///         .foreign_key(
///             TenantForeignKey::column("clerk_id").to("auth", "users").on_delete(ForeignKeyAction::SetNull),
///         )
///         .at_least("amount_cents", 0)
///         .index([("issued_at", IndexOrder::Desc)])
/// }
///
/// #[derive(DeriveMigrationName)]
/// pub struct Migration;
///
/// #[async_trait::async_trait]
/// impl MigrationTrait for Migration {
///     async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
///         invoices().create(manager, &Settings::from_env()).await
///     }
///
///     async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
///         invoices().drop(manager).await
///     }
/// }
///
/// let sql = invoices().statements(&Settings::default()).unwrap().join(";\n");
/// assert!(sql.contains(r#"CONSTRAINT "invoices_pkey" PRIMARY KEY ("tenant_id", "id")"#));
/// assert!(sql.contains(r#"REFERENCES "public"."bookings" ("tenant_id", "id")"#));
/// assert!(sql.contains(r#"FORCE ROW LEVEL SECURITY"#));
/// ```
#[derive(Clone, Debug)]
#[must_use = "a table is created when `create` is called"]
pub struct TenantTable {
    schema: String,
    name: String,
    tenant_column: Option<String>,
    for_everyone: bool,
    key: Key,
    columns: Vec<ColumnDef>,
    uniques: Vec<Vec<String>>,
    foreign_keys: Vec<TenantForeignKey>,
    indexes: Vec<Vec<(String, IndexOrder)>>,
    checks: Vec<(String, Expr)>,
    access: Access,
}

#[derive(Clone, Debug)]
enum Key {
    GeneratedId,
    TenantAlone,
    Columns(Vec<String>),
}

#[derive(Clone, Debug)]
enum Access {
    ReadWrite,
    AppendOnly,
    /// The application only inserts, and the named role works.
    Outbox(String),
}

impl TenantTable {
    /// A table with `tenant_id` and a generated `id`.
    ///
    /// ```
    /// use watertight_migration::{Settings, TenantTable};
    ///
    /// let rooms = TenantTable::new("public", "rooms");
    /// assert!(rooms.statements(&Settings::default())?[0].contains(r#"PRIMARY KEY ("tenant_id", "id")"#));
    /// # Ok::<(), watertight_migration::TableError>(())
    /// ```
    pub fn new(schema: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            schema: schema.into(),
            name: name.into(),
            tenant_column: None,
            for_everyone: false,
            key: Key::GeneratedId,
            columns: Vec::new(),
            uniques: Vec::new(),
            foreign_keys: Vec::new(),
            indexes: Vec::new(),
            checks: Vec::new(),
            access: Access::ReadWrite,
        }
    }

    /// The schema that the table is in.
    #[must_use]
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// The table's name without its schema.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Adds a column, as the functions of [`sea_orm_migration::schema`] return them.
    ///
    /// A column that is a key by itself (`pk_uuid`, `string_uniq`, ..) is refused. It would be unique across
    /// all tenants, and a taken value would reveal to one tenant a value of another.
    ///
    /// ```
    /// # use watertight_migration::{Settings, TenantTable, sea_orm_migration::schema::*};
    /// let rooms = TenantTable::new("public", "rooms").col(string_len("name", 64)).col(integer_null("floor"));
    /// let sql = &rooms.statements(&Settings::default())?[0];
    /// assert!(sql.contains(r#""name" varchar(64) NOT NULL, "floor" integer NULL"#));
    /// # Ok::<(), watertight_migration::TableError>(())
    /// ```
    pub fn col(mut self, column: impl IntoColumnDef) -> Self {
        self.columns.push(column.into_column_def());
        self
    }

    /// Makes `(tenant_id, columns)` the primary key, instead of the generated `id`.
    ///
    /// ```
    /// # use watertight_migration::{Settings, TenantTable, sea_orm_migration::schema::*};
    /// let table = TenantTable::new("public", "flags").col(string_len("name", 64)).key(["name"]);
    /// assert!(table.statements(&Settings::default())?[0].contains(r#"PRIMARY KEY ("tenant_id", "name")"#));
    /// # Ok::<(), watertight_migration::TableError>(())
    /// ```
    pub fn key(mut self, columns: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.key = Key::Columns(owned(columns));
        self
    }

    /// Makes `tenant_id` alone the primary key, for a table with one row per tenant, such as a profile.
    ///
    /// ```
    /// # use watertight_migration::{Settings, TenantTable, sea_orm_migration::schema::*};
    /// let table = TenantTable::new("public", "themes").col(string_len("color", 16)).one_row_per_tenant();
    /// assert!(table.statements(&Settings::default())?[0].contains(r#"PRIMARY KEY ("tenant_id")"#));
    /// # Ok::<(), watertight_migration::TableError>(())
    /// ```
    pub fn one_row_per_tenant(mut self) -> Self {
        self.key = Key::TenantAlone;
        self
    }

    /// Makes the columns unique within each tenant.
    ///
    /// ```
    /// # use watertight_migration::{Settings, TenantTable, sea_orm_migration::schema::*};
    /// let rooms = TenantTable::new("public", "rooms").col(string_len("name", 64)).unique(["name"]);
    /// assert!(rooms.statements(&Settings::default())?[1].contains(r#"UNIQUE ("tenant_id", "name")"#));
    /// # Ok::<(), watertight_migration::TableError>(())
    /// ```
    pub fn unique(mut self, columns: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.uniques.push(owned(columns));
        self
    }

    /// Adds a foreign key, and an index for it unless a key or an index already begins with its columns.
    ///
    /// ```
    /// # use watertight_migration::{Settings, TenantForeignKey, TenantTable, sea_orm_migration::schema::*};
    /// let table = TenantTable::new("public", "treatments")
    ///     .col(uuid("client_id"))
    ///     .foreign_key(TenantForeignKey::column("client_id").to("public", "clients"));
    /// let sql = table.statements(&Settings::default())?;
    /// assert!(sql[1].contains(r#"CONSTRAINT "treatments_client_id_fkey""#));
    /// assert!(sql[2].contains(r#"CREATE INDEX "treatments_client_id_idx""#));
    /// # Ok::<(), watertight_migration::TableError>(())
    /// ```
    pub fn foreign_key(mut self, foreign_key: TenantForeignKey) -> Self {
        self.foreign_keys.push(foreign_key);
        self
    }

    /// Adds an index over `tenant_id` and the columns, each with its order.
    ///
    /// ```
    /// # use watertight_migration::{Settings, TenantTable, sea_orm_migration::{prelude::IndexOrder, schema::*}};
    /// let table = TenantTable::new("public", "notes")
    ///     .col(timestamp_with_time_zone("written_at"))
    ///     .index([("written_at", IndexOrder::Desc), ("id", IndexOrder::Desc)]);
    /// assert!(table.statements(&Settings::default())?[1].contains(r#"("tenant_id", "written_at" DESC, "id" DESC)"#));
    /// # Ok::<(), watertight_migration::TableError>(())
    /// ```
    pub fn index(mut self, columns: impl IntoIterator<Item = (impl Into<String>, IndexOrder)>) -> Self {
        self.indexes.push(columns.into_iter().map(|(column, order)| (column.into(), order)).collect());
        self
    }

    /// Names the tenant column, if it is not that of the [`Settings`].
    ///
    /// ```
    /// # use watertight_migration::{Settings, TenantTable};
    /// let table = TenantTable::new("public", "seats").tenant_column("account_id");
    /// assert!(table.statements(&Settings::default())?[0].contains(r#"PRIMARY KEY ("account_id", "id")"#));
    /// # Ok::<(), watertight_migration::TableError>(())
    /// ```
    pub fn tenant_column(mut self, column: impl Into<String>) -> Self {
        self.tenant_column = Some(column.into());
        self
    }

    /// Allows rows for everyone: every tenant reads them, and no tenant can write them.
    ///
    /// The tenant column of these rows has the [reserved value](crate::TenantType::reserved), which no tenant can have. The
    /// owner writes them in a migration, after `SELECT watertight.enter('00000000-0000-0000-0000-000000000000')`. Foreign keys
    /// of tenants cannot refer to them, because a row and the row that it refers to have the same tenant. Register the table
    /// with `Builder::rows_for_everyone`.
    ///
    /// ```
    /// # use watertight_migration::{Settings, TenantTable, sea_orm_migration::schema::*};
    /// let tags = TenantTable::new("public", "tags").col(string_len("name", 40)).rows_for_everyone();
    /// assert!(tags.statements(&Settings::default())?.join(";").contains("rows_for_everyone"));
    /// # Ok::<(), watertight_migration::TableError>(())
    /// ```
    pub fn rows_for_everyone(mut self) -> Self {
        self.for_everyone = true;
        self
    }

    /// Lets the application's role read and insert rows, but not update or delete them.
    ///
    /// ```
    /// # use watertight_migration::{Settings, TenantTable, sea_orm_migration::schema::*};
    /// let table = TenantTable::new("public", "ledger").col(integer("cents")).append_only();
    /// let sql = table.statements(&Settings::default())?.join(";");
    /// assert!(sql.contains("GRANT SELECT, INSERT ON") && !sql.contains("UPDATE"));
    /// # Ok::<(), watertight_migration::TableError>(())
    /// ```
    pub fn append_only(mut self) -> Self {
        self.access = Access::AppendOnly;
        self
    }

    /// Makes the table an outbox, into which the application's role inserts messages for a worker.
    ///
    /// It adds the columns `attempts integer` and `available_at timestamptz`, with defaults. The application's role gets
    /// `INSERT` alone. The role of the worker reads and deletes the messages of all tenants and changes the two
    /// columns, by policies of its own on this table. It has to exist, and to have the rights of the application's
    /// role besides, but it bypasses no other policy:
    ///
    /// ```sql
    /// CREATE ROLE watertight_worker LOGIN NOSUPERUSER NOBYPASSRLS IN ROLE watertight_app;
    /// ```
    ///
    /// ```
    /// # use watertight_migration::{Settings, TenantTable, sea_orm_migration::schema::*};
    /// let outbox = TenantTable::new("public", "outbox")
    ///     .col(string_len("kind", 64))
    ///     .col(json_binary("payload"))
    ///     .outbox("watertight_worker");
    /// let sql = outbox.statements(&Settings::default())?.join(";");
    /// assert!(sql.contains(r#"GRANT INSERT ON TABLE "public"."outbox" TO "watertight_app""#));
    /// # Ok::<(), watertight_migration::TableError>(())
    /// ```
    pub fn outbox(mut self, worker_role: impl Into<String>) -> Self {
        self.access = Access::Outbox(worker_role.into());
        self
    }

    /// Creates the table with its keys, checks, indexes, policy and grants.
    ///
    /// ```no_run
    /// # use watertight_migration::{Settings, TenantTable, sea_orm_migration::prelude::*};
    /// # async fn up(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    /// TenantTable::new("public", "rooms").create(manager, &Settings::from_env()).await
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`DbErr::Migration`] when the description is wrong or the application's role does not exist, or the
    /// error of the database.
    pub async fn create(&self, manager: &SchemaManager<'_>, settings: &Settings) -> Result<(), DbErr> {
        let statements = self.statements(settings)?;
        access::require_role(manager, settings).await?;
        if let Access::Outbox(worker) = &self.access {
            access::require_worker(manager, settings, worker).await?;
        }
        for statement in statements {
            manager.get_connection().execute_unprepared(&statement).await?;
        }
        Ok(())
    }

    /// Drops the table with everything that [`create`](Self::create) created.
    ///
    /// ```no_run
    /// # use watertight_migration::{TenantTable, sea_orm_migration::prelude::*};
    /// # async fn down(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    /// TenantTable::new("public", "rooms").drop(manager).await
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`DbErr::Migration`] when a name is invalid, or the error of the database, for example when another
    /// table refers to this one.
    pub async fn drop(&self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        self.check_names()?;
        manager.drop_table(Table::drop().table(self.reference()).take()).await
    }

    /// The table as it was released: with the tenant column of watertight's own tables.
    pub(crate) fn own(&self) -> Self {
        self.clone().tenant_column(TENANT_COLUMN)
    }

    /// The unique keys besides the primary key.
    pub(crate) fn uniques(&self) -> &[Vec<String>] {
        &self.uniques
    }

    pub(crate) fn foreign_keys(&self) -> &[TenantForeignKey] {
        &self.foreign_keys
    }

    pub(crate) fn checks(&self) -> &[(String, Expr)] {
        &self.checks
    }

    fn reference(&self) -> (Alias, Alias) {
        (Alias::new(&self.schema), Alias::new(&self.name))
    }
}

fn owned(columns: impl IntoIterator<Item = impl Into<String>>) -> Vec<String> {
    columns.into_iter().map(Into::into).collect()
}
