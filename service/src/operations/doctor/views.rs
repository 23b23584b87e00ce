//! Checks views over tenant tables.
//!
//! A view can read with the rights of its owner, and row-level security does not filter a materialized view.

use sea_orm::FromQueryResult;

use super::expected::{Expected, tenant_tables};
use super::extensions::is_not_of_known;
use super::remedy::{Remedy, RunAs, Step};
use super::report::{Check, Finding, Severity};
use crate::operations::ConnectError;
use crate::operations::inspection::catalog::{self, Catalog, about};
use crate::tenant::{Inspection, TableName};
use watertight_schema::sql;

#[derive(FromQueryResult)]
struct View {
    schema: String,
    name: String,
    is_materialized: bool,
    owner: String,
    owner_bypasses: bool,
}

pub(super) async fn check(
    inspection: &mut Inspection,
    catalog: &Catalog,
    expected: Expected<'_>,
    findings: &mut Vec<Finding>,
) -> Result<(), ConnectError> {
    let query = about(&catalog.subject, &views());
    let views: Vec<View> = inspection.ask(&query, [tenant_tables(catalog, expected).into()]).await?;
    let role = &catalog.subject;
    let objects = |sql| Remedy::sql(Step::Objects, RunAs::Superuser, sql);
    findings.extend(views.into_iter().filter_map(|view| {
        let View { schema, name, is_materialized, owner, owner_bypasses } = view;
        let quoted = sql::qualified(&schema, &name);
        let name = TableName { schema, name };
        if expected.registry.ownership(&name).is_some() {
            // Another check reports registered views and materialized views, with the same reason as the start.
            return None;
        }
        let invoker = || objects(format!("ALTER VIEW {quoted} SET (security_invoker = true);"));
        let (severity, problem, remedy) = if is_materialized {
            (
                Severity::Error,
                format!(
                    "contains rows of tenant tables that {role} can read, and row-level security does not \
                     filter them"
                ),
                Remedy::sql(
                    Step::Revoke,
                    RunAs::Superuser,
                    format!("REVOKE ALL ON TABLE {quoted} FROM PUBLIC, {};", sql::identifier(role)),
                ),
            )
        } else if owner_bypasses {
            (
                expected.without_row_security(),
                format!("reads tenant tables as its owner {owner}, which bypasses row-level security"),
                invoker(),
            )
        } else {
            (
                // Forced row-level security binds the owner: the view is empty or fails, and isolation depends on that role.
                Severity::Warning,
                format!(
                    "reads tenant tables with the privileges of its owner {owner} instead of those of {role}"
                ),
                invoker(),
            )
        };
        Some(Finding::new(severity, Check::View, name.to_string(), problem, remedy))
    }));
    one_layer(catalog, expected, findings);
    Ok(())
}

/// Reports relations that row-level security cannot protect: registered ones, which rewriting isolates, and foreign tables with
/// rows of tenants that the role can read.
fn one_layer(catalog: &Catalog, expected: Expected<'_>, findings: &mut Vec<Finding>) {
    let role = &catalog.subject;
    for relation in catalog.relations.iter().filter(|relation| relation.readable) {
        let (name, kind) = (relation.name(), catalog::kind(&relation.kind));
        if expected.registry.is_one_layer(&name) {
            findings.push(Finding::new(
                Severity::Warning,
                Check::OneLayer,
                name.to_string(),
                format!(
                    "is {kind} that only rewriting isolates: {role} reads the rows of all tenants on any other connection"
                ),
                Remedy::action("let only trusted SQL read it, or copy the rows into a table with row-level security"),
            ));
        } else if relation.kind == "f" && relation.has_tenant && expected.ownership(relation).is_none() {
            findings.push(Finding::new(
                expected.without_row_security(),
                Check::OneLayer,
                name.to_string(),
                format!(
                    "is {kind} with rows of tenants that {role} can read, and row-level security does not filter them"
                ),
                Remedy::sql(
                    Step::Revoke,
                    RunAs::Superuser,
                    format!("REVOKE ALL ON TABLE {} FROM PUBLIC, {};", relation.quoted(), sql::identifier(role)),
                ),
            ));
        }
    }
}

/// Selects the views over the tables in the parameter, at any depth.
///
/// Only views are selected that the role reads directly or through other views.
fn views() -> String {
    let not_known = is_not_of_known("pg_class", "c.oid");
    format!(
        "WITH RECURSIVE uses AS (SELECT DISTINCT r.ev_class AS view, d.refobjid AS used \
            FROM pg_catalog.pg_rewrite r JOIN pg_catalog.pg_class c ON c.oid = r.ev_class AND c.relkind IN ('v', 'm') \
            JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = r.oid \
                AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid <> r.ev_class), \
         above AS (SELECT view FROM uses WHERE used::int8 = ANY ($1) \
            UNION SELECT u.view FROM uses u JOIN above a ON a.view = u.used), \
         reached AS (SELECT a.view FROM above a JOIN pg_catalog.pg_class c ON c.oid = a.view \
            WHERE has_table_privilege({{ROLE}}, a.view, 'SELECT, INSERT, UPDATE, DELETE') \
                AND has_schema_privilege({{ROLE}}, c.relnamespace, 'USAGE') \
            UNION SELECT u.used FROM uses u JOIN reached r ON r.view = u.view JOIN above a ON a.view = u.used) \
         SELECT n.nspname::text AS schema, c.relname::text AS name, c.relkind = 'm' AS is_materialized, \
            o.rolname::text AS owner, o.rolsuper OR o.rolbypassrls AS owner_bypasses \
         FROM reached r JOIN pg_catalog.pg_class c ON c.oid = r.view \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN pg_catalog.pg_roles o ON o.oid = c.relowner \
         WHERE NOT coalesce((SELECT bool_or(t.option_value::boolean) FROM pg_options_to_table(c.reloptions) t \
            WHERE t.option_name = 'security_invoker'), false) AND {not_known} ORDER BY 1, 2"
    )
}
