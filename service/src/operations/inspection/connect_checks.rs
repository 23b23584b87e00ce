//! Checks at connection time: the preconditions of isolation must hold before the first statement runs.

use std::collections::{BTreeSet, HashMap};

use sea_orm::{DbErr, FromQueryResult};
use watertight_schema::{TenantType, isolation};

use super::first_connection;
use super::isolable::{Object, ReadByView};
use crate::operations::ConnectError;
use crate::tenant::{Inspection, Ownership, Shared, TENANT_TYPE, TableName, TenantSigner};

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

/// A registered object that exists.
#[derive(FromQueryResult)]
#[expect(clippy::struct_excessive_bools, reason = "a row of the catalog")]
struct Registered {
    schema: String,
    name: String,
    kind: String,
    row_security: bool,
    schema_usable: bool,
    readable: bool,
    insertable: bool,
    security_invoker: bool,
    /// The columns, each as its name and its type with a space between them.
    columns: Vec<String>,
}

/// Checks that every registered object exists, that the role can read it, and that its rows can be isolated.
async fn check_tables(inspection: &mut Inspection, shared: &Shared) -> Result<(), ConnectError> {
    let registry = shared.rewriter.registry();
    let (schemas, names): (Vec<String>, Vec<String>) =
        registry.tables().map(|(name, _)| (name.schema.clone(), name.name.clone())).unzip();
    let read = ReadByView::all(inspection, registry).await?;
    let found: Vec<Registered> = inspection.ask(REGISTERED, [schemas.into(), names.into()]).await?;
    let found: HashMap<TableName, Registered> = found
        .into_iter()
        .map(|object| (TableName { schema: object.schema.clone(), name: object.name.clone() }, object))
        .collect();
    let (mut missing, mut objects, mut schemas, mut hidden, mut unprotected) =
        (Vec::new(), Vec::new(), BTreeSet::new(), Vec::new(), Vec::new());
    for (name, table) in registry.tables() {
        let Some(found) = found.get(name) else {
            missing.push(name.to_string());
            continue;
        };
        let column = registry.tenant_column(name);
        let object = Object {
            name,
            kind: &found.kind,
            tenant_column: column,
            has_tenant: found.has_tenant(column, registry.tenant_type()),
            security_invoker: found.security_invoker,
            ownership: table.ownership,
            one_layer: registry.is_one_layer(name),
            read: &read,
            registry,
        };
        let is_table = matches!(found.kind.as_str(), "r" | "p");
        if let Some(obstacle) = object.obstacle(shared.layers) {
            objects.push(obstacle);
        } else if !found.schema_usable {
            schemas.insert(name.schema.clone());
        } else if !(if registry.is_outbox(name) { found.insertable } else { found.readable }) {
            hidden.push(name.to_string());
        } else if is_table && !found.row_security && table.ownership == Ownership::Tenant {
            unprotected.push(name.to_string());
        }
    }
    let role = current_role(inspection).await?;
    let mut types = None;
    if shared.layers.row_security() {
        match inspection.ask::<Type>(TYPE, [TENANT_TYPE.into()]).await?.first() {
            None => missing.push(format!("type {TENANT_TYPE}")),
            Some(found) if !found.schema_usable => {
                schemas.insert(isolation::SCHEMA.to_owned());
            }
            Some(found) if !found.usable => {
                types = Some(ConnectError::TypeNotUsable { role: role.clone(), name: TENANT_TYPE });
            }
            Some(_) => {}
        }
    }
    for names in [&mut missing, &mut hidden, &mut unprotected] {
        names.sort_unstable();
    }
    objects.sort_unstable_by(|a, b| a.object.cmp(&b.object));
    // The causes in the order in which they are removed: an object, its schema, the object's privileges, its policies.
    if !missing.is_empty() {
        return Err(ConnectError::NotMigrated { tables: missing });
    }
    if !objects.is_empty() {
        return Err(ConnectError::NotIsolable { objects });
    }
    if !schemas.is_empty() {
        return Err(ConnectError::SchemaNotUsable { role, schemas: schemas.into_iter().collect() });
    }
    if !hidden.is_empty() {
        return Err(ConnectError::NotGranted { role, tables: hidden });
    }
    if let Some(error) = types {
        return Err(error);
    }
    if shared.layers.row_security() && !unprotected.is_empty() {
        return Err(ConnectError::RowSecurityOff { tables: unprotected });
    }
    Ok(())
}

impl Registered {
    fn has_tenant(&self, column: &str, tenant_type: TenantType) -> bool {
        self.columns.iter().any(|found| {
            let data_type = found.strip_prefix(column).and_then(|rest| rest.strip_prefix(' '));
            data_type.and_then(TenantType::of_column) == Some(tenant_type)
        })
    }
}

async fn current_role(inspection: &mut Inspection) -> Result<String, ConnectError> {
    #[derive(FromQueryResult)]
    struct Role {
        role: String,
    }
    Ok(inspection.ask_one::<Role>("SELECT current_user::text AS role", []).await?.role)
}

/// Checks that the role that a report is about exists.
pub(crate) async fn check_examined_role(
    inspection: &mut Inspection,
    role: Option<&str>,
) -> Result<(), ConnectError> {
    #[derive(FromQueryResult)]
    struct Answer {
        yes: bool,
    }
    let Some(role) = role else { return Ok(()) };
    let sql = "SELECT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = $1) AS yes";
    let Answer { yes } = inspection.ask_one(sql, [role.into()]).await?;
    if yes { Ok(()) } else { Err(ConnectError::UnknownRole { role: role.to_owned() }) }
}

#[derive(FromQueryResult)]
struct Type {
    schema_usable: bool,
    usable: bool,
}

const REGISTERED: &str = "SELECT n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind, \
    c.relrowsecurity AND c.relforcerowsecurity AS row_security, \
    has_schema_privilege(n.oid, 'USAGE') AS schema_usable, has_table_privilege(c.oid, 'SELECT') AS readable, \
    has_table_privilege(c.oid, 'INSERT') AS insertable, \
    coalesce((SELECT bool_or(t.option_value::boolean) FROM pg_options_to_table(c.reloptions) t \
        WHERE t.option_name = 'security_invoker'), false) AS security_invoker, \
    ARRAY(SELECT a.attname || ' ' || format_type(a.atttypid, NULL) FROM pg_catalog.pg_attribute a \
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns \
    FROM unnest($1::text[], $2::text[]) AS named (schema, name) \
    JOIN pg_catalog.pg_namespace n ON n.nspname = named.schema \
    JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = named.name";

const TYPE: &str = "SELECT has_schema_privilege(n.oid, 'USAGE') AS schema_usable, \
    has_type_privilege(t.oid, 'USAGE') AS usable FROM pg_catalog.pg_type t \
    JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname || '.' || t.typname = $1";
