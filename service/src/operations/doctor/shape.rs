//! Compares tables and columns with the entities, and finds unregistered tables.

use sea_orm::sea_query::{Alias, ColumnDef, ColumnType, PostgresQueryBuilder, Table};

use super::expected::Expected;
use super::report::{Check, Finding, Severity};
use crate::operations::inspection::catalog::{self, Catalog, Relation};
use crate::tenant::{RegisteredTable, TableName};
use watertight_schema::isolation::NUMBERS_TABLE;
use watertight_schema::sql;

pub(super) fn check(catalog: &Catalog, expected: Expected<'_>, findings: &mut Vec<Finding>) {
    for (name, table) in expected.registry.tables() {
        match catalog.relation(name) {
            Some(relation) if !relation.is_table() => findings.push(not_a_table(catalog, name, relation)),
            Some(relation)
                if relation.readable || (relation.granted && expected.registry.is_outbox(name)) =>
            {
                columns(catalog, relation, table, findings);
            }
            found => findings.push(missing(catalog, name, found)),
        }
    }
    for relation in &catalog.relations {
        if expected.ownership(relation).is_none()
            && !relation.is_partition
            && relation.name().name != expected.migrations.table
            && relation.name().to_string() != NUMBERS_TABLE
        {
            findings.push(unregistered(relation));
        }
    }
}

fn missing(catalog: &Catalog, name: &TableName, found: Option<&Relation>) -> Finding {
    let role = &catalog.server.role;
    let (problem, remedy) = match found {
        None => (
            "is registered but does not exist".to_owned(),
            "apply the migrations with the owner's role, or remove the registration".to_owned(),
        ),
        Some(relation) => (
            format!("is registered, but {role} cannot read it"),
            format!(
                "GRANT SELECT, INSERT, UPDATE, DELETE ON {} TO {};",
                relation.quoted(),
                sql::identifier(role)
            ),
        ),
    };
    Finding {
        severity: Severity::Error,
        check: Check::MissingTable,
        object: name.to_string(),
        problem,
        remedy,
    }
}

/// Reports a registered object whose columns and policies cannot be those of a table.
fn not_a_table(catalog: &Catalog, name: &TableName, relation: &Relation) -> Finding {
    let (quoted, role) = (relation.quoted(), sql::identifier(&catalog.server.role));
    let remedy = match relation.kind.as_str() {
        "v" => format!(
            "remove the registration, write the query of the view in the statements, and let the view read with \
             the rights of its reader: ALTER VIEW {quoted} SET (security_invoker = true);"
        ),
        _ => format!(
            "remove the registration, copy the rows into a table, and keep the role from the rows of all tenants: \
             REVOKE ALL ON TABLE {quoted} FROM PUBLIC, {role};"
        ),
    };
    Finding {
        severity: Severity::Error,
        check: Check::MissingTable,
        object: name.to_string(),
        problem: format!("is registered as a table, but is {}", catalog::kind(&relation.kind)),
        remedy,
    }
}

fn columns(catalog: &Catalog, relation: &Relation, table: &RegisteredTable, findings: &mut Vec<Finding>) {
    let mut report = |severity, problem, remedy: String| {
        let object = relation.name().to_string();
        findings.push(Finding { severity, check: Check::Column, object, problem, remedy });
    };
    let alter = format!("ALTER TABLE {}", relation.quoted());
    let generate = "or regenerate the entity with `sea-orm-cli generate entity`";
    let there = catalog.columns.of(relation);
    for (name, column) in &table.columns {
        let (wanted, quoted) = (printed(&column.column_type), sql::identifier(name));
        let Some(found) = there.iter().find(|found| found.name == *name) else {
            let not_null = if column.nullable { "" } else { " NOT NULL" };
            report(
                Severity::Error,
                format!("has no column {name}, which the entity has"),
                format!("{alter} ADD COLUMN {quoted} {wanted}{not_null}; {generate}"),
            );
            continue;
        };
        if !is_as_wanted(&found.data_type, &wanted) && !is_enumeration(&column.column_type) {
            report(
                Severity::Error,
                format!("has the column {name} of type {}, which is {wanted} in the entity", found.data_type),
                format!("{alter} ALTER COLUMN {quoted} TYPE {wanted} USING {quoted}::{wanted}; {generate}"),
            );
        }
        if found.required == column.nullable {
            let (is, verb) = if found.required { ("NOT NULL", "DROP") } else { ("nullable", "SET") };
            report(
                Severity::Warning,
                format!("has the column {name}, which is {is}, unlike in the entity"),
                format!("{alter} ALTER COLUMN {quoted} {verb} NOT NULL; {generate}"),
            );
        }
    }
    for found in there.iter().filter(|found| !table.columns.contains_key(&found.name)) {
        let name = &found.name;
        let in_the_way = found.required && !found.has_default;
        report(
            if in_the_way { Severity::Error } else { Severity::Note },
            format!(
                "has the column {name}, which no entity has{}",
                if in_the_way { ", and no row can be inserted without it" } else { "" }
            ),
            format!("register an entity that has the column, {generate}"),
        );
    }
}

