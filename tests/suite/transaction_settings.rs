//! The settings of a transaction, by options and by SQL.

use std::time::Duration;

use anyhow::{Context, Result};
use sea_orm::{
    AccessMode, ActiveModelTrait, ConnectOptions, ConnectionTrait, DbBackend, DbErr, EntityTrait,
    IsolationLevel, PaginatorTrait, SqlErr, Statement, TransactionError,
};
use watertight::entity::public::services;
use watertight::{
    Builder, Reason, Refusal, TenantConnection, TransactionSettings, Watertight, is_outcome_unknown,
};
use watertight_tests::proxy::Proxy;
use watertight_tests::{TestDatabase, new_tenant};

use crate::round_trips::{settled, through};
use crate::rows;

/// Two tenants that share a pool of one connection.
async fn on_one_connection(
    database: &TestDatabase,
    builder: Builder,
) -> Result<(TenantConnection, TenantConnection)> {
    let mut options = ConnectOptions::new(database.app_url());
    options.max_connections(1).acquire_timeout(Duration::from_secs(5));
    let water = builder.connect(options).await?;
    Ok((water.tenant(new_tenant()?), water.tenant(new_tenant()?)))
}

/// The value of a setting, as the server prints it.
async fn show(db: &impl ConnectionTrait, setting: &str) -> Result<String> {
    let show = Statement::from_string(DbBackend::Postgres, format!("SHOW {setting}"));
    Ok(db.query_one_raw(show).await?.context("a row")?.try_get_by_index(0)?)
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn reason(error: DbErr) -> Option<Reason> {
    Refusal::of(&error).map(|refusal| refusal.reason.clone())
}

const SETTINGS: [(&str, &str); 7] = [
    ("statement_timeout", "7s"),
    ("lock_timeout", "150ms"),
    ("work_mem", "3MB"),
    ("timezone", "Asia/Tokyo"),
    ("enable_seqscan", "off"),
    ("datestyle", "SQL, DMY"),
    ("application_name", "it's a \\ test"),
];

async fn defaults(db: &impl ConnectionTrait) -> Result<Vec<String>> {
    let mut values = Vec::new();
    for (name, _) in SETTINGS {
        values.push(show(db, name).await?);
    }
    Ok(values)
}

#[tokio::test]
async fn a_setting_made_by_sql_ends_with_its_transaction() -> Result<()> {
    let database = TestDatabase::create().await?;
    for builder in [Watertight::builder(), Watertight::builder().transaction_pooler(true)] {
        let (clinic, studio) = on_one_connection(&database, builder).await?;
        let before = defaults(&studio).await?;
        for commits in [true, false] {
            let transaction = clinic.begin().await?;
            for (name, value) in SETTINGS {
                let value = if name == "datestyle" {
                    value.to_owned()
                } else {
                    format!("'{}'", value.replace('\'', "''"))
                };
                transaction.execute_unprepared(&format!("SET LOCAL {name} = {value}")).await?;
                assert_eq!(
                    show(&transaction, name).await?,
                    SETTINGS.iter().find(|it| it.0 == name).unwrap().1
                );
            }
            // Statements of the transaction stay within the tenant.
            rows::service("Massage").insert(&transaction).await?;
            if commits {
                transaction.commit().await?;
            } else {
                transaction.rollback().await?;
            }
            assert_eq!(defaults(&studio).await?, before, "the next tenant on the connection");
            assert_eq!(services::Entity::find().count(&studio).await?, 0);
        }
        let dropped = clinic.begin().await?;
        dropped.execute_unprepared("SET LOCAL work_mem = '3MB'").await?;
        drop(dropped);
        assert_eq!(defaults(&studio).await?, before, "after a transaction that was dropped");
    }
    Ok(())
}

#[tokio::test]
async fn a_setting_ends_with_the_rollback_of_its_savepoint_and_by_reset() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, _) = on_one_connection(&database, Watertight::builder()).await?;
    let transaction = clinic.begin().await?;
    transaction.execute_unprepared("SET LOCAL lock_timeout = '1s'").await?;
    let inner = transaction.begin().await?;
    inner.execute_unprepared("SET LOCAL lock_timeout = '2s'").await?;
    inner.rollback().await?;
    assert_eq!(show(&transaction, "lock_timeout").await?, "1s");
    let inner = transaction.begin().await?;
    inner.execute_unprepared("SET LOCAL lock_timeout = '3s'").await?;
    inner.commit().await?;
    assert_eq!(show(&transaction, "lock_timeout").await?, "3s");
    transaction.execute_unprepared("RESET lock_timeout").await?;
    assert_eq!(show(&transaction, "lock_timeout").await?, "0");
    transaction.execute_unprepared("SET LOCAL TIME ZONE INTERVAL '+05:30' HOUR TO MINUTE").await?;
    assert_ne!(
        show(&transaction, "TIME ZONE").await?,
        show(&clinic_zone(&database).await?, "TIME ZONE").await?
    );
    transaction.execute_unprepared("SET LOCAL TIME ZONE DEFAULT").await?;

    // A value that the server rejects fails the transaction, as any statement does.
    let wrong = transaction.execute_unprepared("SET LOCAL work_mem = 'much'").await.unwrap_err();
    assert!(Refusal::of(&wrong).is_none() && !is_outcome_unknown(&wrong), "{wrong}");
    assert_eq!(transaction.commit().await.map_err(reason), Err(Some(Reason::Aborted)));
    Ok(())
}

