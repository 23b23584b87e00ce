//! Every column of every table with the extreme values of its type, next to a good row. The database refuses a value, or
//! every entity and operation that reads the column goes on: nothing panics, and no other row is hidden.
//!
//! Tables and columns come from the catalog. A table without a test here, a type without values, or a table that no
//! operation reads fails.

mod readers;
mod values;
mod world;

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;

use anyhow::{Context, Result, bail, ensure};
use futures_util::FutureExt;
use sea_orm::{ConnectionTrait, DatabaseConnection};
use watertight::TenantConnection;

use self::readers::{READERS, Reader, read_entity};
use self::world::{Place, Scene};
use crate::adopt::texts;

/// The columns of a table, each with its type.
async fn columns(superuser: &DatabaseConnection, table: &str) -> Result<Vec<(String, String)>> {
    let sql = format!(
        "SELECT attname || ' ' || format_type(atttypid, atttypmod) FROM pg_attribute \
         WHERE attrelid = '{table}'::regclass AND attnum > 0 AND NOT attisdropped AND attname <> 'tenant_id' ORDER BY attnum"
    );
    let columns = texts(superuser, &sql).await?;
    columns
        .iter()
        .map(|column| {
            column.split_once(' ').map(|(name, of)| (name.to_owned(), of.to_owned())).context("a column")
        })
        .collect()
}

/// The outcome of a reader, or the message of its panic.
async fn outcome(
    tenant: &TenantConnection,
    reader: Reader,
    place: &Place,
) -> Result<Result<String, String>, String> {
    let Ok(transaction) = tenant.begin().await else { return Err("no transaction".to_owned()) };
    let read = AssertUnwindSafe(reader(&transaction, place)).catch_unwind().await;
    let read = read.map_err(|_| "panicked".to_owned())?;
    let _ = transaction.rollback().await;
    Ok(read.map_err(|error| error.to_string()))
}

/// Errors of a column's decoder, which say nothing to a reader.
fn is_raw(error: &str) -> bool {
    ["decoding column", "ColumnDecode", "Type Error", "Query Error: error occurred while decoding"]
        .iter()
        .any(|part| error.contains(part))
}

async fn walk(table: &str) -> Result<()> {
    let scene = Box::pin(Scene::new()).await?;
    let superuser = scene.superuser().await?;
    let walked = walk_with(table, &scene, &superuser).await;
    superuser.close().await?;
    walked
}

