//! FROM, USING and the sources of MERGE.

use postgresql_cst_parser::syntax_kind::SyntaxKind as K;

use super::super::registry::Ownership;
use super::analysis::{Analysis, check_label, name_list, on_enough_stack};
use super::identifier::{identifier, parts};
use super::output;
use super::scope::{Column, Columns, Relation, Scope, Value};
use super::tree::Node;
use super::{Walk, unhandled, unsupported};

/// An alias with what it renames.
#[derive(Default)]
struct Alias<'t> {
    label: Option<Node<'t>>,
    names: Vec<String>,
    /// The columns that a list of definitions gives: `AS x (a int, b text)`.
    defined: Option<Vec<Column>>,
}

impl Analysis<'_> {
    /// The relations of a FROM or USING clause.
    pub(super) fn relations_of(&mut self, node: Node<'_>, scope: &Scope<'_>) -> Walk<Vec<Relation>> {
        let mut relations = Vec::new();
        for child in node.children() {
            match child.kind() {
                K::FROM | K::USING => {}
                K::from_list => {
                    for item in child.children() {
                        match item.kind() {
                            K::Comma => {}
                            K::table_ref => self.table_reference(item, &mut relations, scope)?,
                            _ => return unhandled(item),
                        }
                    }
                }
                _ => return unhandled(child),
            }
        }
        Ok(relations)
    }

    /// Adds the relations of one item. `siblings` holds those left of it, which LATERAL items and functions see.
    pub(super) fn table_reference(
        &mut self,
        node: Node<'_>,
        siblings: &mut Vec<Relation>,
        scope: &Scope<'_>,
    ) -> Walk {
        self.count_relation()?;
        on_enough_stack(|| self.table_reference_of_kind(node, siblings, scope))
    }

    fn table_reference_of_kind(
        &mut self,
        node: Node<'_>,
        siblings: &mut Vec<Relation>,
        scope: &Scope<'_>,
    ) -> Walk {
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
                    return unsupported("TABLESAMPLE, which draws from the rows of all tenants,");
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
        match source.kind() {
            K::relation_expr => self.table(source, &alias, siblings, scope),
            K::joined_table => {
                let start = siblings.len();
                let names = self.join(source, siblings, scope)?;
                // An alias hides the names inside the join.
                if let Some(label) = label {
                    let inner: Vec<Relation> = siblings.drain(start..).collect();
                    let columns = joined_columns(&inner, &names).renamed(&alias.names);
                    siblings.push(Relation::derived(Some(label), columns));
                }
                Ok(())
            }
            K::select_with_parens => {
                let columns = if lateral {
                    self.query(source, &Scope::of(siblings, scope))?
                } else {
                    self.query(source, scope)?
                };
                siblings.push(Relation::derived(label, columns.renamed(&alias.names)));
                Ok(())
            }
            _ => {
                let columns = {
                    let inner = Scope::of(siblings, scope);
                    match source.kind() {
                        K::func_table => return self.function_table(source, &alias, siblings, scope),
                        K::json_table => self.json_table(source, &inner)?,
                        _ => self.xml_table(source, &inner)?,
                    }
                };
                let default = if source.kind() == K::json_table { "json_table" } else { "xmltable" };
                let label = label.unwrap_or_else(|| default.to_owned());
                siblings.push(Relation::derived(Some(label), columns.renamed(&alias.names)));
                Ok(())
            }
        }
    }

    /// The table of `TABLE t`.
    pub(super) fn bare_table(
        &mut self,
        node: Node<'_>,
        relations: &mut Vec<Relation>,
        scope: &Scope<'_>,
    ) -> Walk {
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

    /// `(a int, b text COLLATE "C")`
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

    /// A table that rows are read from.
    ///
    /// `t` becomes `("public"."t" JOIN (SELECT) AS guard ON t."tenant_id" = $n)`. The guard has one row and no
    /// columns, so the join is the table with its rows filtered: `*`, aliases, locks, functional dependency on the
    /// key and every kind of join around it stay as they are, and the planner removes the join.
    fn table(
        &mut self,
        node: Node<'_>,
        alias: &Alias<'_>,
        siblings: &mut Vec<Relation>,
        scope: &Scope<'_>,
    ) -> Walk {
        let name = table_name(node)?;
        if let [only] = parts(name)?[..]
            && let Some(cte) = scope.cte(&identifier(only))
        {
            let Some(columns) = cte.columns.borrow().clone() else {
                return unsupported("a recursive reference in the part that is not recursive");
            };
            let label = alias.label.map_or_else(|| identifier(only), identifier);
            siblings.push(Relation::derived(Some(label), columns.renamed(&alias.names)));
            return Ok(());
        }
        let (table, ownership) = self.lookup(name)?;
        let mut relation = self.table_relation(name, alias.label, table, ownership)?;
        if ownership == Ownership::Shared {
            self.write_schema(name)?;
            relation.columns = relation.columns.renamed(&alias.names);
            siblings.push(relation);
            return Ok(());
        }
        if alias.names.is_empty() {
            let end = alias.label.map_or(node.end(), Node::end);
            self.edits.insert(node.start(), "(");
            self.write_schema(name)?;
            let guard = self.guard_join(&relation.label_text);
            self.edits.insert(end, guard);
        } else {
            // The alias renames the columns, and so perhaps the tenant's: the rows are filtered before it does.
            let Some(last) = parts(name)?.pop() else { return unhandled(name) };
            self.edits.insert(node.start(), "(SELECT * FROM ");
            self.write_schema(name)?;
            let guard = self.guard(last.text());
            self.edits.insert(node.end(), format!(" WHERE {guard})"));
            relation.columns = relation.columns.renamed(&alias.names);
            relation.has_system_columns = false;
        }
        siblings.push(relation);
        Ok(())
    }

    /// A join. Adds its relations, and returns the names that both sides have in common (USING, NATURAL).
    fn join(&mut self, node: Node<'_>, siblings: &mut Vec<Relation>, scope: &Scope<'_>) -> Walk<Vec<String>> {
        let start = siblings.len();
        let (mut natural, mut middle, mut common, mut qualification) = (false, start, Vec::new(), None);
        for child in node.children() {
            match child.kind() {
                K::LParen | K::RParen | K::CROSS | K::JOIN | K::join_type => {}
                K::NATURAL => natural = true,
                K::joined_table => return self.join(child, siblings, scope),
                K::table_ref => {
                    // The right side of a join sees its left side, and what stands left of the join.
                    middle = siblings.len();
                    self.table_reference(child, siblings, scope)?;
                }
                K::join_qual => qualification = Some(child),
                _ => return unhandled(child),
            }
        }
        let Some((left, right)) =
            siblings.get_mut(start..).and_then(|inner| inner.split_at_mut_checked(middle - start))
        else {
            return unhandled(node);
        };
        // Tables inside a join are joined already, except where a side is a table alone.
        if let [table] = left {
            table.joined = true;
        }
        if let [table] = right {
            table.joined = true;
        }
        if natural {
            common = joined_columns(left, &[])
                .list
                .iter()
                .filter(|column| right.iter().any(|relation| relation.column(&column.name).is_some()))
                .map(|column| column.name.clone())
                .collect();
            refuse_rows(&common, left, right)?;
            self.operator("=", node)?;
        }
        let Some(qualification) = qualification else { return Ok(common) };
        for child in qualification.children() {
            match child.kind() {
                K::ON | K::LParen | K::RParen => {}
                K::USING => self.operator("=", child)?,
                K::a_expr => {
                    let inner = siblings.get(start..).unwrap_or_default();
                    self.plain_expression(child, &Scope::of(inner, scope))?;
                }
                K::name_list => {
                    common = name_list(child)?;
                    refuse_rows(&common, siblings.get(start..).unwrap_or_default(), &[])?;
                }
                // `USING (..) AS x`: x names the common columns.
                K::opt_alias_clause_for_join_using => {
                    let Some(label) = child.child(K::ColId) else { return unhandled(child) };
                    check_label(label)?;
                    let columns: Vec<Column> =
                        common.iter().map(|name| Column::new(name.clone(), Value::PLAIN)).collect();
                    siblings.push(Relation::derived(Some(identifier(label)), Columns::known(columns)));
                }
                _ => return unhandled(child),
            }
        }
        Ok(common)
    }

    /// A function, or several in ROWS FROM, in place of a table.
    fn function_table(
        &mut self,
        node: Node<'_>,
        alias: &Alias<'_>,
        siblings: &mut Vec<Relation>,
        scope: &Scope<'_>,
    ) -> Walk {
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
                    name = Some(output::name(child));
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
                        name.get_or_insert_with(|| output::name(function));
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
        let columns = Columns { list: columns.into(), open }.renamed(&alias.names);
        siblings.push(Relation::derived(label.or(name), columns));
        Ok(())
    }
}

