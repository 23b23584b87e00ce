//! Checks the default settings of the database, the role and the connection that isolation depends on.

use sea_orm::FromQueryResult;
use sea_orm::sqlx::postgres::PgConnectOptions;

use super::expected::Expected;
use super::remedy::{Remedy, RunAs, Step};
use super::report::{Check, Finding, Severity};
use crate::operations::ConnectError;
use crate::operations::inspection::catalog::{Catalog, about};
use crate::operations::inspection::connect_checks::{self, TENANT_SETTINGS};
use crate::tenant::Inspection;
use watertight_schema::sql;

const STRINGS: &str = "standard_conforming_strings";

/// A default setting that applies to the role in this database.
#[derive(FromQueryResult)]
struct SettingDefault {
    database: Option<String>,
    role: Option<String>,
    name: String,
    value: String,
}

#[derive(FromQueryResult)]
struct Schema {
    name: String,
    /// Whether it precedes `pg_catalog` on the search path.
    is_first: bool,
    may_create: bool,
    /// The roles through which the role has the privilege, `PUBLIC` included.
    grantees: Vec<String>,
}

pub(super) async fn check(
    inspection: &mut Inspection,
    catalog: &Catalog,
    expected: Expected<'_>,
    options: &PgConnectOptions,
    findings: &mut Vec<Finding>,
) -> Result<(), ConnectError> {
    let defaults: Vec<SettingDefault> = inspection.ask(&about(&catalog.subject, DEFAULTS), []).await?;
    let is_tenant = |name: &str| TENANT_SETTINGS.iter().any(|setting| setting.eq_ignore_ascii_case(name));
    for default in &defaults {
        let SettingDefault { name, value, .. } = default;
        if is_tenant(name) {
            findings.push(Finding::new(
                expected.without_row_security(),
                Check::TenantDefault,
                default.object(),
                format!("has a default for {name}, so statements without a tenant see that tenant's rows"),
                default.reset(),
            ));
        } else if name.eq_ignore_ascii_case(STRINGS) && !is_on(value) {
            findings.push(Finding::new(
                if catalog.server.strings == "on" { Severity::Warning } else { Severity::Error },
                Check::BackslashEscapes,
                default.object(),
                format!(
                    "has the default {value} for {STRINGS}, so backslashes in strings are read as escapes"
                ),
                default.reset(),
            ));
        }
    }
    let current = &catalog.server.role;
    if catalog.server.strings != "on" && !findings.iter().any(|found| found.check == Check::BackslashEscapes)
    {
        findings.push(Finding::new(
            Severity::Error,
            Check::BackslashEscapes,
            current,
            "reads backslashes in strings as escapes, so the rewriter cannot find the end of a string",
            settings(format!("ALTER ROLE {} SET {STRINGS} = on;", sql::identifier(current))),
        ));
    }
    let preset = connect_checks::preset_tenant(inspection).await?;
    let explained =
        |setting: &&str| defaults.iter().any(|default| default.name.eq_ignore_ascii_case(setting));
    if let Some(setting) = preset.filter(|setting| !explained(setting)) {
        let in_url = options.get_options().is_some_and(|options| options.contains(setting));
        let (origin, place) = if in_url {
            ("options in its URL", "the `options` of the URL")
        } else {
            ("server, or a pooler in front of it,", "the configuration of the server or the pooler")
        };
        findings.push(Finding::new(
            expected.without_row_security(),
            Check::TenantDefault,
            "the connection",
            format!(
                "begins with a tenant: the {origin} set {setting}, so statements without a tenant see that tenant's rows"
            ),
            Remedy::action(format!("remove {setting} from {place}")),
        ));
    }
    search_path(inspection, catalog, expected, findings).await
}

