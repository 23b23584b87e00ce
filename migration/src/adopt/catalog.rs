//! The original's tables, from the database's catalog.

use std::collections::BTreeMap;

use sea_orm_migration::sea_orm::{ConnectionTrait, DbErr};

use super::AdoptionError;
use super::original::Original;
use crate::catalog::{columns, tables_named};
use crate::name::Name;
use crate::query::{self, column};
use crate::{Settings, applied};

/// A table of the original in the database.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// The types of the columns, without lengths.
    pub(super) columns: BTreeMap<String, String>,
    /// True if row-level security binds the owner, too.
    pub(super) forced: bool,
    /// True if the table is partitioned, is a partition, or inherits.
    pub(super) divided: bool,
    /// The collation that converts the case of letters by the rules of no language.
    pub(super) letter_case: &'static str,
    owned: bool,
}

/// The original's tables in the database, by schema and name.
#[derive(Debug)]
pub(super) struct Catalog(BTreeMap<Name, Found>);

impl Catalog {
    pub(super) async fn read(db: &impl ConnectionTrait, originals: &[Original]) -> Result<Self, DbErr> {
        let names: Vec<Name> = originals.iter().map(Original::id).collect();
        let tables = tables_named(db, &names).await?;
        let columns = columns(db, &tables).await?;
        let letter_case = letter_case(db).await?;
        let found = tables.iter().map(|table| {
            let own = columns.iter().filter(|column| column.oid == table.oid);
            let columns = own.map(|column| (column.name.clone(), column.data_type.clone())).collect();
            let divided = table.is_partitioned || table.inherits;
            let owned = table.has_owners_rights;
            (table.id(), Found { columns, forced: table.forced, divided, letter_case, owned })
        });
        Ok(Self(found.collect()))
    }

    pub(super) fn find(&self, original: &Original) -> Option<&Found> {
        self.0.get(&original.id())
    }

    /// Refuses a database that is not the original's.
    pub(super) fn require(&self, originals: &[Original]) -> Result<(), AdoptionError> {
        let mut missing = Vec::new();
        for original in originals {
            match self.find(original) {
                None => missing.push(original.full_name()),
                Some(found) => {
                    let absent =
                        original.reads().into_iter().filter(|name| !found.columns.contains_key(name));
                    missing.extend(absent.map(|column| format!("{}.{column}", original.full_name())));
                }
            }
        }
        if missing.is_empty() { Ok(()) } else { Err(AdoptionError::NotTheOriginal { missing }) }
    }

    /// Refuses a role that lacks rights, before a statement fails because of them.
    pub(super) async fn require_rights(
        &self,
        db: &impl ConnectionTrait,
        settings: &Settings,
        originals: &[Original],
    ) -> Result<(), AdoptionError> {
        let theirs = |original: &&Original| self.find(original).is_some_and(|found| !found.owned);
        let mut missing: Vec<String> = originals
            .iter()
            .filter(theirs)
            .map(|original| format!("to own table {}", original.full_name()))
            .collect();
        let rights = "SELECT v.what FROM (SELECT 0 AS place, 'to create schemas in the database' AS what, \
                has_database_privilege(current_database(), 'CREATE') AS given \
            UNION ALL SELECT 1, 'to create tables in schema ' || n.nspname, has_schema_privilege(n.oid, 'CREATE') \
                FROM pg_catalog.pg_namespace n WHERE n.nspname = ANY ($1) \
            ) AS v WHERE NOT v.given ORDER BY v.place, v.what";
        missing.extend(column(db, rights, [super::steps::schemas(settings).into()]).await?);
        if missing.is_empty() { Ok(()) } else { Err(AdoptionError::NoRights { missing }) }
    }
}

/// Refuses a database in which watertight's migrations are applied.
pub(super) async fn require_unmigrated(
    db: &impl ConnectionTrait,
    settings: &Settings,
    ours: &[String],
) -> Result<(), AdoptionError> {
    let mut migrations = applied::names(db, settings).await?.unwrap_or_default();
    migrations.retain(|name| ours.contains(name));
    if migrations.is_empty() { Ok(()) } else { Err(AdoptionError::AlreadyMigrated { migrations }) }
}

/// Refuses an unknown time zone.
pub(super) async fn require_time_zone(db: &impl ConnectionTrait, name: &str) -> Result<(), AdoptionError> {
    let known = "SELECT FROM pg_catalog.pg_timezone_names WHERE name = $1";
    if query::rows(db, known, [name.into()]).await?.is_empty() {
        return Err(AdoptionError::UnknownTimeZone { name: name.to_owned() });
    }
    Ok(())
}

/// The collation that converts the case of letters by the rules of no language, as Rust does.
///
/// Without ICU, and before PostgreSQL 17, only the letters of ASCII are converted. Other capital letters are then
/// reported.
async fn letter_case(db: &impl ConnectionTrait) -> Result<&'static str, DbErr> {
    let select = "SELECT collname::text FROM pg_catalog.pg_collation \
                  WHERE collnamespace = 'pg_catalog'::regnamespace AND collname IN ('und-x-icu', 'pg_c_utf8') \
                  AND collencoding IN (-1, (SELECT encoding FROM pg_catalog.pg_database \
                                            WHERE datname = current_database()))";
    let found: Vec<String> = query::rows(db, select, [])
        .await?
        .iter()
        .map(|row| row.try_get_by_index(0))
        .collect::<Result<_, _>>()?;
    let preferred = [("und-x-icu", r#""und-x-icu""#), ("pg_c_utf8", "pg_c_utf8")];
    let chosen = preferred.into_iter().find(|(name, _)| found.iter().any(|found| found == name));
    Ok(chosen.map_or(r#""C""#, |(_, quoted)| quoted))
}
