//! The table `watertight.conversions`: the state before the conversion, which an undo restores.
//!
//! An entry is written in the transaction of its step, or before a step that runs outside a transaction. An entry that is
//! already there stays, because it describes the state before the first run.

use sea_orm_migration::sea_orm::{self, ConnectionTrait, DbErr, FromQueryResult};
use watertight_schema::sql;

use super::step::Step;
use crate::name::Name;
use crate::query::{self, all};

pub(super) const TABLE: &str = "watertight.conversions";

/// The kinds of entries.
pub(super) mod kind {
    /// The column was added. `definition` is the tenant of the rows of that time.
    pub(crate) const COLUMN: &str = "column";
    /// The column was nullable.
    pub(crate) const NULLABLE: &str = "nullable";
    /// The default of the column, in `definition`.
    pub(crate) const DEFAULT: &str = "default";
    /// A check constraint was added.
    pub(crate) const CHECK: &str = "check";
    /// A key or an index, in `definition`, that another one replaces.
    pub(crate) const INDEX: &str = "index";
    /// An index was added that replaces none.
    pub(crate) const NEW_INDEX: &str = "new index";
    /// A foreign key, in `definition`, that another one replaces.
    pub(crate) const FOREIGN_KEY: &str = "foreign key";
    /// Row-level security was `enabled`, `forced` or `off`, in `definition`.
    pub(crate) const SECURITY: &str = "row-level security";
    /// The privileges on a table, on a column or on a sequence, in `definition`.
    pub(crate) const PRIVILEGES: &str = "privileges";
    /// The privileges on the schema were extended.
    pub(crate) const USAGE: &str = "usage";
    /// A view ran with the rights of its owner.
    pub(crate) const VIEW: &str = "view";
}

/// An entry.
#[derive(Clone, Debug, Default, PartialEq, Eq, FromQueryResult)]
pub(super) struct Entry {
    pub(super) table_schema: String,
    pub(super) table_name: String,
    pub(super) kind: String,
    /// The name of the object, or an empty text for the table itself.
    pub(super) name: String,
    pub(super) definition: Option<String>,
    /// The definition of the constraint of an index.
    pub(super) constraint_definition: Option<String>,
    /// The first name of the object that replaces it.
    pub(super) new_name: Option<String>,
    /// The statements that complete the object, such as its comment.
    pub(super) afterwards: Vec<String>,
}

impl Entry {
    pub(super) fn new(table: &Name, kind: &str, name: impl Into<String>) -> Self {
        Self {
            table_schema: table.schema.clone(),
            table_name: table.name.clone(),
            kind: kind.to_owned(),
            name: name.into(),
            ..Self::default()
        }
    }

    pub(super) fn defined(mut self, definition: Option<&str>) -> Self {
        self.definition = definition.map(str::to_owned);
        self
    }

    pub(super) fn table(&self) -> Name {
        Name::new(&self.table_schema, &self.table_name)
    }

    /// The SQL that writes the entry, unless there is one.
    pub(super) fn insert(&self) -> String {
        let text = |text: &Option<String>| text.as_deref().map_or_else(|| "NULL".to_owned(), sql::literal);
        let list: Vec<String> = self.afterwards.iter().map(|statement| sql::literal(statement)).collect();
        format!(
            "INSERT INTO {TABLE} (table_schema, table_name, kind, name, definition, constraint_definition, new_name, \
             afterwards) VALUES ({}, {}, {}, {}, {}, {}, {}, ARRAY[{}]::text[]) ON CONFLICT DO NOTHING",
            sql::literal(&self.table_schema),
            sql::literal(&self.table_name),
            sql::literal(&self.kind),
            sql::literal(&self.name),
            text(&self.definition),
            text(&self.constraint_definition),
            text(&self.new_name),
            list.join(", "),
        )
    }

    /// The SQL that removes the entry.
    pub(super) fn delete(&self) -> String {
        format!(
            "DELETE FROM {TABLE} WHERE table_schema = {} AND table_name = {} AND kind = {} AND name = {}",
            sql::literal(&self.table_schema),
            sql::literal(&self.table_name),
            sql::literal(&self.kind),
            sql::literal(&self.name),
        )
    }
}

/// The step that creates the table.
pub(super) fn create() -> Step {
    Step::new(TABLE, "record the present state, so that the conversion can be undone").run([
        format!(
            "CREATE TABLE IF NOT EXISTS {TABLE} (table_schema text NOT NULL, table_name text NOT NULL, \
             kind text NOT NULL, name text NOT NULL, definition text, constraint_definition text, new_name text, \
             afterwards text[] NOT NULL, recorded_at timestamptz NOT NULL DEFAULT now(), \
             PRIMARY KEY (table_schema, table_name, kind, name))"
        ),
        // Default privileges can have granted rights to other roles.
        format!("REVOKE ALL ON TABLE {TABLE} FROM PUBLIC"),
    ])
}

pub(super) async fn exists(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    query::one(db, &format!("SELECT to_regclass('{TABLE}') IS NOT NULL")).await
}

/// Every entry, in the order in which they were written.
pub(super) async fn entries(db: &impl ConnectionTrait) -> Result<Vec<Entry>, DbErr> {
    if !exists(db).await? {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT table_schema, table_name, kind, name, definition, constraint_definition, new_name, afterwards \
         FROM {TABLE} ORDER BY recorded_at, table_schema, table_name, kind, name"
    );
    all(db, &sql, []).await
}
