//! Known extensions, whose objects are not reported.

/// Widely used extensions, from PostgreSQL itself and from other projects.
///
/// Their functions, operators, casts and types neither run as a role that bypasses row-level security nor set
/// the tenant.
#[rustfmt::skip]
const KNOWN: &[&str] = &[
    "address_standardizer", "amcheck", "autoinc", "bloom", "btree_gin", "btree_gist", "citext", "citus",
    "citus_columnar", "cube", "dblink", "dict_int", "dict_xsyn", "earthdistance", "file_fdw", "fuzzystrmatch", "hstore",
    "hypopg", "intagg", "intarray", "isn", "lo", "ltree", "moddatetime", "pageinspect", "pg_buffercache", "pg_cron",
    "pg_freespacemap", "pg_partman", "pg_prewarm", "pg_stat_statements", "pg_trgm", "pg_visibility", "pgcrypto",
    "pgrowlocks", "pgstattuple", "plpgsql", "postgis", "postgis_raster", "postgis_sfcgal", "postgis_topology",
    "postgres_fdw", "refint", "seg", "sslinfo", "tablefunc", "tcn", "timescaledb", "tsm_system_rows",
    "tsm_system_time", "unaccent", "uuid-ossp", "vector", "xml2",
];

/// The SQL condition that an object of a catalog belongs to no known extension.
pub(super) fn is_not_of_known(catalog: &str, oid: &str) -> String {
    let names = KNOWN.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ");
    format!(
        "NOT EXISTS (SELECT FROM pg_catalog.pg_depend e JOIN pg_catalog.pg_extension x ON x.oid = e.refobjid \
         WHERE e.refclassid = 'pg_catalog.pg_extension'::regclass AND e.deptype = 'e' AND x.extname IN ({names}) \
         AND e.classid = 'pg_catalog.{catalog}'::regclass AND e.objid = {oid})"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Extension;

    #[test]
    fn the_list_is_sorted_and_has_every_extension_with_a_preset() {
        assert!(KNOWN.is_sorted_by(|a, b| a < b));
        assert!(Extension::ALL.iter().all(|extension| KNOWN.contains(&extension.name())));
    }
}
