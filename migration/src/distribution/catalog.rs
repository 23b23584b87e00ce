//! The tables to distribute and their foreign keys, from the database's catalog.

use std::collections::BTreeMap;

use sea_orm_migration::sea_orm::{self, ConnectionTrait, DbErr, FromQueryResult};

use watertight_schema::{TableSet, order, sql};

use super::{Distribution, DistributionError};
use crate::Settings;
use crate::catalog::{Table, tables};
use crate::m20260101_000014_booking_payments as booking_payments;
use crate::name::Name;
use crate::query::{all, column, one};

/// The tenant tables, the reference tables, and the foreign keys between them.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "facts of the catalog")]
pub(super) struct Catalog {
    /// The version of the extension, if it is installed.
    pub(super) extension: Option<String>,
    pub(super) tenant_tables: Vec<Table>,
    /// The tables that tenant tables refer to, and the tables named as reference tables.
    pub(super) reference_tables: Vec<Table>,
    pub(super) foreign_keys: Vec<ForeignKey>,
    /// The distributed tables by OID, each with its group if it is distributed by the tenant.
    placements: BTreeMap<i64, Option<i64>>,
    /// The tables of watertight with an exclusion constraint that does not compare the tenant with `=`.
    pub(super) overlaps: Vec<String>,
    /// The triggers of watertight that read several rows, each with its table.
    pub(super) ledger_triggers: Vec<(&'static str, &'static str)>,
    /// True if the server offers `btree_gist`, with which exclusion constraints compare `uuid` with `=`.
    pub(super) btree_gist: bool,
    /// True if `btree_gist` is installed. With Citus only its owner can run `CREATE EXTENSION IF NOT EXISTS`.
    pub(super) has_btree_gist: bool,
    /// True if the type that binds a statement to its tenant exists only on this machine.
    pub(super) type_is_local: bool,
    /// True if the function that the policies call exists only on this machine.
    pub(super) function_is_local: bool,
    /// True if the function of the policies reads the tenant keys, which the other machines cannot read.
    pub(super) signed: bool,
}

/// A foreign key between two tables.
#[derive(Debug, FromQueryResult)]
pub(super) struct ForeignKey {
    pub(super) name: String,
    pub(super) from: i64,
    pub(super) to: i64,
}

const FOREIGN_KEYS: &str = "SELECT conname::text AS name, conrelid::int8 AS \"from\", confrelid::int8 AS \"to\" \
    FROM pg_constraint WHERE contype = 'f' AND conparentid = 0 AND conrelid <> confrelid ORDER BY conname, conrelid";

/// The distributed tables. A table that Citus keeps on the coordinator because of its foreign keys
/// (`repmodel` `s`) is not distributed.
const PLACEMENTS: &str = "SELECT logicalrelid::oid::int8 AS oid, \
    CASE WHEN partmethod = 'h' THEN column_to_column_name(logicalrelid, partkey) END AS \"column\", \
    colocationid::int8 AS \"group\" \
    FROM pg_dist_partition WHERE NOT (partmethod = 'n' AND repmodel = 's' AND colocationid = 0)";

#[derive(FromQueryResult)]
struct Placement {
    oid: i64,
    column: Option<String>,
    group: i64,
}

const TYPE_IS_KNOWN: &str = "SELECT EXISTS (SELECT FROM pg_dist_object WHERE classid = 'pg_type'::regclass \
    AND objid = to_regtype('watertight.tenant_token')::oid)";

const FUNCTION_IS_KNOWN: &str = "SELECT EXISTS (SELECT FROM pg_dist_object WHERE classid = 'pg_proc'::regclass \
    AND objid = to_regprocedure('watertight.tenant()')::oid)";

const SIGNED: &str =
    "SELECT EXISTS (SELECT FROM pg_proc WHERE oid = to_regprocedure('watertight.tenant()') AND prosecdef)";

impl Catalog {
    pub(super) async fn read(
        db: &impl ConnectionTrait,
        settings: &Settings,
        named: &[Name],
    ) -> Result<Self, DbErr> {
        let version = "SELECT extversion FROM pg_extension WHERE extname = 'citus'";
        let extension = column(db, version, []).await?.into_iter().next();
        // A partition is distributed with its table.
        let all_tables = tables(db).await?;
        let mut placements = BTreeMap::new();
        let mut type_is_local: bool =
            one(db, "SELECT to_regtype('watertight.tenant_token') IS NOT NULL").await?;
        let mut function_is_local: bool =
            one(db, "SELECT to_regprocedure('watertight.tenant()') IS NOT NULL").await?;
        if extension.is_some() {
            let found: Vec<Placement> = all(db, PLACEMENTS, []).await?;
            placements.extend(found.into_iter().map(|placement| {
                let table = all_tables.iter().find(|table| table.oid == placement.oid);
                let by_tenant = table.is_some_and(|table| {
                    placement.column.is_some() && table.tenant_column == placement.column
                });
                (placement.oid, by_tenant.then_some(placement.group))
            }));
            type_is_local = type_is_local && !one::<bool>(db, TYPE_IS_KNOWN).await?;
            function_is_local = function_is_local && !one::<bool>(db, FUNCTION_IS_KNOWN).await?;
        }
        let foreign_keys: Vec<ForeignKey> = all(db, FOREIGN_KEYS, []).await?;
        let tables = all_tables.into_iter().filter(|table| !table.is_partition);
        let (tenant_tables, others): (Vec<Table>, _) = tables.partition(|table| table.tenant_type.is_some());
        let referred = |table: &Table| {
            let from_tenants =
                |key: &&ForeignKey| tenant_tables.iter().any(|referring| referring.oid == key.from);
            foreign_keys.iter().filter(|key| key.to == table.oid).any(|key| from_tenants(&key))
        };
        let reference_tables =
            others.into_iter().filter(|table| referred(table) || named.contains(&table.id())).collect();
        Ok(Self {
            extension,
            tenant_tables,
            reference_tables,
            foreign_keys,
            placements,
            overlaps: column(
                db,
                &format!("SELECT c.relname::text {} ORDER BY 1", own_overlaps(settings)),
                [],
            )
            .await?,
            ledger_triggers: ledger_triggers(db, settings).await?,
            btree_gist: one(db, BTREE_GIST).await?,
            has_btree_gist: one(db, HAS_BTREE_GIST).await?,
            type_is_local,
            function_is_local,
            signed: one(db, SIGNED).await?,
        })
    }

