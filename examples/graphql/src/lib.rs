//! A GraphQL API for many tenants: seaography over a `DatabaseConnection` of the request's tenant.
//!
//! seaography takes the connection and the data loaders from the data of the request, and only then from those of the schema.
//! [`Api::execute`] puts a connection and loaders of the request's tenant there. The connection of the schema itself belongs
//! to a unit of work that has ended, so a resolver that falls back to it gets an error.

pub mod entities;
mod migration;

use std::sync::LazyLock;

use async_graphql::dataloader::DataLoader;
use async_graphql::dynamic::Schema;
use async_graphql::{Request, Response, ServerError};
use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use sea_orm::{DatabaseConnection, EntityTrait};
use seaography::{Builder, BuilderContext, OneToManyLoader, OneToOneLoader};
use uuid::Uuid;
use watertight::web::Tenancy;
use watertight::{TableSets, TenantConnection, TenantId, Watertight};

use crate::entities::{project, task};
pub use crate::migration::migrator;

static CONTEXT: LazyLock<BuilderContext> = LazyLock::new(BuilderContext::default);

/// Registers the tables of the application, and none of watertight's.
#[must_use]
pub fn builder() -> watertight::Builder {
    Watertight::builder()
        .table_sets(TableSets::none())
        .tenant_table(project::Entity)
        .tenant_table(task::Entity)
}

/// The API, whose schema all tenants share.
#[derive(Clone)]
pub struct Api {
    schema: Schema,
}

impl Api {
    /// Builds the schema.
    pub fn new(water: &Watertight) -> anyhow::Result<Self> {
        let nobody = water.tenant(TenantId::new(Uuid::new_v4())?);
        let ended = nobody.database_connection().connection().clone();
        let mut builder = Builder::new(&CONTEXT, ended);
        seaography::register_entities!(builder, [project, task]);
        Ok(Self { schema: builder.schema_builder().finish()? })
    }

    /// The schema. A request that runs on it without a tenant gets errors.
    #[must_use]
    pub const fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Runs a request of a tenant.
    pub async fn execute(&self, tenant: &TenantConnection, request: Request) -> Response {
        let database = tenant.database_connection();
        let request = request.data(database.connection().clone());
        let request = with_loaders::<project::Entity>(request, database.connection());
        let request = with_loaders::<task::Entity>(request, database.connection());
        let mut response = self.schema.execute(request).await;
        // SeaORM cannot report that a commit failed, so the mutation looks like a success until here.
        if let Err(error) = database.finish() {
            let mut failed = Response::from_errors(vec![ServerError::new(error.to_string(), None)]);
            failed.errors.append(&mut response.errors);
            return failed;
        }
        response
    }
}

/// Adds loaders of the request's own tenant. Those of the schema would load rows for all tenants at once.
fn with_loaders<E>(request: Request, db: &DatabaseConnection) -> Request
where
    E: EntityTrait,
    E::Model: Sync,
{
    request
        .data(DataLoader::new(OneToOneLoader::<E>::new(db.clone()), tokio::spawn))
        .data(DataLoader::new(OneToManyLoader::<E>::new(db.clone()), tokio::spawn))
}

#[derive(Clone)]
struct Application {
    api: Api,
    tenancy: Tenancy,
}

impl axum::extract::FromRef<Application> for Tenancy {
    fn from_ref(application: &Application) -> Self {
        application.tenancy.clone()
    }
}

/// The routes of the API. `tenancy` finds the tenant of each request.
pub fn routes(api: Api, tenancy: Tenancy) -> Router {
    Router::new().route("/graphql", post(graphql)).with_state(Application { api, tenancy })
}

async fn graphql(
    State(application): State<Application>,
    tenant: TenantConnection,
    Json(request): Json<Request>,
) -> Json<Response> {
    Json(application.api.execute(&tenant, request).await)
}
