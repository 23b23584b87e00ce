//! The functions for tenants whose key is a number or a text.
//!
//! A token is `<signature>.<key id>.<tenant>`: the tenant comes last, because it has no fixed length and a text can
//! contain dots. Without a signature it is `..<tenant>`. The signature covers the type, so that a token is valid for
//! databases of one type only.

use watertight_schema::TenantType;

/// The type in the schema `pg_catalog`.
pub(super) const fn catalog_type(tenant: TenantType) -> &'static str {
    match tenant {
        TenantType::BigInt => "pg_catalog.int8",
        TenantType::Integer => "pg_catalog.int4",
        TenantType::Text => "pg_catalog.text",
        _ => "pg_catalog.uuid",
    }
}

/// `watertight.tenant()`, verified. `TENANT` and `TYPE` stand for the type, and `ABSENT` for the value without a token.
const SIGNED: &str = "CREATE OR REPLACE FUNCTION watertight.tenant() RETURNS TYPE \
    LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL SAFE AS $watertight$
DECLARE
    token pg_catalog.text := pg_catalog.current_setting('watertight.tenant', true);
    key_id pg_catalog.text;
    named pg_catalog.text;
    inner_pad pg_catalog.bytea;
    outer_pad pg_catalog.bytea;
BEGIN
    IF token IS NULL OR token OPERATOR(pg_catalog.=) '' THEN
        RETURN ABSENT;
    END IF;
    key_id := pg_catalog.split_part(pg_catalog.substr(token, 66), '.', 1);
    named := pg_catalog.substr(token, 67 OPERATOR(pg_catalog.+) pg_catalog.length(key_id));
    SELECT k.ipad, k.opad INTO inner_pad, outer_pad FROM watertight.tenant_keys AS k
        WHERE k.id::pg_catalog.text OPERATOR(pg_catalog.=) key_id;
    IF pg_catalog.encode(pg_catalog.sha256(outer_pad OPERATOR(pg_catalog.||) pg_catalog.sha256(
            inner_pad OPERATOR(pg_catalog.||) pg_catalog.convert_to(
                'watertight tenant TENANT:' OPERATOR(pg_catalog.||) named, 'UTF8'))), 'hex')
            OPERATOR(pg_catalog.=) pg_catalog.substr(token, 1, 64) THEN
        RETURN named::TYPE;
    END IF;
    IF NOT token OPERATOR(pg_catalog.~) '^[0-9a-f]{64}[.][1-9][0-9]{0,4}[.].' THEN
        RAISE EXCEPTION USING ERRCODE = 'WT001',
            MESSAGE = 'the setting watertight.tenant contains no tenant token',
            HINT = 'Connect with watertight and a tenant key, or as the owner call watertight.enter(tenant).';
    ELSIF NOT EXISTS (SELECT FROM watertight.tenant_keys) THEN
        RAISE EXCEPTION USING ERRCODE = 'WT002',
            MESSAGE = 'the database has no tenant key',
            HINT = 'As the owner, run: watertight keys add';
    ELSIF inner_pad IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'WT003',
            MESSAGE = pg_catalog.format('the database has no tenant key %s', key_id),
            HINT = 'As the owner, run: watertight keys add';
    ELSE
        RAISE EXCEPTION USING ERRCODE = 'WT004',
            MESSAGE = pg_catalog.format('tenant key %s did not sign the tenant token', key_id),
            HINT = 'Give the application the key that the database has under this number, or add it under another.';
    END IF;
END
$watertight$";

/// `watertight.tenant()`, not verified. The planner inlines this function.
const UNSIGNED: &str = "CREATE OR REPLACE FUNCTION watertight.tenant() RETURNS TYPE \
    LANGUAGE sql STABLE SECURITY INVOKER PARALLEL SAFE AS $watertight$
    SELECT CASE WHEN pg_catalog.current_setting('watertight.tenant', true) OPERATOR(pg_catalog.<>) ''
        THEN pg_catalog.substring(pg_catalog.current_setting('watertight.tenant', true), '^[0-9a-f]*[.][0-9]*[.](.*)$')::TYPE
        ELSE ABSENT END
$watertight$";

const ENTER: &str = "CREATE OR REPLACE FUNCTION watertight.enter(tenant TYPE) RETURNS pg_catalog.void \
    LANGUAGE plpgsql VOLATILE SECURITY INVOKER AS $watertight$
DECLARE
    named pg_catalog.text := tenant::pg_catalog.text;
    signature pg_catalog.text;
BEGIN
    SELECT pg_catalog.encode(pg_catalog.sha256(k.opad OPERATOR(pg_catalog.||)
            pg_catalog.sha256(k.ipad OPERATOR(pg_catalog.||) pg_catalog.convert_to(
                'watertight tenant TENANT:' OPERATOR(pg_catalog.||) named, 'UTF8'))), 'hex')
            OPERATOR(pg_catalog.||) '.' OPERATOR(pg_catalog.||) k.id::pg_catalog.text OPERATOR(pg_catalog.||) '.'
        INTO signature FROM watertight.tenant_keys AS k ORDER BY k.created_at DESC, k.id DESC LIMIT 1;
    PERFORM pg_catalog.set_config('watertight.tenant',
        pg_catalog.concat(coalesce(signature, '..'), named), true);
END
$watertight$";

fn of(tenant: TenantType, template: &str, absent: &str) -> String {
    template
        .replace("TYPE", catalog_type(tenant))
        .replace("tenant TENANT:", &format!("tenant {tenant}:"))
        .replace("ABSENT", absent)
}

/// The verified function, with the value that it returns without a token.
pub(super) fn signed(tenant: TenantType, absent: &str) -> String {
    of(tenant, SIGNED, absent)
}

/// The function that is not verified, with the value that it returns without a token.
pub(super) fn unsigned(tenant: TenantType, absent: &str) -> String {
    of(tenant, UNSIGNED, absent)
}

/// The function with which the owner works for a tenant.
pub(super) fn enter(tenant: TenantType) -> String {
    of(tenant, ENTER, "")
}
