//! Walks one parsed statement and notes where the tenant has to be spliced in.
//!
//! Every part of the syntax tree is either walked or refused: the structures are taken apart without `..`, and
//! the enumerations end in a refusal, so that what a newer parser understands is refused until it is proved.

use std::borrow::Cow;

use sqlparser::ast::{
    AccessExpr, Array, AssignmentTarget, BinaryOperator, CastKind, Cte, DescribeAlias, Distinct, Expr, Fetch,
    Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArgumentList, FunctionArguments,
    GroupByExpr, Ident, Join, JoinConstraint, JoinOperator, LimitClause, LockClause, NamedWindowDefinition,
    NamedWindowExpr, ObjectName, ObjectNamePart, OrderBy, OrderByExpr, OrderByKind, Query, Select,
    SelectFlavor, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, SetOperator, SetQuantifier,
    Statement, Subscript, TableAlias, TableFactor, TableFunctionArgs, TableWithJoins, Value, Values,
    WildcardAdditionalOptions, WindowFrame, WindowFrameBound, WindowSpec, WindowType, With,
};

use sqlparser::keywords::Keyword;

use super::super::refusal::Reason;
use super::super::registry::{Ownership, Registry, TENANT_COLUMN, TableName};
use super::functions;
use super::plan::NamedTenant;
use super::source::{Edits, Index, Source};

pub(super) type Walk<T = ()> = Result<T, Reason>;

/// The names of common table expressions that a part of the statement can see, innermost first.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    names: &'a [Cow<'a, str>],
    outer: Option<&'a Scope<'a>>,
}

impl Scope<'_> {
    pub(super) const EMPTY: Scope<'static> = Scope { names: &[], outer: None };

    fn sees(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name) || self.outer.is_some_and(|outer| outer.sees(name))
    }
}

/// What the walk has gathered.
pub(super) struct Analysis<'a> {
    pub(super) source: &'a Source<'a>,
    pub(super) registry: &'a Registry,
    pub(super) edits: Edits,
    /// The placeholder of the tenant, `$n`.
    pub(super) tenant: String,
    pub(super) binds_tenant: bool,
    pub(super) read_only: bool,
    pub(super) named: Vec<NamedTenant>,
    /// How many table names were handled, to hold against what the parser's own visitor finds.
    pub(super) tables_seen: usize,
    /// How many guards stand in the text, to give each its own alias.
    guards: usize,
}

impl<'a> Analysis<'a> {
    pub(super) fn new(source: &'a Source<'a>, registry: &'a Registry, placeholder: usize) -> Self {
        Self {
            source,
            registry,
            edits: Edits::default(),
            tenant: format!("${placeholder}"),
            binds_tenant: false,
            read_only: true,
            named: Vec::new(),
            tables_seen: 0,
            guards: 0,
        }
    }

    pub(super) fn statement(&mut self, statement: &Statement, scope: &Scope<'_>) -> Walk {
        match statement {
            Statement::Query(query) => self.query(query, scope),
            Statement::Insert(insert) => self.insert(insert, scope),
            Statement::Update(update) => self.update(update, scope),
            Statement::Delete(delete) => self.delete(delete, scope),
            Statement::Explain {
                describe_alias,
                analyze: _,
                verbose: _,
                query_plan,
                estimate,
                statement,
                format: _,
                options: _,
            } => {
                refuse_if(
                    *describe_alias != DescribeAlias::Explain || *query_plan || *estimate,
                    "EXPLAIN of another dialect",
                )?;
                self.statement(statement, scope)
            }
            _ => Err(Reason::StatementKind),
        }
    }

