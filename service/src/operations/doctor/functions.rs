//! Checks for functions that extend the reach of a statement.
//!
//! Such a function runs with the rights of another role, or a statement can call it without naming it.

use sea_orm::FromQueryResult;

use super::expected::{Expected, OWN_SCHEMA, tenant_tables};
use super::extensions::is_not_of_known;
use super::remedy::{Remedy, RunAs, Step};
use super::report::{Check, Finding, Severity};
use crate::operations::ConnectError;
use crate::operations::inspection::catalog::{Catalog, about};
use crate::operations::inspection::connect_checks::TENANT_SETTINGS;
use crate::tenant::Inspection;
use watertight_schema::sql;

/// A function that belongs neither to PostgreSQL nor to a known extension.
#[derive(FromQueryResult)]
#[expect(clippy::struct_excessive_bools, reason = "a row of the catalog")]
struct Function {
    oid: i64,
    schema: String,
    name: String,
    /// The argument types in the syntax of `ALTER ROUTINE`.
    arguments: String,
    owner: String,
    owner_bypasses: bool,
    security_definer: bool,
    /// The settings of the function, as `name=value`. They apply while it runs.
    settings: Vec<String>,
    /// Whether the role may execute it.
    executable: bool,
    /// Whether the role has access to its schema.
    nameable: bool,
    is_trigger: bool,
    /// Whether it is on the search path and takes a row of a tenant table.
    takes_row: bool,
    /// Whether it is on the search path and shares its name with a function of PostgreSQL.
    overloads: bool,
}

/// An object that calls a function.
#[derive(FromQueryResult)]
struct Caller {
    function: i64,
    description: String,
    /// Whether a statement reaches the object through the types of operands instead of a name.
    is_unseen: bool,
    /// Whether the server calls the function on its own while it reads or changes rows.
    is_automatic: bool,
    /// Whether the call requires the privilege to execute the function.
    needs_execute: bool,
    /// The statement that drops the object.
    dropping: String,
}

pub(super) async fn check(
    inspection: &mut Inspection,
    catalog: &Catalog,
    expected: Expected<'_>,
    findings: &mut Vec<Finding>,
) -> Result<(), ConnectError> {
    let tenants = tenant_tables(catalog, expected);
    let functions: Vec<Function> =
        inspection.ask(&about(&catalog.subject, &functions()), [tenants.clone().into()]).await?;
    let callers: Vec<Caller> = inspection.ask(&callers(), [tenants.into()]).await?;
    for function in functions.iter().filter(|function| function.schema != OWN_SCHEMA) {
        let calls = |caller: &&Caller| {
            caller.function == function.oid && (function.executable || !caller.needs_execute)
        };
        let callers: Vec<_> = callers.iter().filter(calls).collect();
        let finding = privileged(function, &callers, expected);
        findings.extend(unseen(function, &callers, expected, &catalog.subject));
        findings.extend(finding);
    }
    Ok(())
}

impl Function {
    fn display(&self) -> String {
        format!("{}.{}({})", self.schema, self.name, self.arguments)
    }

    fn quoted(&self) -> String {
        format!("{}.{}({})", sql::identifier(&self.schema), sql::identifier(&self.name), self.arguments)
    }

    fn is_declared(&self, expected: Expected<'_>) -> bool {
        let Self { schema, name, .. } = self;
        expected.registry.declares_function(name)
            || expected.registry.declares_function(&format!("{schema}.{name}"))
    }

    /// Whether a statement can call it by name or, for a row argument, as a column.
    const fn is_callable(&self) -> bool {
        self.executable && self.nameable && !self.is_trigger
    }
}

