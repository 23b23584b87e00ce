//! Whether the rows of a registered object can be isolated, which depends on its kind.

use std::fmt;

use sea_orm::{DbErr, FromQueryResult};
use watertight_schema::sql;

use super::catalog;
use crate::tenant::{Inspection, Layers, Ownership, Registry, TableName};

/// A registered object whose rows cannot be isolated, with the reason and the remedy.
///
/// ```no_run
/// use watertight::{ConnectError, Error, NotIsolable, Watertight};
///
/// # async fn example() -> Result<(), Error> {
/// if let Err(Error::Connect(ConnectError::NotIsolable { objects })) = Watertight::connect_from_env().await {
///     for NotIsolable { object, remedy, .. } in objects {
///         eprintln!("{object}: {remedy}");
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotIsolable {
    /// The object, as `schema.name`.
    pub object: String,
    /// The kind of the object, such as `a view`.
    pub kind: &'static str,
    /// The reason. The name and the kind of the object precede it in the message.
    pub reason: String,
    /// The remedy, with SQL where SQL can fix the problem.
    pub remedy: String,
    /// The SQL of the remedy, if it is SQL.
    pub(crate) sql: Option<String>,
}

impl fmt::Display for NotIsolable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { object, kind, reason, remedy, .. } = self;
        write!(f, "{object} is {kind} {reason}; {remedy}")
    }
}

/// What decides whether the rows of a registered object can be isolated.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Object<'a> {
    pub(crate) name: &'a TableName,
    /// The kind as in `pg_class.relkind`.
    pub(crate) kind: &'a str,
    /// The name of its tenant column.
    pub(crate) tenant_column: &'a str,
    /// Whether it has the tenant column, with the type of the tenant's key.
    pub(crate) has_tenant: bool,
    /// Whether it is a view that reads with the privileges of its reader.
    pub(crate) security_invoker: bool,
    pub(crate) ownership: Ownership,
    /// Whether it is registered for rewriting alone.
    pub(crate) one_layer: bool,
    /// What registered views read.
    pub(crate) read: &'a [ReadByView],
    pub(crate) registry: &'a Registry,
}

/// A relation that a registered view reads, directly or through other views.
#[derive(Debug, FromQueryResult)]
pub(crate) struct ReadByView {
    view_schema: String,
    view_name: String,
    schema: String,
    name: String,
    /// The kind as in `pg_class.relkind`.
    kind: String,
    security_invoker: bool,
}

impl ReadByView {
    /// Reads what the registered views read.
    pub(crate) async fn all(inspection: &mut Inspection, registry: &Registry) -> Result<Vec<Self>, DbErr> {
        let (schemas, names): (Vec<String>, Vec<String>) =
            registry.tables().map(|(name, _)| (name.schema.clone(), name.name.clone())).unzip();
        inspection.ask(READ_BY_VIEWS, [schemas.into(), names.into()]).await
    }
}

const READ_BY_VIEWS: &str = "WITH RECURSIVE uses AS (SELECT DISTINCT r.ev_class AS view, d.refobjid AS used \
        FROM pg_catalog.pg_rewrite r JOIN pg_catalog.pg_class c ON c.oid = r.ev_class AND c.relkind = 'v' \
        JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = r.oid \
            AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid <> r.ev_class), \
    below AS (SELECT c.oid AS view, u.used FROM unnest($1::text[], $2::text[]) AS named (schema, name) \
        JOIN pg_catalog.pg_namespace n ON n.nspname = named.schema \
        JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = named.name AND c.relkind = 'v' \
        JOIN uses u ON u.view = c.oid \
        UNION SELECT b.view, u.used FROM below b JOIN uses u ON u.view = b.used) \
    SELECT vn.nspname::text AS view_schema, v.relname::text AS view_name, n.nspname::text AS schema, \
        c.relname::text AS name, c.relkind::text AS kind, \
        coalesce((SELECT bool_or(t.option_value::boolean) FROM pg_options_to_table(c.reloptions) t \
            WHERE t.option_name = 'security_invoker'), false) AS security_invoker \
    FROM below b JOIN pg_catalog.pg_class v ON v.oid = b.view JOIN pg_catalog.pg_namespace vn ON vn.oid = v.relnamespace \
    JOIN pg_catalog.pg_class c ON c.oid = b.used JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    ORDER BY 1, 2, 3, 4";

