//! Checks at connection time: the preconditions of isolation must hold before the first statement runs.

use std::collections::HashMap;

use sea_orm::{DbErr, FromQueryResult};
use watertight_schema::isolation;

use super::{catalog, first_connection};
use crate::operations::ConnectError;
use crate::tenant::{Inspection, Ownership, Shared, TENANT_TYPE, TenantSigner};

/// The settings that pass the tenant to row-level security.
///
/// The second one belongs to policies that were created before tenants were signed.
pub(crate) const TENANT_SETTINGS: [&str; 2] =
    [isolation::TENANT_TOKEN_SETTING, isolation::UNSIGNED_TENANT_SETTING];

pub(crate) async fn check(inspection: &mut Inspection, shared: &Shared) -> Result<(), ConnectError> {
    check_strings(inspection).await?;
    if shared.layers.row_security() {
        check_role(inspection).await?;
        if let Some(setting) = preset_tenant(inspection).await? {
            return Err(ConnectError::TenantPreset { setting });
        }
    }
    check_tables(inspection, shared).await?;
    if !shared.layers.row_security() {
        check_unbound(inspection, shared).await?;
    }
    Ok(())
}

/// Refuses a role to which row-level security applies. Without the tenant setting its policies hide every row.
async fn check_unbound(inspection: &mut Inspection, shared: &Shared) -> Result<(), ConnectError> {
    #[derive(FromQueryResult)]
    struct Bound {
        name: String,
        role: String,
    }
    let sql = "SELECT n.nspname || '.' || c.relname AS name, current_user::text AS role \
               FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
               WHERE n.nspname || '.' || c.relname = ANY ($1) AND c.relkind IN ('r', 'p') \
               AND pg_catalog.row_security_active(c.oid) ORDER BY 1";
    let tables = shared.rewriter.registry().tables();
    let tenants = tables.filter(|(_, table)| table.ownership == Ownership::Tenant);
    let names: Vec<String> = tenants.map(|(name, _)| name.to_string()).collect();
    let bound: Vec<Bound> = inspection.ask(sql, [names.into()]).await?;
    match bound.first() {
        None => Ok(()),
        Some(first) => Err(ConnectError::RowSecurityApplies {
            role: first.role.clone(),
            tables: bound.iter().map(|table| table.name.clone()).collect(),
        }),
    }
}

/// Checks that row-level security alone isolates tenants: tenants are signed, and the role cannot become another role to
/// which it does not apply.
pub(crate) async fn check_report_only(
    inspection: &mut Inspection,
    shared: &Shared,
) -> Result<(), ConnectError> {
    #[derive(FromQueryResult)]
    struct Other {
        role: String,
        other: String,
    }
    let tenant_type = shared.rewriter.registry().tenant_type();
    if shared.distributed || !TenantSigner::is_required(inspection, tenant_type).await? {
        let reason = "the database does not verify tenants, so a statement could name another tenant; run `watertight \
                      keys require` as the owner (a Citus cluster cannot verify tenants)";
        return Err(ConnectError::ReportOnly { reason: reason.to_owned() });
    }
    let sql = "SELECT current_user::text AS role, rolname::text AS other FROM pg_catalog.pg_roles \
               WHERE (rolsuper OR rolbypassrls) AND pg_catalog.pg_has_role(oid, 'MEMBER') ORDER BY 2";
    match inspection.ask::<Other>(sql, []).await?.into_iter().next() {
        None => Ok(()),
        Some(Other { role, other }) => {
            let reason = format!(
                "role {role} can become {other}, to which row-level security does not apply; revoke the membership: \
                 REVOKE {other} FROM {role}"
            );
            Err(ConnectError::ReportOnly { reason })
        }
    }
}

/// Whether tenant tables are distributed over a Citus cluster.
pub(crate) async fn is_distributed(inspection: &mut Inspection) -> Result<bool, ConnectError> {
    #[derive(FromQueryResult)]
    struct Answer {
        yes: bool,
    }
    // The catalog table belongs to the extension. A query that names it fails without the extension.
    let installed = "SELECT EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'citus') AS yes";
    let Answer { yes: installed } = inspection.ask_one(installed, []).await?;
    if !installed {
        return Ok(false);
    }
    let distributed =
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_dist_partition WHERE partmethod = 'h') AS yes";
    Ok(inspection.ask_one::<Answer>(distributed, []).await?.yes)
}

pub(crate) async fn begin(shared: &Shared) -> Result<Inspection, ConnectError> {
    match Inspection::begin(&shared.pool).await {
        Ok(inspection) => Ok(inspection),
        Err(error @ (DbErr::Conn(_) | DbErr::ConnectionAcquire(_))) => {
            Err(first_connection::cause(&shared.pool.connect_options(), error).await)
        }
        Err(error) => Err(ConnectError::Database(error)),
    }
}

