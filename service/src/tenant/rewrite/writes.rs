//! Inserts, updates and deletes: the tenant is stamped on what is inserted, and guards what is changed.

use sqlparser::ast::{Assignment, Select};
use sqlparser::ast::{
    AssignmentTarget, ConflictTarget, Delete, DoUpdate, Expr, FromTable, Ident, Insert, OnConflict,
    OnConflictAction, OnInsert, Query, SelectItem, SetExpr, TableFactor, TableObject, TableWithJoins, Update,
    UpdateTableFromKind, Values,
};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::Token;

use super::super::refusal::Reason;
use super::super::registry::{Ownership, TENANT_COLUMN, TableName};
use super::analysis::{Analysis, Scope, Walk, folded, missing_schema, name_parts, refuse_if, unsupported};
use super::source::Index;

/// The table that a statement changes.
struct Target<'a> {
    table: TableName,
    /// How the statement's own expressions call it, as it is written.
    label: &'a str,
    /// The last token of its name or alias.
    last: Index,
}

impl<'a> Analysis<'a> {
    pub(super) fn update(&mut self, update: &Update, scope: &Scope<'_>) -> Walk {
        let Update {
            update_token,
            optimizer_hints,
            table: TableWithJoins { relation, joins },
            assignments,
            from,
            selection,
            returning,
            output,
            or,
            order_by,
            limit,
        } = update;
        refuse_if(
            !optimizer_hints.is_empty()
                || !joins.is_empty()
                || output.is_some()
                || or.is_some()
                || !order_by.is_empty()
                || limit.is_some(),
            "a clause of another dialect in UPDATE",
        )?;
        let target = self.target_factor(relation)?;
        self.assignments(assignments, &target, scope, |_| false)?;
        match from {
            None => {}
            Some(UpdateTableFromKind::AfterSet(from)) => self.from(from, scope)?,
            Some(UpdateTableFromKind::BeforeSet(_)) => return unsupported("FROM before SET"),
        }
        self.exprs(selection, scope)?;
        self.select_items(returning.as_deref().unwrap_or_default(), scope)?;
        let start = self.source.at(update_token.0.span.start)?;
        self.guard(start, &target, selection.is_some())
    }

    pub(super) fn delete(&mut self, delete: &Delete, scope: &Scope<'_>) -> Walk {
        let Delete {
            delete_token,
            optimizer_hints,
            tables,
            from,
            using,
            selection,
            returning,
            output,
            order_by,
            limit,
        } = delete;
        refuse_if(
            !optimizer_hints.is_empty()
                || !tables.is_empty()
                || output.is_some()
                || !order_by.is_empty()
                || limit.is_some(),
            "a clause of another dialect in DELETE",
        )?;
        let FromTable::WithFromKeyword(from) = from else {
            return unsupported("DELETE without FROM");
        };
        let [TableWithJoins { relation, joins }] = &from[..] else {
            return unsupported("DELETE from several tables");
        };
        refuse_if(!joins.is_empty(), "DELETE from a join")?;
        let target = self.target_factor(relation)?;
        self.from(using.as_deref().unwrap_or_default(), scope)?;
        self.exprs(selection, scope)?;
        self.select_items(returning.as_deref().unwrap_or_default(), scope)?;
        let start = self.source.at(delete_token.0.span.start)?;
        self.guard(start, &target, selection.is_some())
    }

