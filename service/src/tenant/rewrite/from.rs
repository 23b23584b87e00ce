//! Relations in FROM and USING, and the sources of MERGE.

use postgresql_cst_parser::syntax_kind::SyntaxKind as K;

use super::super::refusal::Reason;
use super::super::registry::Ownership;
use super::analysis::Analysis;
use super::guard::check_label;
use super::identifier::{identifier, parts};
use super::limits::on_enough_stack;
use super::output;
use super::scope::{Column, Columns, Relation, Scope, Value};
use super::tree::Node;
use super::with::name_list;
use super::{Walk, unhandled, unsupported};

/// An alias with its names for columns.
#[derive(Default)]
struct Alias<'t> {
    label: Option<Node<'t>>,
    names: Vec<String>,
    /// The columns of a list of definitions: `AS x (a int, b text)`.
    defined: Option<Vec<Column>>,
}

/// The relations and columns of a FROM clause.
#[derive(Default)]
pub(super) struct From {
    /// The relations that can qualify columns.
    pub(super) relations: Vec<Relation>,
    /// The columns of `*`.
    pub(super) columns: Columns,
}

impl Analysis<'_> {
    /// Walks a FROM or USING clause and returns its relations.
    pub(super) fn relations_of(&mut self, node: Node<'_>, scope: &Scope<'_>) -> Walk<From> {
        let mut from = From::default();
        for child in node.children() {
            match child.kind() {
                K::FROM | K::USING => {}
                K::from_list => {
                    for item in child.children() {
                        match item.kind() {
                            K::Comma => {}
                            K::table_ref => {
                                let columns = self.table_reference(item, &mut from.relations, scope)?;
                                self.count_columns(from.columns.list.len() + columns.list.len())?;
                                from.columns = from.columns.beside(&columns);
                            }
                            _ => return unhandled(item),
                        }
                    }
                }
                _ => return unhandled(child),
            }
        }
        Ok(from)
    }

    /// Adds the relations of one item to `siblings` and returns its columns.
    ///
    /// `siblings` contains the relations to its left, which LATERAL items and functions can use.
    pub(super) fn table_reference(
        &mut self,
        node: Node<'_>,
        siblings: &mut Vec<Relation>,
        scope: &Scope<'_>,
    ) -> Walk<Columns> {
        self.count_relation()?;
        on_enough_stack(|| self.table_reference_of_kind(node, siblings, scope))
    }

    fn table_reference_of_kind(
        &mut self,
        node: Node<'_>,
        siblings: &mut Vec<Relation>,
        scope: &Scope<'_>,
    ) -> Walk<Columns> {
        let mut alias = Alias::default();
        let (mut lateral, mut source) = (false, None);
        for child in node.children() {
            match child.kind() {
                K::LATERAL_P => lateral = true,
                K::opt_alias_clause | K::func_alias_clause | K::alias_clause => {
                    self.alias(child, &mut alias, scope)?;
                }
                K::LParen | K::RParen => {}
                K::tablesample_clause => {
                    return unsupported("TABLESAMPLE, which samples the rows of all tenants");
                }
                K::relation_expr
                | K::func_table
                | K::xmltable
                | K::select_with_parens
                | K::joined_table
                | K::json_table => source = Some(child),
                _ => return unhandled(child),
            }
        }
        let Some(source) = source else { return unhandled(node) };
        if let Some(label) = alias.label {
            check_label(label)?;
        }
        let label = alias.label.map(identifier);
        let columns = match source.kind() {
            K::relation_expr => return self.table(source, &alias, siblings, scope),
            K::func_table => return self.function_table(source, &alias, siblings, scope),
            K::joined_table => {
                let start = siblings.len();
                let columns = self.join(source, siblings, scope)?;
                if label.is_none() {
                    return Ok(columns);
                }
                // An alias of a join hides the names inside the join.
                siblings.truncate(start);
                columns
            }
            K::select_with_parens if lateral => self.query(source, &Scope::of(siblings, scope))?,
            K::select_with_parens => self.query(source, scope)?,
            K::json_table => self.json_table(source, &Scope::of(siblings, scope))?,
            _ => self.xml_table(source, &Scope::of(siblings, scope))?,
        };
        let label = label.or_else(|| match source.kind() {
            K::json_table => Some("json_table".to_owned()),
            K::xmltable => Some("xmltable".to_owned()),
            _ => None,
        });
        let columns = columns.renamed(&alias.names);
        siblings.push(Relation::derived(label, columns.clone()));
        Ok(columns)
    }

    /// Walks the table of `TABLE t`.
    pub(super) fn bare_table(
        &mut self,
        node: Node<'_>,
        relations: &mut Vec<Relation>,
        scope: &Scope<'_>,
    ) -> Walk<Columns> {
        self.table(node, &Alias::default(), relations, scope)
    }

    fn alias<'t>(&mut self, node: Node<'t>, alias: &mut Alias<'t>, scope: &Scope<'_>) -> Walk {
        for child in node.children() {
            match child.kind() {
                K::alias_clause => self.alias(child, alias, scope)?,
                K::AS | K::LParen | K::RParen => {}
                K::ColId => alias.label = Some(child),
                K::name_list => alias.names = name_list(child)?,
                K::TableFuncElementList => alias.defined = Some(self.column_definitions(child, scope)?),
                _ => return unhandled(child),
            }
        }
        Ok(())
    }

    /// Walks column definitions: `(a int, b text COLLATE "C")`.
    fn column_definitions(&mut self, node: Node<'_>, scope: &Scope<'_>) -> Walk<Vec<Column>> {
        let mut columns = Vec::new();
        for child in node.children() {
            match child.kind() {
                K::Comma | K::LParen | K::RParen => {}
                K::TableFuncElementList | K::OptTableFuncElementList => {
                    columns.append(&mut self.column_definitions(child, scope)?);
                }
                K::TableFuncElement => {
                    let (mut name, mut row) = (String::new(), false);
                    for part in child.children() {
                        match part.kind() {
                            K::ColId => name = identifier(part),
                            K::Typename => row = self.type_name(part, scope)?.row,
                            K::opt_collate_clause => {}
                            _ => return unhandled(part),
                        }
                    }
                    columns.push(Column::new(name, Value { row, own_tenant: false }));
                }
                _ => return unhandled(child),
            }
        }
        Ok(columns)
    }

    /// Walks a table that is read and adds its guard.
    ///
    /// `t` becomes `("public"."t" JOIN (SELECT) AS guard ON t."tenant_id" = $n)`. The guard has one row and
    /// no columns, so the join only filters the rows of the table. It does not affect `*`, aliases, locks,
    /// functional dependency on the key, or surrounding joins. The planner removes the join.
    fn table(
        &mut self,
        node: Node<'_>,
        alias: &Alias<'_>,
        siblings: &mut Vec<Relation>,
        scope: &Scope<'_>,
    ) -> Walk<Columns> {
        let name = table_name(node)?;
        if let [only] = parts(name)?[..]
            && let Some(cte) = scope.cte(&identifier(only))
        {
            let Some(columns) = cte.columns.borrow().clone() else {
                return unsupported("a recursive reference in the non-recursive term of a query");
            };
            let label = alias.label.map_or_else(|| identifier(only), identifier);
            let columns = columns.renamed(&alias.names);
            siblings.push(Relation::derived(Some(label), columns.clone()));
            return Ok(columns);
        }
        let (table, ownership) = self.lookup(name)?;
        self.check_outbox(&table, "a query")?;
        let mut relation = self.table_relation(name, alias.label, table.clone(), ownership)?;
        if ownership == Ownership::Shared {
            self.write_schema(name, &table)?;
            let columns = relation.columns.renamed(&alias.names);
            siblings.push(Relation { columns: columns.clone(), ..relation });
            return Ok(columns);
        }
        if alias.names.is_empty() {
            let end = alias.label.map_or(node.end(), Node::end);
            self.edits.insert(node.start(), "(");
            self.write_schema(name, &table)?;
            let guard = self.guard_join(&relation.label_text, &table);
            self.edits.insert(end, guard);
        } else {
            // The alias can rename the tenant column, so the rows are filtered inside a subquery.
            let Some(last) = parts(name)?.pop() else { return unhandled(name) };
            self.edits.insert(node.start(), "(SELECT * FROM ");
            self.write_schema(name, &table)?;
            let guard = self.reading_guard(last.text(), &table);
            self.edits.insert(node.end(), format!(" WHERE {guard})"));
            relation.columns = relation.columns.renamed(&alias.names);
            relation.has_system_columns = false;
        }
        let columns = relation.columns.clone();
        siblings.push(relation);
        Ok(columns)
    }

    /// Walks a join, adds its relations and returns its columns. Common columns (USING, NATURAL) come first
    /// and only once.
    fn join(&mut self, node: Node<'_>, siblings: &mut Vec<Relation>, scope: &Scope<'_>) -> Walk<Columns> {
        let start = siblings.len();
        let (mut natural, mut sides, mut qualification) = (false, Vec::new(), None);
        for child in node.children() {
            match child.kind() {
                K::LParen | K::RParen | K::CROSS | K::JOIN | K::join_type => {}
                K::NATURAL => natural = true,
                K::joined_table => return self.join(child, siblings, scope),
                K::table_ref => {
                    // The right side of a join can use its left side and the items left of the join.
                    let before = siblings.len();
                    sides.push(self.table_reference(child, siblings, scope)?);
                    // Tables inside a nested join are already marked. A side that is a single table is marked
                    // here.
                    if let Some([table]) = siblings.get_mut(before..) {
                        table.joined = true;
                    }
                }
                K::join_qual => qualification = Some(child),
                _ => return unhandled(child),
            }
        }
        let [left, right] = &sides[..] else { return unhandled(node) };
        let mut common = Vec::new();
        self.count_columns(left.list.len() + right.list.len())?;
        if natural {
            self.count_columns(left.list.len().saturating_mul(right.list.len()) / 8)?;
            common = left.names_in(right);
            self.operator("=", node)?;
        }
        let mut label = None;
        for child in qualification.into_iter().flat_map(Node::children) {
            match child.kind() {
                K::ON | K::LParen | K::RParen => {}
                K::USING => self.operator("=", child)?,
                K::a_expr => {
                    let inner = siblings.get(start..).unwrap_or_default();
                    self.plain_expression(child, &Scope::of(inner, scope))?;
                }
                K::name_list => common = name_list(child)?,
                K::opt_alias_clause_for_join_using => label = child.child(K::ColId),
                _ => return unhandled(child),
            }
        }
        self.count_columns(common.len().saturating_mul(left.list.len() + right.list.len()) / 8)?;
        let columns = left.joined_with(right, &common)?;
        // In `USING (..) AS x`, x is a relation with the common columns.
        if let Some(label) = label {
            check_label(label)?;
            let of_label: Vec<Column> = columns.list.iter().take(common.len()).cloned().collect();
            siblings.push(Relation::derived(Some(identifier(label)), Columns::known(of_label)));
        }
        Ok(columns)
    }

    /// Walks a function in FROM, or several functions in ROWS FROM.
    fn function_table(
        &mut self,
        node: Node<'_>,
        alias: &Alias<'_>,
        siblings: &mut Vec<Relation>,
        scope: &Scope<'_>,
    ) -> Walk<Columns> {
        let mut columns: Vec<Column> = Vec::new();
        let (mut open, mut ordinality, mut name) = (false, false, None);
        let label = alias.label.map(identifier);
        for child in node.children() {
            match child.kind() {
                K::ROWS | K::FROM | K::LParen | K::RParen => {}
                K::opt_ordinality => ordinality = true,
                K::func_expr_windowless => {
                    let default = label.clone();
                    let found =
                        self.function_columns(child, default, alias.defined.as_deref(), siblings, scope)?;
                    name = Some(output::name(child)?.text);
                    open |= found.open;
                    columns.extend(found.list.iter().cloned());
                }
                K::rowsfrom_list => {
                    for item in child.children().filter(|item| item.kind() == K::rowsfrom_item) {
                        let defined = item
                            .child(K::opt_col_def_list)
                            .and_then(|list| list.child(K::TableFuncElementList))
                            .map(|list| self.column_definitions(list, scope))
                            .transpose()?;
                        let Some(function) = item.child(K::func_expr_windowless) else {
                            return unhandled(item);
                        };
                        let found =
                            self.function_columns(function, None, defined.as_deref(), siblings, scope)?;
                        if name.is_none() {
                            name = Some(output::name(function)?.text);
                        }
                        open |= found.open;
                        columns.extend(found.list.iter().cloned());
                    }
                }
                _ => return unhandled(child),
            }
        }
        if ordinality {
            columns.push(Column::new("ordinality", Value::PLAIN));
        }
        let columns = Columns { list: columns.into(), open, unordered: false }.renamed(&alias.names);
        siblings.push(Relation::derived(label.or(name), columns.clone()));
        Ok(columns)
    }
}

