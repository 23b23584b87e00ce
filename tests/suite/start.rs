//! Problems at the start are reported at the start, with the name and the remedy.

use std::time::Duration;

use anyhow::Result;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection};
use uuid::Uuid;
use watertight::ConnectError;
use watertight::RegistrationError;
use watertight::TenantIdError;
use watertight::entity::public::services;
use watertight::{Builder, Error, Layers, TenantId, Watertight};
use watertight_tests::TestDatabase;

async fn connect(url: &str) -> Error {
    Watertight::connect(url).await.expect_err(url)
}

#[tokio::test]
async fn an_empty_or_malformed_url_is_reported_without_connecting() {
    assert!(matches!(connect("").await, Error::Connect(ConnectError::EmptyUrl)));
    assert!(matches!(connect("  ").await, Error::Connect(ConnectError::EmptyUrl)));
    for url in
        ["clinic", "mysql://localhost/clinic", "postgres://localhost:port/clinic", "postgres://h/d?sslmode=x"]
    {
        assert!(matches!(connect(url).await, Error::Connect(ConnectError::MalformedUrl { .. })), "{url}");
    }
    let error = connect("postgres://app:a#b@localhost/clinic").await;
    assert!(error.to_string().contains("# as %23"), "{error}");
    let error = connect("mysql://app:s3cret@localhost/clinic").await;
    assert!(!format!("{error} {error:?}").contains("s3cret"), "a password is never shown");
}

#[tokio::test]
async fn an_unreachable_server_is_reported() {
    let mut options = ConnectOptions::new("postgres://app@127.0.0.1:1/clinic");
    options.connect_timeout(Duration::from_millis(200));
    let error = Watertight::connect(options).await.unwrap_err();
    assert!(matches!(error, Error::Connect(ConnectError::Unreachable { .. })), "{error:?}");
    assert!(error.to_string().contains("DATABASE_URL"), "{error}");
}

#[tokio::test]
async fn a_closed_port_is_reported_at_once() -> Result<()> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    drop(listener);
    let begun = std::time::Instant::now();
    let url = format!("postgres://u:s3cret@127.0.0.1:{port}/clinic");
    for error in [
        connect(&url).await,
        Watertight::open_pool(url.as_str()).await.unwrap_err().into(),
        Watertight::builder().with_connection(lazy(&url).await?).await.unwrap_err(),
    ] {
        let text = error.to_string();
        assert!(matches!(error, Error::Connect(ConnectError::Unreachable { .. })), "{error:?}");
        assert!(
            text.contains(&format!("\"clinic\" on 127.0.0.1:{port}")) && text.contains("refused"),
            "{text}"
        );
        assert!(!text.contains("s3cret") && !text.contains("timed out"), "{text}");
    }
    assert!(begun.elapsed() < std::time::Duration::from_secs(4));
    Ok(())
}

/// A pool that has no connection yet.
async fn lazy(url: &str) -> Result<sea_orm::DatabaseConnection> {
    let mut options = sea_orm::ConnectOptions::new(url);
    options.connect_lazy(true).acquire_timeout(std::time::Duration::from_secs(1));
    Ok(sea_orm::Database::connect(options).await?)
}

#[tokio::test]
async fn registered_objects_that_are_not_tables_are_named_with_their_kinds() -> Result<()> {
    let database = TestDatabase::create().await?;
    let owner = database.owner().await?;
    for (create, kind) in [
        ("CREATE VIEW countries AS SELECT 'x'::text AS code, tenant_id FROM clients", "a view"),
        ("CREATE MATERIALIZED VIEW countries AS SELECT 'x'::text AS code", "a materialized view"),
        ("CREATE SEQUENCE countries", "a sequence"),
    ] {
        owner.execute_unprepared(create).await?;
        let grant = format!("GRANT SELECT ON countries TO {}", database.app_role());
        owner.execute_unprepared(&grant).await?;
        let builder = || Watertight::builder().shared_table(countries::Entity);
        let error = builder().connect(database.app_url()).await.unwrap_err();
        let Error::Connect(ConnectError::NotIsolable { objects }) = &error else { panic!("{error:?}") };
        assert_eq!((objects[0].object.as_str(), objects[0].kind), ("public.countries", kind));
        let app = sea_orm::Database::connect(database.app_url()).await?;
        let report = builder().doctor(&app).await?;
        let findings: Vec<_> =
            report.findings.iter().filter(|finding| finding.object == "public.countries").collect();
        assert!(findings.iter().all(|finding| !finding.remedy.contains("ALTER TABLE")), "{report}");
        // The catalog of relations has no sequences.
        assert!(
            kind == "a sequence"
                || findings.iter().any(|finding| finding.problem.ends_with(&objects[0].reason)),
            "{report}"
        );
        app.close().await?;
        let dropped = create.replace("CREATE", "DROP");
        owner.execute_unprepared(dropped.split(" AS ").next().unwrap()).await?;
    }
    // A partitioned table is a table.
    owner
        .execute_unprepared(&format!(
            "CREATE TABLE countries (code text PRIMARY KEY) PARTITION BY LIST (code); \
             GRANT SELECT ON countries TO {}",
            database.app_role()
        ))
        .await?;
    database.water_with(Watertight::builder().shared_table(countries::Entity)).await?;
    Ok(())
}

#[tokio::test]
async fn a_database_that_is_not_migrated_is_reported_with_the_missing_tables() -> Result<()> {
    let database = TestDatabase::create().await?;
    database.owner().await?.execute_unprepared("DROP TABLE public.reviews, auth.sessions").await?;
    match connect(&database.app_url()).await {
        Error::Connect(ConnectError::NotMigrated { tables }) => {
            assert_eq!(tables, ["auth.sessions", "public.reviews"]);
        }
        error => panic!("{error:?}"),
    }
    Ok(())
}

