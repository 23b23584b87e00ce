//! Changes of rows by the owner: for all tenants or each, and an error instead of no rows without a tenant.

mod backup;

use anyhow::{Context, Result};
use async_trait::async_trait;
use sea_orm::{DatabaseConnection, DbBackend, Statement, TransactionTrait};
use watertight_migration::sea_orm_migration::{self, prelude::*};
use watertight_migration::{
    ChangeFuture, MigrationTrait, Settings, TenantMigrator, for_all_tenants, for_each_tenant, tenant_keys,
};
use watertight_tests::{TestDatabase, new_tenant};

/// Two clients of each of two tenants.
async fn filled() -> Result<(TestDatabase, DatabaseConnection)> {
    let database = TestDatabase::create().await?;
    let superuser = database.superuser().await?;
    for tenant in [new_tenant()?, new_tenant()?] {
        let sql = format!(
            "INSERT INTO clients (tenant_id, first_name, last_name, email, phone) \
             SELECT '{tenant}', 'Kim', 'K', n || '@example.com', ' 1 ' FROM generate_series(1, 2) n"
        );
        superuser.execute_unprepared(&sql).await?;
    }
    let owner = database.owner().await?;
    Ok((database, owner))
}

async fn number(db: &impl ConnectionTrait, sql: &str) -> Result<i64> {
    let row = db.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    Ok(row.context("a row")?.try_get_by_index(0)?)
}

async fn phones(database: &TestDatabase, phone: &str) -> Result<i64> {
    let sql = format!("SELECT count(*) FROM clients WHERE phone LIKE '{phone}'");
    number(&database.maintenance().await?, &sql).await
}

const UNFORCED: &str = "SELECT count(*) FROM pg_class WHERE relrowsecurity AND NOT relforcerowsecurity";

/// The statements of data migrations in which row-level security hid every row.
const MISTAKES: [&str; 9] = [
    "UPDATE clients SET phone = trim(phone)",
    "DELETE FROM clients",
    "SELECT count(*) FROM clients",
    "INSERT INTO copied SELECT id FROM clients",
    "CREATE TABLE copied_2 AS SELECT id FROM clients",
    "MERGE INTO clients c USING (SELECT 1) s ON true WHEN MATCHED THEN UPDATE SET phone = ''",
    "SELECT id FROM clients LIMIT 1 FOR UPDATE",
    "DO $$ BEGIN PERFORM FROM clients; END $$",
    "ALTER TABLE clients ADD CONSTRAINT to_nobody FOREIGN KEY (tenant_id, id) REFERENCES services (tenant_id, id)",
];

#[tokio::test]
async fn without_a_tenant_a_statement_of_the_owner_fails_instead_of_finding_no_rows() -> Result<()> {
    let (database, owner) = filled().await?;
    owner.execute_unprepared("CREATE TABLE copied (id uuid)").await?;
    for signed in [true, false] {
        if !signed {
            tenant_keys::waive(&owner).await?;
        }
        for sql in MISTAKES {
            let error = owner.execute_unprepared(sql).await.expect_err(sql).to_string();
            assert!(error.contains("no tenant is set") && error.contains("hide every row"), "{sql}: {error}");
        }
        // The tenant of the transaction.
        let transaction = owner.begin().await?;
        let enter = "SELECT watertight.enter(gen_random_uuid())";
        transaction.execute_unprepared(enter).await?;
        assert_eq!(number(&transaction, "SELECT count(*) FROM clients").await?, 0);
        transaction.rollback().await?;
        // Other roles see what they saw.
        let water = database.water().await?;
        assert_eq!(number(water.dangerous_unscoped(), "SELECT count(*) FROM clients").await?, 0);
        assert_eq!(phones(&database, " 1 ").await?, 4);
        let clinic = water.tenant(new_tenant()?);
        assert_eq!(number(&clinic, "SELECT count(*) FROM clients").await?, 0);
        let superuser = database.superuser().await?;
        assert_eq!(number(&superuser, "SELECT count(*) FROM clients").await?, 4);
        assert_eq!(number(&superuser, "SELECT count(watertight.tenant())").await?, 0);
        // A member of the owner, and a superuser that has become the owner.
        let sql = format!("SET ROLE {}; DELETE FROM clients", database.owner_role());
        assert!(superuser.execute_unprepared(&sql).await.is_err());
    }
    tenant_keys::require(&owner).await?;
    assert!(owner.execute_unprepared("DELETE FROM clients").await.is_err());
    Ok(())
}

