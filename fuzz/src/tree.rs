//! PostgreSQL's parse tree, as plain values.

use std::collections::BTreeSet;

use serde_json::Value;

/// The numbers of `JoinType`, `BoolExprType`, `A_Expr_Kind` and `MergeMatchKind` in the messages of `libpg_query`.
const JOIN_INNER: i64 = 1;
const AND_EXPR: i64 = 1;
const AEXPR_OP: i64 = 1;
const NOT_MATCHED_BY_SOURCE: i64 = 2;

/// A parsed text.
#[derive(Debug)]
pub struct Parsed {
    /// The number of statements in the text.
    pub statements: usize,
    tables: Vec<Table>,
}

/// A table that a statement names, other than a common table expression.
#[derive(Debug)]
struct Table {
    name: String,
    /// The placeholder that its rows are compared with, or that is written to them.
    guard: Option<usize>,
    /// True if the text names the schema.
    qualified: bool,
    /// True for the target of an insert. The statement may name the tenant, which is compared when it runs.
    inserted: bool,
}

/// Parses a text with PostgreSQL's own parser.
///
/// # Errors
/// The parser's message.
pub fn parse(text: &str) -> Result<Parsed, String> {
    let parsed =
        pg_query::parse(text, pg_query::ParserOptions::default()).map_err(|error| error.to_string())?;
    let tree = serde_json::to_value(&parsed.protobuf.stmts).map_err(|error| error.to_string())?;
    let mut walk = Walk { ctes: Vec::new(), tables: Vec::new() };
    walk.any(&tree, None);
    Ok(Parsed { statements: parsed.protobuf.stmts.len(), tables: walk.tables })
}

impl Parsed {
    /// The tables with their schemas, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.tables.iter().map(|table| table.name.as_str()).collect();
        names.sort_unstable();
        names
    }

    /// The first table that the placeholder does not guard.
    #[must_use]
    pub fn unguarded(&self, placeholder: usize, shared: &BTreeSet<String>) -> Option<&str> {
        let is_open = |table: &&Table| {
            !table.qualified
                || !shared.contains(&table.name) && !table.inserted && table.guard != Some(placeholder)
        };
        self.tables.iter().find(is_open).map(|table| table.name.as_str())
    }
}

struct Walk {
    ctes: Vec<String>,
    tables: Vec<Table>,
}

