//! loco: helpers that take the `AppContext` of the request's tenant.

use axum::extract::FromRequestParts;
use loco_rs::app::AppContext;
use loco_rs::prelude::*;
use sea_orm::{DatabaseConnection, PaginatorTrait};
use watertight::TenantConnection;
use watertight::entity::public::services;
use watertight::web::Tenancy;

/// The tenant of the request. `after_context` of the application's hooks stores the [`Tenancy`] in the shared store.
pub struct CurrentTenant(pub TenantConnection);

impl FromRequestParts<AppContext> for CurrentTenant {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        context: &AppContext,
    ) -> std::result::Result<Self, Response> {
        let Some(tenancy) = context.shared_store.get::<Tenancy>() else {
            return Err(axum::http::StatusCode::INTERNAL_SERVER_ERROR.into_response());
        };
        let found = TenantConnection::from_request_parts(parts, &tenancy).await;
        found.map(Self).map_err(IntoResponse::into_response)
    }
}

/// A helper of the application, which takes the context as loco's own do.
async fn offered(context: &AppContext) -> Result<u64> {
    Ok(services::Entity::find().count(&context.db).await?)
}

/// A helper of a library, which takes the connection.
async fn active(db: &DatabaseConnection) -> Result<u64> {
    Ok(services::Entity::find().filter(services::Column::Active.eq(true)).count(db).await?)
}

async fn list(
    CurrentTenant(tenant): CurrentTenant,
    State(mut context): State<AppContext>,
) -> Result<Response> {
    let database = tenant.database_connection();
    context.db = database.connection().clone();
    let counts = (offered(&context).await?, active(&database).await?);
    database.finish()?;
    format::json(counts)
}

/// The routes of the application.
#[must_use]
pub fn routes() -> Routes {
    Routes::new().prefix("services").add("/", get(list))
}
