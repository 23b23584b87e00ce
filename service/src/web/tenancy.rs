//! The tenant of a request.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use axum_core::extract::{FromRef, FromRequestParts};
use http::HeaderName;
use http::request::Parts;

use super::host::Host;
use super::rejection::TenantRejection;
use crate::error::Error;
use crate::tenant::{TenantConnection, TenantId};
use crate::vocabulary::InvalidInput;
use crate::watertight::routing::TenantRouter;

/// Finds the tenant of a request, for applications without a fixed map of hosts.
///
/// ```no_run
/// use axum::http::request::Parts;
/// use sea_orm::{ConnectionTrait, DbBackend, Statement};
/// use watertight::web::{Host, ResolveTenant, Tenancy, TenantRejection};
/// use watertight::{Error, TenantId, Watertight};
///
/// /// Looks hosts up in a table of the application's own that all tenants share.
/// struct HostsTable(Watertight);
///
/// #[async_trait::async_trait]
/// impl ResolveTenant for HostsTable {
///     async fn resolve(&self, parts: &Parts) -> Result<Option<TenantId>, TenantRejection> {
///         let sql = "SELECT tenant_id FROM hosts WHERE host = $1";
///         let host = Host::of(parts)?.to_string();
///         let select = Statement::from_sql_and_values(DbBackend::Postgres, sql, [host.into()]);
///         let row = self.0.unscoped().query_one_raw(select).await?;
///         Ok(row.map(|row| row.try_get("", "tenant_id")).transpose()?)
///     }
/// }
///
/// # async fn example() -> Result<(), Error> {
/// let water = Watertight::connect_from_env().await?;
/// let tenancy = Tenancy::new(water.clone(), HostsTable(water));
/// # Ok(())
/// # }
/// ```
#[async_trait]
pub trait ResolveTenant: Send + Sync + 'static {
    /// The tenant of a request, or `None` if the tenant does not exist.
    ///
    /// # Errors
    /// [`TenantRejection`] for a malformed request or a failed lookup.
    async fn resolve(&self, parts: &Parts) -> Result<Option<TenantId>, TenantRejection>;
}

/// The state of a web application that provides the tenant's connection for each request.
///
/// Handlers take a [`TenantConnection`]. A `Tenancy` exposes neither its [`TenantRouter`] (a
/// [`Watertight`](crate::Watertight), or a router for several databases) nor the connection of another
/// tenant.
///
/// ```compile_fail,E0599
/// async fn handler(axum::extract::State(tenancy): axum::extract::State<watertight::web::Tenancy>) {
///     tenancy.dangerous_unscoped();
/// }
/// ```
///
/// ```compile_fail,E0616
/// async fn handler(axum::extract::State(tenancy): axum::extract::State<watertight::web::Tenancy>) {
///     tenancy.router.route(todo!());
/// }
/// ```
///
/// ```compile_fail,E0599
/// async fn handler(tenancy: watertight::web::Tenancy, another: watertight::TenantId) {
///     tenancy.tenant(another);
/// }
/// ```
///
/// ```compile_fail,E0599
/// async fn handler(tenant: watertight::TenantConnection) {
///     tenant.dangerous_unscoped();
/// }
/// ```
///
/// A larger state implements `FromRef`:
///
/// ```
/// use axum::extract::FromRef;
/// use watertight::TenantConnection;
/// use watertight::web::Tenancy;
///
/// #[derive(Clone)]
/// struct AppState {
///     tenancy: Tenancy,
///     greeting: &'static str,
/// }
///
/// impl FromRef<AppState> for Tenancy {
///     fn from_ref(state: &AppState) -> Self {
///         state.tenancy.clone()
///     }
/// }
///
/// async fn handler(tenant: TenantConnection) -> String {
///     tenant.tenant_id().to_string()
/// }
///
/// let routes: axum::Router<AppState> = axum::Router::new().route("/", axum::routing::get(handler));
/// ```
#[derive(Clone)]
pub struct Tenancy {
    router: Arc<dyn TenantRouter>,
    resolver: Arc<dyn ResolveTenant>,
    #[cfg(feature = "auth")]
    pub(super) cookie: super::cookie::SessionCookie,
}

