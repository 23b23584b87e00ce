#![doc = include_str!("../../docs/links.md")]
#![cfg_attr(feature = "axum", doc = include_str!("../../docs/links/axum.md"))]
#![doc = include_str!("../../docs/routing.md")]

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use async_trait::async_trait;

use super::Watertight;
use crate::operations::RoutingError;
use crate::tenant::{TenantConnection, TenantId};
use crate::vocabulary::InvalidInput;

/// Routes a tenant to a connection of the database with its rows.
///
/// [`Watertight`] implements the trait for applications with one database, and [`StaticRouter`] for several
/// databases. An application with its own directory of tenants implements it:
///
/// ```no_run
/// use std::collections::HashMap;
///
/// use sea_orm::{ConnectionTrait, DbBackend, Statement};
/// use watertight::routing::TenantRouter;
/// use watertight::{RoutingError, TenantConnection, TenantId, Watertight};
///
/// /// Looks tenants up in a table that all share, in the first database.
/// struct Directory {
///     first: Watertight,
///     databases: HashMap<String, Watertight>,
/// }
///
/// #[async_trait::async_trait]
/// impl TenantRouter for Directory {
///     async fn route(&self, tenant: TenantId) -> Result<TenantConnection, RoutingError> {
///         let sql = "SELECT database FROM directory WHERE tenant = $1";
///         let select = Statement::from_sql_and_values(DbBackend::Postgres, sql, [tenant.into()]);
///         let row = self.first.unscoped().query_one_raw(select).await?;
///         let name: Option<String> = row.map(|row| row.try_get("", "database")).transpose()?;
///         let database = name.and_then(|name| self.databases.get(&name));
///         database.map(|water| water.tenant(tenant)).ok_or(RoutingError::unrouted(tenant))
///     }
/// }
/// ```
#[async_trait]
pub trait TenantRouter: Send + Sync + 'static {
    /// The connection of a tenant.
    ///
    /// # Errors
    /// [`RoutingError::UnroutedTenant`] for a tenant without a database, or another [`RoutingError`] of a
    /// failed lookup.
    async fn route(&self, tenant: TenantId) -> Result<TenantConnection, RoutingError>;
}

#[async_trait]
impl TenantRouter for Watertight {
    async fn route(&self, tenant: TenantId) -> Result<TenantConnection, RoutingError> {
        Ok(self.tenant(tenant))
    }
}

/// A router with a fixed list of databases and their tenants. To move a tenant, build another router.
#[derive(Clone)]
pub struct StaticRouter {
    databases: BTreeMap<String, Watertight>,
    routes: HashMap<TenantId, Watertight>,
    others: Option<Watertight>,
}

impl StaticRouter {
    /// Creates a builder without databases.
    #[must_use]
    pub fn builder() -> StaticRouterBuilder {
        StaticRouterBuilder::default()
    }

    /// The connection of a tenant, without `await`.
    ///
    /// ```no_run
    /// # use watertight::{RoutingError, TenantConnection, TenantId, routing::StaticRouter};
    /// # fn example(router: &StaticRouter, clinic: TenantId) -> Result<Option<TenantConnection>, RoutingError> {
    /// let connection = match router.tenant(clinic) {
    ///     Ok(connection) => Some(connection),
    ///     Err(RoutingError::UnroutedTenant { .. }) => None,
    ///     Err(error) => return Err(error),
    /// };
    /// # Ok(connection)
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`RoutingError::UnroutedTenant`] for a tenant without a database, unless a database takes [all
    /// others](StaticRouterBuilder::others).
    pub fn tenant(&self, tenant: TenantId) -> Result<TenantConnection, RoutingError> {
        let water = self.routes.get(&tenant).or(self.others.as_ref());
        water.map(|water| water.tenant(tenant)).ok_or(RoutingError::UnroutedTenant { tenant })
    }

    /// The databases with their names, sorted by name, for example to close each of them.
    ///
    /// ```no_run
    /// # use watertight::{Error, routing::StaticRouter};
    /// # async fn example(router: StaticRouter) -> Result<(), Error> {
    /// for (name, water) in router.databases() {
    ///     println!("closing {name}");
    ///     water.clone().close().await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn databases(&self) -> impl Iterator<Item = (&str, &Watertight)> {
        self.databases.iter().map(|(name, water)| (name.as_str(), water))
    }
}

impl fmt::Debug for StaticRouter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticRouter")
            .field("databases", &self.databases.keys())
            .field("tenants", &self.routes.len())
            .field("others", &self.others.is_some())
            .finish()
    }
}

#[async_trait]
impl TenantRouter for StaticRouter {
    async fn route(&self, tenant: TenantId) -> Result<TenantConnection, RoutingError> {
        self.tenant(tenant)
    }
}

