//! Types: built-in types, column types of registered tables, and declared types.

use postgresql_cst_parser::syntax_kind::SyntaxKind as K;

use super::super::refusal::Reason;
use super::super::registry::{Ownership, TableName};
use super::analysis::Analysis;
use super::identifier::{identifier, parts};
use super::scope::Scope;
use super::tree::Node;
use super::{Walk, unhandled, unsupported};
use watertight_schema::sql;

/// The built-in types that a statement may name, sorted.
///
/// Types for objects of the catalog, such as `regclass`, are not listed, except those of text search.
const BUILT_IN: &[&str] = &[
    "bit",
    "bool",
    "box",
    "bpchar",
    "bytea",
    "char",
    "cid",
    "cidr",
    "circle",
    "date",
    "datemultirange",
    "daterange",
    "float4",
    "float8",
    "inet",
    "int2",
    "int4",
    "int4multirange",
    "int4range",
    "int8",
    "int8multirange",
    "int8range",
    "interval",
    "json",
    "jsonb",
    "jsonpath",
    "line",
    "lseg",
    "macaddr",
    "macaddr8",
    "money",
    "name",
    "numeric",
    "nummultirange",
    "numrange",
    "oid",
    "path",
    "pg_lsn",
    "pg_snapshot",
    "point",
    "polygon",
    "regconfig",
    "regdictionary",
    "text",
    "tid",
    "time",
    "timestamp",
    "timestamptz",
    "timetz",
    "tsmultirange",
    "tsquery",
    "tsrange",
    "tstzmultirange",
    "tstzrange",
    "tsvector",
    "uuid",
    "varbit",
    "varchar",
    "xid",
    "xid8",
    "xml",
];

/// The known properties of a type.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    /// Whether its values may be rows.
    pub(super) row: bool,
}

const PLAIN: Found = Found { row: false };

impl Analysis<'_> {
    /// Walks `Typename`.
    pub(super) fn type_name(&mut self, node: Node<'_>, scope: &Scope<'_>) -> Walk<Found> {
        self.cast_type(node, false, scope)
    }

    /// Walks the type of a cast. Only the value of a column may be cast to a table's name:
    /// `tableoid::regclass`.
    pub(super) fn cast_type(&mut self, node: Node<'_>, of_column: bool, scope: &Scope<'_>) -> Walk<Found> {
        let mut found = PLAIN;
        for child in node.children() {
            match child.kind() {
                K::SimpleTypename => found = self.simple_type(child, of_column, scope)?,
                K::opt_array_bounds | K::ARRAY | K::LBracket | K::RBracket | K::Iconst => {}
                K::SETOF => return unsupported("SETOF"),
                _ => return unhandled(child),
            }
        }
        Ok(found)
    }

    fn simple_type(&mut self, node: Node<'_>, of_column: bool, scope: &Scope<'_>) -> Walk<Found> {
        let mut found = PLAIN;
        for child in node.children() {
            match child.kind() {
                K::GenericType => found = self.generic_type(child, of_column, scope)?,
                K::JsonType if self.snapshot.server_version().is_some_and(|version| version < 170_000) => {
                    // The name is not a keyword here and could find another type.
                    self.edits.insert(child.start(), "pg_catalog.");
                }
                _ => self.system_type(child, scope)?,
            }
        }
        Ok(found)
    }

    /// Walks a type that the grammar itself resolves in `pg_catalog`, with its modifiers.
    pub(super) fn system_type(&mut self, node: Node<'_>, scope: &Scope<'_>) -> Walk {
        for child in node.children() {
            match child.kind() {
                K::expr_list => drop(self.parts(child, scope)?),
                _ if child.is_token() => {}
                K::ConstInterval
                | K::ConstTypename
                | K::Numeric
                | K::Bit
                | K::BitWithLength
                | K::BitWithoutLength
                | K::ConstBit
                | K::Character
                | K::CharacterWithLength
                | K::CharacterWithoutLength
                | K::ConstCharacter
                | K::ConstDatetime
                | K::JsonType
                | K::character
                | K::opt_float
                | K::opt_timezone
                | K::opt_varying
                | K::opt_interval
                | K::interval_second
                | K::opt_type_modifiers
                | K::Iconst => self.system_type(child, scope)?,
                _ => return unhandled(child),
            }
        }
        Ok(())
    }

    fn generic_type(&mut self, node: Node<'_>, of_column: bool, scope: &Scope<'_>) -> Walk<Found> {
        let mut names = Vec::new();
        for child in node.children() {
            match child.kind() {
                K::type_function_name => names.push(child),
                K::attrs => names.append(&mut parts(child)?),
                K::opt_type_modifiers => self.system_type(child, scope)?,
                _ => return unhandled(child),
            }
        }
        if of_column && names.last().is_some_and(|last| identifier(*last) == "regclass") && names.len() == 1 {
            if let Some(name) = names.first() {
                self.edits.insert(name.start(), "pg_catalog.");
            }
            return Ok(PLAIN);
        }
        self.named_type(&names)
    }

    /// Walks the type of `type 'literal'`.
    pub(super) fn type_of_literal(&mut self, node: Node<'_>) -> Walk {
        let names = parts(node)?;
        if self.named_type(&names)?.row {
            return Err(Reason::RowOperand(node.text().to_owned().into()));
        }
        Ok(())
    }

    /// The registered table of a row type.
    pub(super) fn table_of_type(&self, node: Node<'_>) -> Option<(TableName, Ownership)> {
        self.table_named(&generic_names(node))
    }

    fn table_named(&self, names: &[String]) -> Option<(TableName, Ownership)> {
        let table = match names {
            [name] => self.registry.resolve(None, name),
            [schema, name] => self.registry.resolve(Some(schema), name),
            _ => return None,
        };
        self.registry.ownership(&table).map(|ownership| (table, ownership))
    }

    /// Checks the name of a type, and writes its schema if another type could be found instead.
    fn named_type(&mut self, names: &[Node<'_>]) -> Walk<Found> {
        let folded: Vec<String> = names.iter().map(|name| identifier(*name)).collect();
        let (schema, name) = match &folded[..] {
            [name] => (None, name),
            [schema, name] => (Some(schema.as_str()), name),
            _ => return unsupported("a type name with more than two parts"),
        };
        if self.registry.declares_type(&folded.join(".")) {
            return Ok(PLAIN);
        }
        let element = name.strip_prefix('_').unwrap_or(name);
        if schema.is_none_or(|schema| schema == "pg_catalog") && BUILT_IN.binary_search(&element).is_ok() {
            if schema.is_none()
                && self.snapshot.shadows_type(name)
                && let Some(first) = names.first()
            {
                self.edits.insert(first.start(), "pg_catalog.");
            }
            return Ok(PLAIN);
        }
        let Some(known) = self.snapshot.column_type(schema, name) else {
            // The name of a registered table is also the type of its rows.
            let Some((table, _)) = self.table_named(&folded) else {
                return Err(Reason::UnknownType(folded.join(".")));
            };
            match names[..] {
                [only] => self.edits.insert(only.start(), format!("{}.", sql::identifier(&table.schema))),
                [schema, _] => self.replace_schema(schema, &table),
                _ => {}
            }
            return Ok(Found { row: true });
        };
        if let (None, Some(schema), Some(first)) = (schema, &known.schema, names.first()) {
            self.edits.insert(first.start(), format!("{}.", sql::identifier(schema)));
        }
        Ok(Found { row: known.row })
    }
}

