//! The key of the tenants: its type, and the name of its column.

use anyhow::Result;
use sea_orm::Statement;
use sea_orm_migration::MigratorTraitSelf;
use watertight::{Builder, TableSets, TenantId, TenantType};
use watertight_migration::{Settings, TenantMigrator};
use watertight_tests::TestDatabase;

/// A tenant's key, as a database has chosen it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Keying {
    tenant_type: TenantType,
    column: &'static str,
    tenants: [&'static str; 3],
}

pub(super) const UUID: Keying = Keying {
    tenant_type: TenantType::Uuid,
    column: "tenant_id",
    tenants: [
        "0a110000-0000-4000-8000-000000000001",
        "0a110000-0000-4000-8000-000000000002",
        "0a110000-0000-4000-8000-000000000003",
    ],
};
pub(super) const BIGINT: Keying =
    Keying { tenant_type: TenantType::BigInt, column: "org_id", tenants: ["1", "-1", "9223372036854775807"] };
pub(super) const INTEGER: Keying =
    Keying { tenant_type: TenantType::Integer, column: "account", tenants: ["7", "70", "2147483647"] };
/// Texts that look like parts of SQL, of a token and of one another.
pub(super) const TEXT: Keying = Keying {
    tenant_type: TenantType::Text,
    column: "Work space",
    tenants: ["o'hara", "O'Hara", "o'hara.1.2"],
};

impl Keying {
    /// The IDs of the tenants: the own one, and two others.
    pub(super) fn tenants(self) -> Result<[TenantId; 3]> {
        let [own, one, two] = self.tenants.map(|text| TenantId::parse_as(self.tenant_type, text));
        Ok([own?, one?, two?])
    }

    /// The SQL for this key of a statement for a UUID in `tenant_id`.
    pub(super) fn translate(self, sql: &str) -> String {
        if self == UUID {
            return sql.to_owned();
        }
        let sql = sql.replace(UUID.tenants[0], self.tenants[0]);
        let column = format!("\"{}\"", self.column);
        let sql = sql.replace("\"tenant_id\"", "tenant_id");
        let sql = sql.replace("tenant_id uuid", &format!("{column} {}", self.tenant_type));
        // The tenants are the only names with an apostrophe.
        sql.replace("tenant_id", &column).replace("o'hara", "o''hara").replace("O'Hara", "O''Hara")
    }

    pub(super) fn statement(self, statement: Statement) -> Statement {
        Statement { sql: self.translate(&statement.sql), ..statement }
    }

    /// A migrated database.
    pub(super) async fn database(self) -> Result<TestDatabase> {
        if self == UUID {
            return TestDatabase::create().await;
        }
        let database = TestDatabase::empty().await?;
        let settings = Settings::from_env()
            .with_table_sets(TableSets::none())
            .with_tenant_column(self.column)
            .with_tenant_type(self.tenant_type);
        let owner = database.owner().await?;
        TenantMigrator::new(settings).up(&owner, None).await?;
        owner.close().await?;
        Ok(database)
    }

    /// Whether the entities of the oracle fit.
    pub(super) fn has_entities(self) -> bool {
        self == UUID
    }

    pub(super) fn configure(self, builder: Builder) -> Builder {
        if self == UUID {
            return builder;
        }
        builder.table_sets(TableSets::none()).tenant_type(self.tenant_type).tenant_column(self.column)
    }
}