    pub(super) fn query(&mut self, query: &Query, scope: &Scope<'_>) -> Walk {
        let Query {
            with,
            body,
            order_by,
            limit_clause,
            fetch,
            locks,
            for_clause,
            settings,
            format_clause,
            pipe_operators,
        } = query;
        refuse_if(for_clause.is_some(), "FOR XML and FOR JSON")?;
        refuse_if(settings.is_some() || format_clause.is_some(), "SETTINGS and FORMAT")?;
        refuse_if(!pipe_operators.is_empty(), "a pipe operator")?;

        let names = self.with(with.as_ref(), scope)?;
        let scope = &Scope { names: &names, outer: Some(scope) };
        self.set_expr(body, scope)?;
        if let Some(order_by) = order_by {
            self.order_by(order_by, scope)?;
        }
        match limit_clause {
            None => {}
            Some(LimitClause::LimitOffset { limit, offset, limit_by }) => {
                refuse_if(!limit_by.is_empty(), "LIMIT BY")?;
                self.exprs(limit, scope)?;
                self.exprs(offset.iter().map(|offset| &offset.value), scope)?;
            }
            Some(LimitClause::OffsetCommaLimit { .. }) => return unsupported("LIMIT with a comma"),
        }
        if let Some(Fetch { with_ties: _, percent, quantity }) = fetch {
            refuse_if(*percent, "FETCH PERCENT")?;
            self.exprs(quantity, scope)?;
        }
        for LockClause { lock_type: _, of: _, nonblock: _ } in locks {
            self.read_only = false;
        }
        Ok(())
    }

    /// Walks the common table expressions and gives their names.
    fn with<'q>(&mut self, with: Option<&'q With>, scope: &Scope<'_>) -> Walk<Vec<Cow<'q, str>>> {
        let Some(With { with_token: _, recursive, cte_tables }) = with else {
            return Ok(Vec::new());
        };
        let names: Vec<_> = cte_tables.iter().map(|cte| folded(&cte.alias.name)).collect();
        for (index, Cte { alias: _, query, from, materialized: _, closing_paren_token: _ }) in
            cte_tables.iter().enumerate()
        {
            refuse_if(from.is_some(), "FROM behind a common table expression")?;
            // Without RECURSIVE an expression sees those before it; with it, all of them and itself.
            let visible = if *recursive { &names[..] } else { names.get(..index).unwrap_or_default() };
            self.query(query, &Scope { names: visible, outer: Some(scope) })?;
        }
        Ok(names)
    }

    fn set_expr(&mut self, body: &SetExpr, scope: &Scope<'_>) -> Walk {
        match body {
            SetExpr::Select(select) => self.select(select, scope),
            SetExpr::Query(query) => self.query(query, scope),
            SetExpr::SetOperation { left, op, set_quantifier, right } => {
                refuse_if(matches!(op, SetOperator::Minus), "MINUS")?;
                refuse_if(
                    !matches!(
                        set_quantifier,
                        SetQuantifier::All | SetQuantifier::Distinct | SetQuantifier::None
                    ),
                    "a set operation BY NAME",
                )?;
                self.set_expr(left, scope)?;
                self.set_expr(right, scope)
            }
            SetExpr::Values(Values { explicit_row, value_keyword, rows }) => {
                refuse_if(*explicit_row || *value_keyword, "VALUE and ROW lists")?;
                rows.iter().try_for_each(|row| self.exprs(row.content.iter(), scope))
            }
            SetExpr::Insert(statement) | SetExpr::Update(statement) | SetExpr::Delete(statement) => {
                self.statement(statement, scope)
            }
            SetExpr::Merge(_) => unsupported("MERGE"),
            SetExpr::Table(_) => unsupported("TABLE; write SELECT * FROM"),
        }
    }

