//! Finds the rows that do not fit the new tables.

use sea_orm_migration::sea_orm::{ConnectionTrait, DbErr};

use watertight_schema::text;

use super::catalog::{Catalog, Found};
use super::original::{self, Context, Original, Place};
use super::rules::{self, Rule};
use super::{Problem, ProblemKind, Proposal, conversions, proposals};
use crate::query;

/// A survey of the original's tables in their own schemas.
pub(super) struct Survey<'a> {
    pub(super) originals: &'a [Original],
    pub(super) catalog: &'a Catalog,
    pub(super) time_zone: Option<&'a str>,
    pub(super) convert_names: bool,
    pub(super) most: usize,
}

impl Survey<'_> {
    pub(super) async fn problems(&self, db: &impl ConnectionTrait) -> Result<Vec<Problem>, DbErr> {
        let mut problems = Vec::new();
        for (original, found) in self.found() {
            problems.extend(of_table(original, found));
        }
        // The rules cannot check a value of another type.
        if problems.iter().any(|problem| problem.kind == ProblemKind::OtherType) {
            return Ok(problems);
        }
        for (original, found) in self.found() {
            let context = self.context(found, self.convert_names);
            let converted = original.converted(&context);
            problems.extend(self.each_row(db, original, &converted).await?);
            for rule in rules::among_rows(original, &context) {
                problems.extend(self.offenders(db, original, &converted, rule).await?);
            }
            for column in conversions::lowered(original.new.name()) {
                problems.extend(self.other_lower_case(db, original, &converted, column).await?);
            }
            problems.extend(self.no_time_zone(db, original, found).await?);
        }
        Ok(problems)
    }

    /// The names that the application cannot read, each with the name that replaces it if the operator accepts.
    pub(super) async fn proposals(&self, db: &impl ConnectionTrait) -> Result<Vec<Proposal>, DbErr> {
        let mut proposals = Vec::new();
        for (original, found) in self.found() {
            for column in conversions::lowered(original.new.name()) {
                let converted = original.converted(&self.context(found, true));
                let (total, rows) =
                    self.listed(db, &proposals::renamed(&converted, column, self.most)).await?;
                if total > 0 {
                    let (accepted, table) = (self.convert_names, original.full_name());
                    proposals.push(Proposal { table, column: (*column).to_owned(), total, rows, accepted });
                }
            }
        }
        Ok(proposals)
    }

    fn context<'f>(&'f self, found: &'f Found, convert_names: bool) -> Context<'f> {
        Context { found, place: Place::InUse, time_zone: self.time_zone, convert_names }
    }

    fn found(&self) -> impl Iterator<Item = (&Original, &Found)> {
        self.originals.iter().filter_map(|original| Some((original, self.catalog.find(original)?)))
    }

    /// Reads the table once for all rules, and again for each broken rule.
    async fn each_row(
        &self,
        db: &impl ConnectionTrait,
        original: &Original,
        converted: &str,
    ) -> Result<Vec<Problem>, DbErr> {
        let rules = rules::of_each_row(original);
        let counts: Vec<String> =
            rules.iter().map(|rule| format!("count(*) FILTER (WHERE {})", rule.condition)).collect();
        let select = format!("SELECT ARRAY[{}] FROM ({converted}) AS n", counts.join(", "));
        let row = query::rows(db, &select, []).await?;
        let counts: Vec<i64> =
            row.first().map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or_default();
        let mut problems = Vec::new();
        for (rule, count) in rules.into_iter().zip(counts) {
            if count > 0 {
                problems.extend(self.offenders(db, original, converted, rule).await?);
            }
        }
        Ok(problems)
    }

    async fn offenders(
        &self,
        db: &impl ConnectionTrait,
        original: &Original,
        converted: &str,
        rule: Rule,
    ) -> Result<Option<Problem>, DbErr> {
        let (total, rows) = self.listed(db, &rule.offenders(converted, self.most)).await?;
        if rows.is_empty() {
            return Ok(None);
        }
        let Rule { kind, columns, what, remedy, .. } = rule;
        Ok(Some(Problem { kind, table: original.full_name(), columns, what, remedy, total, rows }))
    }

    /// The number of rows that a query finds, and the rows to list.
    async fn listed(&self, db: &impl ConnectionTrait, select: &str) -> Result<(u64, Vec<String>), DbErr> {
        let mut rows = Vec::new();
        let mut total = 0;
        for row in query::rows(db, select, []).await? {
            let (all, text): (i64, String) = row.try_get_many_by_index()?;
            total = all.unsigned_abs();
            rows.push(text);
        }
        Ok((total, rows))
    }

    /// Where the database's rules for letters differ from the application's, the converted name would not be found.
    async fn other_lower_case(
        &self,
        db: &impl ConnectionTrait,
        original: &Original,
        converted: &str,
        column: &str,
    ) -> Result<Option<Problem>, DbErr> {
        let (name, typed) = (original::named(column), original::typed(column));
        let select = format!(
            "SELECT n.watertight_row, n.{name}, n.{typed} FROM ({converted}) AS n \
             WHERE octet_length(n.{name}) > char_length(n.{name}) \
                 OR octet_length(n.{typed}) > char_length(n.{typed}) ORDER BY 1"
        );
        let mut rows = Vec::new();
        for row in query::rows(db, &select, []).await? {
            let (text, value, typed): (String, String, String) = row.try_get_many_by_index()?;
            // White space that is left is another problem.
            if value.trim() == value && text::name(&typed) != value {
                rows.push(text);
            }
        }
        let total = rows.len() as u64;
        rows.truncate(self.most);
        let problem = Problem {
            kind: ProblemKind::Unreadable,
            table: original.full_name(),
            columns: vec![column.to_owned()],
            what: "contains letters that the database's locale does not convert to lower case, so the \
                   application would not find it"
                .to_owned(),
            remedy: format!("UPDATE {} to the value in lower case", original.full_name()),
            total,
            rows,
        };
        Ok((total > 0).then_some(problem))
    }

    /// Opening hours need a time zone, and a guess would shift every offered appointment.
    async fn no_time_zone(
        &self,
        db: &impl ConnectionTrait,
        original: &Original,
        found: &Found,
    ) -> Result<Option<Problem>, DbErr> {
        if original.new.name() != "business_profile"
            || self.time_zone.is_some()
            || found.columns.contains_key("time_zone")
        {
            return Ok(None);
        }
        let table = Place::InUse.table(original.schema(), original.name());
        let select = format!(
            "SELECT count(*) OVER (), format('tenant_id=%s', o.tenant_id) FROM {table} AS o ORDER BY 2 LIMIT {}",
            self.most
        );
        let (total, rows) = self.listed(db, &select).await?;
        let problem = Problem {
            kind: ProblemKind::NoTimeZone,
            table: original.full_name(),
            columns: Vec::new(),
            what: "has opening hours of businesses, but no time zone".to_owned(),
            remedy: "set the time zone (`Adoption::time_zone`, `--time-zone`); it can be changed for each \
                     tenant afterwards"
                .to_owned(),
            total,
            rows,
        };
        Ok((problem.total > 0).then_some(problem))
    }
}

