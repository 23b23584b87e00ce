//! Rows that refer to rows of another tenant, which a foreign key with the tenant would refuse.

use sea_orm_migration::sea_orm::{ConnectionTrait, DbErr};
use watertight_schema::{TenantType, sql};

use super::catalog::{ForeignKey, Table};
use super::problem::{ConversionProblem, ProblemKind};
use super::survey::Survey;
use crate::query;

/// A problem for each foreign key with such rows.
pub(super) async fn problems(
    db: &impl ConnectionTrait,
    survey: &Survey,
    column: &str,
) -> Result<Vec<ConversionProblem>, DbErr> {
    let mut problems = Vec::new();
    for (key, table, target) in survey.inner_keys() {
        let readable = |table: &Table| table.is_own && !table.hides_rows && table.kind == "r";
        let usable = |table: &Table| {
            table
                .column_type
                .as_deref()
                .is_none_or(|found| TenantType::of_column(found) == Some(survey.tenant))
        };
        // Two tables without the column have rows of the same tenant.
        let comparable = (table.has_column() || target.has_column() || !key.validated)
            && [table, target].into_iter().all(|table| readable(table) && usable(table));
        if key.is_confined(column) || !comparable {
            continue;
        }
        let rows = query::column(db, &crossing(survey, column, key, [table, target]), []).await?;
        if rows.is_empty() {
            continue;
        }
        let mut problem = ConversionProblem::new(
            ProblemKind::CrossingRows,
            table.id(),
            format!(
                "has rows that refer by {} to rows of another tenant or to none in {}",
                key.name,
                target.id()
            ),
            "change the rows to refer to rows of their tenant, or delete them",
        );
        if rows.len() > ConversionProblem::LISTED {
            problem.problem += " (the first 20 are listed)";
        }
        problem.rows = rows.into_iter().take(ConversionProblem::LISTED).collect();
        problems.push(problem);
    }
    Ok(problems)
}

/// The query for the rows, as texts.
fn crossing(survey: &Survey, column: &str, key: &ForeignKey, [table, target]: [&Table; 2]) -> String {
    let given = survey.key.as_ref().map_or("NULL", |key| key.literal.as_str());
    let [own, other] = [("c", table), ("p", target)].map(|(alias, table)| {
        let column = sql::identifier(column);
        if table.has_column() { format!("coalesce({alias}.{column}, {given})") } else { given.to_owned() }
    });
    let pairs: Vec<String> = key
        .columns
        .iter()
        .zip(&key.target_columns)
        .map(|(from, to)| format!("c.{} = p.{}", sql::identifier(from), sql::identifier(to)))
        .collect();
    let present: Vec<String> =
        key.columns.iter().map(|column| format!("c.{} IS NOT NULL", sql::identifier(column))).collect();
    let shown: Vec<String> =
        key.columns.iter().map(|column| format!("c.{}", sql::identifier(column))).collect();
    let first = key.target_columns.first().map(|column| sql::identifier(column)).unwrap_or_default();
    format!(
        "SELECT format('(%s) of tenant %s refers to %s', concat_ws(', ', {shown}), {own}, \
         CASE WHEN p.{first} IS NULL THEN 'no row' ELSE format('a row of tenant %s', {other}) END) \
         FROM {table} AS c LEFT JOIN {target} AS p ON {pairs} WHERE {present} \
         AND (p.{first} IS NULL OR {own} IS DISTINCT FROM {other}) LIMIT {limit}",
        shown = shown.join(", "),
        table = table.quoted(),
        target = target.quoted(),
        pairs = pairs.join(" AND "),
        present = present.join(" AND "),
        limit = ConversionProblem::LISTED + 1,
    )
}
