//! Checks that the tables can be converted.

use watertight_schema::TenantType;

use super::Conversion;
use super::catalog::{ForeignKey, Index, Table};
use super::problem::{ConversionNote, ConversionProblem, ProblemKind};
use super::survey::Survey;

/// Every problem of the tables and their objects. Rows that cross tenants are found separately.
pub(super) fn problems(survey: &Survey, conversion: &Conversion) -> Vec<ConversionProblem> {
    let mut problems = Vec::new();
    core(survey, conversion, &mut problems);
    for name in &survey.names {
        if !survey.tables.iter().any(|table| table.id() == *name) {
            problems.push(ConversionProblem::new(
                ProblemKind::Missing,
                name,
                "does not exist, or belongs to an extension",
                "correct the schema and the name, or leave the table out",
            ));
        }
    }
    for table in &survey.tables {
        if let Some(problem) = shape(table) {
            problems.push(problem);
            continue;
        }
        tenant_column(survey, table, conversion, &mut problems);
        rows(survey, table, conversion, &mut problems);
        policies(survey, table, conversion, &mut problems);
        for index in survey.indexes(table) {
            problems.extend(key(table, index, conversion));
        }
    }
    for key in &survey.foreign_keys {
        problems.extend(foreign_key(survey, key, conversion));
    }
    several_tenants(survey, &mut problems);
    for view in survey.views.iter().filter(|view| view.is_materialized && view.readable) {
        problems.push(ConversionProblem::new(
            ProblemKind::Exposure,
            format!("{}.{}", view.schema, view.name),
            "is a materialized view that other roles can read, and row-level security does not filter its rows",
            "revoke the rights on it from PUBLIC and from the application's role, or drop it",
        ));
    }
    for view in survey.views.iter().filter(|view| !view.is_materialized && !view.of_reader && !view.is_own) {
        problems.push(ConversionProblem::new(
            ProblemKind::Exposure,
            format!("{}.{}", view.schema, view.name),
            "is a view of another role, and reads the tables with the rights of that role",
            "as its owner, run: ALTER VIEW .. SET (security_invoker = true)",
        ));
    }
    problems
}

fn core(survey: &Survey, conversion: &Conversion, problems: &mut Vec<ConversionProblem>) {
    let settings = &conversion.settings;
    let tenant = survey.tenant;
    if survey.core_type.is_none() {
        problems.push(ConversionProblem::new(
            ProblemKind::Core,
            "watertight",
            "the schema does not exist, which row-level security needs",
            format!("run: watertight migrate --table-sets none (with {}={tenant})", TenantType::VARIABLE),
        ));
    }
    let role = settings.app_role();
    let privileged = |problem: &str, remedy: &str| {
        ConversionProblem::new(ProblemKind::ApplicationRole, format!("role {role}"), problem, remedy)
    };
    match survey.role_bypasses {
        None => problems.push(privileged(
            "does not exist, so it cannot be granted access to the tables",
            "run: CREATE ROLE .. LOGIN NOSUPERUSER NOBYPASSRLS; or name the application's role",
        )),
        Some(true) => problems.push(privileged(
            "bypasses row-level security",
            "run: ALTER ROLE .. NOSUPERUSER NOBYPASSRLS; or name another role",
        )),
        Some(false) => {}
    }
}

fn shape(table: &Table) -> Option<ConversionProblem> {
    let name = table.id();
    let shape = |problem: &str, remedy: &str| {
        Some(ConversionProblem::new(ProblemKind::Shape, &name, problem, remedy))
    };
    match table.kind.as_str() {
        "v" | "m" => {
            return shape("is a view, which has no rows of its own", "name the tables that it reads");
        }
        "f" => {
            return shape(
                "is a foreign table, for which there is no row-level security",
                "leave it out, and read it as another role",
            );
        }
        "p" => {
            return shape(
                "is partitioned, and PostgreSQL builds no index of a partitioned table without blocking its writers",
                "convert the table before it is divided, or write a migration for it (see the guide, Extending)",
            );
        }
        _ => {}
    }
    if table.inherits {
        return shape(
            "is a partition or inherits, and rows of its relatives would not have its keys",
            "detach it (NO INHERIT, DETACH PARTITION), or leave it out",
        );
    }
    if table.is_temporary {
        return shape("is a temporary table", "leave it out");
    }
    if !table.is_own {
        let owner = &table.owner;
        return Some(ConversionProblem::new(
            ProblemKind::Owner,
            &name,
            format!("belongs to {owner}, and only its owner can change it"),
            format!("convert it as {owner}, or change its owner"),
        ));
    }
    if table.is_of_application {
        return Some(ConversionProblem::new(
            ProblemKind::ApplicationRole,
            &name,
            format!(
                "belongs to {}, whose rights the application's role has, so it could remove the policies",
                table.owner
            ),
            "create a role of its own for the application, and name it (--app-role)",
        ));
    }
    None
}

