//! The tables that a statement reads, and their conditions, from the server's plan.

use std::collections::BTreeSet;

use anyhow::Result;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use serde_json::Value;
use uuid::Uuid;

/// The tables that a plan may scan, as `schema.name`.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) tenant: BTreeSet<String>,
    pub(crate) shared: BTreeSet<String>,
}

impl Known {
    /// Every table of the database that has a tenant's column, and shared tables of the schema `public`.
    pub(crate) async fn of(db: &DatabaseConnection, shared: &[&str]) -> Result<Self> {
        let tables = Statement::from_string(
            DbBackend::Postgres,
            "SELECT n.nspname || '.' || c.relname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
             JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE a.attname = 'tenant_id' AND c.relkind = 'r' AND n.nspname IN ('public', 'auth')",
        );
        let rows = db.query_all_raw(tables).await?;
        let tenant = rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>()?;
        Ok(Self { tenant, shared: shared.iter().map(|name| format!("public.{name}")).collect() })
    }
}

/// The value with which a condition has to compare the tenant's column.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Tenant {
    Value(Uuid),
    Placeholder(usize),
}

/// The scans of a plan.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Scans of tenant tables under the tenant's condition.
    pub(crate) guarded: usize,
    /// Scans of the target of a MERGE with `WHEN NOT MATCHED BY SOURCE`. Its actions have the condition, which a
    /// plan does not show.
    pub(crate) by_source: usize,
}

/// Checks the output of `EXPLAIN (VERBOSE, FORMAT JSON)`.
pub(crate) fn check(explained: &Value, known: &Known, tenant: Tenant) -> std::result::Result<Seen, String> {
    let mut walk = Walk { known, tenant, merged: None, seen: Seen::default() };
    for query in explained.as_array().into_iter().flatten() {
        walk.node(&query["Plan"])?;
    }
    Ok(walk.seen)
}

struct Walk<'a> {
    known: &'a Known,
    tenant: Tenant,
    /// The alias of the target of the MERGE around the node.
    merged: Option<String>,
    seen: Seen,
}

const CONDITIONS: [&str; 4] = ["Index Cond", "Recheck Cond", "Filter", "TID Cond"];

impl Walk<'_> {
    fn node(&mut self, node: &Value) -> std::result::Result<(), String> {
        let text = |key: &str| node[key].as_str().unwrap_or_default();
        let kind = text("Node Type");
        if kind == "ModifyTable" {
            return self.change(node);
        }
        if !text("Relation Name").is_empty() {
            self.scan(node)?;
        }
        if !text("Function Name").is_empty() && text("Schema") != "pg_catalog" {
            return Err(format!("calls {}.{}", text("Schema"), text("Function Name")));
        }
        self.children(node)
    }

    fn children(&mut self, node: &Value) -> std::result::Result<(), String> {
        node["Plans"].as_array().into_iter().flatten().try_for_each(|child| self.node(child))
    }

    fn table(node: &Value) -> String {
        let text = |key: &str| node[key].as_str().unwrap_or_default();
        format!("{}.{}", text("Schema"), text("Relation Name"))
    }

    fn scan(&mut self, node: &Value) -> std::result::Result<(), String> {
        let table = Self::table(node);
        if self.known.shared.contains(&table) {
            return Ok(());
        }
        if !self.known.tenant.contains(&table) {
            return Err(format!("scans {table}, which is not registered"));
        }
        let alias = node["Alias"].as_str().unwrap_or_default();
        if CONDITIONS.iter().any(|key| node[*key].as_str().is_some_and(|text| self.guards(text, alias))) {
            self.seen.guarded += 1;
            return Ok(());
        }
        if self.merged.as_deref() == Some(alias) {
            self.seen.by_source += 1;
            return Ok(());
        }
        Err(format!("scans {table} as {alias} without the tenant: {node}"))
    }

    fn change(&mut self, node: &Value) -> std::result::Result<(), String> {
        let table = Self::table(node);
        if !self.known.tenant.contains(&table) {
            return Err(format!("changes {table}, which holds no tenants' rows"));
        }
        let alias = node["Alias"].as_str().unwrap_or_default();
        if node["Conflict Resolution"].as_str() == Some("UPDATE")
            && !node["Conflict Filter"].as_str().is_some_and(|text| self.guards(text, alias))
        {
            return Err(format!("changes {table} on conflict without the tenant: {node}"));
        }
        let around = self.merged.take();
        if node["Operation"].as_str() == Some("Merge") {
            self.merged = Some(alias.to_owned());
        }
        self.children(node)?;
        self.merged = around;
        Ok(())
    }

    /// Returns true if the condition requires the comparison of the relation's tenant.
    ///
    /// A condition that the planner proved to be false selects no row.
    fn guards(&self, condition: &str, alias: &str) -> bool {
        if condition == "false" {
            return true;
        }
        let column = format!("{}.tenant_id", quoted(alias));
        let value = match self.tenant {
            Tenant::Value(tenant) => format!("'{tenant}'::uuid"),
            Tenant::Placeholder(number) => format!("${number}"),
        };
        let wanted = [format!("{column} = {value}"), format!("{value} = {column}")];
        conjuncts(condition).iter().any(|part| wanted.iter().any(|wanted| wanted == part))
    }
}