impl Walk {
    /// Walks a value. `guard` is the placeholder that guards a table at this place.
    fn any(&mut self, value: &Value, guard: Option<(usize, &str)>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.any(item, None)),
            Value::Object(fields) => {
                if fields.contains_key("relname") && fields.contains_key("relpersistence") {
                    self.table(value, guard, false);
                    return;
                }
                let before = self.ctes.len();
                self.with(&value["with_clause"]);
                match inner(value) {
                    Some(("JoinExpr", join)) => self.join(join),
                    Some(("InsertStmt", insert)) => self.within(insert, |walk| walk.insert(insert)),
                    Some(("UpdateStmt" | "DeleteStmt", change)) => self.within(change, |walk| {
                        let guard = leading_guard(&change["where_clause"]);
                        walk.any(&change["relation"], guard.as_ref().map(|(n, label)| (*n, label.as_str())));
                        walk.others(change, &["relation", "with_clause"]);
                    }),
                    Some(("MergeStmt", merge)) => self.within(merge, |walk| walk.merge(merge)),
                    Some(("SelectStmt", select)) => self.within(select, |walk| walk.select(select)),
                    _ => {
                        if value.get("from_clause").is_some() && value.get("values_lists").is_some() {
                            self.select(value);
                        } else {
                            self.others(value, &["with_clause"]);
                        }
                    }
                }
                self.ctes.truncate(before);
            }
            _ => {}
        }
    }

    /// Walks a statement with the names of its WITH clause.
    fn within(&mut self, statement: &Value, work: impl FnOnce(&mut Self)) {
        let before = self.ctes.len();
        self.with(&statement["with_clause"]);
        work(self);
        self.ctes.truncate(before);
    }

    fn with(&mut self, with: &Value) {
        let expressions: Vec<&Value> = with["ctes"].as_array().into_iter().flatten().collect();
        let name = |cte: &Value| inner(cte).and_then(|(_, cte)| cte["ctename"].as_str().map(str::to_owned));
        let recursive = with["recursive"].as_bool() == Some(true);
        if recursive {
            self.ctes.extend(expressions.iter().filter_map(|cte| name(cte)));
        }
        for cte in expressions {
            self.any(cte, None);
            if !recursive {
                self.ctes.extend(name(cte));
            }
        }
    }

    fn others(&mut self, value: &Value, except: &[&str]) {
        for (key, field) in value.as_object().into_iter().flatten() {
            // Locks name relations of FROM.
            if key != "locked_rels" && !except.contains(&key.as_str()) {
                self.any(field, None);
            }
        }
    }

    /// A SELECT of one table under a condition that guards it.
    fn select(&mut self, select: &Value) {
        if let [item] = &select["from_clause"].as_array().cloned().unwrap_or_default()[..]
            && let Some(("RangeVar", table)) = inner(item)
            && let Some((placeholder, label)) = leading_guard(&select["where_clause"])
        {
            self.table(table, Some((placeholder, &label)), false);
            self.others(select, &["from_clause", "with_clause"]);
        } else {
            self.others(select, &["with_clause"]);
        }
    }

    /// `t JOIN (SELECT) AS "__tenant_1" ON t.tenant_id = $1`
    fn join(&mut self, join: &Value) {
        let is_empty = |select: &Value| {
            ["target_list", "from_clause", "values_lists", "locking_clause", "group_clause"]
                .iter()
                .all(|key| select[*key].as_array().is_none_or(Vec::is_empty))
                && ["where_clause", "having_clause", "limit_count", "limit_offset", "larg", "with_clause"]
                    .iter()
                    .all(|key| select[*key].is_null())
        };
        let guard = inner(&join["rarg"]).filter(|(kind, right)| {
            *kind == "RangeSubselect"
                && right["alias"]["aliasname"].as_str().is_some_and(|name| name.starts_with("__tenant_"))
                && inner(&right["subquery"]).is_some_and(|(_, select)| is_empty(select))
        });
        if guard.is_some()
            && join["jointype"].as_i64() == Some(JOIN_INNER)
            && join["alias"].is_null()
            && let Some(("RangeVar", table)) = inner(&join["larg"])
            && let Some((placeholder, label)) = comparison(&join["quals"])
        {
            self.table(table, Some((placeholder, &label)), false);
        } else {
            self.others(join, &[]);
        }
    }

    fn insert(&mut self, insert: &Value) {
        let columns: Vec<&str> = insert["cols"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|column| inner(column).and_then(|(_, target)| target["name"].as_str()))
            .collect();
        let conflict = &insert["on_conflict_clause"];
        let updates = conflict["target_list"].as_array().is_some_and(|list| !list.is_empty());
        let is_held = !updates || leading_guard(&conflict["where_clause"]).is_some();
        self.table(&insert["relation"], None, columns.contains(&"tenant_id") && is_held);
        self.others(insert, &["relation", "with_clause"]);
    }

    fn merge(&mut self, merge: &Value) {
        let guard = leading_guard(&merge["join_condition"]);
        let clauses = merge["merge_when_clauses"].as_array().into_iter().flatten();
        let is_held = clauses.filter_map(inner).all(|(_, clause)| {
            let names_tenant = || {
                let columns = clause["target_list"].as_array().into_iter().flatten();
                columns.filter_map(inner).any(|(_, target)| target["name"].as_str() == Some("tenant_id"))
            };
            match (clause["match_kind"].as_i64(), clause["command_type"].as_i64()) {
                (Some(NOT_MATCHED_BY_SOURCE), _) => {
                    leading_guard(&clause["condition"]).map(|found| found.0)
                        == guard.as_ref().map(|found| found.0)
                }
                // CMD_INSERT
                (_, Some(4)) => names_tenant(),
                _ => true,
            }
        });
        let guard =
            guard.as_ref().filter(|_| is_held).map(|(placeholder, label)| (*placeholder, label.as_str()));
        self.any(&merge["relation"], guard);
        self.others(merge, &["relation", "with_clause"]);
    }

    fn table(&mut self, table: &Value, guard: Option<(usize, &str)>, inserted: bool) {
        let text = |key: &str| table[key].as_str().unwrap_or_default();
        let (schema, name) = (text("schemaname"), text("relname"));
        if schema.is_empty() && self.ctes.iter().any(|cte| cte == name) {
            return;
        }
        let label = table["alias"]["aliasname"].as_str().unwrap_or(name);
        self.tables.push(Table {
            name: format!("{}.{name}", if schema.is_empty() { "public" } else { schema }),
            guard: guard.filter(|(_, of)| *of == label).map(|(placeholder, _)| placeholder),
            qualified: !schema.is_empty(),
            inserted,
        });
    }
}

/// The kind and the fields of a node: `{"node": {"SelectStmt": {..}}}`.
fn inner(value: &Value) -> Option<(&str, &Value)> {
    let node = value.as_object().filter(|fields| fields.len() == 1)?.get("node")?;
    let (kind, fields) = node.as_object()?.iter().next()?;
    Some((kind.as_str(), fields))
}

/// The placeholder and the relation of a condition that is the tenant's, or begins with it and AND.
fn leading_guard(condition: &Value) -> Option<(usize, String)> {
    if let Some(("BoolExpr", operation)) = inner(condition) {
        if operation["boolop"].as_i64() != Some(AND_EXPR) {
            return None;
        }
        return comparison(operation["args"].as_array()?.first()?);
    }
    comparison(condition)
}

/// `label.tenant_id = $n`
fn comparison(condition: &Value) -> Option<(usize, String)> {
    let ("AExpr", operation) = inner(condition)? else { return None };
    let name: Vec<&str> = strings(&operation["name"]);
    if operation["kind"].as_i64() != Some(AEXPR_OP) || name != ["="] {
        return None;
    }
    let ("ColumnRef", column) = inner(&operation["lexpr"])? else { return None };
    let ("ParamRef", parameter) = inner(&operation["rexpr"])? else { return None };
    match strings(&column["fields"])[..] {
        [label, "tenant_id"] => {
            Some((usize::try_from(parameter["number"].as_i64()?).ok()?, label.to_owned()))
        }
        _ => None,
    }
}

fn strings(list: &Value) -> Vec<&str> {
    let items = list.as_array().into_iter().flatten();
    items.filter_map(|item| inner(item).and_then(|(_, text)| text["sval"].as_str())).collect()
}
