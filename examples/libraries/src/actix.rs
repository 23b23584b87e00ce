//! actix: an extractor that takes the tenant from the host of the request.

use std::collections::HashMap;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::HOST;
use actix_web::{FromRequest, HttpRequest, error, web};
use sea_orm::{EntityTrait, PaginatorTrait};
use watertight::entity::public::services;
use watertight::{TenantConnection, TenantId, Watertight};

/// The state of the application. Handlers get a tenant from it, and nothing else.
pub struct Tenants {
    water: Watertight,
    by_host: HashMap<String, TenantId>,
}

impl Tenants {
    #[must_use]
    pub const fn new(water: Watertight, by_host: HashMap<String, TenantId>) -> Self {
        Self { water, by_host }
    }

    fn of_host(&self, host: &str) -> Option<TenantConnection> {
        self.by_host.get(host).map(|tenant| self.water.tenant(*tenant))
    }
}

/// The tenant of the request.
pub struct CurrentTenant(pub TenantConnection);

impl FromRequest for CurrentTenant {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        // `connection_info().host()` would trust headers that the client can send.
        let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
        let tenants = request.app_data::<web::Data<Tenants>>();
        let tenant = tenants.zip(host).and_then(|(tenants, host)| tenants.of_host(host));
        ready(tenant.map(Self).ok_or_else(|| error::ErrorNotFound("no such tenant")))
    }
}

async fn count(CurrentTenant(tenant): CurrentTenant) -> actix_web::Result<String> {
    let number = services::Entity::find().count(&tenant).await;
    number.map(|number| number.to_string()).map_err(error::ErrorInternalServerError)
}

/// The routes of the application.
pub fn routes(config: &mut web::ServiceConfig) {
    config.route("/services", web::get().to(count));
}