/// An identifier as the server prints it. The server quotes its keywords, so a quoted part is compared
/// without quotes.
fn quoted(name: &str) -> String {
    let plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit());
    if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// The parts of `((a) AND (b) AND ..)` on the outermost level, without their parentheses. Quotes around plain words
/// are dropped, as the server writes them around its own keywords.
fn conjuncts(condition: &str) -> Vec<String> {
    let inner = stripped(condition);
    let mut parts = Vec::new();
    let (mut depth, mut start, mut quote) = (0_i32, 0, None);
    let bytes = inner.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        match (quote, byte) {
            (Some(open), byte) => quote = Some(open).filter(|open| open != byte),
            (None, b'\'' | b'"') => quote = Some(*byte),
            (None, b'(') => depth += 1,
            (None, b')') => depth -= 1,
            (None, b'A') if depth == 0 && inner[at..].starts_with("AND ") && at > 0 => {
                parts.push(&inner[start..at]);
                start = at + 4;
            }
            _ => {}
        }
    }
    parts.push(&inner[start..]);
    parts.into_iter().map(|part| unquoted(stripped(part.trim()))).collect()
}

/// Removes parentheses around the whole text.
fn stripped(text: &str) -> &str {
    let (mut depth, mut quote) = (0_i32, None);
    for (at, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (Some(open), byte) => quote = Some(open).filter(|open| *open != byte),
            (None, b'\'' | b'"') => quote = Some(byte),
            (None, b'(') => depth += 1,
            (None, b')') => {
                depth -= 1;
                if depth == 0 && at + 1 < text.len() {
                    return text;
                }
            }
            _ => {}
        }
    }
    text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).map_or(text, stripped)
}

/// `"select".tenant_id` as `select.tenant_id`.
fn unquoted(part: &str) -> String {
    if let Some(rest) = part.strip_prefix('"')
        && let Some((name, rest)) = rest.split_once('"')
        && quoted(name) == name
    {
        return format!("{name}{rest}");
    }
    part.to_owned()
}

#[test]
fn a_condition_guards_as_a_conjunct_alone() {
    let known = Known { tenant: BTreeSet::from(["public.a".to_owned()]), shared: BTreeSet::new() };
    let tenant = Uuid::from_u128(7);
    let guard = format!("(a.tenant_id = '{tenant}'::uuid)");
    let scan = |filter: &str| {
        let plan = serde_json::json!([{ "Plan": {
            "Node Type": "Seq Scan", "Schema": "public", "Relation Name": "a", "Alias": "a", "Filter": filter,
        }}]);
        check(&plan, &known, Tenant::Value(tenant)).is_ok()
    };
    assert!(scan(&guard));
    assert!(scan(&format!("((a.s = ' AND '::text) AND {guard})")));
    assert!(scan(&format!("({guard} AND (a.n < 1))")));
    assert!(!scan(&format!("({guard} OR (a.n < 1))")));
    assert!(!scan(&format!("((a.n < 1) AND ({guard} OR (a.n > 1)))")));
    assert!(!scan(&format!("(a.s = '{}'::text)", guard.replace('\'', "''"))));
    assert!(scan("false"));
    assert!(!scan("(a.n < 1)"));
    assert!(!scan("(b.tenant_id = '00000000-0000-0000-0000-000000000007'::uuid)"));
}