#[tokio::test]
async fn a_database_without_the_type_of_the_tenant_token_is_reported() -> Result<()> {
    let database = TestDatabase::create().await?;
    database.owner().await?.execute_unprepared("DROP DOMAIN watertight.tenant_token").await?;
    match connect(&database.app_url()).await {
        Error::Connect(ConnectError::NotMigrated { tables }) => {
            assert_eq!(tables, ["type watertight.tenant_token"]);
        }
        error => panic!("{error:?}"),
    }
    Ok(())
}

#[tokio::test]
async fn tables_without_forced_row_level_security_are_reported() -> Result<()> {
    let database = TestDatabase::create().await?;
    database
        .owner()
        .await?
        .execute_unprepared("ALTER TABLE public.reviews NO FORCE ROW LEVEL SECURITY")
        .await?;
    match connect(&database.app_url()).await {
        Error::Connect(ConnectError::RowSecurityOff { tables }) => assert_eq!(tables, ["public.reviews"]),
        error => panic!("{error:?}"),
    }
    crate::row_security::disable(&database).await?;
    database.water_with(Watertight::builder().dangerous_layers(Layers::RewritingOnly)).await?;
    Ok(())
}

#[tokio::test]
async fn a_server_that_reads_backslashes_as_escapes_is_reported() -> Result<()> {
    let database = TestDatabase::create().await?;
    let owner = database.owner().await?;
    let setting = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET standard_conforming_strings = off', \
                   current_database()); END $$";
    owner.execute_unprepared(setting).await?;
    assert!(matches!(connect(&database.app_url()).await, Error::Connect(ConnectError::BackslashEscapes)));
    Ok(())
}

#[test]
fn the_nil_uuid_is_no_tenant() {
    assert!(matches!(TenantId::new(Uuid::nil()), Err(TenantIdError::Nil)));
    assert!(matches!("clinic".parse::<TenantId>(), Err(TenantIdError::Malformed { .. })));
}

mod countries {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "countries")]
    pub(super) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(super) code: String,
        pub(super) name: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

#[test]
fn an_entity_without_a_tenant_is_no_tenant_table() {
    let error = Builder::default().tenant_table(countries::Entity).rewriter().unwrap_err();
    assert!(
        matches!(&error, Error::Registration(errors) if matches!(&*errors.problems,
            [RegistrationError::NoTenantColumn { table, .. }] if table == "public.countries")),
        "{error:?}"
    );
    assert!(error.to_string().contains("Builder::shared_table"), "{error}");
}

#[test]
fn every_problem_of_registered_tables_is_reported_at_once() {
    let builder = Builder::default().tenant_table(countries::Entity).tenant_table(services::Entity);
    let error = builder.shared_table(services::Entity).rewriter().unwrap_err();
    assert!(
        matches!(&error, Error::Registration(errors) if matches!(&*errors.problems,
            [RegistrationError::NoTenantColumn { .. }, RegistrationError::RegisteredTwice { table }]
                if table == "public.services")),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_shared_table_is_read_by_tenants_and_changed_by_none() -> Result<()> {
    use sea_orm::{ActiveModelTrait, EntityTrait, Set};
    use watertight::{Reason, Refusal};

    let database = TestDatabase::create().await?;
    let owner = database.owner().await?;
    owner
        .execute_unprepared(
            "CREATE TABLE countries (code text PRIMARY KEY, name text NOT NULL); \
             GRANT ALL ON countries TO PUBLIC; INSERT INTO countries VALUES ('CH', 'Switzerland')",
        )
        .await?;
    let water = database.water_with(Watertight::builder().shared_table(countries::Entity)).await?;
    let clinic = water.tenant(watertight_tests::new_tenant()?);
    assert_eq!(countries::Entity::find().all(&clinic).await?.len(), 1);
    let italy = countries::ActiveModel { code: Set("IT".to_owned()), name: Set("Italy".to_owned()) };
    let error = italy.clone().insert(&clinic).await.unwrap_err();
    assert_eq!(
        Refusal::of(&error).map(|refusal| &refusal.reason),
        Some(&Reason::SharedTable("public.countries".to_owned()))
    );
    italy.insert(water.dangerous_unscoped()).await?;
    assert_eq!(countries::Entity::find().all(&clinic).await?.len(), 2);
    Ok(())
}

#[tokio::test]
async fn closing_leaves_a_connection_open_that_the_application_made() -> Result<()> {
    let database = TestDatabase::create().await?;
    let own = Database::connect(database.app_url()).await?;
    let water = Watertight::builder().with_connection(own.clone()).await?;
    water.close().await?;
    own.ping().await?;

    let water = database.water().await?;
    let pool = water.dangerous_unscoped().clone();
    water.close().await?;
    assert!(pool.ping().await.is_err());
    Ok(())
}

/// As a mock and a proxy have none, even with the dialect of PostgreSQL.
#[tokio::test]
async fn a_connection_without_a_pool_is_refused() {
    fn kind<T>(result: Result<T, Error>) -> Option<String> {
        match result {
            Err(Error::Connect(ConnectError::NotPostgres { backend })) => Some(backend),
            _ => None,
        }
    }
    let none = DatabaseConnection::default();
    let builder = Watertight::builder;
    assert_eq!(kind(builder().with_connection(none.clone()).await).as_deref(), Some("Disconnected"));
    assert_eq!(kind(builder().doctor(&none).await).as_deref(), Some("Disconnected"));
    assert_eq!(kind(builder().maintenance(&none).await).as_deref(), Some("Disconnected"));
}