fn privileged(function: &Function, callers: &[&Caller], expected: Expected<'_>) -> Option<Finding> {
    let is_reached = function.is_callable() || !callers.is_empty();
    let tenant = function.settings.iter().find_map(|setting| {
        let (name, _) = setting.split_once('=')?;
        TENANT_SETTINGS.iter().find(|tenant| tenant.eq_ignore_ascii_case(name))
    });
    let bypasses = function.security_definer && function.owner_bypasses;
    let (what, remedy) = match tenant {
        _ if !is_reached => return None,
        Some(setting) => (
            format!("sets {setting} while it runs, so row-level security shows it that tenant's rows"),
            Remedy::sql(
                Step::Objects,
                RunAs::Superuser,
                format!("ALTER ROUTINE {} RESET {setting};", function.quoted()),
            ),
        ),
        None if bypasses => (
            format!("runs as {}, which bypasses row-level security", function.owner),
            Remedy::sql(
                Step::Objects,
                RunAs::Superuser,
                format!("ALTER ROUTINE {} SECURITY INVOKER;", function.quoted()),
            )
            .or("give it an owner that does not bypass row-level security"),
        ),
        None => return None,
    };
    let chosen = function.is_callable() || callers.iter().any(|caller| !caller.is_automatic);
    let severity =
        if chosen && !function.is_declared(expected) { Severity::Error } else { Severity::Warning };
    let problem = match callers {
        [] => what,
        callers => format!("{what}, and is called by {}", names(callers)),
    };
    Some(Finding::new(severity, Check::PrivilegedFunction, function.display(), problem, remedy))
}

fn unseen(function: &Function, callers: &[&Caller], expected: Expected<'_>, role: &str) -> Option<Finding> {
    let callers: Vec<_> = callers.iter().copied().filter(|caller| caller.is_unseen).collect();
    let problem = if !callers.is_empty() {
        format!("is called by {}, so a statement can call it without naming it", names(&callers))
    } else if function.takes_row && function.is_callable() {
        "takes a row of a tenant table, so a statement can call it in the form of a column of that row"
            .to_owned()
    } else if function.overloads && function.is_callable() {
        format!(
            "has the name of PostgreSQL's function {}, and is called instead of it for some types",
            function.name
        )
    } else {
        return None;
    };
    if function.is_declared(expected) {
        return None;
    }
    // The server calls the function for some objects without checking privileges. These objects are dropped.
    let dropped: Vec<&str> = callers
        .iter()
        .filter(|caller| !caller.needs_execute)
        .map(|caller| caller.dropping.as_str())
        .collect();
    let declaring =
        "declare it with `Builder::dangerous_function` if it reads no table and changes no setting";
    let objects = |sql: String| Remedy::sql(Step::Objects, RunAs::Superuser, sql);
    let remedy = if dropped.is_empty() {
        let (name, role) = (function.quoted(), sql::identifier(role));
        objects(format!("REVOKE EXECUTE ON ROUTINE {name} FROM PUBLIC, {role};")).or(declaring)
    } else if dropped.iter().any(|dropping| dropping.ends_with("CASCADE;")) {
        // It also drops the columns of the type.
        Remedy::action(format!("{} or {declaring}", dropped.join(" ")))
    } else {
        objects(dropped.join(" ")).or(declaring)
    };
    Some(Finding::new(
        expected.without_rewriting(),
        Check::UnseenFunction,
        function.display(),
        problem,
        remedy,
    ))
}

fn names(callers: &[&Caller]) -> String {
    callers.iter().map(|caller| caller.description.as_str()).collect::<Vec<_>>().join(", ")
}

/// A common table expression with the row types of the tables in the first parameter.
///
/// It includes their array types and the domains over both.
const ROW_TYPES: &str = "row_types AS (SELECT t.oid FROM pg_catalog.pg_type t WHERE t.typrelid::int8 = ANY ($1) \
    UNION SELECT t.oid FROM pg_catalog.pg_type t JOIN row_types r ON r.oid IN (t.typelem, t.typbasetype))";

/// The first OID of objects that do not belong to PostgreSQL itself (`FirstNormalObjectId`).
const FIRST_OBJECT: &str = "16384";

fn functions() -> String {
    let not_known = is_not_of_known("pg_proc", "p.oid");
    format!(
        "WITH RECURSIVE {ROW_TYPES} SELECT p.oid::int8 AS oid, n.nspname::text AS schema, p.proname::text AS name, \
         pg_get_function_identity_arguments(p.oid) AS arguments, o.rolname::text AS owner, \
         o.rolsuper OR o.rolbypassrls AS owner_bypasses, p.prosecdef AS security_definer, \
         coalesce(p.proconfig, '{{}}') AS settings, \
         has_function_privilege({{ROLE}}, p.oid, 'EXECUTE') AS executable, \
         has_schema_privilege({{ROLE}}, n.oid, 'USAGE') AS nameable, \
         p.prorettype IN ('trigger'::regtype, 'event_trigger'::regtype) AS is_trigger, \
         n.nspname = ANY (current_schemas(true)) \
            AND EXISTS (SELECT FROM row_types r WHERE r.oid = ANY (p.proargtypes)) AS takes_row, \
         n.nspname = ANY (current_schemas(true)) AND EXISTS (SELECT FROM pg_catalog.pg_proc b \
            WHERE b.proname = p.proname AND b.pronamespace = 'pg_catalog'::regnamespace AND b.oid < {FIRST_OBJECT}) \
            AS overloads \
         FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
         JOIN pg_catalog.pg_roles o ON o.oid = p.proowner \
         WHERE p.oid >= {FIRST_OBJECT} AND {not_known} ORDER BY 2, 3, 4"
    )
}