/// The parts of the name of a type that is not a keyword of the grammar.
fn generic_names(node: Node<'_>) -> Vec<String> {
    let generic = node.descendants().find(|node| node.kind() == K::GenericType);
    let names = generic.into_iter().flat_map(|generic| generic.descendants().collect::<Vec<_>>());
    names.filter(|node| matches!(node.kind(), K::type_function_name | K::ColLabel)).map(identifier).collect()
}

/// The name that PostgreSQL gives a column after a cast to the type.
pub(super) fn last_name(node: Node<'_>) -> Option<String> {
    if let Some(name) = generic_names(node).pop() {
        return Some(name);
    }
    let words: Vec<K> = node.descendants().filter(|node| node.is_token()).map(Node::kind).collect();
    let first = words.first()?;
    let name = match first {
        K::INT_P | K::INTEGER => "int4",
        K::SMALLINT => "int2",
        K::BIGINT => "int8",
        K::REAL => "float4",
        K::FLOAT_P if float_digits(node).is_some_and(|digits| digits <= 24) => "float4",
        K::FLOAT_P | K::DOUBLE_P => "float8",
        K::DECIMAL_P | K::DEC | K::NUMERIC => "numeric",
        K::BOOLEAN_P => "bool",
        K::BIT if words.contains(&K::VARYING) => "varbit",
        K::BIT => "bit",
        K::VARCHAR => "varchar",
        K::CHARACTER | K::CHAR_P | K::NATIONAL | K::NCHAR if words.contains(&K::VARYING) => "varchar",
        K::CHARACTER | K::CHAR_P | K::NATIONAL | K::NCHAR => "bpchar",
        K::TIMESTAMP if words.contains(&K::WITH_LA) => "timestamptz",
        K::TIMESTAMP => "timestamp",
        K::TIME if words.contains(&K::WITH_LA) => "timetz",
        K::TIME => "time",
        K::INTERVAL => "interval",
        K::JSON => "json",
        _ => return None,
    };
    Some(name.to_owned())
}

/// The number in `float(n)`.
fn float_digits(node: Node<'_>) -> Option<u32> {
    let number = node.descendants().find(|node| node.kind() == K::ICONST)?;
    // A number in another base or with underscores is not recognized. The server rejects too large a number.
    number.text().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_free_of_repetition() {
        assert!(BUILT_IN.is_sorted_by(|a, b| a < b));
    }
}
