//! The rules of the new tables, each as a query for the rows that break it.
//!
//! The rules come from the descriptions that also create the constraints. A row that passes the rules
//! therefore passes the constraints.

use sea_orm_migration::sea_query::{PostgresQueryBuilder, Query};

use watertight_schema::isolation::TENANT_COLUMN;
use watertight_schema::sql;

use super::original::{self, Context, Original, Place, does_not_fit};
use super::{ProblemKind, readable};
use crate::m20260101_000012_nights_and_buffers as nights;
use crate::{TenantForeignKey, m20260101_000007_no_double_booking as overlap};

/// A rule of a table, with the condition of the rows that break it.
pub(super) struct Rule {
    pub(super) kind: ProblemKind,
    pub(super) columns: Vec<String>,
    pub(super) what: String,
    pub(super) remedy: String,
    /// Values computed from other rows, as select items over the rows `n`.
    pub(super) besides: Option<String>,
    pub(super) condition: String,
    /// An SQL expression for the details to report of the row besides its key.
    pub(super) tell: Option<String>,
}

impl Rule {
    pub(super) fn local(
        kind: ProblemKind,
        column: impl Into<String>,
        what: impl Into<String>,
        remedy: impl Into<String>,
        condition: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            columns: vec![column.into()],
            what: what.into(),
            remedy: remedy.into(),
            besides: None,
            condition: condition.into(),
            tell: None,
        }
    }

    /// The SQL that returns the rows that break the rule, each as text, and their number.
    pub(super) fn offenders(&self, converted: &str, most: usize) -> String {
        let Self { condition, .. } = self;
        let besides = self.besides.as_ref().map(|besides| format!(", {besides}")).unwrap_or_default();
        let tell = self.tell.as_ref().map(|tell| format!(" || ', ' || {tell}")).unwrap_or_default();
        format!(
            "SELECT count(*) OVER (), n.watertight_row{tell} FROM (SELECT n.*{besides} FROM ({converted}) AS n) AS n \
             WHERE {condition} ORDER BY 2 LIMIT {most}"
        )
    }
}

/// The rules that concern each row alone. One scan of the table checks them all.
pub(super) fn of_each_row(original: &Original) -> Vec<Rule> {
    let table = original.full_name();
    let mut rules = Vec::new();
    for column in original.new.all_columns() {
        let name = column.get_column_name();
        if let Some((condition, what)) = does_not_fit(&column) {
            let remedy = format!("UPDATE {table} to a value that fits");
            rules.push(Rule::local(ProblemKind::OutOfRange, &name, what, remedy, condition));
        }
        if column.get_column_spec().nullable == Some(false) {
            rules.push(missing(original, &name));
        }
    }
    for (name, rule) in original.new.checks() {
        let select = Query::select().expr(rule.clone()).to_string(PostgresQueryBuilder);
        let rule = select.strip_prefix("SELECT ").unwrap_or(&select).to_owned();
        // A later migration allows hours past midnight.
        let rule = if name == nights::OPENS_BEFORE_CLOSES { nights::OPENS.to_owned() } else { rule };
        let column = original.new.all_columns().iter().any(|column| &column.get_column_name() == name);
        rules.push(Rule {
            columns: if column { vec![name.clone()] } else { Vec::new() },
            ..Rule::local(
                ProblemKind::AgainstRule,
                name,
                format!("violates the rule {rule}"),
                format!("UPDATE {table} to values that satisfy the rule, or DELETE the rows"),
                format!("NOT ({rule})"),
            )
        });
    }
    rules.push(Rule::local(
        ProblemKind::AgainstRule,
        TENANT_COLUMN,
        "is the nil UUID, which is not a tenant",
        format!("UPDATE {table} to the tenant that the rows belong to, or DELETE them"),
        format!("{TENANT_COLUMN} = '00000000-0000-0000-0000-000000000000'"),
    ));
    rules.extend(readable::rules(original));
    rules
}