/// The problems of a table regardless of its rows.
fn of_table(original: &Original, found: &Found) -> Vec<Problem> {
    let problem = |kind, columns: Vec<String>, what: String, remedy: &str| Problem {
        kind,
        table: original.full_name(),
        columns,
        what,
        remedy: remedy.to_owned(),
        total: 1,
        rows: Vec::new(),
    };
    let mut problems = Vec::new();
    if found.divided {
        let what =
            "is partitioned, is a partition, or inherits, unlike the tables of the original".to_owned();
        let remedy = "copy its rows to a plain table of the same name";
        problems.push(problem(ProblemKind::Divided, Vec::new(), what, remedy));
    }
    let extra = original.extra_columns(found);
    if !extra.is_empty() {
        let total = extra.len() as u64;
        let what = "are columns that the original does not have and that the adoption would lose".to_owned();
        let remedy = "move them to a table of the application with the same key and DROP them here; to add \
                      them again afterwards, use a migration";
        problems.push(Problem { total, ..problem(ProblemKind::ExtraColumn, extra, what, remedy) });
    }
    for (column, found, expected) in original.other_types(found) {
        let what = format!("has the type {found}, but the type {expected} in the original");
        let remedy =
            "ALTER TABLE to change the type to that of the original; the rows are checked afterwards";
        problems.push(problem(ProblemKind::OtherType, vec![column], what, remedy));
    }
    problems
}