/// Whether the type of a column matches the type of the entity.
///
/// An entity type without a length matches every length, and `text`. Generated entities declare a `String`
/// for all of them.
fn is_as_wanted(found: &str, wanted: &str) -> bool {
    let without_length = match (found.split_once('('), found.split_once(')')) {
        (Some((name, _)), Some((_, rest))) => format!("{name}{rest}"),
        _ => found.to_owned(),
    };
    let as_string = without_length.replace("text", "character varying");
    found == wanted || without_length == wanted || as_string == wanted
}

/// Whether the type is an enumeration or a custom type, which is not compared.
///
/// Its values can be read as text, and its name may be in another schema.
const fn is_enumeration(column_type: &ColumnType) -> bool {
    matches!(column_type, ColumnType::Enum { .. } | ColumnType::Custom(_))
}

/// A type as `format_type` prints it.
fn printed(column_type: &ColumnType) -> String {
    let mut column = ColumnDef::new_with_type(Alias::new("c"), column_type.clone());
    let sql = Table::alter().table(Alias::new("t")).add_column(&mut column).to_string(PostgresQueryBuilder);
    let written = sql.split_once("\"c\" ").map_or(sql.as_str(), |(_, written)| written);
    let (element, list) = match written.strip_suffix("[]") {
        Some(element) => (element, "[]"),
        None => (written, ""),
    };
    let (name, length) = match element.split_once('(') {
        Some((name, length)) => (name, format!("({}", length.replace(' ', ""))),
        None => (element, String::new()),
    };
    let printed = match name {
        "varchar" => "character varying",
        "char" => "character",
        "bool" => "boolean",
        "decimal" => "numeric",
        "timestamp" => "timestamp without time zone",
        "time" => "time without time zone",
        "bit varying" | "varbit" => "bit varying",
        other => other,
    };
    format!("{printed}{length}{list}")
}

fn unregistered(relation: &Relation) -> Finding {
    let kind = catalog::kind(&relation.kind);
    let (severity, reach) = if relation.readable {
        (Severity::Warning, "the role can read it")
    } else {
        (Severity::Note, "the role cannot read it")
    };
    let (whose, remedy) = if relation.has_tenant && relation.is_table() {
        (" of tenants", "register its entity with `Builder::tenant_table`")
    } else {
        (
            "",
            "register its entity with `Builder::tenant_table` or `Builder::shared_table`, or revoke the \
             role's privileges on it",
        )
    };
    Finding {
        severity,
        check: Check::UnregisteredTable,
        object: relation.name().to_string(),
        problem: format!(
            "is {kind}{whose} that is not registered, and {reach}: statements that name it are refused on \
             connections of tenants"
        ),
        remedy: remedy.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entity_without_a_length_takes_any() {
        assert!(is_as_wanted("character varying(64)", "character varying"));
        assert!(is_as_wanted("character varying(64)[]", "character varying[]"));
        assert!(!is_as_wanted("character varying", "character varying(64)"));
        assert!(!is_as_wanted("character varying(32)", "character varying(64)"));
        assert!(is_as_wanted("text[]", "character varying[]"));
        assert!(!is_as_wanted("text", "character varying(64)"));
    }

    #[test]
    fn types_print_as_the_database_prints_them() {
        use sea_orm::sea_query::StringLen;

        for (column_type, text) in [
            (ColumnType::Uuid, "uuid"),
            (ColumnType::Text, "text"),
            (ColumnType::Boolean, "boolean"),
            (ColumnType::SmallInteger, "smallint"),
            (ColumnType::Integer, "integer"),
            (ColumnType::BigInteger, "bigint"),
            (ColumnType::Float, "real"),
            (ColumnType::Double, "double precision"),
            (ColumnType::String(StringLen::N(64)), "character varying(64)"),
            (ColumnType::String(StringLen::None), "character varying"),
            (ColumnType::Char(Some(2)), "character(2)"),
            (ColumnType::Decimal(Some((12, 8))), "numeric(12,8)"),
            (ColumnType::Date, "date"),
            (ColumnType::Time, "time without time zone"),
            (ColumnType::DateTime, "timestamp without time zone"),
            (ColumnType::TimestampWithTimeZone, "timestamp with time zone"),
            (ColumnType::JsonBinary, "jsonb"),
            (ColumnType::Json, "json"),
            (ColumnType::Blob, "bytea"),
            (ColumnType::Array(std::sync::Arc::new(ColumnType::Text)), "text[]"),
        ] {
            assert_eq!(printed(&column_type), text);
        }
    }
}
