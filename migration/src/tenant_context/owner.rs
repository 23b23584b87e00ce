//! An error instead of no rows, where the owner of tenant tables reads or changes them without a tenant.
//!
//! Forced policies bind the owner. Without a tenant they hide every row, so a data migration of the owner would change
//! nothing and be recorded as applied, a dump would be empty, and a new foreign key would be validated against no row.
//! The policies read the tenant from `watertight.tenant()`, which therefore raises the error, for every tenant table.
//! Statements with a tenant do not reach the check.

use watertight_schema::{TenantType, sql};

use super::{Mode, SIGNED, UNSIGNED, keyed};

/// Returns NULL, the tenant of a reader without one, or raises an error for the owner of forced tables with rows.
///
/// While every forced table is empty, no row is hidden: the migrations of a new database can add foreign keys. Superusers
/// and roles with `BYPASSRLS` can call `watertight.tenant()`, and no policy applies to them.
const NO_TENANT: &str =
    "CREATE OR REPLACE FUNCTION watertight.no_tenant(reader pg_catalog.text) RETURNS pg_catalog.uuid \
    LANGUAGE plpgsql STABLE SECURITY INVOKER PARALLEL SAFE AS $watertight$
DECLARE
    own pg_catalog.oid[];
BEGIN
    SELECT pg_catalog.array_agg(c.oid) INTO own FROM pg_catalog.pg_roles AS r JOIN pg_catalog.pg_class AS c
        ON c.relforcerowsecurity AND pg_catalog.pg_has_role(r.oid, c.relowner, 'USAGE')
        WHERE r.rolname OPERATOR(pg_catalog.=) reader::pg_catalog.name AND NOT r.rolsuper AND NOT r.rolbypassrls;
    IF own IS NULL THEN
        RETURN NULL;
    END IF;
    IF EXISTS (SELECT FROM pg_catalog.unnest(own) AS o (id), LATERAL (SELECT o.id::pg_catalog.regclass AS id
            UNION ALL SELECT t.relid FROM pg_catalog.pg_partition_tree(o.id::pg_catalog.regclass) AS t) AS part
            WHERE pg_catalog.pg_relation_size(part.id) OPERATOR(pg_catalog.>) 0) THEN
        RAISE EXCEPTION USING ERRCODE = 'WT005',
            MESSAGE = pg_catalog.format('no tenant is set, so row-level security would hide every row from the owner %s',
                reader),
            HINT = 'In a migration, call watertight_migration::for_all_tenants or for_each_tenant. In SQL, call '
                'watertight.enter(tenant) in the transaction. For dumps and reports, connect as a role with BYPASSRLS.';
    END IF;
    RETURN NULL;
END
$watertight$";

const GRANT: &str = "GRANT EXECUTE ON FUNCTION watertight.no_tenant(text) TO PUBLIC";

/// The reader is the role of `SET ROLE` or of the session: within the function the current role is its owner.
const READER: &str = "watertight.no_tenant(CASE WHEN pg_catalog.current_setting('role') OPERATOR(pg_catalog.=) 'none' \
                   THEN session_user::pg_catalog.text ELSE pg_catalog.current_setting('role') END)";

fn no_tenant(tenant: TenantType) -> String {
    NO_TENANT.replacen("RETURNS pg_catalog.uuid", &format!("RETURNS {}", keyed::catalog_type(tenant)), 1)
}

fn signed(tenant: TenantType) -> String {
    if tenant != TenantType::Uuid {
        return keyed::signed(tenant, READER);
    }
    let without = "RETURN NULL;\n    END IF;\n    SELECT k.ipad";
    SIGNED.replacen(without, &format!("RETURN {READER};\n    END IF;\n    SELECT k.ipad"), 1)
}

fn unsigned(tenant: TenantType) -> String {
    if tenant != TenantType::Uuid {
        return keyed::unsigned(tenant, "watertight.no_tenant(current_user::pg_catalog.text)");
    }
    let without = "1, 36)::pg_catalog.uuid END";
    let raising =
        "1, 36)::pg_catalog.uuid\n        ELSE watertight.no_tenant(current_user::pg_catalog.text) END";
    UNSIGNED.replacen(without, raising, 1)
}

impl Mode {
    /// The SQL that creates the function in this mode.
    ///
    /// A cluster keeps the released form, because its other machines have no function `watertight.no_tenant`.
    pub(crate) fn statements(self, tenant: TenantType) -> Vec<String> {
        let function = match self {
            Self::Signed => signed(tenant),
            Self::Unsigned => unsigned_here(tenant),
        };
        vec![no_tenant(tenant), GRANT.to_owned(), function, self.comment()]
    }
}

/// The SQL that adds the error to the function in its present mode.
pub(crate) fn installed(tenant: TenantType) -> Vec<String> {
    vec![no_tenant(tenant), GRANT.to_owned(), in_present_mode(&signed(tenant), &unsigned_here(tenant))]
}

/// The SQL that removes the error.
pub(crate) fn removed(tenant: TenantType) -> Vec<String> {
    let [[signed, _], [unsigned, _]] = [Mode::Signed, Mode::Unsigned].map(|mode| mode.released(tenant));
    vec![in_present_mode(&signed, &unsigned), "DROP FUNCTION watertight.no_tenant(text)".to_owned()]
}

/// The SQL that creates the unsigned function in the form for this database.
fn unsigned_here(tenant: TenantType) -> String {
    let [released, _] = Mode::Unsigned.released(tenant);
    unless_distributed(&released, &unsigned(tenant))
}

fn in_present_mode(signed: &str, unsigned: &str) -> String {
    let [signed, unsigned] = [signed, unsigned].map(sql::literal);
    let block = format!(
        "BEGIN IF (SELECT p.prosecdef FROM pg_catalog.pg_proc p \
         WHERE p.oid = pg_catalog.to_regprocedure('watertight.tenant()')) \
         THEN EXECUTE {signed}; ELSE EXECUTE {unsigned}; END IF; END"
    );
    format!("DO {}", sql::literal(&block))
}

/// The SQL that creates one form of the unsigned function where tables are distributed, and the other elsewhere.
fn unless_distributed(distributed: &str, local: &str) -> String {
    let [distributed, local] = [distributed, local].map(sql::literal);
    let block = format!(
        "DECLARE distributed boolean := false; BEGIN \
         IF pg_catalog.to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL THEN \
         EXECUTE 'SELECT EXISTS (SELECT FROM pg_catalog.pg_dist_partition WHERE partmethod = ''h'')' INTO distributed; \
         END IF; IF distributed THEN EXECUTE {distributed}; ELSE EXECUTE {local}; END IF; END"
    );
    format!("DO {}", sql::literal(&block))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_raises_the_error() {
        for tenant in TenantType::ALL {
            for (function, mode) in [(signed(tenant), Mode::Signed), (unsigned(tenant), Mode::Unsigned)] {
                let [released, _] = mode.released(tenant);
                assert!(function.contains("watertight.no_tenant("), "{function}");
                assert!(!released.contains("no_tenant") && function.len() > released.len());
            }
        }
    }
}
