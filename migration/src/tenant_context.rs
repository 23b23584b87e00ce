//! The tenant of a transaction in the database: a signed setting, and the function that verifies it.
//!
//! Sessions put a token into the setting `watertight.tenant`; the policies compare `tenant_id` with
//! `watertight.tenant()`, which returns the token's tenant if one of the keys in `watertight.tenant_keys` signed it.
//! Any SQL can change the setting, but creating a valid token requires a key.
//!
//! The functions run for statements of attackers, so `search_path` and temporary objects must not decide what a name
//! in them means: every function, operator, type and table is qualified, and no construct is used that looks up `=`
//! by itself (`NULLIF`, `IN`, `CASE x WHEN`). They contain no backslash, which `standard_conforming_strings` decides.

use watertight_schema::isolation::{
    CLUSTER_CONDITION, CLUSTER_CONDITION_PRINTED, SCHEMA, TENANT_COLUMN, TENANT_CONDITION,
    TENANT_CONDITION_PRINTED, UNSIGNED_CONDITION, UNSIGNED_CONDITION_PRINTED, tenant_condition,
};
use watertight_schema::{TenantType, sql};

use crate::{Settings, TableSet, access, m20260101_000008_tenant_parameter as tenant_parameter};

mod keyed;
mod owner;

pub(crate) use owner::{installed, removed};

/// The type whose values change the setting when they are bound.
///
/// PostgreSQL converts bound values before it plans and runs the statement, and the conversion to a domain
/// evaluates the domain's check.
const TOKEN_TYPE: &str = "CREATE DOMAIN watertight.tenant_token AS text NOT NULL \
    CONSTRAINT tenant_token_setting CHECK (pg_catalog.set_config('watertight.tenant', VALUE, true) IS NOT NULL)";

/// The table of keys. For each key it contains the two blocks with which HMAC (RFC 2104) begins its hashes.
///
/// The blocks are enough for the verification, and SQL has no exclusive-or for `bytea` to compute them from
/// the key.
const KEYS: &str = "CREATE TABLE IF NOT EXISTS watertight.tenant_keys (\
    id smallint PRIMARY KEY CHECK (id > 0), \
    ipad bytea NOT NULL CHECK (octet_length(ipad) = 64), \
    opad bytea NOT NULL CHECK (octet_length(opad) = 64), \
    created_at timestamptz NOT NULL DEFAULT now())";

/// The tenant of the transaction, verified.
///
/// A token is `<tenant>.<signature>.<key id>`: 36, 64 and up to 5 characters. The server compares signatures
/// as texts, with one `memcmp` of 64 bytes.
const SIGNED: &str = "CREATE OR REPLACE FUNCTION watertight.tenant() RETURNS pg_catalog.uuid \
    LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL SAFE AS $watertight$
DECLARE
    token pg_catalog.text := pg_catalog.current_setting('watertight.tenant', true);
    inner_pad pg_catalog.bytea;
    outer_pad pg_catalog.bytea;
BEGIN
    IF token IS NULL OR token OPERATOR(pg_catalog.=) '' THEN
        RETURN NULL;
    END IF;
    SELECT k.ipad, k.opad INTO inner_pad, outer_pad FROM watertight.tenant_keys AS k
        WHERE k.id::pg_catalog.text OPERATOR(pg_catalog.=) pg_catalog.substr(token, 103);
    IF pg_catalog.encode(pg_catalog.sha256(outer_pad OPERATOR(pg_catalog.||) pg_catalog.sha256(
            inner_pad OPERATOR(pg_catalog.||) pg_catalog.convert_to(
                'watertight tenant:' OPERATOR(pg_catalog.||) pg_catalog.substr(token, 1, 36), 'UTF8'))), 'hex')
            OPERATOR(pg_catalog.=) pg_catalog.substr(token, 38, 64) THEN
        RETURN pg_catalog.substr(token, 1, 36)::pg_catalog.uuid;
    END IF;
    IF NOT token OPERATOR(pg_catalog.~) '^[0-9a-f-]{36}[.][0-9a-f]{64}[.][1-9][0-9]{0,4}$' THEN
        RAISE EXCEPTION USING ERRCODE = 'WT001',
            MESSAGE = 'the setting watertight.tenant holds no tenant token',
            HINT = 'Connect with watertight and a tenant key, or as the owner call watertight.enter(tenant).';
    ELSIF NOT EXISTS (SELECT FROM watertight.tenant_keys) THEN
        RAISE EXCEPTION USING ERRCODE = 'WT002',
            MESSAGE = 'the database has no tenant key',
            HINT = 'As the owner, run: watertight keys add';
    ELSIF inner_pad IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'WT003',
            MESSAGE = pg_catalog.format('the database has no tenant key %s', pg_catalog.substr(token, 103)),
            HINT = 'As the owner, run: watertight keys add';
    ELSE
        RAISE EXCEPTION USING ERRCODE = 'WT004',
            MESSAGE = pg_catalog.format('tenant key %s did not sign the tenant token', pg_catalog.substr(token, 103)),
            HINT = 'Give the application the key that the database has under this number, or add it under another.';
    END IF;