async fn walk_with(table: &str, scene: &Scene, superuser: &DatabaseConnection) -> Result<()> {
    superuser.execute_unprepared(&format!("ALTER TABLE {table} DISABLE TRIGGER USER")).await?;
    let row = scene.bad_row(table)?;
    let row = match row.as_str() {
        "true" => row,
        _ if ["auth.totp_secrets", "auth.backup_codes"].contains(&table) => row,
        _ => texts(superuser, &format!("SELECT format('id = %L', id) FROM {table} WHERE {row}"))
            .await?
            .remove(0),
    };
    let readers: Vec<_> = READERS.iter().filter(|(tables, ..)| tables.contains(&table)).collect();
    ensure!(!readers.is_empty(), "no operation reads {table}: add one to READERS");
    let tenant = &scene.world.clinic;
    let expected = read_entity(tenant, table).await?.context("the entity is read")?;
    for (_, name, reader) in &readers {
        let before = outcome(tenant, *reader, &scene.good).await;
        ensure!(matches!(before, Ok(Ok(_))), "{name} before: {before:?}");
    }
    // The only row of a tenant has no row next to it.
    let all = std::env::var_os("WATERTIGHT_COLUMNS").is_some();
    let alone = table == "public.business_profile";
    let (mut faults, mut accepted, mut refused) = (Vec::new(), 0, 0);
    let one = |column: &str| format!("SELECT {column}::text FROM {table} WHERE {row}");
    for (column, of) in columns(superuser, table).await? {
        let quoted = format!("\"{column}\"");
        let kept: Option<String> = texts_or_null(superuser, &one(&quoted)).await?;
        let values = values::of(&of, kept.as_deref()).with_context(|| format!("{table}.{column}"))?;
        for value in values {
            let set = format!("UPDATE {table} SET {quoted} = {value} WHERE {row}");
            match superuser.execute_unprepared(&set).await {
                Err(error) => {
                    let error = error.to_string();
                    ensure!(!error.contains("syntax"), "{set}: {error}");
                    refused += 1;
                    continue;
                }
                Ok(done) => ensure!(done.rows_affected() == 1, "{set} changed {}", done.rows_affected()),
            }
            accepted += 1;
            let shown: String = value.chars().take(80).collect();
            let mut fault = |what: &str| faults.push(format!("{table}.{column} = {shown}: {what}"));
            match AssertUnwindSafe(read_entity(tenant, table)).catch_unwind().await {
                Err(_) => fault("the entity panicked"),
                Ok(Err(error)) => fault(&format!("the entity: {error}")),
                Ok(Ok(found)) if found != Some(expected) => fault(&format!("the entity has {found:?} rows")),
                Ok(Ok(_)) => {}
            }
            // Texts and JSON values are many: each runs every fourth reader, unless all are asked for.
            let many = !all && (of.starts_with("character") || of == "text" || of == "jsonb");
            let turn = |n: &usize| !many || n % 4 == accepted % 4;
            for (_, (_, name, reader)) in readers.iter().enumerate().filter(|(n, _)| turn(n)) {
                match outcome(tenant, *reader, &scene.good).await {
                    Ok(Ok(_)) => {}
                    Ok(Err(error)) if alone && !is_raw(&error) => {}
                    other => fault(&format!("{name} of the good row: {other:?}")),
                }
                match outcome(tenant, *reader, &scene.bad).await {
                    Err(panicked) => fault(&format!("{name} of the bad row: {panicked}")),
                    Ok(Err(error)) if is_raw(&error) => fault(&format!("{name} of the bad row: {error}")),
                    Ok(_) => {}
                }
            }
            let back = match &kept {
                Some(text) => format!("{}::{of}", values::quoted(text)),
                None => "NULL".to_owned(),
            };
            let changed_key = row.contains(&format!("{column} = ")).then(|| format!("{quoted} = {value}"));
            let at = changed_key.unwrap_or_else(|| row.clone());
            superuser.execute_unprepared(&format!("UPDATE {table} SET {quoted} = {back} WHERE {at}")).await?;
        }
    }
    if !faults.is_empty() {
        bail!("{} faults:\n{}", faults.len(), faults.join("\n"));
    }
    println!("{table}: {accepted} values accepted, {refused} refused");
    ensure!(accepted > 0 && refused > 0, "{table}: {accepted} accepted, {refused} refused");
    Ok(())
}

async fn texts_or_null(db: &DatabaseConnection, sql: &str) -> Result<Option<String>> {
    let found = texts(db, &format!("SELECT coalesce('=' || v, '') FROM ({sql}) AS one(v)")).await?;
    let found = found.first().context("the row is there")?;
    Ok(found.strip_prefix('=').map(str::to_owned))
}

macro_rules! walked {
    ($($schema:ident.$table:ident),+ $(,)?) => {
        const WALKED: &[&str] = &[$(concat!(stringify!($schema), ".", stringify!($table))),+];

        $(#[tokio::test]
        async fn $table() -> Result<()> {
            walk(concat!(stringify!($schema), ".", stringify!($table))).await
        })+
    };
}

walked! {
    auth.users, auth.sessions, auth.totp_secrets, auth.backup_codes, auth.invitations, auth.audit_events,
    public.business_profile, public.services, public.business_hours, public.reviews, public.practitioners,
    public.clients, public.bookings, public.booking_payments, public.time_blocks, public.business_hours_overrides, public.slot_reservations,
    public.gift_certificates, public.packages, public.gift_certificate_redemptions,
    public.intake_form_templates, public.intake_submissions,
    public.appointments, public.payments, public.local_bookings,
}

/// A new table without a test fails this one.
#[tokio::test]
async fn every_table_is_walked() -> Result<()> {
    let database = watertight_tests::TestDatabase::create().await?;
    // The table of numbers belongs to no table set. The tests of numbers try its extremes.
    let tables = "SELECT n.nspname || '.' || c.relname FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid \
                  JOIN pg_namespace n ON n.oid = c.relnamespace WHERE p.polname = 'tenant_isolation' \
                  AND n.nspname <> 'watertight'";
    let tables: BTreeSet<String> = texts(&database.owner().await?, tables).await?.into_iter().collect();
    assert_eq!(tables, WALKED.iter().map(|table| (*table).to_owned()).collect());
    Ok(())
}