fn missing(original: &Original, column: &str) -> Rule {
    let table = original.full_name();
    let (what, remedy) = match (original.new.name(), column) {
        ("totp_secrets", "user_id") => (
            "identifies no user, neither by ID nor by handle".to_owned(),
            format!("UPDATE {table} to the user's ID, or DELETE the secrets of deleted users"),
        ),
        _ => ("is null".to_owned(), format!("UPDATE {table} to set a value, or DELETE the rows")),
    };
    Rule::local(ProblemKind::Missing, column, what, remedy, format!("{} IS NULL", sql::identifier(column)))
}

/// The rules that compare a row with other rows.
pub(super) fn among_rows(original: &Original, context: &Context) -> Vec<Rule> {
    let mut rules = Vec::new();
    let key: Vec<String> = original.new.key_columns().into_iter().map(str::to_owned).collect();
    rules.push(duplicate(original, &key));
    rules.extend(original.new.uniques().iter().map(|columns| duplicate(original, columns)));
    for key in original.new.foreign_keys() {
        rules.extend(references(original, key).into_iter().flatten());
    }
    if let Some((_, condition)) = overlap::TABLES.iter().find(|(table, _)| *table == original.new.name()) {
        rules.push(overlapping(original, condition));
    }
    match original.new.name() {
        "invitations" => rules.extend(used_by_another_tenants(original)),
        "totp_secrets" => rules.extend(second_factors(original, context)),
        _ => {}
    }
    rules
}

fn duplicate(original: &Original, columns: &[String]) -> Rule {
    let quoted: Vec<String> = columns.iter().map(|column| sql::identifier(column)).collect();
    let by =
        std::iter::once(TENANT_COLUMN.to_owned()).chain(quoted.iter().map(|column| format!("n.{column}")));
    let same =
        format!("count(*) OVER (PARTITION BY {}) AS watertight_same", by.collect::<Vec<_>>().join(", "));
    let given = quoted.iter().map(|column| format!("{column} IS NOT NULL"));
    let condition = std::iter::once("watertight_same > 1".to_owned()).chain(given).collect::<Vec<_>>();
    // A token is secret and is not reported.
    let told = columns.iter().filter(|column| *column != "token");
    let tell = told.map(|column| told_value(column)).collect::<Vec<_>>().join(" || ', ' || ");
    Rule {
        columns: columns.to_vec(),
        besides: Some(same),
        tell: (!tell.is_empty()).then_some(tell),
        ..Rule::local(
            ProblemKind::Duplicate,
            "",
            "has the same value in several rows of a tenant; names and codes are compared in the form in \
             which they will be stored",
            format!("UPDATE {} so that they differ, or DELETE all but one", original.full_name()),
            condition.join(" AND "),
        )
    }
}

fn told_value(column: &str) -> String {
    format!("format('{}=%s', {})", column.replace('%', "%%"), sql::identifier(column))
}

/// The rules against references to another tenant's rows and to missing rows.
fn references(original: &Original, key: &TenantForeignKey) -> Option<[Rule; 2]> {
    let (column, to) = (key.columns.first()?, key.key.first()?);
    let schema = original::schema_of(&key.table);
    let parent = Place::InUse.table(schema, &key.table);
    let (quoted, to, table) = (sql::identifier(column), sql::identifier(to), original.full_name());
    let theirs = format!("SELECT p.tenant_id FROM {parent} AS p WHERE p.{to} = n.{quoted}");
    let own = format!("EXISTS ({theirs} AND p.tenant_id = n.tenant_id)");
    let name = format!("{schema}.{}", key.table);
    let crossing = Rule {
        tell: Some(format!(
            "{} || ' of tenant ' || (SELECT string_agg(t.tenant_id::text, ', ') FROM ({theirs}) AS t)",
            told_value(column)
        )),
        ..Rule::local(
            ProblemKind::CrossesTenants,
            column,
            format!("refers to a row of {name} that belongs to another tenant"),
            format!("UPDATE {table} to refer to a row of the same tenant, or DELETE the rows"),
            format!("{quoted} IS NOT NULL AND NOT {own} AND EXISTS ({theirs})"),
        )
    };
    let dangling = Rule {
        tell: Some(told_value(column)),
        ..Rule::local(
            ProblemKind::Dangling,
            column,
            format!("refers to a row of {name} that does not exist"),
            format!("UPDATE {table} to refer to an existing row, or DELETE the rows"),
            format!("{quoted} IS NOT NULL AND NOT EXISTS ({theirs})"),
        )
    };
    Some([crossing, dangling])
}

