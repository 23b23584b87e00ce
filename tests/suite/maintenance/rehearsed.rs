//! A tenant that an import could not restore is not erased.

use anyhow::Result;
use sea_orm::ConnectionTrait;
use watertight::{MaintenanceError, Watertight};

use super::dump;
use super::restored::Shop;

/// An erasure is refused for this reason and changes nothing, and one without a rehearsal is not.
async fn is_refused(tables: &str, rows: &str, reason: &str) -> Result<()> {
    let shop = Shop::new(tables, rows).await?;
    let before = dump::copied(&shop.database).await?;
    for erases in [false, true] {
        let error = if erases {
            shop.maintenance.erase(shop.tenant, |_| ()).await.unwrap_err()
        } else {
            shop.maintenance.rehearse(shop.tenant, |_| ()).await.unwrap_err()
        };
        assert!(matches!(error, MaintenanceError::NotRestorable { .. }), "{error:?}");
        assert!(error.to_string().contains(reason), "{error}");
        assert_eq!(dump::copied(&shop.database).await?, before);
    }
    shop.maintenance.erase_without_rehearsal(shop.tenant, |_| ()).await?;
    assert_eq!(shop.maintenance.stats(shop.tenant).await?.rows(), 0);
    Ok(())
}

#[tokio::test]
async fn rows_that_a_later_constraint_does_not_accept() -> Result<()> {
    is_refused(
        "CREATE TABLE notes (tenant_id uuid, id int);",
        "INSERT INTO notes VALUES ($1, -1); ALTER TABLE notes ADD CONSTRAINT positive CHECK (id > 0) NOT VALID;",
        "positive",
    )
    .await
}

#[tokio::test]
async fn generated_values_of_a_function_that_has_changed() -> Result<()> {
    is_refused(
        "CREATE FUNCTION label(n int) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'old ' || n $$;
         CREATE TABLE notes (tenant_id uuid, id int, label text GENERATED ALWAYS AS (label(id)) STORED);",
        "INSERT INTO notes VALUES ($1, 1);
         CREATE OR REPLACE FUNCTION label(n int) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'new ' || n $$;",
        "the restored rows of public.notes differ",
    )
    .await
}

#[tokio::test]
async fn rows_of_a_table_without_a_tenant_that_go_with_the_tenants_rows() -> Result<()> {
    is_refused(
        "CREATE TABLE notes (tenant_id uuid, id int PRIMARY KEY);
         CREATE TABLE lines (note int REFERENCES notes ON DELETE CASCADE);",
        "INSERT INTO notes VALUES ($1, 1); INSERT INTO lines VALUES (1);",
        "public.lines has no tenant column",
    )
    .await
}

#[tokio::test]
async fn a_rehearsal_changes_nothing_and_reports_the_rows() -> Result<()> {
    let shop = Shop::new(
        "CREATE TABLE notes (tenant_id uuid, id int GENERATED ALWAYS AS IDENTITY, body json);",
        "INSERT INTO notes (tenant_id, body) SELECT $1, '{ }' FROM generate_series(1, 10);",
    )
    .await?;
    let before = dump::copied(&shop.database).await?;
    let mut steps = Vec::new();
    let rehearsal =
        shop.maintenance.rehearse(shop.tenant, |step| steps.push((step.done, step.total))).await?;
    assert_eq!(rehearsal.rows["public.notes"], 10);
    assert_eq!(rehearsal.rows.values().sum::<u64>(), 10);
    assert_eq!(steps.last(), Some(&(10, 10)));
    assert_eq!(dump::copied(&shop.database).await?, before);
    Ok(())
}

#[tokio::test]
async fn policies_that_hide_rows_from_the_owner_are_refused_before_anything_happens() -> Result<()> {
    for policy in [
        "CREATE POLICY live ON notes AS RESTRICTIVE USING (NOT deleted)",
        "DROP POLICY p ON notes; CREATE POLICY p ON notes TO watertight_app USING (true)",
    ] {
        let shop = Shop::new(
            "CREATE TABLE notes (tenant_id uuid, deleted bool);
             ALTER TABLE notes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
             CREATE POLICY p ON notes USING (tenant_id = (SELECT watertight.tenant()));",
            &format!(
                "BEGIN; SELECT watertight.enter($1); INSERT INTO notes VALUES ($1, true); {policy}; COMMIT"
            ),
        )
        .await?;
        for error in [
            shop.maintenance.stats(shop.tenant).await.unwrap_err(),
            shop.maintenance.export(shop.tenant, &mut Vec::new(), |_| ()).await.unwrap_err(),
            shop.maintenance.erase(shop.tenant, |_| ()).await.unwrap_err(),
        ] {
            match error {
                MaintenanceError::PolicyHidesRows { tables, .. } => assert_eq!(tables, ["public.notes"]),
                other => panic!("{other:?}"),
            }
        }
        let seer = Watertight::builder().maintenance(&shop.database.maintenance().await?).await?;
        assert_eq!(seer.stats(shop.tenant).await?.rows(), 1);
        shop.owner.execute_unprepared("DROP TABLE notes").await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_policy_that_keeps_rows_from_being_deleted_is_refused_and_nothing_is_deleted() -> Result<()> {
    let shop = Shop::new(
        "CREATE TABLE notes (tenant_id uuid, kept bool);
         ALTER TABLE notes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
         CREATE POLICY p ON notes USING (tenant_id = (SELECT watertight.tenant()));
         CREATE POLICY keep ON notes AS RESTRICTIVE FOR DELETE USING (NOT kept);",
        "BEGIN; SELECT watertight.enter($1); INSERT INTO notes VALUES ($1, true), ($1, false); COMMIT",
    )
    .await?;
    for error in [
        shop.maintenance.erase(shop.tenant, |_| ()).await.unwrap_err(),
        shop.maintenance.erase_without_rehearsal(shop.tenant, |_| ()).await.unwrap_err(),
    ] {
        match error {
            MaintenanceError::NotPermitted { tables, .. } => assert_eq!(tables, ["public.notes"]),
            other => panic!("{other:?}"),
        }
        assert_eq!(shop.maintenance.stats(shop.tenant).await?.rows(), 2);
    }
    Ok(())
}