impl Tenancy {
    /// Creates a tenancy that asks a resolver for the tenant of a request.
    ///
    /// ```no_run
    /// use axum::http::request::Parts;
    /// use watertight::web::{Host, ResolveTenant, Tenancy, TenantRejection};
    /// use watertight::{Error, TenantId, Watertight};
    ///
    /// /// The subdomain of a tenant is its UUID: `67e55044-10b1-426f-9247-bb680e5fe0c8.example.com`.
    /// ///
    /// /// The UUID of an unknown tenant selects a tenant without rows.
    /// struct Subdomains;
    ///
    /// #[async_trait::async_trait]
    /// impl ResolveTenant for Subdomains {
    ///     async fn resolve(&self, parts: &Parts) -> Result<Option<TenantId>, TenantRejection> {
    ///         let host = Host::of(parts)?;
    ///         Ok(host.as_str().strip_suffix(".example.com").and_then(|name| name.parse().ok()))
    ///     }
    /// }
    ///
    /// # async fn example() -> Result<(), Error> {
    /// let tenancy = Tenancy::new(Watertight::connect_from_env().await?, Subdomains);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn new(router: impl TenantRouter, resolver: impl ResolveTenant) -> Self {
        Self {
            router: Arc::new(router),
            resolver: Arc::new(resolver),
            #[cfg(feature = "auth")]
            cookie: super::cookie::SessionCookie::default(),
        }
    }

    /// Creates a tenancy that finds tenants by the host of a request. Ports are ignored.
    ///
    /// ```no_run
    /// use axum::Router;
    /// use axum::routing::get;
    /// use watertight::web::Tenancy;
    /// use watertight::{Error, TenantConnection, TenantId, Watertight};
    ///
    /// async fn handler(tenant: TenantConnection) -> String {
    ///     tenant.tenant_id().to_string()
    /// }
    ///
    /// # async fn example(clinic: TenantId, studio: TenantId) -> Result<(), Error> {
    /// let water = Watertight::connect_from_env().await?;
    /// let tenancy = Tenancy::by_host(water, [
    ///     ("clinic.example.com", clinic),
    ///     ("www.clinic.example.com", clinic),
    ///     ("studio.example.com", studio),
    /// ])?;
    /// let routes: Router = Router::new().route("/", get(handler)).with_state(tenancy);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for a host that is malformed or listed twice.
    pub fn by_host<H: AsRef<str>>(
        router: impl TenantRouter,
        hosts: impl IntoIterator<Item = (H, TenantId)>,
    ) -> Result<Self, Error> {
        let mut tenants = HashMap::new();
        for (host, tenant) in hosts {
            let name = host.as_ref();
            if let Some(before) = tenants.insert(name.parse::<Host>()?, tenant) {
                let reason =
                    format!("is assigned to two tenants, {before} and {tenant}; assign it to one of them");
                return Err(InvalidInput { what: "host", value: name.to_owned(), reason }.into());
            }
        }
        Ok(Self::new(router, Hosts(tenants)))
    }

    /// Creates a tenancy that reads the tenant's UUID from a header.
    ///
    /// Use it only behind a proxy that sets the header and removes it from client requests: a client that can
    /// send the header chooses the tenant. The UUID of an unknown tenant selects a tenant without rows.
    ///
    /// ```no_run
    /// use axum::http::HeaderName;
    /// use watertight::web::Tenancy;
    /// use watertight::{Error, Watertight};
    ///
    /// # async fn example() -> Result<(), Error> {
    /// let water = Watertight::connect_from_env().await?;
    /// // The gateway authenticates the client and sets the header.
    /// let tenancy = Tenancy::dangerous_by_header(water, HeaderName::from_static("x-tenant-id"));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn dangerous_by_header(router: impl TenantRouter, name: HeaderName) -> Self {
        Self::new(router, Header(name))
    }

    /// The connection of the tenant of a request. The tenant is resolved once per request.
    pub(super) async fn tenant_of(&self, parts: &mut Parts) -> Result<TenantConnection, TenantRejection> {
        if let Some(Resolved { by, tenant }) = parts.extensions.get()
            && Arc::ptr_eq(by, &self.resolver)
        {
            return Ok(self.router.route(*tenant).await?);
        }
        let tenant = self.resolver.resolve(parts).await?.ok_or(TenantRejection::UnknownTenant)?;
        parts.extensions.insert(Resolved { by: Arc::clone(&self.resolver), tenant });
        Ok(self.router.route(tenant).await?)
    }
}

impl fmt::Debug for Tenancy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tenancy").finish_non_exhaustive()
    }
}

/// The resolved tenant of a request, with its resolver: nested routers can have different resolvers.
#[derive(Clone)]
struct Resolved {
    by: Arc<dyn ResolveTenant>,
    tenant: TenantId,
}

impl<S> FromRequestParts<S> for TenantConnection
where
    S: Send + Sync,
    Tenancy: FromRef<S>,
{
    type Rejection = TenantRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, TenantRejection> {
        Tenancy::from_ref(state).tenant_of(parts).await
    }
}

struct Hosts(HashMap<Host, TenantId>);

#[async_trait]
impl ResolveTenant for Hosts {
    async fn resolve(&self, parts: &Parts) -> Result<Option<TenantId>, TenantRejection> {
        Ok(self.0.get(&Host::of(parts)?).copied())
    }
}

struct Header(HeaderName);

#[async_trait]
impl ResolveTenant for Header {
    async fn resolve(&self, parts: &Parts) -> Result<Option<TenantId>, TenantRejection> {
        let mut values = parts.headers.get_all(&self.0).iter();
        let value = values.next().ok_or(TenantRejection::NoTenantHeader)?;
        if values.next().is_some() {
            return Err(TenantRejection::AmbiguousTenantHeader);
        }
        let tenant = value.to_str().ok().and_then(|text| text.parse().ok());
        tenant.map(Some).ok_or(TenantRejection::MalformedTenantHeader)
    }
}