async fn clinic_zone(database: &TestDatabase) -> Result<TenantConnection> {
    Ok(on_one_connection(database, Watertight::builder()).await?.0)
}

#[tokio::test]
async fn what_would_outlive_the_transaction_or_have_no_effect_is_refused() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, studio) = on_one_connection(&database, Watertight::builder()).await?;
    let before = defaults(&studio).await?;
    for sql in ["SET LOCAL work_mem = '3MB'", "SET CONSTRAINTS ALL DEFERRED", "RESET work_mem"] {
        assert_eq!(
            clinic.execute_unprepared(sql).await.map(drop).map_err(reason),
            Err(Some(Reason::OutsideTransaction))
        );
    }
    let transaction = clinic.begin().await?;
    let session = transaction.execute_unprepared("SET work_mem = '3MB'").await.unwrap_err();
    assert!(session.to_string().contains("write SET LOCAL work_mem"), "{session}");
    for sql in [
        "SET LOCAL row_security = off",
        "SET LOCAL search_path = pg_temp",
        "SET LOCAL watertight.tenant = ''",
        "SET LOCAL standard_conforming_strings = off",
        "SET LOCAL ROLE NONE",
        "SET TRANSACTION READ WRITE",
    ] {
        let refused = transaction.execute_unprepared(sql).await.map_err(reason);
        assert!(matches!(refused, Err(Some(Reason::Setting { .. }))), "{sql}: {refused:?}");
    }
    // Nothing was sent, so the transaction goes on.
    transaction.commit().await?;
    assert_eq!(defaults(&studio).await?, before);
    Ok(())
}