    pub(super) fn require_version(&self) -> Result<(), DistributionError> {
        let Some(version) = &self.extension else { return Ok(()) };
        let major = version.split(['.', '-']).next().and_then(|major| major.parse::<u32>().ok());
        if major.is_some_and(|major| major >= Distribution::LEAST_VERSION) {
            Ok(())
        } else {
            Err(DistributionError::ExtensionTooOld { version: version.clone() })
        }
    }

    /// Returns true if a table is distributed in any way.
    pub(super) fn is_placed(&self, table: &Table) -> bool {
        self.placements.contains_key(&table.oid)
    }

    /// The group in which a table is distributed by the tenant.
    pub(super) fn group(&self, table: &Table) -> Option<i64> {
        self.placements.get(&table.oid).copied().flatten()
    }

    /// The tenant tables that are not distributed yet.
    pub(super) fn new_tables(&self) -> impl Iterator<Item = &Table> {
        self.tenant_tables.iter().filter(|table| !self.is_placed(table))
    }

    /// The new tables, each after the tables that it refers to, without the tables in a cycle.
    pub(super) fn in_order(&self) -> Vec<&Table> {
        let keys = self.foreign_keys.iter().map(|key| (key.from, key.to));
        let sorted = order::sorted(self.new_tables().map(|table| table.oid), keys);
        let sorted = sorted.unwrap_or_else(|cycle| cycle.sorted);
        sorted.iter().filter_map(|oid| self.new_tables().find(|table| table.oid == *oid)).collect()
    }

    /// The foreign keys that join tables in a cycle, each with its table.
    pub(super) fn circle(&self) -> impl Iterator<Item = (&Table, &ForeignKey)> {
        let ordered: Vec<i64> = self.in_order().iter().map(|table| table.oid).collect();
        let left: Vec<&Table> = self.new_tables().filter(|table| !ordered.contains(&table.oid)).collect();
        let keys = left.iter().flat_map(|table| self.keys_between(table, &left).map(|key| (*table, key)));
        keys.collect::<Vec<_>>().into_iter()
    }

    fn keys_between<'a>(&'a self, table: &Table, others: &[&Table]) -> impl Iterator<Item = &'a ForeignKey> {
        let from = table.oid;
        self.foreign_keys
            .iter()
            .filter(move |key| key.from == from && others.iter().any(|other| other.oid == key.to))
    }

    /// An already distributed table, whose group the others join.
    pub(super) fn anchor(&self) -> Option<&Table> {
        self.tenant_tables.iter().find(|table| self.group(table).is_some())
    }
}

const BTREE_GIST: &str = "SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'btree_gist')";

const HAS_BTREE_GIST: &str = "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'btree_gist')";

/// The triggers that compare bookings with their payments, as far as they exist.
async fn ledger_triggers(
    db: &impl ConnectionTrait,
    settings: &Settings,
) -> Result<Vec<(&'static str, &'static str)>, DbErr> {
    let function = sql::literal(&booking_payments::ledger_agrees(settings));
    let sql = format!(
        "SELECT tgname::text FROM pg_trigger WHERE tgparentid = 0 AND tgfoid = to_regproc({function}) ORDER BY 1"
    );
    let found: Vec<String> = column(db, &sql, []).await?;
    Ok(booking_payments::TRIGGERS
        .into_iter()
        .filter(|(name, _)| found.iter().any(|found| found == name))
        .collect())
}

/// The exclusion constraints of watertight, as its migrations create them.
pub(super) fn own_overlaps(settings: &Settings) -> String {
    let schema = sql::literal(settings.table_sets().schema(TableSet::Booking));
    format!(
        "FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE k.contype = 'x' AND n.nspname = {schema} AND k.conname = c.relname || '_overlap_excl' \
         AND pg_get_constraintdef(k.oid) LIKE '%uuidrange(tenant_id, tenant_id,%'"
    )
}
