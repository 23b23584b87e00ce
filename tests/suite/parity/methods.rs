//! Every method of SeaORM's connections has a counterpart, or a reason for having none.

use std::path::Path;

use anyhow::Result;

use super::source::{Methods, sources_of};

/// SeaORM's types and traits, and watertight's types with their methods.
const COUNTERPARTS: [(&str, &[&str]); 8] = [
    ("DatabaseConnection", &[CONNECTION]),
    ("DatabaseTransaction", &[TRANSACTION]),
    ("RestrictedConnection", &[CONNECTION]),
    ("RestrictedTransaction", &[TRANSACTION]),
    ("ConnectionTrait", &[CONNECTION, TRANSACTION]),
    ("StreamTrait", &[CONNECTION, TRANSACTION]),
    ("TransactionTrait", &[CONNECTION, TRANSACTION]),
    ("TransactionSession", &[TRANSACTION]),
];

const CONNECTION: &str = "TenantConnection";

const TRANSACTION: &str = "TenantTransaction";

const POOL: &str =
    "the pool is shared by all tenants: it is closed, tapped and measured through `Watertight`";

const SCHEMA: &str = "the application's role changes no schema: migrations do, as the owner";

const MOCK: &str = "a tenant is isolated by a real server: there is no mock or proxy to read";

const RBAC: &str = "SeaORM's role-based access control is set up on a `DatabaseConnection`";

const USER: &str = "a tenant's connection belongs to a tenant, which `tenant_id` returns, and to no user";

/// Methods of SeaORM that a tenant does not have, and why.
const EXCLUDED: [(&str, &str, &str); 26] = [
    ("DatabaseConnection", "as_mock_connection", MOCK),
    ("DatabaseConnection", "as_proxy_connection", MOCK),
    ("DatabaseConnection", "close", POOL),
    ("DatabaseConnection", "close_by_ref", POOL),
    ("DatabaseConnection", "get_mysql_connection_pool", POOL),
    ("DatabaseConnection", "get_postgres_connection_pool", POOL),
    ("DatabaseConnection", "get_schema_builder", SCHEMA),
    ("DatabaseConnection", "get_schema_registry", SCHEMA),
    ("DatabaseConnection", "get_sqlite_connection_pool", POOL),
    ("DatabaseConnection", "into_transaction_log", MOCK),
    ("DatabaseConnection", "load_rbac", RBAC),
    ("DatabaseConnection", "load_rbac_from", RBAC),
    ("DatabaseConnection", "replace_rbac", RBAC),
    ("DatabaseConnection", "restricted_for", RBAC),
    ("DatabaseConnection", "set_metric_callback", POOL),
    ("RestrictedConnection", "current_user_role_permissions", USER),
    ("RestrictedConnection", "resources_and_permissions", USER),
    ("RestrictedConnection", "role_hierarchy_edges", USER),
    ("RestrictedConnection", "role_permissions_by_resources", USER),
    ("RestrictedConnection", "roles_and_ranks", USER),
    ("RestrictedConnection", "user_can", USER),
    ("RestrictedConnection", "user_can_run", USER),
    ("RestrictedConnection", "user_id", USER),
    ("RestrictedTransaction", "user_can", USER),
    ("RestrictedTransaction", "user_can_run", USER),
    ("RestrictedTransaction", "user_id", USER),
];

fn is_excluded(owner: &str, method: &str) -> bool {
    EXCLUDED.iter().any(|(of, name, _)| (*of, *name) == (owner, method))
}

fn ours() -> Result<Methods> {
    Methods::in_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../service/src/tenant"))
}

#[test]
fn every_method_of_seaorm_is_offered_or_excluded() -> Result<()> {
    let (theirs, ours) = (Methods::in_folder(&sources_of("sea-orm")?)?, ours()?);
    let mut missing = Vec::new();
    for (owner, counterparts) in COUNTERPARTS {
        assert!(theirs.of(owner).next().is_some(), "SeaORM has no `{owner}` any more");
        for method in theirs.of(owner).filter(|method| !is_excluded(owner, method)) {
            let without = counterparts.iter().filter(|counterpart| !ours.has(counterpart, method));
            missing.extend(without.map(|counterpart| format!("{counterpart}::{method}, of {owner}")));
        }
    }
    assert!(missing.is_empty(), "neither offered nor excluded: {missing:#?}");
    Ok(())
}

#[test]
fn no_exclusion_is_stale() -> Result<()> {
    let (theirs, ours) = (Methods::in_folder(&sources_of("sea-orm")?)?, ours()?);
    for (owner, method, reason) in EXCLUDED {
        assert!(theirs.has(owner, method), "SeaORM has no `{owner}::{method}`: {reason}");
        let counterparts = COUNTERPARTS.iter().filter(|(of, _)| *of == owner).flat_map(|(_, to)| *to);
        for counterpart in counterparts {
            assert!(!ours.has(counterpart, method), "`{counterpart}::{method}` is offered: {reason}");
        }
    }
    Ok(())
}

#[test]
fn every_offered_method_is_called_without_a_trait() -> Result<()> {
    let (theirs, calls) = (Methods::in_folder(&sources_of("sea-orm")?)?, include_str!("calls.rs"));
    for (owner, _) in COUNTERPARTS {
        for method in theirs.of(owner).filter(|method| !is_excluded(owner, method)) {
            let is_called =
                [format!(".{method}("), format!(".{method}::<")].iter().any(|call| calls.contains(call));
            assert!(is_called, "calls.rs does not call `{method}`");
        }
    }
    for name in ["ConnectionTrait", "StreamTrait", "TransactionTrait", "TransactionSession"] {
        let imported = calls.lines().filter(|line| line.starts_with("use ") && line.contains(name)).count();
        assert_eq!(imported, 0, "calls.rs imports `{name}`");
    }
    Ok(())
}
