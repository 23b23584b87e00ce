//! The schema of the oracle: three tenant tables, a shared table, and similar rows of each tenant.

use super::keying::Keying;
use anyhow::Result;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, JsonValue, Statement};
use watertight::TenantId;

macro_rules! tenant_entity {
    ($module:ident, $table:literal { $($field:ident : $type:ty),* } $relations:tt) => {
        pub(super) mod $module {
            use sea_orm::entity::prelude::*;
            #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
            #[sea_orm(table_name = $table)]
            pub(in super::super) struct Model {
                #[sea_orm(primary_key, auto_increment = false)]
                pub(in super::super) tenant_id: Uuid,
                #[sea_orm(primary_key, auto_increment = false)]
                pub(in super::super) id: i32,
                pub(in super::super) n: Option<i32>,
                pub(in super::super) s: Option<String>,
                $(pub(in super::super) $field: $type,)*
            }
            #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
            pub(in super::super) enum Relation $relations
            impl ActiveModelBehavior for ActiveModel {}
        }
    };
}

tenant_entity!(a, "a" { b_id: Option<i32> } {
    #[sea_orm(
        belongs_to = "super::b::Entity",
        from = "(Column::TenantId, Column::BId)",
        to = "(super::b::Column::TenantId, super::b::Column::Id)"
    )]
    B,
    #[sea_orm(has_many = "super::c::Entity")]
    C,
});
tenant_entity!(b, "b" {} {
    #[sea_orm(has_many = "super::a::Entity")]
    A,
});
tenant_entity!(c, "c" { a_id: Option<i32>, d: Option<Json>, tags: Option<Vec<String>> } {
    #[sea_orm(
        belongs_to = "super::a::Entity",
        from = "(Column::TenantId, Column::AId)",
        to = "(super::a::Column::TenantId, super::a::Column::Id)"
    )]
    A,
});

impl sea_orm::Related<b::Entity> for a::Entity {
    fn to() -> sea_orm::RelationDef {
        sea_orm::RelationTrait::def(&a::Relation::B)
    }
}
impl sea_orm::Related<c::Entity> for a::Entity {
    fn to() -> sea_orm::RelationDef {
        sea_orm::RelationTrait::def(&a::Relation::C)
    }
}
impl sea_orm::Related<a::Entity> for b::Entity {
    fn to() -> sea_orm::RelationDef {
        sea_orm::RelationTrait::def(&b::Relation::A)
    }
}
impl sea_orm::Related<a::Entity> for c::Entity {
    fn to() -> sea_orm::RelationDef {
        sea_orm::RelationTrait::def(&c::Relation::A)
    }
}

pub(super) mod k {
    use sea_orm::entity::prelude::*;
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "k")]
    pub(in super::super) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(in super::super) id: i32,
        pub(in super::super) n: i32,
        pub(in super::super) s: String,
    }
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(in super::super) enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

pub(super) const TENANT_TABLES: [&str; 3] = ["b", "a", "c"];

/// Creates the tables. `tenant` is the SQL for the tenant of an insert without a tenant.
pub(super) async fn create(owner: &DatabaseConnection, keying: Keying, tenant: &str) -> Result<(), DbErr> {
    let columns = format!(
        "tenant_id uuid NOT NULL DEFAULT {tenant}, id int NOT NULL, n int, s text, PRIMARY KEY (tenant_id, id)"
    );
    let sql = format!(
        "CREATE TABLE b ({columns}); \
         CREATE TABLE a ({columns}, b_id int, FOREIGN KEY (tenant_id, b_id) REFERENCES b); \
         CREATE TABLE c ({columns}, a_id int, d jsonb, tags text[], \
                         FOREIGN KEY (tenant_id, a_id) REFERENCES a ON DELETE CASCADE); \
         CREATE TABLE k (id int PRIMARY KEY, n int NOT NULL, s text NOT NULL); \
         INSERT INTO k SELECT i, i % 3, 's' || i FROM generate_series(1, 5) i; \
         GRANT SELECT, INSERT, UPDATE, DELETE ON a, b, c TO PUBLIC; GRANT SELECT ON k TO PUBLIC"
    );
    owner.execute_unprepared(&keying.translate(&sql)).await?;
    Ok(())
}

/// Enables row-level security on the tenant tables, as the migrations do.
pub(super) async fn protect(owner: &DatabaseConnection, keying: Keying) -> Result<(), DbErr> {
    for table in TENANT_TABLES {
        let sql = format!(
            "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; ALTER TABLE {table} FORCE ROW LEVEL SECURITY; \
             CREATE POLICY tenant_isolation ON {table} \
             USING (tenant_id = (SELECT watertight.tenant()))"
        );
        owner.execute_unprepared(&keying.translate(&sql)).await?;
    }
    Ok(())
}

/// The key of rows for everyone.
const EVERYONE: &str = "00000000-0000-0000-0000-000000000000";