fn tenant_column(
    survey: &Survey,
    table: &Table,
    conversion: &Conversion,
    problems: &mut Vec<ConversionProblem>,
) {
    let Some(type_name) = &table.column_type else { return };
    let column = conversion.settings.tenant_column();
    let mut report = |problem: String, remedy: String| {
        problems.push(ConversionProblem::new(ProblemKind::TenantColumn, table.id(), problem, remedy));
    };
    match TenantType::of_column(type_name) {
        None => report(
            format!("has the column {column} of type {type_name}, which the key of a tenant cannot have"),
            "change its type to uuid, bigint, integer or text, or name another column (--column)".to_owned(),
        ),
        Some(found) if found != survey.tenant => report(
            format!(
                "has the column {column} of type {type_name}, but the tenants of the database have keys of type {}",
                survey.tenant
            ),
            format!(
                "change the type of the column to {}; the type of a database is chosen by its first migration",
                survey.tenant
            ),
        ),
        Some(_) => {}
    }
    if table.column_generated == Some(true) {
        report(
            format!("has the column {column}, which the server computes"),
            "make it a plain column (DROP EXPRESSION, DROP IDENTITY)".to_owned(),
        );
    }
}

fn rows(survey: &Survey, table: &Table, conversion: &Conversion, problems: &mut Vec<ConversionProblem>) {
    let rows = survey.rows(table);
    let column = conversion.settings.tenant_column();
    let mut report = |problem: String, remedy: &str| {
        problems.push(ConversionProblem::new(ProblemKind::TenantOfRows, table.id(), problem, remedy));
    };
    if !table.has_column() && rows.any && survey.key.is_none() {
        report(
            format!("has rows and no column {column}, so their tenant is unknown"),
            "give the key of their tenant (--tenant)",
        );
    }
    if rows.without_tenant > 0 && survey.key.is_none() {
        report(
            format!("has {} rows whose {column} is null", rows.without_tenant),
            "fill the column, delete the rows, or give the key of their tenant (--tenant)",
        );
    }
    if rows.unusable > 0 {
        report(
            format!("has {} rows whose {column} is the reserved value or not a key", rows.unusable),
            "change the column in these rows to the key of their tenant",
        );
    }
}

/// Refuses to give the rows of a table to one tenant when other tables have rows of another.
fn several_tenants(survey: &Survey, problems: &mut Vec<ConversionProblem>) {
    let Some(key) = &survey.key else { return };
    let mut tenants: Vec<String> = survey.rows.iter().flat_map(|rows| rows.tenants.clone()).collect();
    tenants.retain(|tenant| *tenant != key.text);
    tenants.sort_unstable();
    tenants.dedup();
    if tenants.is_empty() {
        return;
    }
    for table in &survey.tables {
        let rows = survey.rows(table);
        if (table.has_column() || !rows.any) && rows.without_tenant == 0 {
            continue;
        }
        problems.push(ConversionProblem::new(
            ProblemKind::TenantOfRows,
            table.id(),
            format!(
                "has rows without a tenant, while other tables have rows of other tenants ({}), so these rows can belong to any of \
                 them",
                tenants.join(", ")
            ),
            "add the column yourself, and fill it from the rows that they refer to, before the conversion",
        ));
    }
}

fn policies(survey: &Survey, table: &Table, conversion: &Conversion, problems: &mut Vec<ConversionProblem>) {
    let column = conversion.settings.tenant_column();
    let of_table = survey.policies.iter().filter(|policy| policy.oid == table.oid);
    for policy in of_table.filter(|policy| policy.permissive && !policy.is_ours(column)) {
        problems.push(ConversionProblem::new(
            ProblemKind::Exposure,
            table.id(),
            format!("has the permissive policy {}, which can show rows of other tenants", policy.name),
            "drop the policy, or recreate it AS RESTRICTIVE",
        ));
    }
}

fn key(table: &Table, index: &Index, conversion: &Conversion) -> Option<ConversionProblem> {
    let column = conversion.settings.tenant_column();
    let report = |problem: String, remedy: &str| {
        Some(ConversionProblem::new(ProblemKind::Key, table.id(), problem, remedy))
    };
    let name = &index.name;
    if index.is_exclusion() && !index.is_excludable && !index.holds(column) {
        return report(
            format!(
                "has the exclusion constraint {name} without {column}, so rows of one tenant exclude those of others"
            ),
            "create the extension btree_gist, with which a gist index can compare the tenant",
        );
    }
    let converted = super::keys::is_converted(index, conversion);
    if index.is_unique && !converted && !index.holds(column) && !index.is_exclusion() && !index.is_primary {
        return report(
            format!("has the unique index {name} of a kind that cannot be extended by {column}"),
            "recreate it as a btree index",
        );
    }
    if !converted {
        return None;
    }
    if !index.is_valid {
        return report(
            format!("has the invalid index {name}, whose creation failed"),
            "drop it, or run REINDEX INDEX",
        );
    }
    if index.is_replica_identity {
        return report(
            format!("has the replica identity {name}, which would be dropped"),
            "run ALTER TABLE .. REPLICA IDENTITY DEFAULT, or FULL",
        );
    }
    if index.in_tablespace {
        return report(
            format!("has the index {name} in a tablespace of its own, which the new index would not have"),
            "run ALTER INDEX .. SET TABLESPACE pg_default, and move the index back after the conversion",
        );
    }
    if !index.dependents.is_empty() {
        return report(
            format!("has the key {name}, on which other objects depend: {}", index.dependents.join(", ")),
            "drop them or list all columns in their GROUP BY; or keep the primary keys (--keep-primary-keys)",
        );
    }
    None
}

