//! Report-only mode: refused statements are logged, counted and sent, and row-level security isolates them.

use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::TryStreamExt;
use sea_orm::{
    ActiveModelTrait, ConnectOptions, ConnectionTrait, DbBackend, DbErr, EntityTrait, PaginatorTrait,
    Statement,
};
use uuid::Uuid;
use watertight::entity::public::services;
use watertight::{
    Builder, ConnectError, Error, Layers, Reason, Refusal, StatementKind, TenantConnection, Watertight,
};
use watertight_migration::tenant_keys;
use watertight_tests::{TestDatabase, new_tenant};

use crate::adopt::texts;
use crate::rows;

/// Functions and a table that the application does not declare. `steal` tries to become another tenant, `stick` to leave a
/// setting on the connection.
const UNDECLARED: &str = "CREATE FUNCTION public.shout(text) RETURNS text LANGUAGE sql AS $$ SELECT upper($1) $$; \
    CREATE FUNCTION public.steal(text) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN \
        PERFORM pg_catalog.set_config('watertight.tenant', $1, true); \
        RETURN (SELECT count(*) FROM public.services); END $$; \
    CREATE FUNCTION public.stick() RETURNS text LANGUAGE sql AS $$ SELECT set_config('work_mem', '3MB', false) $$; \
    CREATE TABLE public.notes (tenant_id uuid NOT NULL, note text NOT NULL); \
    ALTER TABLE public.notes ENABLE ROW LEVEL SECURITY; ALTER TABLE public.notes FORCE ROW LEVEL SECURITY; \
    CREATE POLICY tenant_isolation ON public.notes USING (tenant_id = watertight.tenant()); \
    GRANT ALL ON public.notes TO PUBLIC";

struct Scene {
    database: TestDatabase,
    water: Watertight,
    clinic: TenantConnection,
    studio: TenantConnection,
}

async fn scene(builder: Builder) -> Result<Scene> {
    let database = TestDatabase::create().await?;
    database.owner().await?.execute_unprepared(UNDECLARED).await?;
    let mut options = ConnectOptions::new(database.app_url());
    options.max_connections(1).acquire_timeout(Duration::from_secs(5));
    let water = builder.dangerous_report_only().connect(options).await?;
    let (clinic, studio) = (water.tenant(new_tenant()?), water.tenant(new_tenant()?));
    for (tenant, names) in [(&clinic, &["Massage"][..]), (&studio, &["Facial", "Sauna"])] {
        for name in names {
            rows::service(name).insert(tenant).await?;
        }
    }
    Ok(Scene { database, water, clinic, studio })
}