#[tokio::test]
async fn options_are_sent_with_the_begin() -> Result<()> {
    let database = TestDatabase::create().await?;
    let proxy = Proxy::start(&database.app_url()).await?;
    let tenant = through(&proxy, &database, Watertight::builder()).await?;
    let before = defaults(&tenant).await?;
    let start = settled(&proxy).await;
    let settings = TransactionSettings::new()
        .isolation_level(IsolationLevel::RepeatableRead)
        .access_mode(AccessMode::ReadOnly)
        .statement_timeout(Duration::from_secs(7))
        .lock_timeout(Duration::from_millis(150))
        .idle_timeout(Duration::from_mins(1))
        .work_mem(3 << 20)
        .time_zone("Asia/Tokyo")
        .application_name("it's a \\ test");
    let transaction = tenant.begin_with_settings(&settings).await?;
    assert_eq!(settled(&proxy).await - start, 1, "one round trip");
    for (name, value) in
        SETTINGS.into_iter().filter(|(name, _)| !["enable_seqscan", "datestyle"].contains(name))
    {
        assert_eq!(show(&transaction, name).await?, value, "{name}");
    }
    assert_eq!(show(&transaction, "idle_in_transaction_session_timeout").await?, "1min");
    assert_eq!(show(&transaction, "transaction_isolation").await?, "repeatable read");
    let written = rows::service("Massage").insert(&transaction).await.unwrap_err();
    assert!(written.to_string().contains("read-only transaction"), "{written}");
    transaction.rollback().await?;
    assert_eq!(defaults(&tenant).await?, before, "nothing is left on the connection");

    let version: u32 = show(&tenant, "server_version_num").await?.parse()?;
    let limited = TransactionSettings::new().transaction_timeout(Duration::from_secs(90));
    match tenant.begin_with_settings(&limited).await {
        Ok(transaction) => assert_eq!(show(&transaction, "transaction_timeout").await?, "90s"),
        Err(error) => {
            assert!(version < 170_000, "{error}");
            assert!(matches!(reason(error), Some(Reason::InvalidSetting(_))));
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_setting_that_the_server_rejects_leaves_no_transaction_behind() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, studio) = on_one_connection(&database, Watertight::builder()).await?;
    for settings in [
        TransactionSettings::new().work_mem(3 << 20).time_zone("Nowhere/Atlantis"),
        TransactionSettings::new().work_mem(3 << 20).defer_constraint("no_such_constraint"),
    ] {
        let error = clinic.begin_with_settings(&settings).await.unwrap_err();
        assert!(Refusal::of(&error).is_none() && !is_outcome_unknown(&error), "{error}");
        assert_eq!(show(&studio, "work_mem").await?, "4MB");
        rows::service("Massage").insert(&studio).await?;
    }
    let refused = clinic.begin_with_settings(&TransactionSettings::new().time_zone("UTC'; COMMIT; --")).await;
    assert!(matches!(refused.map(drop).map_err(reason), Err(Some(Reason::InvalidSetting(_)))));
    assert_eq!(services::Entity::find().count(&studio).await?, 2, "each insert committed on its own");
    Ok(())
}

#[tokio::test]
async fn settings_can_be_changed_later_and_be_fixed() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, studio) = on_one_connection(&database, Watertight::builder()).await?;
    let fixed = TransactionSettings::new().statement_timeout(Duration::from_secs(5)).fixed();
    let transaction = clinic.begin_with_settings(&fixed).await?;
    let inner = transaction.begin().await?;
    for sql in ["SET LOCAL statement_timeout = 0", "RESET statement_timeout", "SET CONSTRAINTS ALL IMMEDIATE"]
    {
        assert_eq!(
            inner.execute_unprepared(sql).await.map(drop).map_err(reason),
            Err(Some(Reason::FixedSettings))
        );
    }
    assert_eq!(show(&inner, "statement_timeout").await?, "5s", "to show a setting is allowed");
    inner
        .set_local(&TransactionSettings::new().work_mem(3 << 20).lock_timeout(Duration::from_secs(1)))
        .await?;
    assert_eq!(
        (show(&inner, "work_mem").await?, show(&inner, "lock_timeout").await?),
        ("3MB".into(), "1s".into())
    );
    inner.rollback().await?;
    assert_eq!(show(&transaction, "work_mem").await?, "4MB");
    let level = TransactionSettings::new().isolation_level(IsolationLevel::Serializable);
    assert!(matches!(transaction.set_local(&level).await.map_err(reason), Err(Some(Reason::Unsupported(_)))));
    transaction.set_local(&TransactionSettings::new()).await?;
    transaction.commit().await?;

    let failed = clinic
        .transaction_with_settings_async(&fixed, async |transaction| {
            rows::service("Massage").insert(transaction).await?;
            transaction.execute_unprepared("SET LOCAL jit = off").await.map(drop)
        })
        .await;
    assert!(matches!(failed, Err(TransactionError::Transaction(_))));
    assert_eq!(services::Entity::find().count(&clinic).await?, 0, "rolled back");
    let next = studio.begin().await?;
    next.execute_unprepared("SET LOCAL jit = off").await?;
    next.commit().await?;
    Ok(())
}

mod pairs {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "pairs")]
    pub(super) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(super) tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(super) id: i32,
        pub(super) other: i32,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

const PAIRS: &str = "CREATE TABLE pairs (tenant_id uuid NOT NULL, id int NOT NULL, other int NOT NULL, \
         PRIMARY KEY (tenant_id, id), \
         CONSTRAINT other_pair FOREIGN KEY (tenant_id, other) REFERENCES pairs DEFERRABLE); \
     ALTER TABLE pairs ENABLE ROW LEVEL SECURITY; ALTER TABLE pairs FORCE ROW LEVEL SECURITY; \
     CREATE POLICY tenant_isolation ON pairs USING (tenant_id = watertight.tenant()); \
     GRANT SELECT, INSERT, UPDATE, DELETE ON pairs TO PUBLIC";

