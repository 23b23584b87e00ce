//! A foreign key that cannot refer to another tenant's row.

use sea_orm_migration::sea_query::ForeignKeyAction;

/// A foreign key of a tenant table, with `tenant_id` on both sides.
///
/// `tenant_id` is added and not named here. By default the key refers to the `id` of the other table, and the
/// referenced row cannot be deleted. [`to_key`](Self::to_key) and [`on_delete`](Self::on_delete) change that.
///
/// ```
/// use watertight_migration::{ForeignKeyAction, Settings, TenantForeignKey, TenantTable};
/// use watertight_migration::sea_orm_migration::schema::uuid_null;
///
/// let editor = TenantForeignKey::column("editor_id").to("auth", "users").on_delete(ForeignKeyAction::SetNull);
/// let table = TenantTable::new("public", "posts").col(uuid_null("editor_id")).foreign_key(editor);
/// assert!(table.statements(&Settings::default())?[1].ends_with(r#"ON DELETE SET NULL ("editor_id")"#));
/// # Ok::<(), watertight_migration::TableError>(())
/// ```
#[derive(Clone, Debug)]
pub struct TenantForeignKey {
    pub(crate) columns: Vec<String>,
    pub(crate) schema: String,
    pub(crate) table: String,
    pub(crate) key: Vec<String>,
    pub(crate) tenant_column: Option<String>,
    pub(crate) on_delete: Option<ForeignKeyAction>,
}

impl TenantForeignKey {
    /// A foreign key of one column besides `tenant_id`.
    ///
    /// ```
    /// # use watertight_migration::{Settings, TenantForeignKey, TenantTable, sea_orm_migration::schema::uuid};
    /// let client = TenantForeignKey::column("client_id").to("public", "clients");
    /// let table = TenantTable::new("public", "notes").col(uuid("client_id")).foreign_key(client);
    /// let sql = &table.statements(&Settings::default())?[1];
    /// assert!(sql.contains(r#"FOREIGN KEY ("tenant_id", "client_id")"#));
    /// # Ok::<(), watertight_migration::TableError>(())
    /// ```
    #[must_use]
    pub fn column(column: impl Into<String>) -> Self {
        Self::columns([column])
    }

    /// A foreign key of several columns besides `tenant_id`.
    ///
    /// ```
    /// # use watertight_migration::{Settings, TenantForeignKey, TenantTable, sea_orm_migration::schema::*};
    /// let shelf = TenantForeignKey::columns(["room", "shelf"]).to("public", "shelves").to_key(["room", "number"]);
    /// let table = TenantTable::new("public", "oils").col(string("room")).col(integer("shelf")).foreign_key(shelf);
    /// let sql = &table.statements(&Settings::default())?[1];
    /// assert!(sql.contains(r#"FOREIGN KEY ("tenant_id", "room", "shelf")"#));
    /// # Ok::<(), watertight_migration::TableError>(())
    /// ```
    #[must_use]
    pub fn columns(columns: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            columns: columns.into_iter().map(Into::into).collect(),
            schema: String::new(),
            table: String::new(),
            key: vec!["id".to_owned()],
            tenant_column: None,
            on_delete: None,
        }
    }

    /// Sets the table that the key refers to, which is also a tenant table.
    ///
    /// ```
    /// # use watertight_migration::{Settings, TenantForeignKey, TenantTable, sea_orm_migration::schema::uuid};
    /// let author = TenantForeignKey::column("author_id").to("auth", "users");
    /// let table = TenantTable::new("public", "notes").col(uuid("author_id")).foreign_key(author);
    /// let sql = &table.statements(&Settings::default())?[1];
    /// assert!(sql.contains(r#"REFERENCES "auth"."users" ("tenant_id", "id")"#));
    /// # Ok::<(), watertight_migration::TableError>(())
    /// ```
    #[must_use]
    pub fn to(mut self, schema: impl Into<String>, table: impl Into<String>) -> Self {
        self.schema = schema.into();
        self.table = table.into();
        self
    }

    /// Sets the referenced columns besides `tenant_id`, if they are not `id` alone.
    ///
    /// ```
    /// # use watertight_migration::{Settings, TenantForeignKey, TenantTable, sea_orm_migration::schema::*};
    /// let flag = TenantForeignKey::column("flag").to("public", "flags").to_key(["name"]);
    /// let table = TenantTable::new("public", "trials").col(string_len("flag", 64)).foreign_key(flag);
    /// let sql = &table.statements(&Settings::default())?[1];
    /// assert!(sql.contains(r#"REFERENCES "public"."flags" ("tenant_id", "name")"#));
    /// # Ok::<(), watertight_migration::TableError>(())
    /// ```
    #[must_use]
    pub fn to_key(mut self, columns: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.key = columns.into_iter().map(Into::into).collect();
        self
    }

    /// Names the tenant column of the other table, if it differs.
    ///
    /// By default it is `tenant_id` for a table of the chosen table sets, and otherwise the tenant column of this table.
    ///
    /// ```
    /// # use watertight_migration::{Settings, TenantForeignKey, TenantTable, sea_orm_migration::schema::*};
    /// let plan = TenantForeignKey::column("plan_id").to("public", "plans").to_tenant_column("account_id");
    /// let table = TenantTable::new("public", "seats").col(uuid("plan_id")).foreign_key(plan);
    /// let sql = &table.statements(&Settings::default())?[1];
    /// assert!(sql.contains(r#"REFERENCES "public"."plans" ("account_id", "id")"#));
    /// # Ok::<(), watertight_migration::TableError>(())
    /// ```
    #[must_use]
    pub fn to_tenant_column(mut self, column: impl Into<String>) -> Self {
        self.tenant_column = Some(column.into());
        self
    }

    /// Sets the action for the row when the row that it refers to is deleted.
    ///
    /// `SetNull` and `SetDefault` change the referring columns and never `tenant_id`.
    ///
    /// ```
    /// # use watertight_migration::{ForeignKeyAction, Settings, TenantForeignKey, TenantTable};
    /// # use watertight_migration::sea_orm_migration::schema::uuid;
    /// let booking = TenantForeignKey::column("booking_id")
    ///     .to("public", "bookings")
    ///     .on_delete(ForeignKeyAction::Cascade);
    /// let table = TenantTable::new("public", "reminders").col(uuid("booking_id")).foreign_key(booking);
    /// let sql = &table.statements(&Settings::default())?[1];
    /// assert!(sql.ends_with("ON DELETE CASCADE"));
    /// # Ok::<(), watertight_migration::TableError>(())
    /// ```
    #[must_use]
    pub fn on_delete(mut self, action: ForeignKeyAction) -> Self {
        self.on_delete = Some(action);
        self
    }
}