    fn select(&mut self, select: &Select, scope: &Scope<'_>) -> Walk {
        let Select {
            select_token: _,
            optimizer_hints,
            distinct,
            select_modifiers,
            top,
            top_before_distinct: _,
            projection,
            exclude,
            into,
            from,
            lateral_views,
            prewhere,
            selection,
            connect_by,
            group_by,
            cluster_by,
            distribute_by,
            sort_by,
            having,
            named_window,
            qualify,
            window_before_qualify: _,
            value_table_mode,
            flavor,
        } = select;
        refuse_if(into.is_some(), "SELECT INTO")?;
        refuse_if(
            !optimizer_hints.is_empty()
                || select_modifiers.is_some()
                || top.is_some()
                || exclude.is_some()
                || !lateral_views.is_empty()
                || prewhere.is_some()
                || !connect_by.is_empty()
                || !cluster_by.is_empty()
                || !distribute_by.is_empty()
                || !sort_by.is_empty()
                || qualify.is_some()
                || value_table_mode.is_some()
                || *flavor != SelectFlavor::Standard,
            "a clause of another dialect in SELECT",
        )?;
        match distinct {
            None | Some(Distinct::All | Distinct::Distinct) => {}
            Some(Distinct::On(on)) => self.exprs(on, scope)?,
        }
        self.select_items(projection, scope)?;
        self.from(from, scope)?;
        self.exprs(selection, scope)?;
        match group_by {
            GroupByExpr::Expressions(exprs, modifiers) if modifiers.is_empty() => self.exprs(exprs, scope)?,
            _ => return unsupported("GROUP BY ALL or with a modifier"),
        }
        self.exprs(having, scope)?;
        for NamedWindowDefinition(_, window) in named_window {
            match window {
                NamedWindowExpr::NamedWindow(_) => {}
                NamedWindowExpr::WindowSpec(spec) => self.window(spec, scope)?,
            }
        }
        Ok(())
    }

