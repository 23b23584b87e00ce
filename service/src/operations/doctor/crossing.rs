//! Finds rows that refer to a row of another tenant, or to no row.

use sea_orm::FromQueryResult;

use super::expected::Expected;
use super::remedy::Remedy;
use super::report::{Check, Finding, Severity};
use crate::operations::ConnectError;
use crate::operations::inspection::catalog::{Catalog, Constraint, Relation};
use crate::operations::inspection::connect_checks;
use crate::tenant::Inspection;
use watertight_schema::sql;

/// A reference from one tenant table to a row of another.
struct Reference<'a> {
    from: &'a Relation,
    to: &'a Relation,
    /// The tenant columns of both.
    tenants: [&'a str; 2],
    /// The pairs of columns, except the tenant column.
    columns: Vec<(String, String)>,
}

#[derive(FromQueryResult)]
struct Count {
    crossing: i64,
    dangling: i64,
}

pub(super) async fn check(
    inspection: &mut Inspection,
    catalog: &Catalog,
    expected: Expected<'_>,
    findings: &mut Vec<Finding>,
) -> Result<(), ConnectError> {
    // Citus joins only rows of the same tenant, so a query cannot find a referenced row of another tenant.
    let distributed = connect_checks::is_distributed(inspection).await?;
    for reference in references(catalog, expected) {
        let Reference { from, to, tenants: [from_tenant, to_tenant], columns } = &reference;
        let object = from.name().to_string();
        let names = columns.iter().map(|(from, _)| from.as_str()).collect::<Vec<_>>().join(", ");
        let check = Check::CrossingRows;
        if from.hides_rows || to.hides_rows || !(from.is_visible && to.is_visible) {
            if !is_proved(catalog, &reference) {
                findings.push(Finding::new(
                    Severity::Warning,
                    check,
                    object,
                    format!(
                        "may contain rows whose {names} refers to another tenant's row in {}: no foreign key \
                         prevents such rows, and {} cannot see them",
                        to.name(),
                        catalog.server.role
                    ),
                    Remedy::action(
                        "add the foreign key, and run the doctor again as a role that is BYPASSRLS",
                    ),
                ));
            }
            continue;
        }
        let broken = reference.broken(catalog);
        let others = reference.pairs(
            catalog,
            "o",
            &format!("o.{} <> c.{}", sql::identifier(to_tenant), sql::identifier(from_tenant)),
        );
        let (crosses, dangles) = if distributed {
            ("false".to_owned(), "no row of the same tenant")
        } else {
            (format!("EXISTS (SELECT FROM {} o WHERE {others})", to.quoted()), "no row")
        };
        let sql = format!(
            "SELECT count(*) FILTER (WHERE crosses)::int8 AS crossing, \
             count(*) FILTER (WHERE NOT crosses)::int8 AS dangling FROM \
             (SELECT {crosses} AS crosses FROM {broken}) AS broken"
        );
        let Count { crossing, dangling } = inspection.ask_one(&sql, []).await?;
        for (count, whose) in [(crossing, "another tenant's row"), (dangling, dangles)] {
            if count > 0 {
                let rows = if count == 1 { "row" } else { "rows" };
                findings.push(Finding::new(
                    Severity::Error,
                    check,
                    &object,
                    format!("has {count} {rows} whose {names} refers to {whose} in {}", to.name()),
                    // Only the application knows which of the rows is wrong.
                    Remedy::action(format!(
                        "review these rows, and delete or correct them: SELECT c.* FROM {broken};"
                    )),
                ));
            }
        }
    }
    Ok(())
}