#[tokio::test]
async fn in_a_new_database_the_owner_hides_no_row_from_itself() -> Result<()> {
    let database = TestDatabase::create().await?;
    let owner = database.owner().await?;
    for sql in ["UPDATE clients SET phone = trim(phone)", MISTAKES[MISTAKES.len() - 1]] {
        owner.execute_unprepared(sql).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_change_for_all_tenants_is_a_migration_of_an_application() -> Result<()> {
    struct Trimmed;

    impl MigrationName for Trimmed {
        fn name(&self) -> &'static str {
            "m20270101_000001_trimmed"
        }
    }

    #[async_trait]
    impl MigrationTrait for Trimmed {
        async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
            for_all_tenants(manager, [("public", "clients")], |manager| {
                Box::pin(async move {
                    let db = manager.get_connection();
                    let trimmed = db.execute_unprepared("UPDATE clients SET phone = trim(phone)").await?;
                    if trimmed.rows_affected() == 4 { Ok(()) } else { Err(DbErr::RecordNotUpdated) }
                })
            })
            .await
        }

        async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
            manager.get_connection().execute_unprepared("UPDATE clients SET phone = ' 1 '").await.map(drop)
        }
    }

    let (database, owner) = filled().await?;
    let migrator = TenantMigrator::new(Settings::from_env()).then(|| vec![Box::new(Trimmed)]);
    sea_orm_migration::MigratorTraitSelf::up(&migrator, &owner, None).await?;
    assert_eq!(phones(&database, "1").await?, 4);
    assert_eq!(number(&owner, UNFORCED).await?, 0);
    // Without the helper a migration fails, and stays applied.
    let error = sea_orm_migration::MigratorTraitSelf::down(&migrator, &owner, Some(1)).await.unwrap_err();
    assert!(error.to_string().contains("no tenant is set"), "{error}");
    assert_eq!(
        number(&owner, "SELECT count(*) FROM seaql_migrations WHERE version LIKE '%trimmed'").await?,
        1
    );
    Ok(())
}

/// A change that fails after it has changed rows.
fn failing(sql: &'static str) -> impl for<'c> FnOnce(&'c SchemaManager<'static>) -> ChangeFuture<'c, ()> {
    move |manager| {
        Box::pin(async move {
            let db = manager.get_connection();
            db.execute_unprepared("UPDATE clients SET phone = 'x'").await?;
            db.execute_unprepared(sql).await?;
            Err(DbErr::Custom("refused".to_owned()))
        })
    }
}

#[tokio::test]
async fn a_failed_change_leaves_nothing_behind() -> Result<()> {
    let (database, owner) = filled().await?;
    // Without a transaction around it, and in one that goes on.
    let outside = SchemaManager::new(&owner);
    for sql in ["SELECT 1", "SELECT 1 / 0", "ALTER TABLE clients RENAME TO customers"] {
        assert!(for_all_tenants(&outside, [("public", "clients")], failing(sql)).await.is_err());
        let transaction = owner.begin().await?;
        let inside = SchemaManager::new(&transaction);
        assert!(for_all_tenants(&inside, [("public", "clients")], failing(sql)).await.is_err());
        transaction.commit().await?;
    }
    assert_eq!((phones(&database, "x").await?, number(&owner, UNFORCED).await?), (0, 0));
    // A table that is renamed meanwhile is forced again.
    for_all_tenants(&outside, [("public", "clients")], |manager| {
        Box::pin(async move {
            let db = manager.get_connection();
            db.execute_unprepared("ALTER TABLE clients RENAME TO customers; UPDATE customers SET phone = 'x'")
                .await
                .map(drop)
        })
    })
    .await?;
    assert_eq!(number(&owner, UNFORCED).await?, 0);
    for (table, why) in [("nothing", "does not exist"), ("seaql_migrations", "no tenant column")] {
        let refused = for_all_tenants(&outside, [("public", table)], |_| Box::pin(async { Ok(()) })).await;
        assert!(refused.unwrap_err().to_string().contains(why));
    }
    let none: [(&str, &str); 0] = [];
    let refused = for_all_tenants(&outside, none, |_| Box::pin(async { Ok(()) })).await;
    assert!(refused.unwrap_err().to_string().contains("no table is named"));
    // Tables that the change does not name keep their policies.
    let copy = "INSERT INTO services (tenant_id, name) SELECT tenant_id, 'x' FROM customers";
    let other = for_all_tenants(&outside, [("public", "customers")], |manager| {
        Box::pin(async move { manager.get_connection().execute_unprepared(copy).await.map(drop) })
    });
    assert!(other.await.unwrap_err().to_string().contains("row-level security"));
    Ok(())
}

#[tokio::test]
async fn a_change_for_each_tenant_sees_one_tenant_at_a_time() -> Result<()> {
    let (database, owner) = filled().await?;
    let manager = SchemaManager::new(&owner);
    let tenants = for_each_tenant(&manager, [("public", "clients")], |manager, tenant| {
        Box::pin(async move {
            let sql = "UPDATE clients SET phone = left(tenant_id::text, 20)";
            let changed = manager.get_connection().execute_unprepared(sql).await?;
            assert_eq!(changed.rows_affected(), 2, "{tenant:?}");
            Ok(())
        })
    })
    .await?;
    assert_eq!((tenants, phones(&database, "%-%").await?), (2, 4));
    assert_eq!(number(&owner, UNFORCED).await?, 0);
    // The tenant is not left set in a transaction that goes on.
    let transaction = owner.begin().await?;
    let inside = SchemaManager::new(&transaction);
    let tenants =
        for_each_tenant(&inside, [("public", "clients")], |_, _| Box::pin(async { Ok(()) })).await?;
    assert_eq!(tenants, 2);
    assert!(transaction.execute_unprepared("DELETE FROM clients").await.is_err());
    transaction.rollback().await?;
    // A failure for the second tenant rolls back the first.
    let mut count = 0;
    let failed = for_each_tenant(&manager, [("public", "clients")], |manager, _| {
        count += 1;
        let sql = if count == 1 { "UPDATE clients SET phone = 'y'" } else { "SELECT 1 / 0" };
        Box::pin(async move { manager.get_connection().execute_unprepared(sql).await.map(drop) })
    })
    .await;
    assert!(failed.is_err());
    assert_eq!(phones(&database, "y").await?, 0);
    Ok(())
}
