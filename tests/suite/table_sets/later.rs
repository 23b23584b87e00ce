//! Table sets that are added to a migrated database, or omitted from it.

use std::collections::BTreeSet;

use anyhow::Result;
use sea_orm_migration::MigratorTraitSelf;
use watertight_migration::TableSet;

use super::{empty, migrate, migrator, objects, roll_back};
use crate::adopt::texts;

const UNVERIFIED: &str = "SELECT polrelid::regclass::text FROM pg_policy WHERE polname = 'tenant_isolation' \
    AND pg_get_expr(polqual, polrelid) <> '(tenant_id = ( SELECT watertight.tenant() AS tenant))'";

#[tokio::test]
async fn a_set_added_later_has_the_same_result_as_one_chosen_at_once() -> Result<()> {
    for (first, then) in [
        ("none", "auth"),
        ("none", "all"),
        ("auth", "all"),
        ("booking", "auth=identity,booking"),
        ("history=old", "auth=old,booking=studio,certificates,history=old"),
    ] {
        let (_at_once, owner, _) = empty().await?;
        migrate(&owner, then).await?;
        let expected = objects(&owner).await?;

        let (_database, owner, before) = empty().await?;
        migrate(&owner, first).await?;
        let pending = migrator(then).get_pending_migrations(&owner).await?;
        assert!(!pending.is_empty(), "{first} {then}");
        migrate(&owner, then).await?;
        assert_eq!(objects(&owner).await?, expected, "{first} {then}");
        assert_eq!(texts(&owner, UNVERIFIED).await?, [""; 0], "{first} {then}");
        let rights = "SELECT a.grantee::regrole || a.privilege_type FROM pg_class c, aclexplode(c.relacl) a \
                      WHERE c.oid = 'public.seaql_migrations'::regclass AND a.grantee <> c.relowner";
        assert_eq!(texts(&owner, rights).await?.len(), 1, "{first} {then}");
        roll_back(&owner, then, &before).await?;
    }
    Ok(())
}

#[tokio::test]
async fn pending_migrations_do_not_prevent_a_rollback() -> Result<()> {
    let (_database, owner, before) = empty().await?;
    migrate(&owner, "none").await?;
    roll_back(&owner, "all", &before).await
}

#[tokio::test]
async fn the_unsigned_tenant_comes_back_step_by_step_after_a_set_was_added() -> Result<()> {
    let (_database, owner, before) = empty().await?;
    migrate(&owner, "none").await?;
    migrate(&owner, "auth").await?;
    let names = |found: Vec<sea_orm_migration::Migration>| -> BTreeSet<String> {
        found.iter().map(|migration| migration.name().to_owned()).collect()
    };
    let applied = names(migrator("auth").get_applied_migrations(&owner).await?);
    assert_eq!(applied.len(), TableSet::Auth.migrations().len() + 1);
    // Rolls back to the type of the unsigned tenant, and migrates again.
    let after = TableSet::Auth.migrations().iter().filter(|name| **name >= "m20260101_000009").count();
    let steps = u32::try_from(after + 1)?;
    migrator("auth").down(&owner, Some(steps)).await?;
    assert!(objects(&owner).await?.contains("type auth.watertight_tenant"));
    migrate(&owner, "auth").await?;
    assert!(!objects(&owner).await?.contains("type auth.watertight_tenant"));
    assert_eq!(names(migrator("auth").get_applied_migrations(&owner).await?), applied);
    roll_back(&owner, "auth", &before).await
}

#[tokio::test]
async fn a_set_that_is_left_out_while_it_is_applied_is_an_error() -> Result<()> {
    let (_database, owner, _) = empty().await?;
    migrate(&owner, "auth,history").await?;
    let error = migrator("auth").up(&owner, None).await.unwrap_err().to_string();
    assert!(error.contains("m20260101_000006_create_business_history"), "{error}");
    Ok(())
}
