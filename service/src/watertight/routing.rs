#![doc = include_str!("../../docs/routing.md")]

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use async_trait::async_trait;

use super::Watertight;
use crate::operations::RoutingError;
use crate::tenant::{TenantConnection, TenantId};
use crate::vocabulary::InvalidInput;

/// The way from a tenant to the connection of the database that has its rows.
///
/// A [`Watertight`] is one, for applications with one database, and a [`StaticRouter`] one for several. An application
/// that keeps a directory of its own writes another:
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
///         let row = self.first.dangerous_unscoped().query_one_raw(select).await?;
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
    /// [`RoutingError::UnroutedTenant`] for a tenant that has no database; what a look-up reports.
    async fn route(&self, tenant: TenantId) -> Result<TenantConnection, RoutingError>;
}

#[async_trait]
impl TenantRouter for Watertight {
    async fn route(&self, tenant: TenantId) -> Result<TenantConnection, RoutingError> {
        Ok(self.tenant(tenant))
    }
}

/// Databases by name, and which tenants each has. Made once; to change where a tenant is, make another.
#[derive(Clone)]
pub struct StaticRouter {
    databases: BTreeMap<String, Watertight>,
    routes: HashMap<TenantId, Watertight>,
    others: Option<Watertight>,
}

impl StaticRouter {
    /// Starts a router without databases.
    #[must_use]
    pub fn builder() -> StaticRouterBuilder {
        StaticRouterBuilder::default()
    }

    /// The connection of a tenant, without waiting.
    ///
    /// # Errors
    /// [`RoutingError::UnroutedTenant`] for a tenant that is in no database, where none has the others.
    pub fn tenant(&self, tenant: TenantId) -> Result<TenantConnection, RoutingError> {
        let water = self.routes.get(&tenant).or(self.others.as_ref());
        water.map(|water| water.tenant(tenant)).ok_or(RoutingError::UnroutedTenant { tenant })
    }

    /// The databases with their names, in the order of these: for what is done to each, as closing it.
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

/// Says which databases there are and who is in them. What is said is checked in [`build`](Self::build), so the order
/// in which it is said makes no difference.
#[derive(Debug, Clone, Default)]
pub struct StaticRouterBuilder {
    databases: Vec<(String, Watertight)>,
    routes: Vec<(String, TenantId)>,
    others: Vec<String>,
}

impl StaticRouterBuilder {
    /// Adds a database under a name.
    #[must_use]
    pub fn database(mut self, name: impl Into<String>, water: Watertight) -> Self {
        self.databases.push((name.into(), water));
        self
    }

    /// Says which tenants are in a database.
    #[must_use]
    pub fn tenants(mut self, database: &str, tenants: impl IntoIterator<Item = TenantId>) -> Self {
        self.routes.extend(tenants.into_iter().map(|tenant| (database.to_owned(), tenant)));
        self
    }

    /// Says which database has every tenant that is in no other. Without a word such a tenant is refused: a tenant that
    /// was forgotten would seem to be there, and have no rows.
    #[must_use]
    pub fn others(mut self, database: &str) -> Self {
        self.others.push(database.to_owned());
        self
    }

    /// Makes the router.
    ///
    /// # Errors
    /// [`RoutingError::InvalidInput`] for a database that is named twice or not at all, a tenant that is in two databases, two
    /// databases for the others, and a router without any.
    pub fn build(self) -> Result<StaticRouter, RoutingError> {
        let mut databases = BTreeMap::new();
        for (name, water) in self.databases {
            if databases.insert(name.clone(), water).is_some() {
                return refuse("database", name, "is there twice; name each once");
            }
        }
        if databases.is_empty() {
            return refuse("router", String::new(), "has no database; add one");
        }
        let find = |name: String| match databases.get(&name) {
            Some(water) => Ok(water.clone()),
            None => refuse("database", name, "is not one of the router's; add it"),
        };
        let mut places: HashMap<TenantId, String> = HashMap::with_capacity(self.routes.len());
        let mut routes = HashMap::with_capacity(self.routes.len());
        for (name, tenant) in self.routes {
            if let Some(before) = places.insert(tenant, name.clone())
                && before != name
            {
                let reason = format!("is in the databases {before:?} and {name:?}; its rows can be in one");
                return refuse("tenant", tenant.to_string(), reason);
            }
            routes.insert(tenant, find(name)?);
        }
        let mut others = None;
        for name in self.others {
            if others.replace(find(name.clone())?).is_some() {
                return refuse("database", name, "is the second for the other tenants; name one");
            }
        }
        Ok(StaticRouter { databases, routes, others })
    }
}

fn refuse<T>(what: &'static str, value: String, reason: impl Into<String>) -> Result<T, RoutingError> {
    Err(InvalidInput { what, value, reason: reason.into() }.into())
}