fn raw(sql: &str) -> Statement {
    Statement::from_string(DbBackend::Postgres, sql)
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn reason(error: DbErr) -> Option<Reason> {
    Refusal::of(&error).map(|refusal| refusal.reason.clone())
}

/// The server's process of the only connection.
async fn process(water: &Watertight) -> Result<i32> {
    let row =
        water.dangerous_unscoped().query_one_raw(raw("SELECT pg_backend_pid()")).await?.context("a row")?;
    Ok(row.try_get_by_index(0)?)
}

#[tokio::test]
async fn a_statement_that_would_be_refused_sees_the_own_rows_alone() -> Result<()> {
    for builder in [Watertight::builder(), Watertight::builder().transaction_pooler(true)] {
        let Scene { database: _database, water, clinic, studio } = scene(builder).await?;
        let select = "SELECT shout(name) FROM services ORDER BY 1";
        assert_eq!(texts(&clinic, select).await?, ["MASSAGE"]);
        assert_eq!(texts(&studio, select).await?, ["FACIAL", "SAUNA"]);
        let streamed: Vec<_> = studio.stream_raw(raw(select)).await?.try_collect().await?;
        assert_eq!(streamed.len(), 2);
        let transaction = clinic.begin().await?;
        let changed = transaction.execute_raw(raw("UPDATE services SET name = shout(name)")).await?;
        assert_eq!(changed.rows_affected(), 1);
        let streamed: Vec<_> = transaction.stream_raw(raw(select)).await?.try_collect().await?;
        assert_eq!(streamed.len(), 1);
        transaction.commit().await?;
        assert_eq!(texts(&studio, "SELECT name FROM services ORDER BY 1").await?, ["Facial", "Sauna"]);
        assert_eq!(texts(&clinic, "SELECT name FROM services").await?, ["MASSAGE"]);
        let deleted = clinic.execute_unprepared("DELETE FROM services WHERE shout(name) > ''").await?;
        assert_eq!((deleted.rows_affected(), services::Entity::find().count(&studio).await?), (1, 2));

        // A table that is not registered: the policy of the table decides.
        let own = format!("INSERT INTO notes VALUES ('{}', 'mine')", clinic.tenant_id());
        clinic.execute_unprepared(&own).await?;
        let foreign = own
            .replace("mine", "x")
            .replace(&clinic.tenant_id().to_string(), &studio.tenant_id().to_string());
        let foreign = clinic.execute_unprepared(&foreign);
        assert!(foreign.await.unwrap_err().to_string().contains("row-level security"));
        assert_eq!(texts(&clinic, "SELECT note FROM notes").await?, ["mine"]);
        assert!(texts(&studio, "SELECT note FROM notes").await?.is_empty());

        let reported = water.refused_in_report_only();
        assert_eq!(reported.by_reason.get("unknown_function"), Some(&6), "{reported:#?}");
        assert_eq!(reported.by_reason.get("unknown_table"), Some(&4), "{reported:#?}");
        assert_eq!(reported.total(), 10);
        let most = reported.statements.first().context("a statement")?;
        assert_eq!((most.kind, most.count), (StatementKind::Select, 4), "{most:?}");
        assert_eq!(most.text, "SELECT shout ( name ) FROM services ORDER BY ?");
        let insert =
            reported.statements.iter().find(|it| it.kind == StatementKind::Insert).context("insert")?;
        assert_eq!((insert.count, insert.text.as_str()), (2, "INSERT INTO notes VALUES ( ? )"));
        assert_eq!(insert.object.as_deref(), Some("public.notes"));
        assert_eq!(insert.fingerprint.len(), 16);
    }
    Ok(())
}

#[tokio::test]
async fn the_connection_of_an_unchecked_statement_is_closed() -> Result<()> {
    let Scene { database: _database, water, clinic, studio } = scene(Watertight::builder()).await?;
    let first = process(&water).await?;
    assert_eq!(services::Entity::find().count(&studio).await?, 2);
    assert_eq!(process(&water).await?, first, "one connection, which checked statements share");
    assert_eq!(texts(&clinic, "SELECT stick()").await?, ["3MB"]);
    assert_eq!(texts(&studio, "SHOW work_mem").await?, ["4MB"]);
    let second = process(&water).await?;
    assert_ne!(second, first);
    let transaction = clinic.begin().await?;
    assert_eq!(texts(&transaction, "SELECT stick()").await?, ["3MB"]);
    transaction.commit().await?;
    assert_eq!(texts(&studio, "SHOW work_mem").await?, ["4MB"]);
    let third = process(&water).await?;
    assert_ne!(third, second);
    drop(clinic.stream_raw(raw("SELECT stick()")).await?.try_next().await?);
    assert_eq!(texts(&studio, "SHOW work_mem").await?, ["4MB"]);
    let fourth = process(&water).await?;
    assert_ne!(fourth, third);
    let transaction = clinic.begin().await?;
    drop(transaction.stream_raw(raw("SELECT stick()")).await?.try_next().await?);
    transaction.commit().await?;
    assert_eq!(texts(&studio, "SHOW work_mem").await?, ["4MB"]);
    assert_ne!(process(&water).await?, fourth);
    Ok(())
}

#[tokio::test]
async fn no_statement_becomes_another_tenant() -> Result<()> {
    let Scene { database: _database, clinic, studio, .. } = scene(Watertight::builder()).await?;
    let token = texts(&clinic, "SELECT current_setting('watertight.tenant')").await?.remove(0);
    let forged = token.replace(&clinic.tenant_id().to_string(), &studio.tenant_id().to_string());
    for token in [forged.clone(), studio.tenant_id().to_string(), "x".to_owned()] {
        for sql in [
            format!("SELECT steal('{token}')"),
            format!("SELECT count(*), ('{token}'::watertight.tenant_token)::text FROM services"),
        ] {
            // The policy is evaluated before the cast, or with the forged token, which no key has signed.
            match clinic.query_one_raw(raw(&sql)).await {
                Ok(row) => {
                    assert_eq!(row.context("a row")?.try_get_by_index::<i64>(0)?, 1, "own rows: {sql}");
                }
                Err(error) => {
                    assert!(Refusal::of(&error).is_none(), "{sql}: {error}");
                    assert!(error.to_string().contains("tenant"), "{sql}: {error}");
                }
            }
        }
        let stolen = clinic.query_one_raw(raw(&format!("SELECT steal('{token}')"))).await;
        assert!(stolen.is_err(), "{token}");
    }
    // Without a token no row is in sight.
    let none = clinic.query_one_raw(raw("SELECT steal('')")).await?.context("a row")?;
    assert_eq!(none.try_get_by_index::<i64>(0)?, 0);
    let own = clinic.query_one_raw(raw(&format!("SELECT steal('{token}')"))).await?.context("a row")?;
    assert_eq!(own.try_get_by_index::<i64>(0)?, 1);
    let write = format!(
        "INSERT INTO services (tenant_id, name, duration_minutes, price_cents) VALUES ('{}', 'x', 1, 1)",
        studio.tenant_id()
    );
    assert!(matches!(
        clinic.execute_unprepared(&write).await.map_err(reason),
        Err(Some(Reason::ForeignTenant { .. }))
    ));
    let hidden = write.replace("'x'", "shout('x')");
    assert!(clinic.execute_unprepared(&hidden).await.unwrap_err().to_string().contains("row-level security"));
    assert_eq!(services::Entity::find().count(&studio).await?, 2);
    Ok(())
}

#[tokio::test]
async fn what_concerns_more_than_rows_stays_refused() -> Result<()> {
    let Scene { database: _database, water, clinic, .. } = scene(Watertight::builder()).await?;
    let transaction = clinic.begin().await?;
    for sql in [
        "SET ROLE NONE",
        "SET SESSION AUTHORIZATION DEFAULT",
        "SET LOCAL row_security = off",
        "SET search_path = x",
        "SELECT set_config('row_security', 'off', false)",
        "SELECT pg_catalog.\"set_config\"('role', 'none', false), shout('x')",
        "DO $$ BEGIN END $$",
        "COPY services TO PROGRAM 'cat'",
        "COPY services TO STDOUT",
        "SELECT shout('a'); SELECT shout('b')",
        "COMMIT",
        "SELECT shout(name) INTO copy FROM services",
        "CREATE TABLE copy AS SELECT shout('a')",
        "EXPLAIN SELECT shout('a')",
        "CALL x()",
        "PREPARE p AS SELECT shout('a')",
        "LISTEN x",
        "TRUNCATE services",
        "SELECT shout($1)",
        "SELECT shout(U&'a')",
    ] {
        for refused in [clinic.execute_unprepared(sql).await, transaction.execute_unprepared(sql).await] {
            assert!(refused.map(drop).map_err(reason).is_err_and(|reason| reason.is_some()), "{sql}");
        }
    }
    transaction.commit().await?;
    assert_eq!(water.refused_in_report_only().total(), 0);

    let replica = scene(Watertight::builder().read_only()).await;
    // The rows of the scene are inserts, which a read-only database refuses.
    let refused = replica.err().context("refused")?;
    assert!(refused.to_string().contains("read-only"), "{refused}");
    Ok(())
}

#[tokio::test]
async fn other_layers_and_databases_are_refused_at_the_connect() -> Result<()> {
    async fn refused(database: &TestDatabase, builder: Builder) -> Result<String> {
        match builder.dangerous_report_only().connect(database.app_url()).await {
            Err(Error::Connect(ConnectError::ReportOnly { reason })) => Ok(reason),
            other => anyhow::bail!("{other:?}"),
        }
    }
    let database = TestDatabase::create().await?;
    for layers in [Layers::RewritingOnly, Layers::UnscopedRowSecurityOnly] {
        let reason = refused(&database, Watertight::builder().dangerous_layers(layers)).await?;
        assert!(reason.contains("dangerous_layers"), "{reason}");
    }
    let owner = database.owner().await?;
    tenant_keys::waive(&owner).await?;
    assert!(refused(&database, Watertight::builder()).await?.contains("keys require"));
    tenant_keys::require(&owner).await?;
    Watertight::builder().dangerous_report_only().connect(database.app_url()).await?;

    let superuser = database.superuser().await?;
    let role = format!("report_only_{}", Uuid::new_v4().simple());
    let create = format!(
        "CREATE ROLE {role}_bypass BYPASSRLS; CREATE ROLE {role} LOGIN IN ROLE {}, {role}_bypass",
        database.app_role()
    );
    superuser.execute_unprepared(&create).await?;
    let mut url = url::Url::parse(&database.app_url())?;
    let named = url.set_username(&role);
    let connected = Watertight::builder().dangerous_report_only().connect(url.as_str()).await;
    superuser.execute_unprepared(&format!("DROP ROLE {role}; DROP ROLE {role}_bypass")).await?;
    assert_eq!(named, Ok(()));
    let Err(Error::Connect(ConnectError::ReportOnly { reason })) = connected else {
        anyhow::bail!("{connected:?}");
    };
    assert!(reason.contains(&format!("REVOKE {role}_bypass FROM {role}")), "{reason}");
    Ok(())
}

#[tokio::test]
async fn without_the_mode_nothing_is_sent() -> Result<()> {
    let database = TestDatabase::create().await?;
    database.owner().await?.execute_unprepared(UNDECLARED).await?;
    let water = database.water().await?;
    let refused = water.tenant(new_tenant()?).execute_unprepared("SELECT shout('a')").await;
    assert!(matches!(refused.map_err(reason), Err(Some(Reason::UnknownFunction(_)))));
    assert_eq!(water.refused_in_report_only().total(), 0);
    Ok(())
}