/// The rule against an invitation accepted by another tenant's user.
///
/// The column keeps the ID of a deleted user, so no foreign key covers it.
fn used_by_another_tenants(original: &Original) -> Option<Rule> {
    let used_by = TenantForeignKey::column("used_by").to("auth", "users");
    references(original, &used_by).map(|[crossing, _]| crossing)
}

/// The rules for second factors: the user and the handle agree, and a user has one second factor.
///
/// The application finds a second factor by the user, and the original found it by the handle. Where the two
/// disagree, adopting would give a user the second factor of another.
fn second_factors(original: &Original, context: &Context) -> [Rule; 2] {
    let users = Place::InUse.table("auth", "users");
    let table = original.full_name();
    let handle = super::conversions::handle_of("u.handle", context);
    let same = "count(*) OVER (PARTITION BY n.tenant_id, n.user_id) AS watertight_same".to_owned();
    [
        Rule {
            columns: vec!["handle".to_owned(), "user_id".to_owned()],
            tell: Some(told_value("user_id")),
            ..Rule::local(
                ProblemKind::Disagreement,
                "",
                "identify different users",
                format!("UPDATE {table} to the handle and the ID of the same user, or DELETE the secret"),
                format!(
                    "EXISTS (SELECT FROM {users} AS u WHERE u.tenant_id = n.tenant_id AND u.id = n.user_id \
                     AND {handle} <> n.handle)"
                ),
            )
        },
        Rule {
            besides: Some(same),
            tell: Some(told_value("user_id")),
            ..Rule::local(
                ProblemKind::Duplicate,
                "user_id",
                "has several second factors of the same user, who can have only one",
                format!("DELETE all but one from {table}"),
                "watertight_same > 1 AND user_id IS NOT NULL",
            )
        },
    ]
}

/// The rule of the exclusion constraint: no overlapping bookings or reservations. A row without a practitioner is of every
/// practitioner.
///
/// A row overlaps another when an earlier row ends after its start, or a later row starts before its end.
/// Sorting finds such rows without comparing every pair.
fn overlapping(original: &Original, condition: &str) -> Rule {
    let counts = format!("({condition}) AND end_time > datetime");
    let window = |by: &str| format!("PARTITION BY n.tenant_id, {counts}{by} ORDER BY n.datetime, n.id");
    let (own, all) = (window(", n.practitioner_id"), window(""));
    let whole = "FILTER (WHERE n.practitioner_id IS NULL)";
    let before = "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING";
    let after = "ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING";
    Rule {
        columns: vec!["practitioner_id".to_owned(), "datetime".to_owned(), "end_time".to_owned()],
        besides: Some(format!(
            "greatest(max(end_time) OVER ({own} {before}), max(end_time) {whole} OVER ({all} {before}), \
             CASE WHEN n.practitioner_id IS NULL THEN max(end_time) OVER ({all} {before}) END) AS watertight_before, \
             least(min(datetime) OVER ({own} {after}), min(datetime) {whole} OVER ({all} {after}), \
             CASE WHEN n.practitioner_id IS NULL THEN min(datetime) OVER ({all} {after}) END) AS watertight_after"
        )),
        tell: Some(
            "format('practitioner_id=%s, %s to %s', coalesce(practitioner_id::text, 'none'), \
             datetime AT TIME ZONE 'UTC', end_time AT TIME ZONE 'UTC')"
                .to_owned(),
        ),
        ..Rule::local(
            ProblemKind::Overlap,
            "",
            "overlaps another row of the same practitioner, or both rows have no practitioner",
            match original.new.name() {
                "bookings" => {
                    "move one of the bookings, assign another practitioner to it, or UPDATE its status to \
                     cancelled"
                }
                _ => "UPDATE released_at of the reservations that are no longer needed",
            },
            format!("{counts} AND (watertight_before > datetime OR watertight_after < end_time)"),
        )
    }
}
