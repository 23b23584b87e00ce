//! The presets of extensions agree with the extensions of the server.
//!
//! A preset is checked only if the server has the extension. The embedded server has none.

use std::collections::BTreeSet;

use anyhow::Result;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, FromQueryResult, Statement};
use watertight::Extension;
use watertight_tests::TestDatabase;

/// Functions of an extension that no statement may call: why, the beginnings of their names, and names.
struct Excluded {
    extension: Extension,
    why: &'static str,
    prefixes: &'static [&'static str],
    names: &'static [&'static str],
}

#[rustfmt::skip]
const EXCLUDED: &[Excluded] = &[
    Excluded {
        extension: Extension::PgTrgm,
        why: "changes a setting of the session",
        prefixes: &[],
        names: &["set_limit"],
    },
    Excluded {
        extension: Extension::PgVector,
        why: "is a part of an aggregate",
        prefixes: &[],
        names: &[
            "halfvec_accum", "halfvec_avg", "halfvec_combine", "vector_accum", "vector_avg", "vector_combine",
        ],
    },
    Excluded {
        extension: Extension::PostGis,
        why: "reads or changes a table that a string names",
        prefixes: &[],
        names: &[
            "addgeometrycolumn", "dropgeometrycolumn", "dropgeometrytable", "find_srid",
            "populate_geometry_columns", "postgis_constraint_dims", "postgis_constraint_srid",
            "postgis_constraint_type", "st_estimatedextent", "st_findextent", "st_fromflatgeobuftotable",
            "updategeometrysrid",
        ],
    },
    Excluded {
        extension: Extension::PostGis,
        why: "locks rows of a table that a string names",
        prefixes: &[],
        names: &[
            "addauth", "checkauth", "disablelongtransactions", "enablelongtransactions", "gettransactionid",
            "lockrow", "longtransactionsenabled", "unlockrows",
        ],
    },
    Excluded {
        extension: Extension::PostGis,
        why: "reads the catalog, or changes the extension",
        prefixes: &[],
        names: &[
            "get_proj4_from_srid", "postgis_extensions_upgrade", "postgis_full_version", "postgis_type_name",
        ],
    },
    Excluded {
        extension: Extension::PostGis,
        why: "serves other functions of the extension",
        prefixes: &["_", "pgis_"],
        names: &[
            "postgis_geos_noop", "postgis_noop", "postgis_transform_geometry", "postgis_typmod_dims",
            "postgis_typmod_srid", "postgis_typmod_type",
        ],
    },
];

/// Types that only indexes store.
const INDEX_TYPES: &[&str] = &["box2df", "ghstore", "gidx", "gtrgm", "ltree_gist"];

/// The types of arguments and results that only the server itself can handle.
const INTERNAL: &[&str] = &["cstring", "cstring[]", "index_am_handler", "internal", "trigger"];

#[derive(Debug, FromQueryResult)]
struct Function {
    name: String,
    overload: bool,
    /// True if an overload can be called: without an argument or result of an internal type.
    callable: bool,
}

#[derive(Debug, FromQueryResult)]
struct Name {
    name: String,
}

async fn names(db: &DatabaseConnection, sql: &str, extension: Extension) -> Result<BTreeSet<String>> {
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, [extension.name().into()]);
    Ok(Name::find_by_statement(statement).all(db).await?.into_iter().map(|row| row.name).collect())
}

/// Creates the extension in the database, unless the server does not have it.
async fn is_created(db: &DatabaseConnection, extension: Extension) -> Result<bool> {
    let there = "SELECT name::text AS name FROM pg_available_extensions WHERE name = $1";
    if names(db, there, extension).await?.is_empty() {
        println!("the server does not have {}", extension.name());
        return Ok(false);
    }
    db.execute_unprepared(&format!("CREATE EXTENSION {}", extension.name())).await?;
    Ok(true)
}

fn reason(extension: Extension, name: &str) -> Option<&'static str> {
    let excludes = |excluded: &&Excluded| {
        excluded.extension == extension
            && (excluded.names.contains(&name)
                || excluded.prefixes.iter().any(|prefix| name.starts_with(prefix)))
    };
    EXCLUDED.iter().find(excludes).map(|excluded| excluded.why)
}

#[tokio::test]
async fn each_function_type_and_operator_of_an_extension_is_in_its_preset_or_excluded() -> Result<()> {
    let database = TestDatabase::empty().await?;
    let db = database.superuser().await?;
    for extension in Extension::ALL {
        if !is_created(&db, extension).await? {
            continue;
        }
        let sql = "SELECT p.proname::text AS name, \
            bool_or(EXISTS (SELECT FROM pg_proc b WHERE b.pronamespace = 'pg_catalog'::regnamespace \
                AND b.proname = p.proname)) AS overload, \
            bool_or(NOT EXISTS (SELECT FROM unnest(p.proargtypes::oid[] || p.prorettype) AS t \
                WHERE format_type(t, NULL) = ANY ($2))) AS callable \
            FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e' \
            JOIN pg_extension e ON e.oid = d.refobjid WHERE e.extname = $1 GROUP BY 1";
        let internal: Vec<String> = INTERNAL.iter().map(ToString::to_string).collect();
        let values = [extension.name().into(), internal.into()];
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
        let functions = Function::find_by_statement(statement).all(&db).await?;
        assert!(!functions.is_empty(), "{extension:?} has no functions");
        for Function { name, overload, callable } in &functions {
            let is_listed = extension.functions().contains(&name.as_str());
            match reason(extension, name) {
                _ if !callable => assert!(!is_listed, "{extension:?}: {name} cannot be called"),
                Some(why) => assert!(!is_listed, "{extension:?}: {name} {why}"),
                None => assert!(is_listed, "{extension:?}: {name} is neither in the preset nor excluded"),
            }
            let is_overload = extension.overloads().contains(&name.as_str());
            assert!(!is_listed || is_overload == *overload || is_newer(name), "{extension:?}: {name}");
        }
        let of = |catalog: &str, name: &str, condition: &str| {
            format!(
                "SELECT DISTINCT o.{name}::text AS name FROM {catalog} o JOIN pg_depend d ON d.classid = '{catalog}'::regclass \
                 AND d.objid = o.oid AND d.deptype = 'e' JOIN pg_extension e ON e.oid = d.refobjid \
                 WHERE e.extname = $1 {condition}"
            )
        };
        let mut types = names(&db, &of("pg_type", "typname", "AND o.typcategory <> 'A'"), extension).await?;
        types.retain(|name| !INDEX_TYPES.contains(&name.as_str()));
        let listed = |list: &[&str]| list.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
        assert_eq!(types, listed(extension.types()), "{extension:?}");
        let operators = names(&db, &of("pg_operator", "oprname", ""), extension).await?;
        assert_eq!(operators, listed(extension.operators()), "{extension:?}");
    }
    Ok(())
}

/// Returns true if PostgreSQL has the function only since 18, so that an older server does not show the
/// overload.
fn is_newer(name: &str) -> bool {
    name == "bytea"
}
