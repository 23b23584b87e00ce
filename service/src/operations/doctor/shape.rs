//! Compares tables and columns with the entities, and finds unregistered tables.

use sea_orm::sea_query::{Alias, ColumnDef, ColumnType, PostgresQueryBuilder, Table};

use super::expected::Expected;
use super::grants;
use super::remedy::{Remedy, Step};
use super::report::{Check, Finding, Severity};
use crate::operations::inspection::catalog::{self, Catalog, Column, Relation};
use crate::operations::inspection::isolable::{Object, ReadByView};
use crate::tenant::{EntityColumn, RegisteredTable};
use watertight_schema::isolation::NUMBERS_TABLE;
use watertight_schema::sql;

pub(super) fn check(
    catalog: &Catalog,
    expected: Expected<'_>,
    read: &[ReadByView],
    findings: &mut Vec<Finding>,
) {
    for (name, table) in expected.registry.tables() {
        match catalog.relation(name) {
            Some(relation) => registered(catalog, expected, (relation, table), read, findings),
            None => findings.push(Finding::new(
                Severity::Error,
                Check::MissingTable,
                name.to_string(),
                "is registered but does not exist",
                Remedy::action("apply the migrations with the owner's role, or remove the registration"),
            )),
        }
    }
    for relation in &catalog.relations {
        if expected.ownership(relation).is_none()
            && !expected.is_child(relation)
            && relation.name().name != expected.migrations.table
            && relation.name().to_string() != NUMBERS_TABLE
        {
            findings.push(unregistered(relation));
        }
    }
}

fn registered(
    catalog: &Catalog,
    expected: Expected<'_>,
    (relation, table): (&Relation, &RegisteredTable),
    read: &[ReadByView],
    findings: &mut Vec<Finding>,
) {
    let name = relation.name();
    let object = Object {
        name: &name,
        kind: &relation.kind,
        tenant_column: expected.tenant_column(&name),
        has_tenant: relation.has_tenant,
        security_invoker: relation.security_invoker,
        ownership: table.ownership,
        one_layer: expected.registry.is_one_layer(&name),
        read,
        registry: expected.registry,
    };
    if let Some(obstacle) = object.obstacle(expected.layers) {
        let remedy = match obstacle.sql {
            Some(sql) => Remedy::owner(Step::Objects, sql).or("remove the registration"),
            None => Remedy::action(obstacle.remedy),
        };
        let problem = format!("is {} {}", obstacle.kind, obstacle.reason);
        findings.push(Finding::new(Severity::Error, Check::MissingTable, obstacle.object, problem, remedy));
        return;
    }
    columns(catalog, expected, relation, table, findings);
    let is_usable =
        if expected.registry.is_outbox(&name) { relation.insertable } else { relation.selectable };
    if !is_usable {
        // Another check reports a schema that the role may not use.
        let role = &catalog.subject;
        let privileges = if relation.is_table() { grants::needed(expected, &name) } else { "SELECT" };
        let grant = format!("GRANT {privileges} ON {} TO {};", relation.quoted(), sql::identifier(role));
        findings.push(Finding::new(
            Severity::Error,
            Check::MissingTable,
            name.to_string(),
            format!(
                "is registered, but {role} cannot {} it",
                if privileges == "INSERT" { "insert into" } else { "read" }
            ),
            Remedy::owner(Step::Grant, grant),
        ));
    }
}

/// Compares the columns with the entity. A table that is registered by its name has no entity.
fn columns(
    catalog: &Catalog,
    expected: Expected<'_>,
    relation: &Relation,
    table: &RegisteredTable,
    findings: &mut Vec<Finding>,
) {
    if table.columns.is_empty() {
        return;
    }
    let own = expected.is_own(&relation.name());
    let there = catalog.columns.of(relation);
    let mut report = |severity, problem: String, remedy| {
        let object = relation.name().to_string();
        findings.push(Finding::new(severity, Check::Column, object, problem, remedy));
    };
    for (name, column) in &table.columns {
        match there.iter().find(|found| found.name == *name) {
            // Statements of the entity fail.
            None => report(
                Severity::Error,
                format!("has no column {name}, which the entity has"),
                altering(relation, own, |alter| {
                    let not_null = if column.nullable { "" } else { " NOT NULL" };
                    let wanted = printed(&column.column_type);
                    format!("{alter} ADD COLUMN {} {wanted}{not_null};", sql::identifier(name))
                }),
            ),
            Some(found) => {
                for (severity, problem, change) in differences(relation, own, found, column) {
                    let name = sql::identifier(name);
                    let remedy =
                        altering(relation, own, |alter| format!("{alter} ALTER COLUMN {name} {change};"));
                    report(severity, problem, remedy);
                }
            }
        }
    }
    for found in there.iter().filter(|found| !table.columns.contains_key(&found.name)) {
        let name = &found.name;
        let in_the_way = found.required && !found.has_default;
        report(
            // An application can insert with another entity, or leave inserts to another program.
            if in_the_way && own { Severity::Error } else { Severity::Note },
            format!(
                "has the column {name}, which no entity has{}",
                if in_the_way { ", and no row can be inserted without it" } else { "" }
            ),
            Remedy::action(format!("register an entity that has the column, {GENERATE}")),
        );
    }
}