    pub(super) fn insert(&mut self, insert: &Insert, scope: &Scope<'_>) -> Walk {
        let Insert {
            insert_token,
            optimizer_hints,
            or,
            ignore,
            into,
            table,
            table_alias,
            columns,
            overwrite,
            source,
            assignments,
            partitioned,
            after_columns,
            has_table_keyword,
            on,
            returning,
            output,
            replace_into,
            priority,
            insert_alias,
            settings,
            format_clause,
            multi_table_insert_type,
            multi_table_into_clauses,
            multi_table_when_clauses,
            multi_table_else_clause,
        } = insert;
        refuse_if(
            !optimizer_hints.is_empty()
                || or.is_some()
                || *ignore
                || !*into
                || *overwrite
                || !assignments.is_empty()
                || partitioned.is_some()
                || !after_columns.is_empty()
                || *has_table_keyword
                || output.is_some()
                || *replace_into
                || priority.is_some()
                || insert_alias.is_some()
                || settings.is_some()
                || format_clause.is_some()
                || multi_table_insert_type.is_some()
                || !multi_table_into_clauses.is_empty()
                || !multi_table_when_clauses.is_empty()
                || multi_table_else_clause.is_some(),
            "a clause of another dialect in INSERT",
        )?;
        let TableObject::TableName(name) = table else {
            return unsupported("INSERT into something that is not a table");
        };
        let target = self.target(&name_parts(name)?, table_alias.as_ref().map(|alias| &alias.alias))?;
        self.binds_tenant = true;

        let start = self.source.at(insert_token.0.span.start)?;
        match source {
            None if columns.is_empty() => self.stamp_defaults(&target)?,
            None => return unsupported("INSERT of nothing"),
            Some(source) => {
                self.query(source, scope)?;
                let place = self.stamp_columns(&columns_of(columns, &target)?, &target)?;
                self.stamp_rows(source, place, &target)?;
            }
        }
        match on {
            None => {}
            Some(OnInsert::OnConflict(conflict)) => self.on_conflict(conflict, start, &target, scope)?,
            Some(_) => return unsupported("ON DUPLICATE KEY"),
        }
        self.select_items(returning.as_deref().unwrap_or_default(), scope)
    }