/// The references that entities and foreign keys declare.
fn references<'a>(catalog: &'a Catalog, expected: Expected<'a>) -> Vec<Reference<'a>> {
    let mut references: Vec<Reference<'a>> = Vec::new();
    let column = |relation: &Relation| expected.tenant_column(&relation.name());
    let mut add = |from: &'a Relation, to: Option<&'a Relation>, columns: Vec<(String, String)>| {
        let Some(to) = to.filter(|to| expected.is_tenants(to)) else { return };
        let tenants = [column(from), column(to)];
        let columns: Vec<_> = columns.into_iter().filter(|(column, _)| column != tenants[0]).collect();
        let known = references
            .iter()
            .any(|known| known.from.oid == from.oid && known.to.oid == to.oid && known.columns == columns);
        if !known && !columns.is_empty() && exist(catalog, from, to, &columns) {
            references.push(Reference { from, to, tenants, columns });
        }
    };
    for from in
        catalog.relations.iter().filter(|relation| expected.is_tenants(relation) && relation.has_tenant)
    {
        for key in catalog.constraints.of(from).iter().filter(|key| key.is_foreign_key()) {
            let columns = key.columns.iter().cloned().zip(key.referenced_columns.iter().cloned()).collect();
            add(from, catalog.by_oid(key.referenced), columns);
        }
        let Some(table) = expected.registry.table(&from.name()) else { continue };
        for reference in &table.references {
            add(from, catalog.relation(&expected.registry.referenced(reference)), reference.columns.clone());
        }
    }
    references
}

/// Whether the columns exist. Another check reports missing columns.
fn exist(catalog: &Catalog, from: &Relation, to: &Relation, columns: &[(String, String)]) -> bool {
    let has = |relation, name: &String| type_of(catalog, relation, name).is_some();
    to.has_tenant && columns.iter().all(|(column, key)| has(from, column) && has(to, key))
}

fn type_of<'a>(catalog: &'a Catalog, relation: &Relation, name: &str) -> Option<&'a str> {
    let columns = catalog.columns.of(relation);
    columns.iter().find(|column| column.name == name).map(|column| column.data_type.as_str())
}

/// Whether a validated foreign key that contains the tenant already rules such rows out.
fn is_proved(catalog: &Catalog, reference: &Reference<'_>) -> bool {
    let [from_tenant, to_tenant] = reference.tenants;
    let proves = |key: &Constraint| {
        key.is_foreign_key()
            && key.validated
            && key.referenced == reference.to.oid
            && key.holds_tenant(from_tenant, to_tenant)
            && reference.columns.iter().all(|(column, _)| key.columns.contains(column))
    };
    let holds = |relation| {
        catalog.disabled_triggers.of(relation).iter().all(|trigger| trigger.constraint_name.is_none())
    };
    catalog.constraints.of(reference.from).iter().any(proves) && holds(reference.from) && holds(reference.to)
}

impl Reference<'_> {
    /// The FROM and WHERE clauses that select rows `c` that refer to no row of their own tenant.
    fn broken(&self, catalog: &Catalog) -> String {
        let given =
            self.columns.iter().map(|(column, _)| format!("c.{} IS NOT NULL", sql::identifier(column)));
        let given = given.collect::<Vec<_>>().join(" AND ");
        let [from, to] = self.tenants.map(sql::identifier);
        let own = self.pairs(catalog, "p", &format!("p.{to} = c.{from}"));
        format!(
            "{} c WHERE {given} AND NOT EXISTS (SELECT FROM {} p WHERE {own})",
            self.from.quoted(),
            self.to.quoted()
        )
    }

    /// The condition that `c` refers to the row with this alias, combined with another condition.
    fn pairs(&self, catalog: &Catalog, alias: &str, condition: &str) -> String {
        let mut all = vec![condition.to_owned()];
        for (column, key) in &self.columns {
            // Without a foreign key the types of the two columns can differ.
            let same = type_of(catalog, self.from, column) == type_of(catalog, self.to, key);
            let cast = if same { "" } else { "::text" };
            all.push(format!("{alias}.{}{cast} = c.{}{cast}", sql::identifier(key), sql::identifier(column)));
        }
        all.join(" AND ")
    }
}
