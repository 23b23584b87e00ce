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
    pub(crate) on_delete: Option<ForeignKeyAction>,
}

impl TenantForeignKey {
    /// A foreign key of one column besides `tenant_id`.
    #[must_use]
    pub fn column(column: impl Into<String>) -> Self {
        Self::columns([column])
    }

    /// A foreign key of several columns besides `tenant_id`.
    #[must_use]
    pub fn columns(columns: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            columns: columns.into_iter().map(Into::into).collect(),
            schema: String::new(),
            table: String::new(),
            key: vec!["id".to_owned()],
            on_delete: None,
        }
    }

    /// Sets the table that the key refers to, which is also a tenant table.
    #[must_use]
    pub fn to(mut self, schema: impl Into<String>, table: impl Into<String>) -> Self {
        self.schema = schema.into();
        self.table = table.into();
        self
    }

    /// Sets the referenced columns besides `tenant_id`, if they are not `id` alone.
    #[must_use]
    pub fn to_key(mut self, columns: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.key = columns.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the action for the row when the row that it refers to is deleted.
    ///
    /// `SetNull` and `SetDefault` change the referring columns and never `tenant_id`.
    #[must_use]
    pub fn on_delete(mut self, action: ForeignKeyAction) -> Self {
        self.on_delete = Some(action);
        self
    }
}
