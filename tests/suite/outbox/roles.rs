//! The rights of the application's role and of the worker's role, without rewriting, and the doctor.

use anyhow::{Context, Result};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement};
use watertight::doctor::{Check, Severity};
use watertight_migration::{Settings, TableError, TenantTable};

use super::{Scene, WORKER, builder, enqueue, table};

async fn count(db: &DatabaseConnection, table: &str) -> Result<i64> {
    let sql = Statement::from_string(DbBackend::Postgres, format!("SELECT count(*) AS n FROM {table}"));
    Ok(db.query_one_raw(sql).await?.context("a count")?.try_get("", "n")?)
}

#[tokio::test]
async fn the_server_holds_both_roles_to_their_part() -> Result<()> {
    let scene = Scene::new().await?;
    enqueue(&scene.clinic, 1).await?;
    enqueue(&scene.studio, 2).await?;
    let app = scene.water.dangerous_unscoped();
    for sql in ["SELECT 1 FROM messages", "UPDATE messages SET attempts = 0", "DELETE FROM messages"] {
        let error = app.execute_unprepared(sql).await.unwrap_err().to_string();
        assert!(error.contains("permission denied"), "{sql}: {error}");
    }
    let forged = format!(
        "INSERT INTO messages (tenant_id, kind, number) VALUES ('{}', 'forged', 3)",
        scene.studio.tenant_id()
    );
    let error = app.execute_unprepared(&forged).await.unwrap_err().to_string();
    assert!(error.contains("row-level security"), "{error}");

    let worker = Database::connect(scene.worker_url()?).await?;
    assert_eq!(count(&worker, "messages").await?, 2);
    assert_eq!(count(&worker, "handled").await?, 0, "no other table");
    let error = worker.execute_unprepared(&forged).await.unwrap_err().to_string();
    assert!(error.contains("row-level security"), "{error}");
    for sql in [
        format!("UPDATE messages SET tenant_id = '{}'", scene.studio.tenant_id()),
        "UPDATE messages SET kind = 'other'".to_owned(),
        "TRUNCATE messages".to_owned(),
    ] {
        let error = worker.execute_unprepared(&sql).await.unwrap_err().to_string();
        assert!(error.contains("permission denied"), "{sql}: {error}");
    }
    worker.execute_unprepared("UPDATE messages SET attempts = 0, available_at = now()").await?;
    let tenant = scene.worker().await?.tenant(scene.clinic.tenant_id());
    assert!(tenant.execute_unprepared("SELECT count(*) FROM handled").await.is_ok());
    Ok(())
}

#[tokio::test]
async fn the_doctor_accepts_the_worker_of_an_outbox_alone() -> Result<()> {
    let scene = Scene::new().await?;
    let app = Database::connect(scene.database.app_url()).await?;
    let report = builder().doctor(&app).await?;
    assert!(report.is_sound(), "{report}");
    let on_messages = |finding: &&watertight::doctor::Finding| {
        finding.object == "public.messages" && finding.severity != Severity::Note
    };
    assert_eq!(report.findings.iter().filter(on_messages).count(), 0, "{report}");
    builder().check_with_doctor().connect(scene.database.app_url()).await?;
    builder().check_with_doctor().connect(scene.worker_url()?).await?;

    let owner = scene.database.owner().await?;
    for (planted, table) in [
        (
            format!("CREATE POLICY outbox_select ON handled FOR SELECT TO {WORKER} USING (true)"),
            "public.handled",
        ),
        ("ALTER POLICY outbox_select ON messages TO PUBLIC".to_owned(), "public.messages"),
        (
            format!("CREATE POLICY outbox_insert ON messages FOR INSERT TO {WORKER} WITH CHECK (true)"),
            "public.messages",
        ),
    ] {
        owner.execute_unprepared(&planted).await?;
        let report = builder().doctor(&app).await?;
        let found = report.of(Check::Policy).any(|finding| finding.object == table);
        assert!(found, "{planted}: {report}");
    }
    // A table that is registered as any other is none.
    let report = watertight::Watertight::builder()
        .tenant_table(super::messages::Entity)
        .tenant_table(super::handled::Entity)
        .doctor(&owner)
        .await?;
    assert!(report.of(Check::Policy).filter(|finding| finding.object == "public.messages").count() >= 3);
    Ok(())
}

#[test]
fn a_wrong_outbox_is_a_typed_error() {
    let settings = Settings::default();
    for role in [settings.app_role(), "public"] {
        let table = TenantTable::new("public", "messages").outbox(role);
        assert!(matches!(table.statements(&settings), Err(TableError::OutboxWorker { .. })), "{role}");
    }
    for table in [table().one_row_per_tenant(), table().key(["kind"])] {
        assert!(matches!(table.statements(&settings), Err(TableError::OutboxKey { .. })));
    }
    let twice = table().col(sea_orm_migration::schema::integer("attempts"));
    assert!(matches!(twice.statements(&settings), Err(TableError::DuplicateColumn { .. })));
    assert!(matches!(table().outbox("").statements(&settings), Err(TableError::Name { .. })));
}

#[tokio::test]
async fn an_outbox_without_its_worker_is_refused_with_instructions() -> Result<()> {
    let database = watertight_tests::TestDatabase::create().await?;
    let owner = database.owner().await?;
    let manager = sea_orm_migration::SchemaManager::new(&owner);
    let table = TenantTable::new("public", "messages").outbox("watertight_nobody");
    let error = table.create(&manager, &Settings::from_env()).await.unwrap_err().to_string();
    assert!(error.contains("CREATE ROLE") && error.contains("watertight_nobody"), "{error}");
    Ok(())
}