fn foreign_key(survey: &Survey, key: &ForeignKey, conversion: &Conversion) -> Option<ConversionProblem> {
    let column = conversion.settings.tenant_column();
    let (name, target) = (&key.name, key.target_table());
    let report = |problem: String, remedy: &str| {
        Some(ConversionProblem::new(ProblemKind::ForeignKey, key.table(), problem, remedy))
    };
    survey.table(key.target)?;
    if survey.table(key.oid).is_none() {
        return report(
            format!(
                "has the foreign key {name} to {target}, but is not converted itself, so it could refer to rows of any tenant"
            ),
            "convert this table, too, or drop the foreign key",
        );
    }
    if key.is_confined(column) {
        return None;
    }
    if key.columns.iter().chain(&key.target_columns).any(|part| part == column) {
        return report(
            format!(
                "has the foreign key {name}, in which {column} refers to another column or is referred to by one"
            ),
            "drop the foreign key, or recreate it with the tenant column on both sides",
        );
    }
    if matches!(key.on_update.as_str(), "n" | "d") {
        return report(
            format!(
                "has the foreign key {name} with ON UPDATE SET NULL or SET DEFAULT, which would change {column}, too"
            ),
            "recreate it with another action",
        );
    }
    if key.matching == "f" && key.columns.len() > 1 && key.nullable {
        return report(
            format!(
                "has the foreign key {name} with MATCH FULL, which no row with a tenant and nulls would satisfy"
            ),
            "recreate it with MATCH SIMPLE, or make its columns NOT NULL",
        );
    }
    if key.definition.contains(" PERIOD ") || key.definition.contains("NOT ENFORCED") {
        return report(
            format!(
                "has the foreign key {name} over periods or without enforcement, which cannot be extended"
            ),
            "drop it, and recreate it by hand after the conversion",
        );
    }
    None
}

/// Facts that need a decision or an action of a person.
pub(super) fn notes(survey: &Survey, conversion: &Conversion) -> Vec<ConversionNote> {
    let column = conversion.settings.tenant_column();
    let mut notes: Vec<ConversionNote> =
        survey.remarks.iter().map(|remark| ConversionNote::new(&remark.object, &remark.text)).collect();
    for view in survey.views.iter().filter(|view| view.is_materialized && !view.readable) {
        notes.push(ConversionNote::new(
            format!("{}.{}", view.schema, view.name),
            "is a materialized view with rows of all tenants; grant it to no role of the application",
        ));
    }
    for view in survey.views.iter().filter(|view| !view.is_materialized && !view.of_reader) {
        notes.push(ConversionNote::new(
            format!("{}.{}", view.schema, view.name),
            "the view will run with the rights of its reader, so roles that read it need rights on its tables",
        ));
    }
    for table in &survey.tables {
        let (name, rows) = (table.id(), survey.rows(table));
        if rows.without_tenant > 0 && survey.key.is_some() {
            notes.push(ConversionNote::new(
                &name,
                format!("{} rows without a tenant will belong to the given one", rows.without_tenant),
            ));
        }
        if !table.has_column() && survey.key.is_none() && !rows.any {
            notes.push(ConversionNote::new(
                &name,
                format!(
                    "is empty, and programs that do not know {column} cannot insert rows from the phase column on, unless you give \
                     the key of their tenant (--tenant)"
                ),
            ));
        }
        for index in survey.indexes(table).filter(|index| !index.holds(column)) {
            if index.is_primary && conversion.keep_primary_keys {
                notes.push(ConversionNote::new(
                    &name,
                    format!(
                        "the primary key {} stays unique across tenants, so an insert with a key of another tenant fails and \
                         reveals that the key exists",
                        index.name
                    ),
                ));
            } else if !index.is_unique && index.method != "btree" && index.constraint.is_none() {
                notes.push(ConversionNote::new(
                    &name,
                    format!("the index {} ({}) stays without {column}", index.name, index.method),
                ));
            }
        }
        let trailing = |index: &&Index| {
            index.is_unique && index.holds(column) && index.keys.first().is_none_or(|first| first != column)
        };
        for index in survey.indexes(table).filter(trailing) {
            notes.push(ConversionNote::new(
                &name,
                format!("the key {} contains {column}, but does not begin with it; its queries by tenant are slower", index.name),
            ));
        }
    }
    notes
}