impl Object<'_> {
    /// The reason for which its rows cannot be isolated by the layers in force.
    pub(crate) fn obstacle(&self, layers: Layers) -> Option<NotIsolable> {
        match self.kind {
            "r" | "p" if self.one_layer => {
                Some(self.refused(
                    "that row-level security can protect",
                    "register it with `Builder::tenant_table`",
                ))
            }
            "r" | "p" => None,
            "v" => self.view(layers),
            "m" | "f" => self.without_policies(layers),
            _ => Some(self.refused("without rows", "remove the registration")),
        }
    }

    fn view(&self, layers: Layers) -> Option<NotIsolable> {
        let column = self.tenant_column;
        let quoted = sql::qualified(&self.name.schema, &self.name.name);
        if self.ownership == Ownership::Shared {
            return Some(self.refused(
                "registered as a shared table, and the tables that it reads are not known to be shared",
                "remove the registration, and write the query of the view in the statements",
            ));
        }
        if self.one_layer {
            return Some(self.refused(
                "that row-level security of its tables can protect",
                "register it with `Builder::tenant_table`",
            ));
        }
        if !self.has_tenant {
            return Some(self.refused(
                &format!(
                    "without the column {column}, so statements cannot be limited to the rows of a tenant"
                ),
                &format!(
                    "add the column {column} of a table to the output of the view, or remove the registration"
                ),
            ));
        }
        if !self.security_invoker {
            let alter = format!("ALTER VIEW {quoted} SET (security_invoker = true);");
            let mut refused = self.refused(
                "that reads its tables as its owner: row-level security applies to the owner, which has no tenant, \
                 and not to the reader",
                &format!("let it read as its reader: {alter}"),
            );
            refused.sql = Some(alter);
            return Some(refused);
        }
        if !layers.row_security() {
            return Some(self.refused(
                "whose query is not rewritten, so `Layers::RewritingOnly` cannot isolate what it reads",
                "use both layers, or write the query of the view in the statements",
            ));
        }
        self.read_unisolated()
    }

    /// The first relation below the view whose rows row-level security does not limit to the tenant of the reader.
    fn read_unisolated(&self) -> Option<NotIsolable> {
        let below = self
            .read
            .iter()
            .filter(|read| read.view_schema == self.name.schema && read.view_name == self.name.name);
        for ReadByView { schema, name, kind, security_invoker, .. } in below {
            let table = TableName { schema: schema.clone(), name: name.clone() };
            let is_table = matches!(kind.as_str(), "r" | "p");
            if schema.starts_with("pg_") || schema == "information_schema" {
                return Some(self.refused(
                    &format!("that reads {table} of the server, which shows values of all tenants"),
                    "remove the registration, and write the query of the view in the statements",
                ));
            }
            if kind == "v" && !security_invoker {
                let alter =
                    format!("ALTER VIEW {} SET (security_invoker = true);", sql::qualified(schema, name));
                let mut refused = self.refused(
                    &format!("that reads the view {table}, which reads its tables as its owner"),
                    &format!("let {table} read as its reader: {alter}"),
                );
                refused.sql = Some(alter);
                return Some(refused);
            }
            if kind != "v" && !is_table {
                return Some(self.refused(
                    &format!(
                        "that reads {table}, {} that row-level security cannot protect",
                        catalog::kind(kind)
                    ),
                    "remove the registration, and write the query of the view in the statements",
                ));
            }
            if is_table && self.registry.ownership(&table).is_none() {
                return Some(self.refused(
                    &format!("that reads the table {table}, which is not registered"),
                    &format!("register {table} as a tenant table or a shared table, or remove the registration of the view"),
                ));
            }
        }
        None
    }

    /// Row-level security cannot protect these kinds, so rewriting is their only layer.
    fn without_policies(&self, layers: Layers) -> Option<NotIsolable> {
        let column = self.tenant_column;
        if self.ownership == Ownership::Shared {
            return Some(self.refused(
                "registered as a shared table, and the rows that it contains are not known to be shared",
                "remove the registration, and copy the rows into a shared table",
            ));
        }
        if !self.one_layer {
            return Some(self.refused(
                "that row-level security cannot protect",
                "register it with `Builder::dangerous_one_layer_table` to rely on rewriting alone, or copy the rows into \
                 a table",
            ));
        }
        if !self.has_tenant {
            return Some(self.refused(
                &format!(
                    "without the column {column}, so statements cannot be limited to the rows of a tenant"
                ),
                &format!("add the column {column} to it, or remove the registration"),
            ));
        }
        if !layers.rewriting() {
            return Some(self.refused(
                "that only rewriting isolates, and `Layers::UnscopedRowSecurityOnly` does not rewrite",
                "use both layers, or remove the registration",
            ));
        }
        None
    }

    fn refused(&self, reason: &str, remedy: &str) -> NotIsolable {
        NotIsolable {
            object: self.name.to_string(),
            kind: catalog::kind(self.kind),
            reason: reason.to_owned(),
            remedy: remedy.to_owned(),
            sql: None,
        }
    }
}
