//! Names of columns, functions, operators and types that a database has besides PostgreSQL's own, also when
//! they change while an application runs.

use anyhow::Result;
use sea_orm::{ActiveModelTrait, ConnectionTrait, DatabaseConnection, DbErr, QueryResult};
use watertight::{Reason, Refusal, TenantConnection, Watertight};
use watertight_tests::{TestDatabase, new_tenant};

use crate::rows;

/// Objects that show every tenant's services to any statement that uses them.
///
/// The role that creates them bypasses row-level security, and therefore the objects do, too.
const HOSTILE: &str = "\
    CREATE FUNCTION public.every_name() RETURNS text LANGUAGE sql SECURITY DEFINER \
        AS 'SELECT string_agg(name, '','') FROM public.services'; \
    CREATE FUNCTION public.leak(public.services) RETURNS text LANGUAGE sql SECURITY DEFINER \
        AS 'SELECT public.every_name()'; \
    CREATE FUNCTION public.lower(public.services) RETURNS text LANGUAGE sql SECURITY DEFINER \
        AS 'SELECT public.every_name()'; \
    CREATE FUNCTION public.upper(varchar) RETURNS text LANGUAGE sql SECURITY DEFINER \
        AS 'SELECT public.every_name()'; \
    CREATE FUNCTION public.join_names(public.services, text) RETURNS text LANGUAGE sql SECURITY DEFINER \
        AS 'SELECT public.every_name()'; \
    CREATE OPERATOR public.|| (LEFTARG = public.services, RIGHTARG = text, FUNCTION = public.join_names); \
    CREATE FUNCTION public.join_texts(text, text) RETURNS text LANGUAGE sql SECURITY DEFINER \
        AS 'SELECT public.every_name()'; \
    CREATE OPERATOR public.<%> (LEFTARG = text, RIGHTARG = text, FUNCTION = public.join_texts); \
    CREATE FUNCTION public.is_fine(text) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER \
        AS 'BEGIN RAISE EXCEPTION ''%'', public.every_name(); END'; \
    CREATE DOMAIN public.telling AS text CHECK (public.is_fine(VALUE)); \
    GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO PUBLIC";

async fn texts(tenant: &impl ConnectionTrait, sql: &str) -> Result<Vec<Option<String>>, DbErr> {
    let statement = sea_orm::Statement::from_string(sea_orm::DbBackend::Postgres, sql);
    let rows: Vec<QueryResult> = tenant.query_all_raw(statement).await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}

/// Two tenants with a service each, in a database with hostile objects.
async fn hostile_database() -> Result<(TestDatabase, Watertight, TenantConnection)> {
    let database = TestDatabase::create().await?;
    let (clinic, studio) = database.two_tenants().await?;
    rows::service("Massage").insert(&clinic).await?;
    rows::service("Secret").insert(&studio).await?;
    let maintenance: DatabaseConnection = database.maintenance().await?;
    maintenance.execute_unprepared(HOSTILE).await?;
    let water = database.water().await?;
    let own = water.tenant(clinic.tenant_id());
    Ok((database, water, own))
}

#[tokio::test]
async fn undeclared_functions_operators_and_types_are_not_used() -> Result<()> {
    let (_database, _water, clinic) = hostile_database().await?;
    for sql in [
        "SELECT s.leak FROM services s",
        "SELECT (s).leak FROM services s",
        "SELECT leak FROM services",
        "SELECT leak(s) FROM services s",
        "SELECT lower(s) FROM services s",
        "SELECT (x.s).leak FROM (SELECT s FROM services s) x",
        "SELECT s || 'x' FROM services s",
        "SELECT s.every_name FROM services s",
        "SELECT name <%> name FROM services",
        "SELECT name::telling FROM services",
        "SELECT telling 'x'",
        "SELECT CAST(name AS public.telling[]) FROM services",
        "SELECT * FROM json_to_record('{\"a\": 1}') AS x (a telling)",
        "SELECT name FROM services ORDER BY name USING <%>",
        "SELECT every_name()",
        "SELECT public.every_name()",
        "SELECT * FROM every_name()",
        "INSERT INTO services (name, duration_minutes, price_cents) SELECT s.leak, 1, 1 FROM services s",
        "UPDATE services s SET name = s.leak",
        "DELETE FROM services s RETURNING s.leak",
    ] {
        match texts(&clinic, sql).await {
            Err(error) => assert!(Refusal::of(&error).is_some(), "{sql}: {error}"),
            Ok(found) => panic!("{sql} was accepted and gave {found:?}"),
        }
    }
    // A closer overload is not used: the name means PostgreSQL's own function.
    for sql in [
        "SELECT upper(name) FROM services",
        "SELECT upper(name::varchar) FROM services",
        "SELECT upper(CAST('Massage' AS varchar(50)))",
    ] {
        assert_eq!(texts(&clinic, sql).await?, [Some("MASSAGE".to_owned())], "{sql}");
    }
    assert_eq!(texts(&clinic, "SELECT name || 'x' FROM services").await?, [Some("Massagex".to_owned())]);
    Ok(())
}