    fn target_factor(&mut self, factor: &TableFactor) -> Walk<Target<'a>> {
        let TableFactor::Table {
            name,
            alias,
            args,
            with_hints,
            version,
            with_ordinality,
            partitions,
            json_path,
            sample,
            index_hints,
        } = factor
        else {
            return unsupported("changing something that is not a table");
        };
        refuse_if(
            args.is_some()
                || !with_hints.is_empty()
                || version.is_some()
                || *with_ordinality
                || !partitions.is_empty()
                || json_path.is_some()
                || sample.is_some()
                || !index_hints.is_empty()
                || alias.as_ref().is_some_and(|alias| !alias.columns.is_empty() || alias.at.is_some()),
            "a table option of another dialect",
        )?;
        self.target(&name_parts(name)?, alias.as_ref().map(|alias| &alias.name))
    }

    /// A table that is changed. Common table expressions are not looked at: they cannot be changed.
    fn target(&mut self, parts: &[&Ident], alias: Option<&Ident>) -> Walk<Target<'a>> {
        self.tables_seen += 1;
        self.read_only = false;
        let (table, ownership) = self.lookup(parts)?;
        if ownership == Ownership::Shared {
            return Err(Reason::SharedTable(table.to_string()));
        }
        let (first, mut last) = self.name_tokens(parts)?;
        self.edits.insert(self.source.start(first), missing_schema(parts));
        if let Some(alias) = alias {
            last = self.label(alias)?;
        }
        Ok(Target { table, label: self.source.text(last), last })
    }

    /// Adds the tenant to the condition of an UPDATE, a DELETE or a DO UPDATE that starts at `start`.
    fn guard(&mut self, start: Index, target: &Target<'_>, has_condition: bool) -> Walk {
        self.binds_tenant = true;
        let returning = self.clause(start, &[Keyword::RETURNING]);
        let end = returning.unwrap_or_else(|| self.source.end_of_statement(start));
        let last =
            end.previous().ok_or_else(|| Reason::NotUnderstood("a statement of no tokens".to_owned()))?;
        let condition = self.clause(start, &[Keyword::WHERE]).filter(|place| *place < end);
        let tenant = format!("{}.\"{TENANT_COLUMN}\" = {}", target.label, self.tenant);
        match (condition, has_condition) {
            (Some(place), true) => {
                self.edits.insert(self.source.end(place), format!(" {tenant} AND ("));
                self.edits.insert(self.source.end(last), ")");
                Ok(())
            }
            (None, false) => {
                self.edits.insert(self.source.end(last), format!(" WHERE {tenant}"));
                Ok(())
            }
            _ => Err(Reason::NotUnderstood("the place of the condition is not certain".to_owned())),
        }
    }

    /// The first of the keywords that starts a clause of the statement at `start`: not one inside parentheses,
    /// not one that `AS` or a dot turns into a name, and not a part of `IS DISTINCT FROM` or `WITHIN GROUP`.
    fn clause(&self, start: Index, keywords: &[Keyword]) -> Option<Index> {
        self.source.top_level(start).find(|place| {
            keywords.contains(&self.source.keyword(*place)) && !self.is_inside_expression(*place)
        })
    }

    fn is_inside_expression(&self, place: Index) -> bool {
        let Some(previous) = place.previous() else {
            return false;
        };
        if self.source.is(previous, &Token::Period) {
            return true;
        }
        let before_previous =
            previous.previous().map_or(Keyword::NoKeyword, |index| self.source.keyword(index));
        match (self.source.keyword(previous), self.source.keyword(place)) {
            (Keyword::AS, _) | (Keyword::WITHIN, Keyword::GROUP) => true,
            (Keyword::DISTINCT, Keyword::FROM) => matches!(before_previous, Keyword::IS | Keyword::NOT),
            _ => false,
        }
    }

    fn assignments(
        &mut self,
        assignments: &[Assignment],
        target: &Target<'_>,
        scope: &Scope<'_>,
        is_own_tenant: impl Fn(&Expr) -> bool,
    ) -> Walk {
        for Assignment { target: column, value } in assignments {
            self.expr(value, scope)?;
            if Self::assigns_tenant(column)? && !is_own_tenant(value) {
                self.name_tenant(value, &target.table)?;
            }
            if let AssignmentTarget::ColumnName(name) = column {
                name_parts(name)?;
            }
        }
        Ok(())
    }

    /// `DEFAULT VALUES` becomes a row that gives the tenant alone.
    fn stamp_defaults(&mut self, target: &Target<'_>) -> Walk {
        let default = target.last.next();
        let values = default.next();
        if (self.source.keyword(default), self.source.keyword(values)) != (Keyword::DEFAULT, Keyword::VALUES)
        {
            return Err(Reason::NotUnderstood("an insert of no values".to_owned()));
        }
        self.edits.replace(
            self.source.start(default),
            self.source.end(values),
            format!("(\"{TENANT_COLUMN}\") VALUES ({})", self.tenant),
        );
        Ok(())
    }

    /// Adds `tenant_id` to the list of columns, or gives its place where it is there already.
    fn stamp_columns(&mut self, columns: &[&Ident], target: &Target<'_>) -> Walk<Option<usize>> {
        let Some(last) = columns.last() else {
            return Err(Reason::UnnamedColumns(target.table.to_string()));
        };
        let mut places = columns.iter().enumerate().filter(|(_, column)| folded(column) == TENANT_COLUMN);
        if let Some((place, _)) = places.next() {
            refuse_if(places.next().is_some(), "naming a column twice")?;
            return Ok(Some(place));
        }
        self.append_to_list(last, &format!(", \"{TENANT_COLUMN}\""))?;
        Ok(None)
    }

    /// Adds to a list in parentheses whose last item is the one name `last`.
    fn append_to_list(&mut self, last: &Ident, text: &str) -> Walk {
        let last = self.source.at(last.span.start)?;
        if !self.source.is(last.next(), &Token::RParen) {
            return unsupported("an element of a column, or an expression, in a list of columns");
        }
        self.edits.insert(self.source.end(last), text);
        Ok(())
    }

    /// Adds the tenant to every row that the source of an insert gives, or notes the tenants it gives itself.
    fn stamp_rows(&mut self, source: &Query, place: Option<usize>, target: &Target<'_>) -> Walk {
        self.stamp_set(&source.body, place, target)
    }

    fn stamp_set(&mut self, body: &SetExpr, place: Option<usize>, target: &Target<'_>) -> Walk {
        match body {
            SetExpr::Query(query) => self.stamp_rows(query, place, target),
            SetExpr::SetOperation { left, op: _, set_quantifier: _, right } => {
                self.stamp_set(left, place, target)?;
                self.stamp_set(right, place, target)
            }
            SetExpr::Values(Values { explicit_row: _, value_keyword: _, rows }) => {
                for row in rows {
                    let Some(place) = place else {
                        let closing = self.source.at(row.closing_token.0.span.start)?;
                        self.edits.insert(self.source.start(closing), format!(", {}", self.tenant));
                        continue;
                    };
                    match row.content.get(place) {
                        Some(value) => self.name_tenant(value, &target.table)?,
                        None => return unsupported("a row with fewer values than columns"),
                    }
                }
                Ok(())
            }
            SetExpr::Select(select) => self.stamp_select(select, place, target),
            _ => unsupported("INSERT from this kind of query"),
        }
    }

    fn stamp_select(&mut self, select: &Select, place: Option<usize>, target: &Target<'_>) -> Walk {
        let Some(place) = place else {
            let start = self.source.at(select.select_token.0.span.start)?;
            let last = self.end_of_projection(start);
            refuse_if(last <= start, "INSERT from a SELECT of no columns")?;
            self.edits.insert(self.source.end(last), format!(", {}::uuid", self.tenant));
            return Ok(());
        };
        let mut given = None;
        for (index, item) in select.projection.iter().enumerate().take(place + 1) {
            given = match item {
                SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, alias: _ }
                    if index == place =>
                {
                    Some(expr)
                }
                SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. } => None,
                // A wildcard stands for an unknown number of columns, so the place behind it is unknown.
                _ => return Err(Reason::TenantExpression(target.table.to_string())),
            };
        }
        match given {
            Some(expr) => self.name_tenant(expr, &target.table),
            None => Err(Reason::TenantExpression(target.table.to_string())),
        }
    }

    /// The last token of what a SELECT that starts at `start` selects.
    fn end_of_projection(&self, start: Index) -> Index {
        const AFTER_PROJECTION: &[Keyword] = &[
            Keyword::FROM,
            Keyword::WHERE,
            Keyword::GROUP,
            Keyword::HAVING,
            Keyword::WINDOW,
            Keyword::UNION,
            Keyword::INTERSECT,
            Keyword::EXCEPT,
            Keyword::ORDER,
            Keyword::LIMIT,
            Keyword::OFFSET,
            Keyword::FETCH,
            Keyword::FOR,
            Keyword::ON,
            Keyword::RETURNING,
        ];
        let mut from = start.next();
        // `DISTINCT ON (..)` stands before the projection.
        if self.source.keyword(from) == Keyword::DISTINCT && self.source.keyword(from.next()) == Keyword::ON {
            from = from.next().next();
        }
        let end = self.clause(from, AFTER_PROJECTION).unwrap_or_else(|| self.source.end_of_statement(from));
        end.previous().unwrap_or(start)
    }

    fn on_conflict(
        &mut self,
        conflict: &OnConflict,
        start: Index,
        target: &Target<'_>,
        scope: &Scope<'_>,
    ) -> Walk {
        let OnConflict { conflict_target, action } = conflict;
        match conflict_target {
            None | Some(ConflictTarget::OnConstraint(_)) => {}
            // Unique keys of tenant tables start with the tenant.
            Some(ConflictTarget::Columns(columns)) => {
                let named = columns.iter().any(|column| folded(column) == TENANT_COLUMN);
                if let (Some(last), false) = (columns.last(), named) {
                    self.append_to_list(last, &format!(", \"{TENANT_COLUMN}\""))?;
                }
            }
        }
        let OnConflictAction::DoUpdate(DoUpdate { assignments, selection }) = action else {
            return Ok(());
        };
        self.assignments(assignments, target, scope, is_excluded_tenant)?;
        self.exprs(selection, scope)?;
        let action = self
            .source
            .top_level(start)
            .filter(|place| {
                self.source.keyword(*place) == Keyword::DO
                    && self.source.keyword(place.next()) == Keyword::UPDATE
            })
            .last()
            .ok_or_else(|| Reason::NotUnderstood("DO UPDATE is not found".to_owned()))?;
        self.guard(action, target, selection.is_some())
    }
}

/// `excluded.tenant_id` is the tenant of the row that was to be inserted, which is proved already.
fn is_excluded_tenant(value: &Expr) -> bool {
    match value {
        Expr::CompoundIdentifier(parts) => parts.iter().map(folded).eq(["excluded", TENANT_COLUMN]),
        _ => false,
    }
}

fn columns_of<'c>(columns: &'c [sqlparser::ast::ObjectName], target: &Target<'_>) -> Walk<Vec<&'c Ident>> {
    if columns.is_empty() {
        return Err(Reason::UnnamedColumns(target.table.to_string()));
    }
    columns
        .iter()
        .map(|column| match name_parts(column)?[..] {
            [name] => Ok(name),
            _ => unsupported("an element of a column in a list of columns"),
        })
        .collect()
}
