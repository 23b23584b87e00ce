//! The second layer alone: unchanged statements under row-level security.

use anyhow::Result;
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DbBackend, EntityTrait, PaginatorTrait, QueryFilter, Set, Statement,
};
use watertight::entity::auth::users;
use watertight::{ConnectError, Error, Layers, TenantConnection, Watertight};
use watertight_tests::{TestDatabase, new_tenant};

use crate::rows;

/// Disables row-level security on every table, for tests of rewriting alone.
pub(crate) async fn disable(database: &TestDatabase) -> Result<()> {
    let sql = "DO $$ DECLARE t regclass; BEGIN FOR t IN SELECT oid FROM pg_class WHERE relrowsecurity LOOP \
               EXECUTE format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY', t); END LOOP; END $$";
    let owner = database.owner().await?;
    owner.execute_unprepared(sql).await?;
    Ok(owner.close().await?)
}

/// Two tenants with one user each, on row-level security alone.
async fn two_tenants(database: &TestDatabase) -> Result<(TenantConnection, TenantConnection)> {
    let water =
        database.water_with(Watertight::builder().dangerous_layers(Layers::UnscopedRowSecurityOnly)).await?;
    let (clinic, studio) = (water.tenant(new_tenant()?), water.tenant(new_tenant()?));
    for tenant in [&clinic, &studio] {
        let mut user = rows::user("jess");
        user.tenant_id = Set(watertight_tests::uuid_of(tenant.tenant_id()));
        user.insert(tenant).await?;
    }
    Ok((clinic, studio))
}

#[tokio::test]
async fn without_rewriting_row_level_security_keeps_rows_apart() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, studio) = two_tenants(&database).await?;
    let own = users::Entity::find().all(&clinic).await?;
    assert_eq!(
        own.iter().map(|user| user.tenant_id).collect::<Vec<_>>(),
        [watertight_tests::uuid_of(clinic.tenant_id())]
    );

    let foreign = users::Column::TenantId;
    let condition = sea_orm::ColumnTrait::eq(&foreign, watertight_tests::uuid_of(studio.tenant_id()));
    assert_eq!(users::Entity::find().filter(condition).count(&clinic).await?, 0);
    let everyone = users::Entity::update_many().col_expr(users::Column::Role, "owner".into());
    assert_eq!(everyone.exec(&clinic).await?.rows_affected, 1);
    assert_eq!(users::Entity::delete_many().exec(&studio).await?.rows_affected, 1);

    let mut mole = rows::user("mole");
    mole.tenant_id = Set(watertight_tests::uuid_of(studio.tenant_id()));
    let error = mole.insert(&clinic).await.unwrap_err();
    assert!(error.to_string().contains("row-level security"), "{error}");
    Ok(())
}

#[tokio::test]
async fn with_no_tenant_set_nothing_is_shown_and_nothing_is_written() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, _) = two_tenants(&database).await?;
    let water = database.water().await?;
    assert_eq!(users::Entity::find().count(water.dangerous_unscoped()).await?, 0);
    let mut mole = rows::user("mole");
    mole.tenant_id = Set(watertight_tests::uuid_of(clinic.tenant_id()));
    let error = mole.insert(water.dangerous_unscoped()).await.unwrap_err();
    assert!(error.to_string().contains("row-level security"), "{error}");
    Ok(())
}

#[tokio::test]
async fn row_level_security_binds_the_owner() -> Result<()> {
    let database = TestDatabase::create().await?;
    two_tenants(&database).await?;
    let bound = users::Entity::find().count(&database.owner().await?).await;
    assert!(bound.unwrap_err().to_string().contains("no tenant is set"));
    Ok(())
}

#[tokio::test]
async fn every_tenant_table_has_the_same_forced_policy() -> Result<()> {
    let database = TestDatabase::create().await?;
    let owner = database.owner().await?;
    let sql = "SELECT c.oid::regclass::text, c.relrowsecurity AND c.relforcerowsecurity, \
                      count(p.polname), min(pg_get_expr(p.polqual, c.oid)), min(pg_get_expr(p.polwithcheck, c.oid)) \
               FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
               LEFT JOIN pg_policy p ON p.polrelid = c.oid AND p.polpermissive \
               WHERE n.nspname IN ('auth', 'public', 'watertight') AND c.relkind IN ('r', 'p') \
               AND c.relname NOT IN ('seaql_migrations', 'tenant_keys', 'cross_tenant_access') \
               GROUP BY c.oid ORDER BY 1";
    let rows = owner.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    assert_eq!(rows.len(), 26);
    for row in rows {
        let (table, forced, policies, using, check): (String, bool, i64, Option<String>, Option<String>) =
            row.try_get_many_by_index()?;
        assert!(forced, "{table}");
        assert_eq!(policies, 1, "{table}");
        let expected = "(tenant_id = ( SELECT watertight.tenant() AS tenant))";
        assert_eq!(using.as_deref(), Some(expected), "{table}");
        assert_eq!(check.as_deref(), Some(expected), "{table}");
    }
    Ok(())
}

#[tokio::test]
async fn rewriting_alone_is_refused_to_a_role_that_row_level_security_binds() -> Result<()> {
    let database = TestDatabase::create().await?;
    let rewriting = || Watertight::builder().dangerous_layers(Layers::RewritingOnly);
    match rewriting().connect(database.app_url()).await {
        Err(Error::Connect(ConnectError::RowSecurityApplies { role, tables })) => {
            assert_eq!((role.as_str(), tables.len()), (database.app_role(), 25));
        }
        other => panic!("{other:?}"),
    }
    // One table is enough: its reads would be empty.
    disable(&database).await?;
    let owner = database.owner().await?;
    owner.execute_unprepared("ALTER TABLE clients ENABLE ROW LEVEL SECURITY").await?;
    let refused = rewriting().connect(database.app_url()).await.unwrap_err().to_string();
    assert!(refused.contains("on public.clients, but `Layers::RewritingOnly`"), "{refused}");
    owner.execute_unprepared("ALTER TABLE clients DISABLE ROW LEVEL SECURITY").await?;
    rewriting().connect(database.app_url()).await?;
    // No policy applies to a role that bypasses row-level security.
    let database = TestDatabase::create().await?;
    rewriting().connect(database.maintenance_url()?).await?;
    Ok(())
}
