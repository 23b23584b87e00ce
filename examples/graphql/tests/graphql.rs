//! Requests of two tenants at the same time, with nested relations, each compared with the rows of its tenant.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use async_graphql::Request;
use sea_orm::{DbBackend, Statement};
use sea_orm_migration::MigratorTraitSelf;
use serde_json::{Value, json};
use uuid::Uuid;
use watertight::{TenantConnection, Watertight};
use watertight_graphql::{Api, builder, migrator};
use watertight_tests::{TestDatabase, new_tenant};

/// The rows of a tenant by plain SQL: the tasks of each project.
type Rows = BTreeMap<String, Vec<String>>;

struct World {
    api: Api,
    tenants: [TenantConnection; 2],
    _water: Watertight,
    _database: TestDatabase,
}

async fn world() -> Result<World> {
    let database = TestDatabase::empty().await?;
    let owner = database.owner().await?;
    migrator().up(&owner, None).await?;
    owner.close().await?;
    let water = database.water_with(builder()).await?;
    let tenants = [water.tenant(new_tenant()?), water.tenant(new_tenant()?)];
    Ok(World { api: Api::new(&water)?, tenants, _water: water, _database: database })
}

impl World {
    async fn ask(&self, tenant: usize, query: impl Into<String>) -> Result<Value> {
        let response = self.api.execute(&self.tenants[tenant], Request::new(query)).await;
        anyhow::ensure!(response.errors.is_empty(), "{:?}", response.errors);
        Ok(response.data.into_json()?)
    }

    /// Creates projects with the same identifiers and names for both tenants. The tasks differ.
    async fn fill(&self) -> Result<()> {
        for (number, tenant) in ["north", "south"].into_iter().enumerate() {
            for project in 0..4_u128 {
                let id = Uuid::from_u128(project + 1);
                self.ask(
                    number,
                    create("projects", &json!({"id": id, "name": format!("Project {project}")})),
                )
                .await?;
                for task in 0..=project {
                    let (task_id, title) =
                        (Uuid::from_u128(project * 100 + task + 1), format!("{tenant} {project}.{task}"));
                    let data = json!({"id": task_id, "projectId": id, "title": title});
                    self.ask(number, create("tasks", &data)).await?;
                }
            }
        }
        Ok(())
    }

    async fn rows(&self, tenant: usize) -> Result<Rows> {
        let sql =
            "SELECT p.name, t.title FROM projects p JOIN tasks t ON t.project_id = p.id ORDER BY t.title";
        let rows =
            self.tenants[tenant].query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
        let mut found = Rows::new();
        for row in rows {
            found.entry(row.try_get("", "name")?).or_default().push(row.try_get("", "title")?);
        }
        Ok(found)
    }
}

fn create(table: &str, data: &Value) -> String {
    format!("mutation {{ {table}CreateOne(data: {}) {{ id }} }}", literal(data))
}

/// A value as a literal of GraphQL, whose names have no quotes.
fn literal(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let fields: Vec<_> =
                fields.iter().map(|(name, value)| format!("{name}: {}", literal(value))).collect();
            format!("{{ {} }}", fields.join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(literal).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

const NESTED: &str =
    "{ projects { nodes { name task { nodes { title project { name task { nodes { title } } } } } } } }";

/// The tasks of each project in an answer, and those that are reached through a task.
fn answered(answer: &Value) -> Result<(Rows, Rows)> {
    let nodes = |value: &Value| value["nodes"].as_array().cloned().context("nodes");
    let text = |value: &Value| value.as_str().map(str::to_owned).context("a text");
    let titles = |tasks: &Value| -> Result<Vec<String>> {
        let mut titles = nodes(tasks)?.iter().map(|task| text(&task["title"])).collect::<Result<Vec<_>>>()?;
        titles.sort();
        Ok(titles)
    };
    let (mut direct, mut through) = (Rows::new(), Rows::new());
    for project in nodes(&answer["projects"])? {
        direct.insert(text(&project["name"])?, titles(&project["task"])?);
        for task in nodes(&project["task"])? {
            through.insert(text(&task["project"]["name"])?, titles(&task["project"]["task"])?);
        }
    }
    Ok((direct, through))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_requests_see_their_own_tenant() -> Result<()> {
    let world = std::sync::Arc::new(world().await?);
    world.fill().await?;
    let expected = [world.rows(0).await?, world.rows(1).await?];
    assert_eq!(expected[0].len(), 4);
    assert!(expected[0].values().flatten().all(|title| title.starts_with("north")));
    assert!(expected[1].values().flatten().all(|title| title.starts_with("south")));
    let mut requests = Vec::new();
    for number in 0..60 {
        let world = std::sync::Arc::clone(&world);
        requests.push(tokio::spawn(async move { (number % 2, world.ask(number % 2, NESTED).await) }));
    }
    for request in requests {
        let (tenant, answer) = request.await?;
        let (direct, through) = answered(&answer?)?;
        assert_eq!(direct, expected[tenant]);
        assert_eq!(through, expected[tenant]);
    }
    Ok(())
}

#[tokio::test]
async fn a_failed_mutation_changes_nothing() -> Result<()> {
    let world = world().await?;
    world.fill().await?;
    let before = [world.rows(0).await?, world.rows(1).await?];
    // The second row has the identifier of an existing project.
    let data = json!([
        {"id": Uuid::from_u128(90), "name": "New"},
        {"id": Uuid::from_u128(1), "name": "Double"},
    ]);
    let batch = format!("mutation {{ projectsCreateBatch(data: {}) {{ id }} }}", literal(&data));
    assert!(world.ask(0, batch).await.is_err());
    let projects = world.ask(0, "{ projects { nodes { name } } }").await?;
    assert_eq!(projects["projects"]["nodes"].as_array().map(Vec::len), Some(4));

    // A project of one tenant is not deleted by the other.
    let delete =
        format!("mutation {{ projectsDelete(filter: {{ id: {{ eq: \"{}\" }} }}) }}", Uuid::from_u128(1));
    let deleted = world.ask(1, delete).await?;
    assert_eq!(deleted, json!({"projectsDelete": 1}));
    assert_eq!(world.rows(0).await?, before[0]);
    assert_eq!(world.rows(1).await?.len(), 3);
    let update = "mutation { tasksUpdate(data: { title: \"same\" }, filter: {}) { title } }";
    world.ask(0, update).await?;
    assert!(world.rows(0).await?.values().flatten().all(|title| title == "same"));
    assert!(world.rows(1).await?.values().flatten().all(|title| title.starts_with("south")));
    Ok(())
}

/// The loaders of the schema belong to a unit of work that has ended, so they load rows of no tenant.
#[tokio::test]
async fn a_request_without_its_own_loaders_fails() -> Result<()> {
    let world = world().await?;
    world.fill().await?;
    let database = world.tenants[0].database_connection();
    let request = Request::new(NESTED).data(database.connection().clone());
    let errors = world.api.schema().execute(request).await.errors;
    assert!(
        !errors.is_empty() && errors.iter().all(|error| error.message.contains("has ended")),
        "{errors:?}"
    );
    assert!(!world.api.schema().execute(NESTED).await.errors.is_empty());
    database.finish()?;
    Ok(())
}
