//! The tables of a test become tenant tables, in place and while they are empty.

use real::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement};

/// Adds the tenant to each new table, to its keys and to its foreign keys, and protects it as the migrations do. The
/// arguments are the policy and its condition, the application's role, and the tenant of rows that are there.
const SQL: &str = include_str!("conversion.sql");

/// Converts the new tables, and returns the names of all tenant tables.
pub(crate) async fn convert(owner: &DatabaseConnection, app_role: &str) -> Result<Vec<String>, DbErr> {
    let sql = SQL
        .replace("{policy}", watertight_migration::TENANT_POLICY)
        .replace("{condition}", watertight_migration::TENANT_CONDITION)
        .replace("{app}", app_role)
        .replace("{own}", &crate::connection::OWN.to_string());
    owner.execute_unprepared(&sql).await?;
    let sql = "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' \
               AND relforcerowsecurity ORDER BY 1";
    let rows = owner.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}