    pub(super) fn select_items(&mut self, items: &[SelectItem], scope: &Scope<'_>) -> Walk {
        items.iter().try_for_each(|item| match item {
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, alias: _ } => {
                self.expr(expr, scope)
            }
            SelectItem::QualifiedWildcard(kind, options) => {
                plain_wildcard(options)?;
                match kind {
                    SelectItemQualifiedWildcardKind::ObjectName(_) => Ok(()),
                    SelectItemQualifiedWildcardKind::Expr(expr) => self.expr(expr, scope),
                }
            }
            SelectItem::Wildcard(options) => plain_wildcard(options),
            SelectItem::ExprWithAliases { .. } => unsupported("several aliases for one column"),
        })
    }

    pub(super) fn from(&mut self, from: &[TableWithJoins], scope: &Scope<'_>) -> Walk {
        from.iter().try_for_each(|table| self.table_with_joins(table, scope))
    }

    fn table_with_joins(&mut self, table: &TableWithJoins, scope: &Scope<'_>) -> Walk {
        let TableWithJoins { relation, joins } = table;
        self.table_factor(relation, scope)?;
        self.joins(joins, scope)
    }

    pub(super) fn joins(&mut self, joins: &[Join], scope: &Scope<'_>) -> Walk {
        joins.iter().try_for_each(|Join { relation, global, join_operator }| {
            refuse_if(*global, "GLOBAL JOIN")?;
            self.table_factor(relation, scope)?;
            match join_operator {
                JoinOperator::Join(constraint)
                | JoinOperator::Inner(constraint)
                | JoinOperator::Left(constraint)
                | JoinOperator::LeftOuter(constraint)
                | JoinOperator::Right(constraint)
                | JoinOperator::RightOuter(constraint)
                | JoinOperator::FullOuter(constraint)
                | JoinOperator::CrossJoin(constraint) => match constraint {
                    JoinConstraint::On(expr) => self.expr(expr, scope),
                    JoinConstraint::Using(_) | JoinConstraint::Natural | JoinConstraint::None => Ok(()),
                },
                _ => unsupported("a join of another dialect"),
            }
        })
    }

    fn table_factor(&mut self, factor: &TableFactor, scope: &Scope<'_>) -> Walk {
        match factor {
            TableFactor::Table {
                name,
                alias,
                args,
                with_hints,
                version,
                with_ordinality: _,
                partitions,
                json_path,
                sample,
                index_hints,
            } => {
                refuse_if(
                    !with_hints.is_empty()
                        || version.is_some()
                        || !partitions.is_empty()
                        || json_path.is_some()
                        || !index_hints.is_empty(),
                    "a table option of another dialect",
                )?;
                plain_alias(alias.as_ref())?;
                if let Some(TableFunctionArgs { args, settings }) = args {
                    refuse_if(settings.is_some(), "SETTINGS")?;
                    self.tables_seen += 1;
                    self.function_name(name)?;
                    return self.function_args(args, scope);
                }
                refuse_if(sample.is_some(), "TABLESAMPLE, which draws from the rows of all tenants,")?;
                self.table(name, alias.as_ref(), scope)
            }
            TableFactor::Derived { lateral: _, subquery, alias, sample } => {
                refuse_if(sample.is_some(), "TABLESAMPLE on a subquery")?;
                plain_alias(alias.as_ref())?;
                self.query(subquery, scope)
            }
            TableFactor::Function { lateral: _, name, args, with_ordinality: _, alias } => {
                plain_alias(alias.as_ref())?;
                self.function_name(name)?;
                self.function_args(args, scope)
            }
            TableFactor::UNNEST {
                alias,
                array_exprs,
                with_offset,
                with_offset_alias,
                with_ordinality: _,
            } => {
                refuse_if(*with_offset || with_offset_alias.is_some(), "UNNEST WITH OFFSET")?;
                plain_alias(alias.as_ref())?;
                self.exprs(array_exprs, scope)
            }
            TableFactor::NestedJoin { table_with_joins, alias } => {
                plain_alias(alias.as_ref())?;
                self.table_with_joins(table_with_joins, scope)
            }
            _ => unsupported("this kind of table expression"),
        }
    }

    /// A table that rows are read from.
    ///
    /// `t` becomes `("public"."t" JOIN (SELECT) AS guard ON t."tenant_id" = $n)`. The guard has one row and no
    /// columns, so the join is the table with its rows filtered: `*`, aliases, system columns, locks, functional
    /// dependency on the key and every kind of join around it stay as they are, and the planner removes the join.
    fn table(&mut self, name: &ObjectName, alias: Option<&TableAlias>, scope: &Scope<'_>) -> Walk {
        self.tables_seen += 1;
        let parts = name_parts(name)?;
        if let [only] = parts[..]
            && scope.sees(&folded(only))
        {
            return Ok(());
        }
        let (_, ownership) = self.lookup(&parts)?;
        let (first, last) = self.name_tokens(&parts)?;
        let schema = missing_schema(&parts);
        if ownership == Ownership::Shared {
            self.edits.insert(self.source.start(first), schema);
            return Ok(());
        }
        self.binds_tenant = true;
        let (label, end) = match alias {
            None => (last, last),
            Some(TableAlias { explicit: _, name, columns, at: _ }) => {
                if !columns.is_empty() {
                    self.renamed_table(&schema, first, last);
                    return Ok(());
                }
                let label = self.label(name)?;
                (label, label)
            }
        };
        self.guards += 1;
        let guard = format!(
            " JOIN (SELECT) AS \"__tenant_{}\" ON {}.\"{TENANT_COLUMN}\" = {})",
            self.guards,
            self.source.text(label),
            self.tenant
        );
        self.edits.insert(self.source.start(first), format!("({schema}"));
        self.edits.insert(self.source.end(end), guard);
        Ok(())
    }

    /// A table whose alias renames its columns, and so perhaps `tenant_id`: filtered before it is renamed.
    fn renamed_table(&mut self, schema: &str, first: Index, last: Index) {
        let guard = format!(" WHERE {}.\"{TENANT_COLUMN}\" = {})", self.source.text(last), self.tenant);
        self.edits.insert(self.source.start(first), format!("(SELECT * FROM {schema}"));
        self.edits.insert(self.source.end(last), guard);
    }

    /// The table that a name means, and whose rows it holds.
    pub(super) fn lookup(&self, parts: &[&Ident]) -> Walk<(TableName, Ownership)> {
        let table = match parts {
            [name] => {
                TableName { schema: TableName::DEFAULT_SCHEMA.to_owned(), name: folded(name).into_owned() }
            }
            [schema, name] => {
                TableName { schema: folded(schema).into_owned(), name: folded(name).into_owned() }
            }
            _ => return unsupported("a table name with a database"),
        };
        match self.registry.ownership(&table) {
            Some(ownership) => Ok((table, ownership)),
            None => Err(Reason::UnknownTable(table.to_string())),
        }
    }

    /// The token of an alias. A word that starts an expression of its own cannot stand before a column.
    pub(super) fn label(&self, alias: &Ident) -> Walk<Index> {
        const NO_NAMES: &[Keyword] = &[
            Keyword::TRUE,
            Keyword::FALSE,
            Keyword::NULL,
            Keyword::DEFAULT,
            Keyword::NOT,
            Keyword::CASE,
            Keyword::CAST,
            Keyword::ARRAY,
            Keyword::EXISTS,
            Keyword::INTERVAL,
            Keyword::ROW,
        ];
        let label = self.source.at(alias.span.start)?;
        refuse_if(NO_NAMES.contains(&self.source.keyword(label)), "a reserved word as an alias")?;
        Ok(label)
    }

    /// The tokens of a name's first and last part.
    pub(super) fn name_tokens(&self, parts: &[&Ident]) -> Walk<(Index, Index)> {
        match parts {
            [first, .., last] => Ok((self.source.at(first.span.start)?, self.source.at(last.span.start)?)),
            [only] => self.source.at(only.span.start).map(|token| (token, token)),
            [] => unsupported("an empty name"),
        }
    }

    pub(super) fn exprs<'e>(&mut self, exprs: impl IntoIterator<Item = &'e Expr>, scope: &Scope<'_>) -> Walk {
        exprs.into_iter().try_for_each(|expr| self.expr(expr, scope))
    }

    pub(super) fn expr(&mut self, expr: &Expr, scope: &Scope<'_>) -> Walk {
        match expr {
            Expr::Identifier(_)
            | Expr::CompoundIdentifier(_)
            | Expr::Wildcard(_)
            | Expr::QualifiedWildcard(..) => Ok(()),
            Expr::Value(value) => plain_value(&value.value),
            Expr::TypedString(typed) => plain_value(&typed.value.value),
            Expr::CompoundFieldAccess { root, access_chain } => {
                self.expr(root, scope)?;
                access_chain.iter().try_for_each(|access| match access {
                    AccessExpr::Dot(expr) => self.expr(expr, scope),
                    AccessExpr::Subscript(Subscript::Index { index }) => self.expr(index, scope),
                    AccessExpr::Subscript(Subscript::Slice { lower_bound, upper_bound, stride }) => {
                        refuse_if(stride.is_some(), "a slice with a stride")?;
                        self.exprs(lower_bound.iter().chain(upper_bound), scope)
                    }
                })
            }
            Expr::IsFalse(expr)
            | Expr::IsNotFalse(expr)
            | Expr::IsTrue(expr)
            | Expr::IsNotTrue(expr)
            | Expr::IsNull(expr)
            | Expr::IsNotNull(expr)
            | Expr::IsUnknown(expr)
            | Expr::IsNotUnknown(expr)
            | Expr::Nested(expr)
            | Expr::IsJson { expr, kind: _, unique_keys: _, negated: _ }
            | Expr::IsNormalized { expr, form: _, negated: _ }
            | Expr::UnaryOp { op: _, expr }
            | Expr::Extract { field: _, syntax: _, expr }
            | Expr::Ceil { expr, field: _ }
            | Expr::Floor { expr, field: _ }
            | Expr::Collate { expr, collation: _ } => self.expr(expr, scope),
            Expr::Cast { kind, expr, data_type: _, format } => {
                refuse_if(
                    !matches!(kind, CastKind::Cast | CastKind::DoubleColon) || format.is_some(),
                    "a cast of another dialect",
                )?;
                self.expr(expr, scope)
            }
            Expr::IsDistinctFrom(left, right) | Expr::IsNotDistinctFrom(left, right) => {
                self.exprs([&**left, &**right], scope)
            }
            Expr::BinaryOp { left, op, right } => {
                refuse_if(
                    matches!(op, BinaryOperator::PGCustomBinaryOperator(_)),
                    "OPERATOR(), which may run any function,",
                )?;
                self.exprs([&**left, &**right], scope)
            }
            Expr::AnyOp { left, compare_op: _, right, is_some: _ }
            | Expr::AllOp { left, compare_op: _, right } => self.exprs([&**left, &**right], scope),
            Expr::InList { expr, list, negated: _ } => {
                self.expr(expr, scope)?;
                self.exprs(list, scope)
            }
            Expr::InSubquery { expr, subquery, negated: _ } => {
                self.expr(expr, scope)?;
                self.query(subquery, scope)
            }
            Expr::Between { expr, negated: _, low, high } => self.exprs([&**expr, &**low, &**high], scope),
            Expr::Like { negated: _, any: _, expr, pattern, escape_char }
            | Expr::ILike { negated: _, any: _, expr, pattern, escape_char }
            | Expr::SimilarTo { negated: _, expr, pattern, escape_char } => {
                self.exprs([&**expr, &**pattern], scope)?;
                self.exprs(escape_char.as_deref(), scope)
            }
            Expr::AtTimeZone { timestamp, time_zone } => self.exprs([&**timestamp, &**time_zone], scope),
            Expr::Position { expr, r#in } => self.exprs([&**expr, &**r#in], scope),
            Expr::Substring { expr, substring_from, substring_for, special: _, shorthand: _ } => {
                self.expr(expr, scope)?;
                self.exprs(substring_from.as_deref().into_iter().chain(substring_for.as_deref()), scope)
            }
            Expr::Trim { trim_where: _, trim_what, expr, trim_characters } => {
                self.exprs(trim_what.as_deref().into_iter().chain([&**expr]), scope)?;
                self.exprs(trim_characters.iter().flatten(), scope)
            }
            Expr::Overlay { expr, overlay_what, overlay_from, overlay_for } => {
                self.exprs([&**expr, &**overlay_what, &**overlay_from], scope)?;
                self.exprs(overlay_for.as_deref(), scope)
            }
            Expr::Function(function) => self.function(function, scope),
            Expr::Case { case_token: _, end_token: _, operand, conditions, else_result } => {
                self.exprs(operand.as_deref(), scope)?;
                for when in conditions {
                    self.exprs([&when.condition, &when.result], scope)?;
                }
                self.exprs(else_result.as_deref(), scope)
            }
            Expr::Exists { subquery, negated: _ } | Expr::Subquery(subquery) => self.query(subquery, scope),
            Expr::GroupingSets(sets) | Expr::Cube(sets) | Expr::Rollup(sets) => {
                self.exprs(sets.iter().flatten(), scope)
            }
            Expr::Tuple(exprs) => self.exprs(exprs, scope),
            Expr::Array(Array { elem, named: _ }) => self.exprs(elem, scope),
            Expr::Interval(interval) => self.expr(&interval.value, scope),
            _ => unsupported("this form of expression"),
        }
    }

    fn function(&mut self, function: &Function, scope: &Scope<'_>) -> Walk {
        let Function {
            name,
            uses_odbc_syntax,
            parameters,
            args,
            within_group,
            filter,
            null_treatment: _,
            over,
        } = function;
        refuse_if(*uses_odbc_syntax || *parameters != FunctionArguments::None, "a call of another dialect")?;
        self.function_name_or_constructor(name, args)?;
        match args {
            FunctionArguments::None => {}
            FunctionArguments::Subquery(query) => self.query(query, scope)?,
            FunctionArguments::List(FunctionArgumentList { duplicate_treatment: _, args, clauses }) => {
                self.function_args(args, scope)?;
                for clause in clauses {
                    match clause {
                        FunctionArgumentClause::OrderBy(order) => self.order_by_exprs(order, scope)?,
                        FunctionArgumentClause::IgnoreOrRespectNulls(_)
                        | FunctionArgumentClause::JsonNullClause(_)
                        | FunctionArgumentClause::JsonReturningClause(_) => {}
                        _ => return unsupported("a call with a clause of another dialect"),
                    }
                }
            }
        }
        self.order_by_exprs(within_group, scope)?;
        self.exprs(filter.as_deref(), scope)?;
        match over {
            None | Some(WindowType::NamedWindow(_)) => Ok(()),
            Some(WindowType::WindowSpec(spec)) => self.window(spec, scope),
        }
    }

    /// `ARRAY(SELECT ..)` is parsed as a call; it is syntax, and calls nothing.
    fn function_name_or_constructor(&mut self, name: &ObjectName, args: &FunctionArguments) -> Walk {
        if matches!(args, FunctionArguments::Subquery(_))
            && name_parts(name)?.iter().map(|part| folded(part)).eq(["array"])
        {
            return Ok(());
        }
        self.function_name(name)
    }

    fn function_name(&mut self, name: &ObjectName) -> Walk {
        let parts: Vec<_> = name_parts(name)?.into_iter().map(folded).collect();
        let built_in = match &parts[..] {
            [name] => Some(name),
            [schema, name] if schema == "pg_catalog" => Some(name),
            _ => None,
        };
        if built_in.is_some_and(|name| functions::is_pure(name)) {
            return Ok(());
        }
        let written = parts.join(".");
        if self.registry.declares_function(&written) {
            self.read_only = false;
            return Ok(());
        }
        Err(Reason::UnknownFunction(written))
    }

    fn function_args(&mut self, args: &[FunctionArg], scope: &Scope<'_>) -> Walk {
        args.iter().try_for_each(|arg| {
            let arg = match arg {
                FunctionArg::Named { name: _, arg, operator: _ } | FunctionArg::Unnamed(arg) => arg,
                FunctionArg::ExprNamed { name, arg, operator: _ } => {
                    self.expr(name, scope)?;
                    arg
                }
            };
            match arg {
                FunctionArgExpr::Expr(expr) => self.expr(expr, scope),
                FunctionArgExpr::Wildcard | FunctionArgExpr::QualifiedWildcard(_) => Ok(()),
                FunctionArgExpr::WildcardWithOptions(options) => plain_wildcard(options),
            }
        })
    }

    fn window(&mut self, window: &WindowSpec, scope: &Scope<'_>) -> Walk {
        let WindowSpec { window_name: _, partition_by, order_by, window_frame } = window;
        self.exprs(partition_by, scope)?;
        self.order_by_exprs(order_by, scope)?;
        let Some(WindowFrame { units: _, start_bound, end_bound }) = window_frame else {
            return Ok(());
        };
        [start_bound].into_iter().chain(end_bound).try_for_each(|bound| match bound {
            WindowFrameBound::CurrentRow => Ok(()),
            WindowFrameBound::Preceding(expr) | WindowFrameBound::Following(expr) => {
                self.exprs(expr.as_deref(), scope)
            }
        })
    }

    fn order_by(&mut self, order_by: &OrderBy, scope: &Scope<'_>) -> Walk {
        let OrderBy { kind, interpolate } = order_by;
        refuse_if(interpolate.is_some(), "INTERPOLATE")?;
        match kind {
            OrderByKind::All(_) => unsupported("ORDER BY ALL"),
            OrderByKind::Expressions(exprs) => self.order_by_exprs(exprs, scope),
        }
    }

    fn order_by_exprs(&mut self, exprs: &[OrderByExpr], scope: &Scope<'_>) -> Walk {
        exprs.iter().try_for_each(|OrderByExpr { expr, options: _, with_fill }| {
            refuse_if(with_fill.is_some(), "WITH FILL")?;
            self.expr(expr, scope)
        })
    }

    /// Notes the tenant that a statement gives for a row it writes; it is held against the connection's tenant
    /// when the statement runs.
    pub(super) fn name_tenant(&mut self, expr: &Expr, table: &TableName) -> Walk {
        match named_tenant(expr) {
            Some(named) => {
                if !self.named.contains(&named) {
                    self.named.push(named);
                }
                Ok(())
            }
            None => Err(Reason::TenantExpression(table.to_string())),
        }
    }

    /// Whether an assignment's target is `tenant_id`.
    pub(super) fn assigns_tenant(target: &AssignmentTarget) -> Walk<bool> {
        let is_tenant = |name: &ObjectName| -> Walk<bool> {
            Ok(name_parts(name)?.iter().any(|part| folded(part) == TENANT_COLUMN))
        };
        match target {
            AssignmentTarget::ColumnName(name) => is_tenant(name),
            AssignmentTarget::Tuple(names) => {
                for name in names {
                    refuse_if(is_tenant(name)?, "tenant_id in a list of columns set together")?;
                }
                Ok(false)
            }
        }
    }
}