#[tokio::test]
async fn constraints_are_deferred_to_the_commit_and_still_bind_the_tenant() -> Result<()> {
    let database = TestDatabase::create().await?;
    database.owner().await?.execute_unprepared(PAIRS).await?;
    let builder = Watertight::builder().tenant_table(pairs::Entity);
    let (clinic, studio) = on_one_connection(&database, builder).await?;
    let pair = |id, other| format!("INSERT INTO pairs (id, other) VALUES ({id}, {other})");
    studio.execute_unprepared(&pair(2, 2)).await?;

    let settings = [
        TransactionSettings::new().defer_all_constraints(),
        TransactionSettings::new().defer_constraint("other_pair"),
        TransactionSettings::new().defer_constraint("public.other_pair"),
    ];
    for (index, settings) in settings.iter().enumerate() {
        let first = i32::try_from(index)? * 10 + 10;
        let transaction = clinic.begin_with_settings(settings).await?;
        transaction.execute_unprepared(&pair(first, first + 1)).await?;
        transaction.execute_unprepared(&pair(first + 1, first)).await?;
        transaction.commit().await?;
    }
    // The row of the other tenant is none of the tenant's own.
    let transaction = clinic.begin().await?;
    transaction.execute_unprepared("SET CONSTRAINTS other_pair DEFERRED").await?;
    transaction.execute_unprepared(&pair(1, 2)).await?;
    let broken = transaction.execute_unprepared("SET CONSTRAINTS ALL IMMEDIATE").await.unwrap_err();
    assert!(matches!(broken.sql_err(), Some(SqlErr::ForeignKeyConstraintViolation(_))), "{broken}");
    transaction.rollback().await?;
    let transaction = clinic.begin_with_settings(&settings[0]).await?;
    transaction.execute_unprepared(&pair(1, 2)).await?;
    let broken = transaction.commit().await.unwrap_err();
    assert!(matches!(broken.sql_err(), Some(SqlErr::ForeignKeyConstraintViolation(_))), "{broken}");

    // The next transaction on the connection checks at once.
    let broken = studio.execute_unprepared(&pair(1, 3)).await.unwrap_err();
    assert!(matches!(broken.sql_err(), Some(SqlErr::ForeignKeyConstraintViolation(_))), "{broken}");
    assert_eq!(pairs::Entity::find().count(&clinic).await?, 6);
    assert_eq!(pairs::Entity::find().count(&studio).await?, 1);
    Ok(())
}

#[tokio::test]
async fn no_plan_that_a_setting_prefers_reads_another_tenant() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, studio) = on_one_connection(&database, Watertight::builder()).await?;
    for name in ["Massage", "Facial"] {
        rows::service(name).insert(&clinic).await?;
        rows::service(name).insert(&studio).await?;
    }
    for setting in [
        "enable_seqscan = off",
        "enable_indexscan = off",
        "enable_nestloop = off",
        "enable_hashjoin = off",
        "enable_partition_pruning = off",
        "constraint_exclusion = off",
        "plan_cache_mode = force_generic_plan",
        "cpu_operator_cost = 0",
        "jit_above_cost = 0",
        "work_mem = '64kB'",
        "from_collapse_limit = 1",
    ] {
        let transaction = clinic.begin().await?;
        transaction.execute_unprepared(&format!("SET LOCAL {setting}")).await?;
        let sql = "SELECT count(*) FROM services a JOIN services b USING (name) WHERE a.name > ''";
        let counted = Statement::from_string(DbBackend::Postgres, sql);
        let row = transaction.query_one_raw(counted).await?.context("a row")?;
        assert_eq!(row.try_get_by_index::<i64>(0)?, 2, "{setting}");
        let deleted = services::Entity::delete_many().exec(&transaction).await?;
        assert_eq!(deleted.rows_affected, 2, "{setting}");
        transaction.rollback().await?;
    }
    Ok(())
}

/// The settings of the list, from the source.
fn settable() -> Vec<&'static str> {
    let source = include_str!("../../service/src/tenant/rewrite/setting_names.rs");
    let list = source.split("SETTABLE: &[&str] = &[").nth(1).unwrap().split(']').next().unwrap();
    list.split('"').skip(1).step_by(2).collect()
}

#[tokio::test]
async fn every_setting_in_the_list_is_one_that_any_user_may_set() -> Result<()> {
    let database = TestDatabase::create().await?;
    let owner = database.owner().await?;
    let sql = "SELECT lower(name), context FROM pg_settings";
    let rows = owner.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    let mut contexts = std::collections::BTreeMap::new();
    for row in rows {
        contexts.insert(row.try_get_by_index::<String>(0)?, row.try_get_by_index::<String>(1)?);
    }
    let (clinic, _) = on_one_connection(&database, Watertight::builder()).await?;
    let names = settable();
    assert!(names.len() > 60, "{names:?}");
    for name in names {
        // Later releases of PostgreSQL have some, and extensions others.
        let Some(context) = contexts.get(name) else { continue };
        assert_eq!(context, "user", "{name}");
        let transaction = clinic.begin().await?;
        transaction.execute_unprepared(&format!("SET LOCAL {name} TO DEFAULT")).await?;
        show(&transaction, name).await?;
        transaction.rollback().await?;
    }
    Ok(())
}