/// Replaces the shared table by a table with rows for everyone and rows of tenants.
pub(super) async fn with_rows_for_everyone(owner: &DatabaseConnection, protected: bool) -> Result<(), DbErr> {
    owner
        .execute_unprepared(
            "DROP TABLE k; CREATE TABLE k (tenant_id uuid NOT NULL, id int NOT NULL, n int NOT NULL, s text NOT NULL, \
             PRIMARY KEY (tenant_id, id)); GRANT SELECT ON k TO PUBLIC",
        )
        .await?;
    if protected {
        let sql = format!(
            "ALTER TABLE k ENABLE ROW LEVEL SECURITY; ALTER TABLE k FORCE ROW LEVEL SECURITY; \
             CREATE POLICY tenant_isolation ON k USING (tenant_id = (SELECT watertight.tenant())); \
             CREATE POLICY rows_for_everyone ON k FOR SELECT USING (tenant_id = '{EVERYONE}')"
        );
        owner.execute_unprepared(&sql).await?;
    }
    Ok(())
}

/// Fills that table with rows for everyone and rows of these tenants.
pub(super) async fn fill_rows_for_everyone(
    owner: &DatabaseConnection,
    tenants: &[TenantId],
) -> Result<(), DbErr> {
    let keys = std::iter::once(EVERYONE.to_owned()).chain(tenants.iter().map(ToString::to_string));
    let inserts = keys.enumerate().map(|(variant, key)| {
        format!(
            "SELECT watertight.enter('{key}'); \
             INSERT INTO k SELECT '{key}', i, i % 3, 's' || i + {variant} FROM generate_series(1, {}) i",
            5 - variant
        )
    });
    let sql = format!("BEGIN; TRUNCATE k; {}; COMMIT", inserts.collect::<Vec<_>>().join("; "));
    owner.execute_unprepared(&sql).await.map(drop)
}

/// Lets a target of ON CONFLICT omit the tenant in a database with one tenant.
pub(super) async fn unique_without_tenant(owner: &DatabaseConnection) -> Result<(), DbErr> {
    for table in TENANT_TABLES {
        owner.execute_unprepared(&format!("CREATE UNIQUE INDEX ON {table} (id)")).await?;
    }
    Ok(())
}

pub(super) async fn empty(owner: &DatabaseConnection) -> Result<(), DbErr> {
    owner.execute_unprepared("TRUNCATE a, b, c").await.map(drop)
}

/// Fills the tables for one tenant. Keys and most values are the same for all tenants. Some values and the
/// numbers of rows differ.
pub(super) async fn fill(
    db: &impl ConnectionTrait,
    keying: Keying,
    tenant: TenantId,
    variant: u32,
) -> Result<(), DbErr> {
    let rows = 6 + variant * 3;
    for sql in [
        format!(
            "INSERT INTO b (tenant_id, id, n, s) SELECT '{tenant}', i, nullif(i % 4, {variant}), 's' || i % 3 \
             FROM generate_series(1, {rows}) i"
        ),
        format!(
            "INSERT INTO a (tenant_id, id, n, s, b_id) SELECT '{tenant}', i, (i + {variant}) % 5, \
             's' || (i + {variant}) % 4, nullif(i % 4, 0) FROM generate_series(1, {rows}) i"
        ),
        format!(
            "INSERT INTO c (tenant_id, id, n, s, a_id, d, tags) SELECT '{tenant}', i, i % 3, 'v{variant}', \
             nullif(i % 5, 0), jsonb_build_object('k', i % 2, 'v', {variant}), ARRAY['t' || i % 2, 'v{variant}'] \
             FROM generate_series(1, {rows}) i"
        ),
    ] {
        db.execute_raw(Statement::from_string(DbBackend::Postgres, keying.translate(&sql))).await?;
    }
    Ok(())
}

/// All rows of one tenant, in order.
pub(super) async fn dump(
    db: &impl ConnectionTrait,
    keying: Keying,
    tenant: TenantId,
) -> Result<Vec<String>, DbErr> {
    let sql = TENANT_TABLES
        .map(|table| {
            format!(
                "SELECT '{table}' || to_jsonb(x)::text AS line FROM {table} x WHERE tenant_id = '{tenant}'"
            )
        })
        .join(" UNION ALL ");
    let rows = db.query_all_raw(Statement::from_string(DbBackend::Postgres, keying.translate(&sql))).await?;
    let mut lines = rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<Vec<String>, _>>()?;
    lines.sort_unstable();
    Ok(lines)
}

/// Rows as sorted JSON. Queries of the oracle have no defined order, except queries with a limit.
pub(super) fn in_order(rows: Vec<JsonValue>) -> Vec<String> {
    let mut lines: Vec<_> = rows.into_iter().map(|row| row.to_string()).collect();
    lines.sort_unstable();
    lines
}