/// The value of an expression that is a plain value: a placeholder or a string, cast or not.
fn named_tenant(expr: &Expr) -> Option<NamedTenant> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::Placeholder(text) => placeholder(text)?.checked_sub(1).map(NamedTenant::Parameter),
            Value::SingleQuotedString(text) => Some(NamedTenant::Literal(text.clone())),
            _ => None,
        },
        Expr::Nested(expr) => named_tenant(expr),
        Expr::Cast { kind: CastKind::Cast | CastKind::DoubleColon, expr, data_type, format: None }
            if *data_type == sqlparser::ast::DataType::Uuid =>
        {
            named_tenant(expr)
        }
        _ => None,
    }
}

/// The number of a PostgreSQL placeholder, `$n`.
pub(super) fn placeholder(text: &str) -> Option<usize> {
    text.strip_prefix('$')?.parse().ok().filter(|number| *number > 0)
}

/// The schema to write out where the statement leaves it to `search_path`.
pub(super) fn missing_schema(parts: &[&Ident]) -> String {
    if parts.len() == 1 { format!("\"{}\".", TableName::DEFAULT_SCHEMA) } else { String::new() }
}

/// An identifier as PostgreSQL stores it: folded to lower case unless it is quoted.
pub(super) fn folded(ident: &Ident) -> Cow<'_, str> {
    if ident.quote_style.is_some() || !ident.value.chars().any(|c| c.is_ascii_uppercase()) {
        Cow::Borrowed(&ident.value)
    } else {
        Cow::Owned(ident.value.to_ascii_lowercase())
    }
}