impl Columns {
    /// The columns of two items of a FROM list.
    pub(super) fn beside(&self, right: &Self) -> Self {
        Self {
            list: self.list.iter().chain(right.list.iter()).cloned().collect(),
            open: self.open || right.open,
            unordered: self.unordered || self.open || right.unordered,
        }
    }

    /// The column names of both sides.
    fn names_in(&self, right: &Self) -> Vec<String> {
        let both = self.list.iter().filter(|column| right.list.iter().any(|other| other.name == column.name));
        both.map(|column| column.name.clone()).collect()
    }

    /// The columns of a join with these common names, which PostgreSQL compares by `=`.
    fn joined_with(&self, right: &Self, common: &[String]) -> Walk<Self> {
        let mut list = Vec::new();
        for name in common {
            let all = self.list.iter().chain(right.list.iter()).filter(|column| column.name == *name);
            let value = all.map(|column| column.value).reduce(Value::or).unwrap_or(Value::PLAIN);
            if value.row {
                return Err(Reason::RowOperand("a join".into()));
            }
            list.push(Column::new(name.clone(), value));
        }
        let others = self.beside(right);
        list.extend(others.list.iter().filter(|column| !common.contains(&column.name)).cloned());
        // Unknown columns may also be common to both sides.
        let unordered = others.unordered || others.open;
        Ok(Self { list: list.into(), open: others.open, unordered })
    }
}

/// The name of the table in `t`, `t *`, `ONLY t` or `ONLY (t)`.
pub(super) fn table_name(node: Node<'_>) -> Walk<Node<'_>> {
    let mut name = None;
    for child in node.children() {
        match child.kind() {
            K::qualified_name => name = Some(child),
            K::relation_expr | K::extended_relation_expr => name = Some(table_name(child)?),
            K::Star | K::ONLY | K::LParen | K::RParen => {}
            _ => return unhandled(child),
        }
    }
    match name {
        Some(name) => Ok(name),
        None => unhandled(node),
    }
}
