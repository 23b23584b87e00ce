//! Statements and tables of chosen sets are accepted, and those of other sets are refused.

use anyhow::Result;
use sea_orm::{ActiveModelTrait, ConnectionTrait, EntityTrait, Set};
use watertight::ConnectError;
use watertight::RegistrationError;
use watertight::doctor::Check;
use watertight::maintenance::Purge;
use watertight::{Builder, Error, Layers, Reason, Refusal, TableSet, TableSets};
use watertight_migration::{Settings, TenantTable, sea_orm_migration};
use watertight_tests::{TestDatabase, new_tenant, own_migrations};

use super::{builder, examine, move_tables, moved_sets};

/// A table of the application with the name of a table of watertight.
mod own_users {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(schema_name = "auth", table_name = "users")]
    pub(super) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub nickname: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

const NO_AUTH: [TableSet; 5] =
    [TableSet::Content, TableSet::Booking, TableSet::Certificates, TableSet::Intake, TableSet::History];

fn without_auth() -> TableSets {
    NO_AUTH.into_iter().fold(TableSets::none(), TableSets::with)
}

#[tokio::test]
async fn a_set_that_is_not_chosen_is_unknown_to_statements() -> Result<()> {
    let database = TestDatabase::create().await?;
    let water = database.water_with(Builder::default().table_sets(without_auth())).await?;
    let tenant = water.tenant(new_tenant()?);
    assert!(!tenant.table_sets().contains(TableSet::Auth));
    let error = tenant.execute_unprepared("SELECT count(*) FROM auth.users").await.unwrap_err();
    let reason = Refusal::of(&error).map(|refusal| &refusal.reason);
    assert_eq!(reason, Some(&Reason::UnknownTable("auth.users".to_owned())));
    assert!(tenant.auth().users().all().await.is_err());
    tenant.content().create_service(watertight::content::NewService::new("Massage", 60, 9_000)).await?;
    Ok(())
}

#[tokio::test]
async fn the_doctor_requires_no_set_that_is_not_chosen() -> Result<()> {
    let database = TestDatabase::create().await?;
    let owner = database.owner().await?;
    owner.execute_unprepared("DROP SCHEMA auth CASCADE").await?;
    let forget =
        TableSet::Auth.migrations().iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ");
    owner.execute_unprepared(&format!("DELETE FROM seaql_migrations WHERE version IN ({forget})")).await?;
    let chosen = || Builder::default().table_sets(without_auth());
    examine(&database, chosen()).await?.require_sound()?;
    let all = examine(&database, Builder::default()).await?;
    assert_eq!(all.of(Check::MissingTable).count(), TableSet::Auth.tables().len(), "{all}");
    assert_eq!(all.of(Check::PendingMigration).count(), TableSet::Auth.migrations().len(), "{all}");
    assert!(own_migrations().len() > TableSet::Auth.migrations().len());
    let purged = chosen().maintenance(&owner).await?.purge(new_tenant()?, &Purge::default(), |_| ()).await?;
    assert_eq!((purged.sessions, purged.invitations), (0, 0));
    let water = database.water_with(chosen().check_with_doctor()).await?;
    assert!(water.tenant(new_tenant()?).content().get_services().await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn an_application_has_its_own_table_in_place_of_one_that_is_not_chosen() -> Result<()> {
    let database = TestDatabase::create().await?;
    let owner = database.owner().await?;
    owner.execute_unprepared("ALTER SCHEMA auth RENAME TO unused; CREATE SCHEMA auth").await?;
    let app = database.app_role();
    owner.execute_unprepared(&format!(r#"GRANT USAGE ON SCHEMA auth TO "{app}""#)).await?;
    let own = TenantTable::new("auth", "users").col(sea_orm_migration::schema::string("nickname"));
    own.create(&sea_orm_migration::SchemaManager::new(&owner), &Settings::from_env()).await?;
    let builder = || Builder::default().table_sets(without_auth()).tenant_table(own_users::Entity);
    let water = database.water_with(builder()).await?;
    let (clinic, spa) = (water.tenant(new_tenant()?), water.tenant(new_tenant()?));
    own_users::ActiveModel { nickname: Set("Jess".to_owned()), ..Default::default() }.insert(&clinic).await?;
    assert_eq!(own_users::Entity::find().all(&clinic).await?.len(), 1);
    assert_eq!(own_users::Entity::find().all(&spa).await?, []);
    // If watertight's own table is in another schema, its static name is ambiguous.
    let ambiguous = Builder::default()
        .table_sets(TableSets::all().in_schema(TableSet::Auth, "unused"))
        .tenant_table(own_users::Entity)
        .rewriter();
    assert!(
        matches!(&ambiguous, Err(Error::Registration(errors)) if matches!(&*errors.problems,
            [RegistrationError::AmbiguousTable { table, own }] if table == "auth.users" && own == "unused.users")),
        "{ambiguous:?}"
    );
    Ok(())
}

#[tokio::test]
async fn no_set_at_all_is_isolation_alone() -> Result<()> {
    let database = TestDatabase::create().await?;
    let water = database.water_with(Builder::default().table_sets(TableSets::none())).await?;
    let tenant = water.tenant(new_tenant()?);
    tenant.execute_unprepared("SELECT 1").await?;
    let error = tenant.execute_unprepared("SELECT count(*) FROM services").await.unwrap_err();
    assert!(Refusal::of(&error).is_some(), "{error}");
    Ok(())
}

#[tokio::test]
async fn statements_that_are_not_rewritten_cannot_name_moved_tables() -> Result<()> {
    let database = TestDatabase::create().await?;
    move_tables(&database).await?;
    let unscoped =
        builder().dangerous_layers(Layers::UnscopedRowSecurityOnly).connect(database.app_url()).await;
    assert!(
        matches!(&unscoped, Err(Error::Connect(ConnectError::SchemasNeedRewriting { sets })) if *sets == moved_sets()),
        "{unscoped:?}"
    );
    match Builder::default().connect(database.app_url()).await {
        Err(Error::Connect(ConnectError::NotMigrated { tables })) => {
            assert_eq!(tables.len(), 18, "{tables:?}");
        }
        other => panic!("{other:?}"),
    }
    Ok(())
}