END
$watertight$";

/// The tenant of the transaction, not verified: any SQL can name it. The planner inlines this function.
const UNSIGNED: &str = "CREATE OR REPLACE FUNCTION watertight.tenant() RETURNS pg_catalog.uuid \
    LANGUAGE sql STABLE SECURITY INVOKER PARALLEL SAFE AS $watertight$
    SELECT CASE WHEN pg_catalog.current_setting('watertight.tenant', true) OPERATOR(pg_catalog.<>) ''
        THEN pg_catalog.substr(pg_catalog.current_setting('watertight.tenant', true), 1, 36)::pg_catalog.uuid END
$watertight$";

/// Lets the owner work for a tenant until the end of the transaction, because the policies bind the owner,
/// too.
///
/// It reads the keys as the role that calls it, so only the owner can call it.
const ENTER: &str =
    "CREATE OR REPLACE FUNCTION watertight.enter(tenant pg_catalog.uuid) RETURNS pg_catalog.void \
    LANGUAGE plpgsql VOLATILE SECURITY INVOKER AS $watertight$
DECLARE
    named pg_catalog.text := tenant::pg_catalog.text;
    signature pg_catalog.text;
BEGIN
    SELECT '.' OPERATOR(pg_catalog.||) pg_catalog.encode(pg_catalog.sha256(k.opad OPERATOR(pg_catalog.||)
            pg_catalog.sha256(k.ipad OPERATOR(pg_catalog.||) pg_catalog.convert_to(
                'watertight tenant:' OPERATOR(pg_catalog.||) named, 'UTF8'))), 'hex')
            OPERATOR(pg_catalog.||) '.' OPERATOR(pg_catalog.||) k.id::pg_catalog.text
        INTO signature FROM watertight.tenant_keys AS k ORDER BY k.created_at DESC, k.id DESC LIMIT 1;
    PERFORM pg_catalog.set_config('watertight.tenant',
        pg_catalog.concat(named, signature), true);
END
$watertight$";

/// The mode of the database: it verifies the tenant of a transaction, or accepts any tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Signed,
    Unsigned,
}

impl Mode {
    /// The SQL that creates the function in this mode, as migration `m20260101_000009_signed_tenant` does. Programs read
    /// the mode from `pg_proc.prosecdef`, not from the comment.
    pub(crate) fn released(self, tenant: TenantType) -> [String; 2] {
        let function = match (self, tenant) {
            (Self::Signed, TenantType::Uuid) => SIGNED.to_owned(),
            (Self::Unsigned, TenantType::Uuid) => UNSIGNED.to_owned(),
            (Self::Signed, _) => keyed::signed(tenant, "NULL"),
            (Self::Unsigned, _) => keyed::unsigned(tenant, "NULL"),
        };
        [function, self.comment()]
    }

    fn comment(self) -> String {
        let comment = match self {
            Self::Signed => "signed: verified with the keys in watertight.tenant_keys",
            Self::Unsigned => "unsigned: believes the setting watertight.tenant",
        };
        format!("COMMENT ON FUNCTION watertight.tenant() IS '{comment}'")
    }
}

/// The SQL that creates the schema and its objects, and changes all policies to the verified tenant.
///
/// Each object may already exist, because `fresh` drops only tables.
pub(crate) fn statements(settings: &Settings) -> Vec<String> {
    let role = sql::identifier(settings.app_role());
    let tenant = settings.tenant_type();
    let enter = match tenant {
        TenantType::Uuid => ENTER.to_owned(),
        _ => keyed::enter(tenant),
    };
    let mut sql = vec![
        // `IF NOT EXISTS` requires the right to create schemas even if the schema exists.
        "DO $$ BEGIN IF pg_catalog.to_regnamespace('watertight') IS NULL THEN CREATE SCHEMA watertight; END IF; END $$"
            .to_owned(),
        "REVOKE ALL ON SCHEMA watertight FROM PUBLIC".to_owned(),
        access::schema_grant(settings, SCHEMA),
        KEYS.to_owned(),
        format!("REVOKE ALL ON TABLE watertight.tenant_keys FROM PUBLIC, {role}"),
    ];
    sql.extend(token_type());
    sql.extend(Mode::Signed.released(tenant));
    sql.extend([
        "REVOKE ALL ON FUNCTION watertight.tenant() FROM PUBLIC".to_owned(),
        format!("GRANT EXECUTE ON FUNCTION watertight.tenant() TO {role}"),
        enter,
        format!("REVOKE ALL ON FUNCTION watertight.enter({tenant}) FROM PUBLIC, {role}"),
        on_cluster(tenant),
        move_policies(UNSIGNED_CONDITION_PRINTED, TENANT_CONDITION),
    ]);
    if settings.table_sets().contains(TableSet::Auth) {
        sql.push(tenant_parameter::drop_domain(settings));
    }
    sql
}

/// The SQL that drops the type and creates it again.
pub(crate) fn token_type() -> [String; 2] {
    ["DROP DOMAIN IF EXISTS watertight.tenant_token", TOKEN_TYPE].map(str::to_owned)
}