const GENERATE: &str = "or regenerate the entity with `sea-orm-cli generate entity`";

/// The remedy for a column. The shape of an application's table is the application's choice, and so is its entity: its remedy
/// is no SQL, which could change or lose values.
fn altering(relation: &Relation, own: bool, statement: impl Fn(&str) -> String) -> Remedy {
    if own && relation.is_table() {
        let alter = format!("ALTER TABLE {}", relation.quoted());
        return Remedy::owner(Step::Columns, statement(&alter)).or(GENERATE.trim_start_matches("or "));
    }
    Remedy::action(format!("change the entity to the column of the database, {GENERATE}"))
}

/// The differences between a column and the entity, each with the change that removes it.
fn differences(
    relation: &Relation,
    own: bool,
    found: &Column,
    column: &EntityColumn,
) -> Vec<(Severity, String, String)> {
    let (name, quoted) = (&found.name, sql::identifier(&found.name));
    let mut differences = Vec::new();
    let wanted = printed(&column.column_type);
    if !is_as_wanted(&found.data_type, &wanted) && !is_enumeration(&column.column_type) {
        differences.push((
            // Values of a compatible type are read and written all the same. Reading another type fails.
            if !own && is_compatible(&found.data_type, &wanted) { Severity::Note } else { Severity::Error },
            format!("has the column {name} of type {}, which is {wanted} in the entity", found.data_type),
            format!("TYPE {wanted} USING {quoted}::{wanted}"),
        ));
    }
    // The catalog does not know whether a column of a view can be null.
    if found.required == column.nullable && relation.is_table() {
        let (is, verb) = if found.required { ("NOT NULL", "DROP") } else { ("nullable", "SET") };
        differences.push((
            // The rules of watertight's own tables depend on it.
            if own { Severity::Warning } else { Severity::Note },
            format!("has the column {name}, which is {is}, unlike in the entity"),
            format!("{verb} NOT NULL"),
        ));
    }
    differences
}

/// Whether values of the column's type are read into the same Rust type as those of the entity's type.
fn is_compatible(found: &str, wanted: &str) -> bool {
    family(found) == family(wanted)
}

/// The family of a type, without lengths and precisions.
fn family(data_type: &str) -> String {
    let without_length = match (data_type.split_once('('), data_type.split_once(')')) {
        (Some((name, _)), Some((_, rest))) => format!("{name}{rest}"),
        _ => data_type.to_owned(),
    };
    let (element, list) = match without_length.strip_suffix("[]") {
        Some(element) => (element, "[]"),
        None => (without_length.as_str(), ""),
    };
    let family = match element {
        "json" | "jsonb" => "json",
        "text" | "character varying" | "character" | "name" | "citext" => "text",
        "bit" | "bit varying" => "bit",
        other => other,
    };
    format!("{family}{list}")
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
    Finding::new(
        severity,
        Check::UnregisteredTable,
        relation.name().to_string(),
        format!(
            "is {kind}{whose} that is not registered, and {reach}: statements that name it are refused on \
             connections of tenants"
        ),
        // Only the application knows whether it needs the table.
        Remedy::action(remedy),
    )
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
    fn types_of_one_family_are_compatible() {
        for (found, wanted, compatible) in [
            ("jsonb", "json", true),
            ("json[]", "jsonb[]", true),
            ("text", "character varying(64)", true),
            ("character(2)", "text", true),
            ("numeric(10,2)", "numeric(16,4)", true),
            ("timestamp(3) with time zone", "timestamp with time zone", true),
            ("timestamp without time zone", "timestamp with time zone", false),
            ("integer", "smallint", false),
            ("jsonb", "text", false),
            ("text[]", "text", false),
        ] {
            assert_eq!(is_compatible(found, wanted), compatible, "{found} {wanted}");
        }
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