#[tokio::test]
async fn declared_names_are_used() -> Result<()> {
    let database = TestDatabase::create().await?;
    let owner = database.owner().await?;
    owner
        .execute_unprepared(
            "CREATE FUNCTION public.shout(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT $1 || ''!'''; \
             CREATE FUNCTION public.louder(text, text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT $1 || $2'; \
             CREATE OPERATOR public.<+> (LEFTARG = text, RIGHTARG = text, FUNCTION = public.louder); \
             CREATE TYPE public.mood AS ENUM ('calm', 'tense'); \
             CREATE TABLE public.uuid (x int)",
        )
        .await?;
    let builder = Watertight::builder()
        .dangerous_function("shout")
        .dangerous_operator("<+>")
        .dangerous_data_type("mood");
    let tenant = database.water_with(builder).await?.tenant(new_tenant()?);
    assert_eq!(
        texts(&tenant, "SELECT shout('a') <+> ('calm'::mood)::text").await?,
        [Some("a!calm".to_owned())]
    );
    // A table named `uuid` creates a type `uuid`, but the statement means PostgreSQL's own type.
    let id = "00000000-0000-4000-8000-000000000001";
    assert_eq!(texts(&tenant, &format!("SELECT '{id}'::uuid::text")).await?, [Some(id.to_owned())]);
    Ok(())
}

#[tokio::test]
async fn an_operator_that_shadows_postgresqls_own_has_to_be_declared() -> Result<()> {
    let database = TestDatabase::create().await?;
    let owner = database.owner().await?;
    owner
        .execute_unprepared(
            "CREATE TYPE public.mood AS ENUM ('calm', 'tense'); \
             CREATE FUNCTION public.is_mood(public.mood, text) RETURNS boolean IMMUTABLE LANGUAGE sql \
                AS 'SELECT $1::text = $2'; \
             CREATE OPERATOR public.= (LEFTARG = public.mood, RIGHTARG = text, FUNCTION = public.is_mood)",
        )
        .await?;
    let tenant = database.water().await?.tenant(new_tenant()?);
    let error = texts(&tenant, "SELECT name FROM services WHERE name = 'x'").await.unwrap_err();
    let reason = Refusal::of(&error).map(|refusal| &refusal.reason);
    assert!(matches!(reason, Some(Reason::ShadowedOperator { operator, .. }) if operator == "="), "{error}");

    let tenant =
        database.water_with(Watertight::builder().dangerous_operator("=")).await?.tenant(new_tenant()?);
    assert!(texts(&tenant, "SELECT name FROM services WHERE name = 'x'").await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn columns_and_types_added_while_an_application_runs_are_known_at_once() -> Result<()> {
    let database = TestDatabase::create().await?;
    let mut options = sea_orm::ConnectOptions::new(database.app_url());
    options.max_connections(1);
    let water = Watertight::builder().connect(options).await?;
    let tenant = water.tenant(new_tenant()?);
    rows::service("Massage").insert(&tenant).await?;

    let owner = database.owner().await?;
    let select = "SELECT nickname FROM services";
    let refusal = texts(&tenant, select).await.unwrap_err();
    assert!(matches!(
        Refusal::of(&refusal).map(|refusal| &refusal.reason),
        Some(Reason::UnknownColumn(column)) if column == "nickname"
    ));
    owner.execute_unprepared("ALTER TABLE services ADD COLUMN nickname text DEFAULT 'm'").await?;
    assert_eq!(texts(&tenant, select).await?, [Some("m".to_owned())]);

    owner
        .execute_unprepared(
            "CREATE TYPE public.mood AS ENUM ('calm'); ALTER TABLE services ADD COLUMN mood mood DEFAULT 'calm'",
        )
        .await?;
    assert_eq!(
        texts(&tenant, "SELECT mood::text FROM services WHERE mood = 'calm'::mood").await?,
        [Some("calm".to_owned())]
    );

    // A transaction has the only connection of this pool, and must not wait for another.
    let transaction = tenant.begin().await?;
    let error = texts(&transaction, "SELECT nothing FROM services").await.unwrap_err();
    assert!(Refusal::of(&error).is_some(), "{error}");
    transaction.commit().await?;

    // A dropped column is an error of the server once, and a refusal afterwards.
    owner.execute_unprepared("ALTER TABLE services DROP COLUMN nickname").await?;
    let error = texts(&tenant, select).await.unwrap_err();
    assert!(Refusal::of(&error).is_none(), "{error}");
    let mut error = texts(&tenant, select).await.unwrap_err();
    for _ in 0..20 {
        if Refusal::of(&error).is_some() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        error = texts(&tenant, select).await.unwrap_err();
    }
    assert!(Refusal::of(&error).is_some(), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_declared_function_that_writes_is_a_write() -> Result<()> {
    let database = TestDatabase::create().await?;
    let owner = database.owner().await?;
    owner
        .execute_unprepared(
            "CREATE TABLE public.visits (n int); GRANT INSERT, SELECT ON public.visits TO PUBLIC; \
             CREATE FUNCTION public.visit() RETURNS int LANGUAGE sql \
                AS 'INSERT INTO public.visits VALUES (1) RETURNING n'",
        )
        .await?;
    let builder = || Watertight::builder().dangerous_function("visit");
    let tenant = database.water_with(builder()).await?.tenant(new_tenant()?);
    tenant.execute_unprepared("SELECT visit()").await?;
    let count = "SELECT count(*)::text FROM visits";
    assert_eq!(texts(&owner, count).await?, [Some("1".to_owned())]);

    let replica = database.water_with(builder().read_only()).await?.tenant(new_tenant()?);
    assert!(replica.execute_unprepared("SELECT visit()").await.is_err());
    assert_eq!(texts(&owner, count).await?, [Some("1".to_owned())]);
    Ok(())
}
