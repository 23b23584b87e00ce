//! tonic: an interceptor that takes the tenant from metadata that the proxy sets.

use std::collections::HashMap;

use sea_orm::{EntityTrait, PaginatorTrait};
use tonic::service::Interceptor;
use tonic::{Request, Response, Status};
use watertight::entity::public::services;
use watertight::{TenantConnection, TenantId, Watertight};

/// Adds the tenant's connection to the extensions of each request.
#[derive(Clone)]
pub struct AddTenant {
    water: Watertight,
    by_host: HashMap<String, TenantId>,
}

impl AddTenant {
    #[must_use]
    pub const fn new(water: Watertight, by_host: HashMap<String, TenantId>) -> Self {
        Self { water, by_host }
    }
}

impl Interceptor for AddTenant {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let host = request.metadata().get("x-tenant-host").and_then(|host| host.to_str().ok());
        let tenant = host.and_then(|host| self.by_host.get(host)).copied();
        let tenant = tenant.ok_or_else(|| Status::unauthenticated("no such tenant"))?;
        request.extensions_mut().insert(self.water.tenant(tenant));
        Ok(request)
    }
}

/// A method of a service: the tenant comes from the request, and from nowhere else.
pub async fn count<T: Send>(request: Request<T>) -> Result<Response<u64>, Status> {
    let tenant = request.extensions().get::<TenantConnection>();
    let tenant = tenant.ok_or_else(|| Status::internal("the interceptor is missing"))?;
    let number = services::Entity::find().count(tenant).await;
    number.map(Response::new).map_err(|_| Status::internal("the database"))
}