pub(super) fn name_parts(name: &ObjectName) -> Walk<Vec<&Ident>> {
    name.0
        .iter()
        .map(|part| match part {
            ObjectNamePart::Identifier(ident) => Ok(ident),
            ObjectNamePart::Function(_) => unsupported("a computed name"),
        })
        .collect()
}

fn plain_alias(alias: Option<&TableAlias>) -> Walk {
    refuse_if(alias.is_some_and(|alias| alias.at.is_some()), "AT behind an alias")
}

fn plain_wildcard(options: &WildcardAdditionalOptions) -> Walk {
    let WildcardAdditionalOptions {
        wildcard_token: _,
        opt_ilike,
        opt_exclude,
        opt_except,
        opt_replace,
        opt_rename,
        opt_alias,
    } = options;
    refuse_if(
        opt_ilike.is_some()
            || opt_exclude.is_some()
            || opt_except.is_some()
            || opt_replace.is_some()
            || opt_rename.is_some()
            || opt_alias.is_some(),
        "a wildcard of another dialect",
    )
}

/// Literals that PostgreSQL reads as the parser does.
fn plain_value(value: &Value) -> Walk {
    match value {
        Value::Number(..)
        | Value::SingleQuotedString(_)
        | Value::DollarQuotedString(_)
        | Value::EscapedStringLiteral(_)
        | Value::UnicodeStringLiteral(_)
        | Value::NationalStringLiteral(_)
        | Value::HexStringLiteral(_)
        | Value::Boolean(_)
        | Value::Null => Ok(()),
        Value::Placeholder(text) if placeholder(text).is_some() => Ok(()),
        _ => unsupported("a literal of another dialect"),
    }
}

pub(super) fn unsupported<T>(what: impl Into<Cow<'static, str>>) -> Walk<T> {
    Err(Reason::Unsupported(what.into()))
}

pub(super) fn refuse_if(condition: bool, what: impl Into<Cow<'static, str>>) -> Walk {
    if condition { unsupported(what) } else { Ok(()) }
}