/// The SQL that removes the sub-select from the policies, which Citus does not support. The planner inlines
/// the unsigned function without it.
pub(crate) fn policies_without_subselect() -> String {
    let printed = "( SELECT watertight.tenant() AS tenant)";
    let condition =
        |kind: &str| format!("replace(pg_get_expr({kind}, polrelid), '{printed}', 'watertight.tenant()')");
    format!(
        "DO $watertight$ DECLARE found record; BEGIN FOR found IN \
         SELECT polname, polrelid, {} AS reads, {} AS writes FROM pg_policy \
         WHERE pg_get_expr(polqual, polrelid) LIKE '%{printed})' \
         OR pg_get_expr(polwithcheck, polrelid) LIKE '%{printed})' LOOP \
         IF found.reads IS NOT NULL THEN EXECUTE format('ALTER POLICY %I ON %s USING (%s)', found.polname, \
         found.polrelid::regclass, found.reads); END IF; \
         IF found.writes IS NOT NULL THEN EXECUTE format('ALTER POLICY %I ON %s WITH CHECK (%s)', found.polname, \
         found.polrelid::regclass, found.writes); END IF; END LOOP; END $watertight$",
        condition("polqual"),
        condition("polwithcheck"),
    )
}

/// The SQL that adapts a cluster with distributed tables. Elsewhere it does nothing.
///
/// On a cluster the function is unsigned and known to the workers, and the policies have no sub-select.
fn on_cluster(tenant: TenantType) -> String {
    let [function, comment] = Mode::Unsigned.released(tenant).map(|text| sql::literal(&text));
    let policies = sql::literal(&move_policies(UNSIGNED_CONDITION_PRINTED, CLUSTER_CONDITION));
    format!(
        "DO $cluster$ BEGIN IF pg_catalog.to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL THEN \
         IF EXISTS (SELECT FROM pg_catalog.pg_dist_partition WHERE partmethod = 'h') THEN \
         EXECUTE {function}; EXECUTE {comment}; \
         PERFORM create_distributed_function('watertight.tenant()'); \
         EXECUTE {policies}; END IF; END IF; END $cluster$"
    )
}

/// The SQL that restores the unsigned tenant; `with_domain` also the type that names it.
pub(crate) fn reverted(settings: &Settings, with_domain: bool) -> Vec<String> {
    let mut sql = Vec::new();
    if with_domain {
        sql.push(tenant_parameter::create_domain(settings));
    }
    sql.extend([
        move_policies(TENANT_CONDITION_PRINTED, UNSIGNED_CONDITION),
        move_policies(CLUSTER_CONDITION_PRINTED, UNSIGNED_CONDITION),
        format!("DROP FUNCTION watertight.enter({})", settings.tenant_type()),
        "DROP FUNCTION watertight.tenant()".to_owned(),
        "DROP DOMAIN watertight.tenant_token".to_owned(),
        "DROP TABLE watertight.tenant_keys".to_owned(),
        "DROP SCHEMA watertight".to_owned(),
    ]);
    sql
}

/// The SQL that replaces one condition by another in every policy, including the policies of the
/// application's tables.
fn move_policies(printed: &str, condition: &str) -> String {
    let (printed, condition) = (sql::literal(printed), sql::literal(condition));
    format!(
        "DO $watertight$ DECLARE found record; BEGIN FOR found IN \
         SELECT polname, polrelid, pg_get_expr(polqual, polrelid) IS NOT DISTINCT FROM {printed} AS reads, \
         pg_get_expr(polwithcheck, polrelid) IS NOT DISTINCT FROM {printed} AS writes FROM pg_policy LOOP \
         IF found.reads THEN EXECUTE format('ALTER POLICY %I ON %s USING (%s)', found.polname, \
         found.polrelid::regclass, {condition}); END IF; \
         IF found.writes THEN EXECUTE format('ALTER POLICY %I ON %s WITH CHECK (%s)', found.polname, \
         found.polrelid::regclass, {condition}); END IF; END LOOP; END $watertight$"
    )
}

/// The SQL that creates the policy of a table, with the verified tenant if the database has it.
pub(crate) fn create_policy(policy: &str, table: &str, column: &str) -> String {
    let create = |condition: &str| {
        format!("CREATE POLICY {policy} ON {table} FOR ALL USING ({condition}) WITH CHECK ({condition})")
    };
    let condition = tenant_condition(column);
    let block = format!(
        "BEGIN IF pg_catalog.to_regprocedure('watertight.tenant()') IS NULL THEN {}; ELSE {}; END IF; END",
        create(&UNSIGNED_CONDITION.replacen(TENANT_COLUMN, column_of(&condition), 1)),
        create(&condition)
    );
    // Quoted with apostrophes, because a table's name can contain dollar signs.
    format!("DO {}", sql::literal(&block))
}

/// The column of a condition, as the condition writes it.
fn column_of(condition: &str) -> &str {
    condition.split(" = (").next().unwrap_or(condition)
}
