//! The checks at start: what isolation rests on must be there before the first statement runs.

use std::collections::HashMap;

use sea_orm::{DbBackend, DbErr, QueryResult, Statement};

use crate::Error;
use crate::tenant::{Ground, Ownership};

pub(crate) async fn check(ground: &Ground) -> Result<(), Error> {
    check_strings(ground).await?;
    if ground.layers.row_security() {
        check_role(ground).await?;
    }
    check_tables(ground).await
}

async fn ask(ground: &Ground, statement: Statement) -> Result<Vec<QueryResult>, Error> {
    ground.query_all(statement).await.map_err(|error| match error {
        DbErr::Conn(_) | DbErr::ConnectionAcquire(_) => Error::Unreachable { source: error },
        error => Error::Database(error),
    })
}

/// The rewriter reads a backslash in a plain string as PostgreSQL does by default: as a backslash.
async fn check_strings(ground: &Ground) -> Result<(), Error> {
    let sql = "SELECT current_setting('standard_conforming_strings')";
    let rows = ask(ground, Statement::from_string(DbBackend::Postgres, sql)).await?;
    let value: Option<String> = rows.first().map(|row| row.try_get_by_index(0)).transpose()?;
    if value.as_deref() == Some("on") { Ok(()) } else { Err(Error::BackslashEscapes) }
}

async fn check_role(ground: &Ground) -> Result<(), Error> {
    let sql =
        "SELECT rolname::text, rolsuper, rolbypassrls FROM pg_catalog.pg_roles WHERE rolname = current_user";
    let rows = ask(ground, Statement::from_string(DbBackend::Postgres, sql)).await?;
    let row = rows
        .first()
        .ok_or_else(|| DbErr::RecordNotFound("the current role is not in pg_roles".to_owned()))?;
    let (role, superuser, bypasses): (String, bool, bool) = row.try_get_many_by_index()?;
    match (superuser, bypasses) {
        (true, _) => Err(Error::PrivilegedRole { role, privilege: "a superuser" }),
        (_, true) => Err(Error::PrivilegedRole { role, privilege: "BYPASSRLS" }),
        _ => Ok(()),
    }
}

async fn check_tables(ground: &Ground) -> Result<(), Error> {
    let registry = ground.rewriter.registry();
    let sql = "SELECT n.nspname || '.' || c.relname, c.relrowsecurity AND c.relforcerowsecurity \
               FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
               WHERE n.nspname || '.' || c.relname = ANY ($1) AND c.relkind IN ('r', 'p') \
               AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')";
    let names: Vec<String> = registry.tables().map(|(table, _)| table.to_string()).collect();
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, [names.into()]);
    let mut found = HashMap::new();
    for row in ask(ground, statement).await? {
        let (name, protected): (String, bool) = row.try_get_many_by_index()?;
        found.insert(name, protected);
    }
    let mut missing = Vec::new();
    let mut unprotected = Vec::new();
    for (table, ownership) in registry.tables() {
        let name = table.to_string();
        match found.get(&name) {
            None => missing.push(name),
            Some(false) if ownership == Ownership::Tenant => unprotected.push(name),
            Some(_) => {}
        }
    }
    if !missing.is_empty() {
        missing.sort_unstable();
        return Err(Error::NotMigrated { tables: missing });
    }
    if ground.layers.row_security() && !unprotected.is_empty() {
        unprotected.sort_unstable();
        return Err(Error::RowSecurityOff { tables: unprotected });
    }
    Ok(())
}