/// The first tenant setting that has a value on a new connection. The value is not read, because it may be a
/// secret.
pub(crate) async fn preset_tenant(inspection: &mut Inspection) -> Result<Option<&'static str>, ConnectError> {
    #[derive(FromQueryResult)]
    struct Setting {
        is_set: bool,
    }
    for setting in TENANT_SETTINGS {
        let sql = "SELECT coalesce(current_setting($1, true), '') <> '' AS is_set";
        let Setting { is_set } = inspection.ask_one(sql, [setting.into()]).await?;
        if is_set {
            return Ok(Some(setting));
        }
    }
    Ok(None)
}

/// Checks that `standard_conforming_strings` is on. The rewriter reads a backslash in a plain string
/// literally.
pub(crate) async fn check_strings(inspection: &mut Inspection) -> Result<(), ConnectError> {
    #[derive(FromQueryResult)]
    struct Setting {
        value: String,
    }
    let sql = "SELECT current_setting('standard_conforming_strings') AS value";
    let Setting { value } = inspection.ask_one(sql, []).await?;
    if value == "on" { Ok(()) } else { Err(ConnectError::BackslashEscapes) }
}

pub(crate) async fn check_role(inspection: &mut Inspection) -> Result<(), ConnectError> {
    #[derive(FromQueryResult)]
    struct Role {
        rolname: String,
        rolsuper: bool,
        rolbypassrls: bool,
    }
    let sql = "SELECT rolname::text, rolsuper, rolbypassrls FROM pg_catalog.pg_roles \
               WHERE rolname = current_user";
    match inspection.ask_one(sql, []).await? {
        Role { rolname: role, rolsuper: true, .. } => {
            Err(ConnectError::PrivilegedRole { role, privilege: "a superuser" })
        }
        Role { rolname: role, rolbypassrls: true, .. } => {
            Err(ConnectError::PrivilegedRole { role, privilege: "BYPASSRLS" })
        }
        Role { .. } => Ok(()),
    }
}

async fn check_tables(inspection: &mut Inspection, shared: &Shared) -> Result<(), ConnectError> {
    #[derive(FromQueryResult)]
    struct Table {
        name: String,
        protected: bool,
        readable: bool,
        insertable: bool,
    }
    let registry = shared.rewriter.registry();
    check_kinds(inspection, shared).await?;
    let sql = "SELECT n.nspname || '.' || c.relname AS name, \
               c.relrowsecurity AND c.relforcerowsecurity AS protected, \
               has_table_privilege(c.oid, 'SELECT') AS readable, \
               has_table_privilege(c.oid, 'INSERT') AS insertable \
               FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
               WHERE n.nspname || '.' || c.relname = ANY ($1) AND c.relkind IN ('r', 'p') \
               AND has_schema_privilege(n.oid, 'USAGE')";
    let names: Vec<String> = registry.tables().map(|(name, _)| name.to_string()).collect();
    let found: Vec<Table> = inspection.ask(sql, [names.into()]).await?;
    let found: HashMap<String, Table> = found.into_iter().map(|table| (table.name.clone(), table)).collect();
    let mut missing = Vec::new();
    let mut unprotected = Vec::new();
    for (registered, table) in registry.tables() {
        let name = registered.to_string();
        let usable = |found: &&Table| {
            if registry.is_outbox(registered) { found.insertable } else { found.readable }
        };
        match found.get(&name).filter(usable) {
            None => missing.push(name),
            Some(found) if !found.protected && table.ownership == Ownership::Tenant => unprotected.push(name),
            Some(_) => {}
        }
    }
    if shared.layers.row_security() {
        #[derive(FromQueryResult)]
        struct Type {
            there: bool,
        }
        let sql = "SELECT EXISTS (SELECT FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n \
                   ON n.oid = t.typnamespace WHERE n.nspname || '.' || t.typname = $1 \
                   AND has_schema_privilege(n.oid, 'USAGE') AND has_type_privilege(t.oid, 'USAGE')) AS there";
        let Type { there } = inspection.ask_one(sql, [TENANT_TYPE.into()]).await?;
        if !there {
            missing.push(format!("type {TENANT_TYPE}"));
        }
    }
    if !missing.is_empty() {
        missing.sort_unstable();
        return Err(ConnectError::NotMigrated { tables: missing });
    }
    if shared.layers.row_security() && !unprotected.is_empty() {
        unprotected.sort_unstable();
        return Err(ConnectError::RowSecurityOff { tables: unprotected });
    }
    Ok(())
}

/// Refuses registered objects that are not tables.
async fn check_kinds(inspection: &mut Inspection, shared: &Shared) -> Result<(), ConnectError> {
    #[derive(FromQueryResult)]
    struct Object {
        name: String,
        kind: String,
    }
    let sql = "SELECT n.nspname || '.' || c.relname AS name, c.relkind::text AS kind \
               FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
               WHERE n.nspname || '.' || c.relname = ANY ($1) AND c.relkind NOT IN ('r', 'p') ORDER BY 1";
    let names: Vec<String> = shared.rewriter.registry().tables().map(|(name, _)| name.to_string()).collect();
    let objects: Vec<Object> = inspection.ask(sql, [names.into()]).await?;
    if objects.is_empty() {
        return Ok(());
    }
    let described = |object: Object| format!("{} is {}", object.name, catalog::kind(&object.kind));
    Err(ConnectError::NotTables { objects: objects.into_iter().map(described).collect() })
}