/// The columns of a join: those in common once, then the others of each side.
fn joined_columns(relations: &[Relation], common: &[String]) -> Columns {
    let mut columns: Vec<Column> = Vec::new();
    let mut open = false;
    for name in common {
        let values = relations.iter().filter_map(|relation| relation.column(name));
        columns.extend(values.reduce(Value::or).map(|value| Column::new(name.clone(), value)));
    }
    for relation in relations {
        open |= relation.columns.open;
        let others = relation.columns.list.iter().filter(|column| !common.contains(&column.name));
        columns.extend(others.cloned());
    }
    Columns { list: columns.into(), open }
}

/// The columns of an unqualified `*`.
pub(super) fn all_columns(relations: &[Relation]) -> Columns {
    joined_columns(relations, &[])
}

/// USING and NATURAL compare columns with the operator `=`.
fn refuse_rows(common: &[String], left: &[Relation], right: &[Relation]) -> Walk {
    let rows = left
        .iter()
        .chain(right)
        .flat_map(|relation| relation.columns.list.iter())
        .any(|column| column.value.row && common.contains(&column.name));
    if rows { Err(super::super::refusal::Reason::RowOperand("a join".into())) } else { Ok(()) }
}

/// The name in `t`, `t *`, `ONLY t`, `ONLY (t)`.
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
