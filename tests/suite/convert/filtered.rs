//! A database with hand-written filters: `org_id` is there and filled, and two organizations have rows.

use anyhow::Result;
use sea_orm::ConnectionTrait;
use watertight::{TableSets, TenantId, Watertight};
use watertight_migration::TenantType;
use watertight_migration::convert::{Conversion, ProblemKind};

use super::{Application, convert, undo};
use crate::adopt::texts;

const SQL: &str = "\
    CREATE TABLE orgs (id bigint PRIMARY KEY, name text NOT NULL); \
    CREATE TABLE projects (id bigserial PRIMARY KEY, org_id bigint NOT NULL REFERENCES orgs (id), name text NOT NULL, \
        UNIQUE (org_id, name)); \
    CREATE TABLE tasks (id bigserial PRIMARY KEY, org_id bigint DEFAULT 1 REFERENCES orgs (id), \
        project_id bigint REFERENCES projects (id) ON DELETE SET NULL (project_id), number int NOT NULL, \
        parent_id bigint REFERENCES tasks (id) DEFERRABLE INITIALLY DEFERRED); \
    CREATE UNIQUE INDEX tasks_number ON tasks (org_id, number) WHERE parent_id IS NULL; \
    CREATE INDEX tasks_org ON tasks (org_id); \
    GRANT SELECT, INSERT, TRUNCATE ON tasks TO {APP}; GRANT SELECT ON projects TO PUBLIC; \
    GRANT UPDATE (name) ON projects TO {APP}; \
    INSERT INTO orgs VALUES (1, 'one'), (2, 'two'); \
    INSERT INTO projects (org_id, name) SELECT 1 + n % 2, 'p' || n FROM generate_series(1, 20) n; \
    INSERT INTO tasks (org_id, project_id, number) SELECT 1 + n % 2, n, n FROM generate_series(1, 20) n; \
    INSERT INTO tasks (org_id, project_id, number, parent_id) SELECT 1 + n % 2, n, n, n FROM generate_series(1, 20) n";

async fn application() -> Result<Application> {
    let database = watertight_tests::TestDatabase::empty().await?;
    let sql = SQL.replace("{APP}", database.app_role());
    Application::new(&sql, TenantType::BigInt).await
}

fn conversion(application: &Application) -> Conversion {
    let settings = application.settings.clone().with_tenant_column("org_id");
    Conversion::new(settings).all_tables_of("public").except(["orgs"])
}

#[tokio::test]
async fn hand_filtered_tenants_are_kept_apart_and_the_undo_keeps_their_column() -> Result<()> {
    let application = application().await?;
    let before = application.snapshot().await?;
    let conversion = conversion(&application);
    convert(&application, &conversion).await?;
    let count = "SELECT count(*)::text FROM tasks";
    assert_eq!(application.read_as("1", count).await?, ["20"]);
    assert_eq!(application.read_as("2", count).await?, ["20"]);
    assert_eq!(application.read_as("3", count).await?, ["0"]);
    application.run_as("2", "INSERT INTO tasks (org_id, number) VALUES (2, 999)").await?;
    for (sql, why) in [
        // The role keeps the rights that it had, without TRUNCATE.
        ("UPDATE tasks SET number = 0", "permission denied"),
        ("TRUNCATE tasks", "permission denied"),
        ("INSERT INTO tasks (number) VALUES (1000)", "row-level security"),
        ("INSERT INTO tasks (org_id, project_id, number) VALUES (2, 2, 1001)", "foreign key"),
    ] {
        let error = format!("{:?}", application.run_as("2", sql).await.expect_err(sql));
        assert!(error.contains(why), "{sql}: {error}");
    }
    // The service knows the column and the type.
    let builder = Watertight::builder()
        .table_sets(TableSets::none())
        .tenant_type(TenantType::BigInt)
        .tenant_column("org_id")
        .tenant_tables(["tasks"]);
    let water = application.database.water_with(builder).await?;
    let second = water.tenant(TenantId::new(2_i64)?);
    assert_eq!(texts(&second, "SELECT sum(number)::text FROM tasks").await?, ["1199"]);
    second.execute_unprepared("INSERT INTO tasks (number) VALUES (1000)").await?;
    assert_eq!(texts(&second, "SELECT count(*)::text FROM tasks").await?, ["22"]);
    // Two organizations are no reason against an undo, because the column was there before.
    undo(&application, &conversion).await?;
    application.snapshot().await?.assert_equals(&before);
    Ok(())
}

#[tokio::test]
async fn rows_of_one_organization_that_refer_to_another_are_listed_before() -> Result<()> {
    let application = application().await?;
    let owner = application.owner().await?;
    owner.execute_unprepared("UPDATE tasks SET project_id = project_id - 1 WHERE project_id > 1").await?;
    let plan = conversion(&application).plan(&owner).await?;
    let [problem] = &plan.problems[..] else { panic!("{plan}") };
    assert_eq!(problem.kind, ProblemKind::CrossingRows);
    assert_eq!(problem.rows.len(), 20);
    assert!(problem.rows.iter().any(|row| row == "(1) of tenant 1 refers to a row of tenant 2"), "{plan}");
    assert!(plan.to_string().contains("(the first 20 are listed)"));
    Ok(())
}

#[tokio::test]
async fn rows_without_an_organization_are_filled_or_refused() -> Result<()> {
    let application = application().await?;
    let owner = application.owner().await?;
    owner
        .execute_unprepared(
            "TRUNCATE tasks, projects; ALTER TABLE tasks ALTER COLUMN org_id DROP DEFAULT; \
             INSERT INTO tasks (number) SELECT n FROM generate_series(1, 30000) n; \
             INSERT INTO tasks (org_id, number) VALUES (1, 30001)",
        )
        .await?;
    let before = application.snapshot().await?;
    let refused = conversion(&application).plan(&owner).await?;
    assert_eq!(refused.problems.len(), 1, "{refused}");
    assert!(refused.problems[0].problem.contains("30000 rows whose org_id is null"), "{refused}");
    // Rows of another organization make it impossible to know the one of the rest.
    let other = conversion(&application).tenant("2").plan(&owner).await?;
    assert_eq!(other.problems[0].kind, ProblemKind::TenantOfRows, "{other}");
    let conversion = conversion(&application).tenant("1");
    convert(&application, &conversion).await?;
    assert_eq!(application.read_as("1", "SELECT count(*)::text FROM tasks").await?, ["30001"]);
    undo(&application, &conversion).await?;
    application.snapshot().await?.assert_equals(&before);
    assert_eq!(texts(&owner, "SELECT count(*)::text FROM tasks WHERE org_id = 1").await?, ["30001"]);
    Ok(())
}

#[tokio::test]
async fn a_table_without_the_column_is_not_given_to_one_of_two_organizations() -> Result<()> {
    let application = application().await?;
    let owner = application.owner().await?;
    owner
        .execute_unprepared("CREATE TABLE labels (id int PRIMARY KEY, task_id bigint REFERENCES tasks (id)); INSERT INTO labels VALUES (1, 2)")
        .await?;
    let plan = conversion(&application).tenant("1").plan(&owner).await?;
    assert!(plan.problems.iter().any(|problem| problem.kind == ProblemKind::TenantOfRows), "{plan}");
    let plan = conversion(&application).plan(&owner).await?;
    assert!(plan.problems[0].problem.contains("no column org_id"), "{plan}");
    Ok(())
}