async fn search_path(
    inspection: &mut Inspection,
    catalog: &Catalog,
    expected: Expected<'_>,
    findings: &mut Vec<Finding>,
) -> Result<(), ConnectError> {
    let role = &catalog.subject;
    // An owner has other ways to replace objects. Another check reports it.
    let is_owner =
        catalog.relations.iter().any(|relation| relation.owned && expected.is_tenants_table(relation));
    let schemas: Vec<Schema> = inspection.ask(&about(role, SCHEMAS), []).await?;
    for Schema { name, is_first, may_create, grantees } in &schemas {
        let mut report = |problem: String, remedy| {
            let (severity, check) = (expected.without_rewriting(), Check::SearchPath);
            findings.push(Finding::new(severity, check, name, problem, remedy));
        };
        if *is_first {
            report(
                "is searched before pg_catalog, so its functions, operators and types replace those of \
                 PostgreSQL"
                    .to_owned(),
                settings(format!(
                    "ALTER ROLE {} IN DATABASE {} SET search_path = {};",
                    sql::identifier(&catalog.server.role),
                    sql::identifier(&catalog.server.database),
                    schemas.iter().map(|schema| sql::identifier(&schema.name)).collect::<Vec<_>>().join(", ")
                )),
            );
        }
        if *may_create && !is_owner {
            let grantees: Vec<_> = grantees.iter().map(|grantee| grantee_in_sql(grantee)).collect();
            report(
                format!(
                    "is on the search path, and {role} can create functions and operators in it that \
                     statements would call"
                ),
                Remedy::sql(
                    Step::Revoke,
                    RunAs::Superuser,
                    format!(
                        "REVOKE CREATE ON SCHEMA {} FROM {};",
                        sql::identifier(name),
                        grantees.join(", ")
                    ),
                ),
            );
        }
    }
    Ok(())
}

fn grantee_in_sql(grantee: &str) -> String {
    if grantee == "PUBLIC" { grantee.to_owned() } else { sql::identifier(grantee) }
}

/// Whether PostgreSQL reads the value of a boolean setting as on.
fn is_on(value: &str) -> bool {
    let value = value.to_ascii_lowercase();
    value == "on" || value == "1" || "true".starts_with(&value) || "yes".starts_with(&value)
}

impl SettingDefault {
    fn object(&self) -> String {
        match (&self.database, &self.role) {
            (Some(database), Some(role)) => format!("role {role} in database {database}"),
            (Some(database), None) => format!("database {database}"),
            (None, Some(role)) => format!("role {role}"),
            (None, None) => "every role".to_owned(),
        }
    }

    fn reset(&self) -> Remedy {
        let name = self.name.split('.').map(sql::identifier).collect::<Vec<_>>().join(".");
        settings(match (&self.database, &self.role) {
            (Some(database), Some(role)) => {
                format!(
                    "ALTER ROLE {} IN DATABASE {} RESET {name};",
                    sql::identifier(role),
                    sql::identifier(database)
                )
            }
            (Some(database), None) => format!("ALTER DATABASE {} RESET {name};", sql::identifier(database)),
            (None, Some(role)) => format!("ALTER ROLE {} RESET {name};", sql::identifier(role)),
            (None, None) => format!("ALTER ROLE ALL RESET {name};"),
        })
    }
}

/// A remedy that changes a setting. It applies to new connections.
fn settings(sql: String) -> Remedy {
    Remedy::sql(Step::Settings, RunAs::Superuser, sql)
}

const DEFAULTS: &str = "SELECT d.datname::text AS database, r.rolname::text AS role, \
    split_part(c.entry, '=', 1) AS name, substr(c.entry, strpos(c.entry, '=') + 1) AS value \
    FROM pg_catalog.pg_db_role_setting s CROSS JOIN unnest(s.setconfig) AS c (entry) \
    LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole \
    WHERE (s.setdatabase = 0 OR d.datname = current_database()) AND (s.setrole = 0 OR r.rolname = {ROLE}) \
    ORDER BY 1, 2, 3";

const SCHEMAS: &str = "SELECT n.nspname::text AS name, \
    coalesce(p.position < array_position(current_schemas(true), 'pg_catalog'), false) AS is_first, \
    has_schema_privilege({ROLE}, n.oid, 'CREATE') AS may_create, \
    ARRAY(SELECT DISTINCT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee)::text END \
        FROM aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a WHERE a.privilege_type = 'CREATE' \
        AND (a.grantee = 0 OR pg_has_role({ROLE}, a.grantee, 'USAGE')) ORDER BY 1) AS grantees \
    FROM unnest(current_schemas(true)) WITH ORDINALITY AS p (name, position) \
    JOIN pg_catalog.pg_namespace n ON n.nspname = p.name WHERE n.nspname !~ '^pg_' ORDER BY p.position";
