//! The schema keeps to the rules by which Citus distributes tables, by `tenant_id` and side by side. The extension is not
//! run here; its rules are held against the catalog.

use anyhow::Result;
use sea_orm::{DatabaseConnection, DbBackend, FromQueryResult, Statement};
use watertight_tests::TestDatabase;

/// The tables that would be distributed: all that have a tenant.
const DISTRIBUTED: &str = "SELECT c.oid FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid \
                           WHERE a.attname = 'tenant_id' AND c.relkind IN ('r', 'p')";

#[derive(FromQueryResult)]
struct Found {
    name: String,
}

async fn names(db: &DatabaseConnection, sql: &str) -> Result<Vec<String>> {
    let statement = Statement::from_string(DbBackend::Postgres, sql);
    Ok(Found::find_by_statement(statement).all(db).await?.into_iter().map(|found| found.name).collect())
}

#[tokio::test]
async fn the_distribution_column_is_alike_everywhere() -> Result<()> {
    let owner = TestDatabase::create().await?;
    let owner = owner.owner().await?;
    assert_eq!(
        names(&owner, &format!("SELECT oid::regclass::text AS name FROM ({DISTRIBUTED}) t")).await?.len(),
        24
    );
    // Tables of one group have a column of one type, and a row without a value would have no place.
    let other = format!(
        "SELECT a.attrelid::regclass::text AS name FROM pg_attribute a WHERE a.attrelid IN ({DISTRIBUTED}) \
         AND a.attname = 'tenant_id' AND (a.atttypid <> 'uuid'::regtype OR NOT a.attnotnull)"
    );
    assert_eq!(names(&owner, &other).await?, [] as [String; 0]);
    Ok(())
}

#[tokio::test]
async fn every_key_holds_the_distribution_column() -> Result<()> {
    let database = TestDatabase::create().await?;
    let owner = database.owner().await?;
    let without = |which: &str, holds: &str| {
        format!(
            "SELECT i.indexrelid::regclass::text AS name FROM pg_index i JOIN pg_attribute a \
             ON a.attrelid = i.indrelid AND a.attname = 'tenant_id' WHERE i.indrelid IN ({DISTRIBUTED}) AND {which} \
             AND NOT ({holds}) ORDER BY 1"
        )
    };
    let in_key = "a.attnum = ANY ((i.indkey::int2[])[0 : i.indnkeyatts - 1])";
    assert_eq!(names(&owner, &without("i.indisunique", in_key)).await?, [] as [String; 0]);
    assert!(names(&owner, &without("i.indisunique", "false")).await?.len() > 24, "there are keys to look at");

    // An exclusion has to compare the column with `=`. These two do not: they stand in a migration of their own.
    let by_equality = "EXISTS (SELECT FROM pg_constraint k, unnest(k.conkey, k.conexclop) AS part (number, operator) \
                       JOIN pg_operator o ON o.oid = part.operator \
                       WHERE k.conindid = i.indexrelid AND part.number = a.attnum AND o.oprname = '=')";
    let exclusions = names(&owner, &without("i.indisexclusion", by_equality)).await?;
    assert_eq!(exclusions, ["bookings_overlap_excl", "slot_reservations_overlap_excl"]);
    Ok(())
}

#[tokio::test]
async fn every_foreign_key_stays_within_the_tenant() -> Result<()> {
    let database = TestDatabase::create().await?;
    let owner = database.owner().await?;
    let without = |holds: &str| {
        format!(
            "SELECT k.conname::text AS name FROM pg_constraint k \
             JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attname = 'tenant_id' \
             JOIN pg_attribute r ON r.attrelid = k.confrelid AND r.attname = 'tenant_id' \
             WHERE k.contype = 'f' AND NOT ({holds})"
        )
    };
    // At one place on both sides, so that a row and what it refers to are on one node.
    let aligned = "EXISTS (SELECT FROM unnest(k.conkey, k.confkey) AS part (own, other) \
                   WHERE part.own = a.attnum AND part.other = r.attnum)";
    assert_eq!(names(&owner, &without(aligned)).await?, [] as [String; 0]);
    // The column is never cleared with what a row refers to.
    let kept = "k.confdeltype NOT IN ('n', 'd') OR NOT a.attnum = ANY (coalesce(k.confdelsetcols, k.conkey))";
    assert_eq!(names(&owner, &without(kept)).await?, [] as [String; 0]);
    let between = "SELECT conname::text AS name FROM pg_constraint WHERE contype = 'f'";
    assert_eq!(
        names(&owner, &without("false")).await?.len(),
        names(&owner, between).await?.len(),
        "every one"
    );
    Ok(())
}