/// Builds a [`StaticRouter`] from databases and their tenants.
///
/// The order of calls does not matter: [`build`](Self::build) checks the whole configuration.
#[derive(Debug, Clone, Default)]
pub struct StaticRouterBuilder {
    databases: Vec<(String, Watertight)>,
    routes: Vec<(String, TenantId)>,
    others: Vec<String>,
}

impl StaticRouterBuilder {
    /// Adds a database under a name.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), watertight::Error> {
    /// use watertight::Watertight;
    /// use watertight::routing::StaticRouter;
    ///
    /// let europe = Watertight::connect("postgres://app@eu.example.com/booking").await?;
    /// let router = StaticRouter::builder().database("europe", europe).others("europe").build()?;
    /// assert!(router.databases().map(|(name, _)| name).eq(["europe"]));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn database(mut self, name: impl Into<String>, water: Watertight) -> Self {
        self.databases.push((name.into(), water));
        self
    }

    /// Assigns tenants to a database.
    ///
    /// ```no_run
    /// # use watertight::{RoutingError, TenantId, Watertight, routing::StaticRouter};
    /// # fn example(europe: Watertight, clinic: TenantId, studio: TenantId) -> Result<(), RoutingError> {
    /// let router = StaticRouter::builder().database("europe", europe).tenants("europe", [clinic]).build()?;
    /// assert!(router.tenant(clinic).is_ok());
    /// assert!(matches!(router.tenant(studio), Err(RoutingError::UnroutedTenant { .. })));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn tenants(mut self, database: &str, tenants: impl IntoIterator<Item = TenantId>) -> Self {
        self.routes.extend(tenants.into_iter().map(|tenant| (database.to_owned(), tenant)));
        self
    }

    /// Sets the database of every tenant that is not assigned to one.
    ///
    /// Without it an unassigned tenant is refused. With it a forgotten tenant looks like an existing tenant
    /// without rows.
    ///
    /// ```no_run
    /// # use watertight::{RoutingError, TenantId, Watertight, routing::StaticRouter};
    /// # fn example(large: Watertight, shared: Watertight, clinic: TenantId) -> Result<(), RoutingError> {
    /// let router = StaticRouter::builder()
    ///     .database("large", large)
    ///     .database("shared", shared)
    ///     .tenants("large", [clinic])
    ///     .others("shared")
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn others(mut self, database: &str) -> Self {
        self.others.push(database.to_owned());
        self
    }

    /// Builds the router.
    ///
    /// ```
    /// use watertight::RoutingError;
    /// use watertight::routing::StaticRouter;
    ///
    /// let Err(RoutingError::InvalidInput(problem)) = StaticRouter::builder().others("shared").build() else {
    ///     return Err("the router has no database");
    /// };
    /// assert_eq!(problem.to_string(), r#"router "" has no database; add one with `database`"#);
    /// # Ok::<(), &str>(())
    /// ```
    ///
    /// # Errors
    /// [`RoutingError::InvalidInput`] for a database that was added twice or not at all, a tenant in two
    /// databases, two databases for the other tenants, and a router without databases.
    pub fn build(self) -> Result<StaticRouter, RoutingError> {
        let mut databases = BTreeMap::new();
        for (name, water) in self.databases {
            if databases.insert(name.clone(), water).is_some() {
                return refuse("database", name, "is added twice; use a different name for each database");
            }
        }
        if databases.is_empty() {
            return refuse("router", String::new(), "has no database; add one with `database`");
        }
        let find = |name: String| match databases.get(&name) {
            Some(water) => Ok(water.clone()),
            None => refuse("database", name, "is not in the router; add it with `database`"),
        };
        let mut places: HashMap<TenantId, String> = HashMap::with_capacity(self.routes.len());
        let mut routes = HashMap::with_capacity(self.routes.len());
        for (name, tenant) in self.routes {
            if let Some(before) = places.insert(tenant, name.clone())
                && before != name
            {
                let reason = format!(
                    "is assigned to the databases {before:?} and {name:?}; assign it to the one that has its \
                     rows"
                );
                return refuse("tenant", tenant.to_string(), reason);
            }
            routes.insert(tenant, find(name)?);
        }
        let mut others = None;
        for name in self.others {
            if others.replace(find(name.clone())?).is_some() {
                return refuse(
                    "database",
                    name,
                    "is the second database for the other tenants; call `others` only once",
                );
            }
        }
        Ok(StaticRouter { databases, routes, others })
    }
}

fn refuse<T>(what: &'static str, value: String, reason: impl Into<String>) -> Result<T, RoutingError> {
    Err(InvalidInput { what, value, reason: reason.into() }.into())
}