fn callers() -> String {
    let all = [OPERATORS, CASTS, DOMAINS, BASE_TYPES, TRIGGERS, RULES].join(" UNION ALL ");
    format!("WITH RECURSIVE {ROW_TYPES} {all}")
}

const OPERATORS: &str = "SELECT o.oprcode::oid::int8 AS function, \
    pg_describe_object('pg_catalog.pg_operator'::regclass, o.oid, 0) AS description, \
    o.oprleft IN (SELECT oid FROM row_types) OR o.oprright IN (SELECT oid FROM row_types) \
        OR EXISTS (SELECT FROM pg_catalog.pg_operator b WHERE b.oprname = o.oprname AND b.oid < 16384) AS is_unseen, \
    false AS is_automatic, true AS needs_execute, format('DROP OPERATOR %s;', o.oid::regoperator) AS dropping \
    FROM pg_catalog.pg_operator o WHERE o.oid >= 16384";

/// Selects casts. `to_json` and similar functions use a cast to JSON without checking privileges.
const CASTS: &str = "SELECT c.castfunc::int8, pg_describe_object('pg_catalog.pg_cast'::regclass, c.oid, 0), \
    c.castsource IN (SELECT oid FROM row_types) OR c.casttarget IN (SELECT oid FROM row_types) \
        OR c.castcontext <> 'e' OR c.casttarget IN ('json'::regtype, 'jsonb'::regtype), \
    false, c.casttarget NOT IN ('json'::regtype, 'jsonb'::regtype), \
    format('DROP CAST (%s AS %s);', c.castsource::regtype, c.casttarget::regtype) \
    FROM pg_catalog.pg_cast c WHERE c.oid >= 16384 AND c.castfunc <> 0";

const DOMAINS: &str = "SELECT d.refobjid::int8, pg_describe_object('pg_catalog.pg_type'::regclass, k.contypid, 0), \
    true, false, true, format('DROP DOMAIN %s;', k.contypid::regtype) \
    FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_depend d \
    ON d.classid = 'pg_catalog.pg_constraint'::regclass AND d.objid = k.oid \
        AND d.refclassid = 'pg_catalog.pg_proc'::regclass WHERE k.contypid <> 0";

/// Selects base types. The server does not check the privilege to execute their conversion functions.
const BASE_TYPES: &str = "SELECT f.oid::int8, pg_describe_object('pg_catalog.pg_type'::regclass, t.oid, 0), \
    true, false, false, format('DROP TYPE %s CASCADE;', t.oid::regtype) \
    FROM pg_catalog.pg_type t JOIN pg_catalog.pg_proc f \
    ON f.oid IN (t.typinput, t.typoutput, t.typreceive, t.typsend) \
    WHERE t.oid >= 16384 AND t.typtype = 'b' AND t.typcategory <> 'A'";

const TRIGGERS: &str = "SELECT g.tgfoid::int8, pg_describe_object('pg_catalog.pg_trigger'::regclass, g.oid, 0), \
    false, true, false, format('DROP TRIGGER %I ON %s;', g.tgname, g.tgrelid::regclass) \
    FROM pg_catalog.pg_trigger g WHERE NOT g.tgisinternal AND g.tgrelid::int8 = ANY ($1)";

const RULES: &str = "SELECT d.refobjid::int8, pg_describe_object('pg_catalog.pg_rewrite'::regclass, w.oid, 0), \
    false, true, false, format('DROP RULE %I ON %s;', w.rulename, w.ev_class::regclass) \
    FROM pg_catalog.pg_rewrite w JOIN pg_catalog.pg_depend d \
    ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = w.oid \
        AND d.refclassid = 'pg_catalog.pg_proc'::regclass WHERE w.ev_class::int8 = ANY ($1)";
