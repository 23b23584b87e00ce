//! Row-level security alone against an attacker that runs any SQL as the application's role, without a tenant
//! key.

use anyhow::{Context, Result};
use sea_orm::{
    ActiveModelTrait, ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr,
    EntityTrait, PaginatorTrait, QuerySelect, Set, Statement, TransactionTrait,
};
use sea_orm_migration::MigratorTrait;
use watertight::ConnectError;
use watertight::SigningError;
use watertight::entity::public::services;
use watertight::{Error, Layers, TenantConnection, TenantId, TenantKeys, Watertight};
use watertight_migration::{
    Migrator, Settings, TenantKey, TenantTable, sea_orm_migration, tenant_keys, tenant_keys::TenantKeysError,
};
use watertight_tests::{TestDatabase, new_tenant, own_migrations};

use crate::adopt::{listing, texts};
use crate::rows;

/// A schema in which the application's role may create objects, which is more than an installation grants.
const EVIL: &str = "CREATE SCHEMA evil; GRANT ALL ON SCHEMA evil TO PUBLIC";

/// The tenants of an attacker and of a victim.
struct Scene {
    database: TestDatabase,
    owner: DatabaseConnection,
    attacker: TenantConnection,
    victim: TenantConnection,
    /// The attacker's own token, which they can read.
    token: String,
}

impl Scene {
    async fn new() -> Result<Self> {
        let database = TestDatabase::create().await?;
        let owner = database.owner().await?;
        owner.execute_unprepared(EVIL).await?;
        let mut options = ConnectOptions::new(database.app_url());
        options.max_connections(1);
        let water =
            Watertight::builder().dangerous_layers(Layers::UnscopedRowSecurityOnly).connect(options).await?;
        let (attacker, victim) = (water.tenant(new_tenant()?), water.tenant(new_tenant()?));
        for tenant in [&attacker, &victim] {
            let mut service = rows::service(&format!("of {}", tenant.tenant_id()));
            service.tenant_id = Set(watertight_tests::uuid_of(tenant.tenant_id()));
            service.insert(tenant).await?;
        }
        let token = texts(&attacker, "SELECT current_setting('watertight.tenant')").await?.remove(0);
        assert_eq!(token.len(), 36 + 1 + 64 + 1 + 1, "a token has a tenant, a signature and a key");
        Ok(Self { database, owner, attacker, victim, token })
    }

    /// The victim's rows, read by the owner of the tables.
    async fn rows(&self) -> Result<Vec<String>> {
        let transaction = self.owner.begin().await?;
        let enter = format!("SELECT watertight.enter('{}')", self.victim.tenant_id());
        transaction.execute_unprepared(&enter).await?;
        let rows = texts(&transaction, "SELECT to_jsonb(s)::text FROM public.services s").await?;
        transaction.rollback().await?;
        Ok(rows)
    }

    /// Fills an attack's text: `{A}` and `{B}` are the attacker's tenant and the victim, `{TA}` the attacker's token,
    /// and `{FORGED}` the attacker's token with the victim's tenant.
    fn fill(&self, text: &str) -> String {
        let (own, foreign) = (self.attacker.tenant_id().to_string(), self.victim.tenant_id().to_string());
        let forged = self.token.replace(&own, &foreign);
        [("{A}", &own), ("{B}", &foreign), ("{TA}", &self.token), ("{FORGED}", &forged)]
            .iter()
            .fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
    }

    /// Returns true if the session can read or change the victim's rows. An error counts as no row.
    async fn reaches(&self, db: &impl ConnectionTrait) -> Result<bool> {
        let foreign = self.victim.tenant_id();
        // The operator is qualified, because an attack may have redefined `=`.
        let (of_victim, named) = (
            format!("tenant_id OPERATOR(pg_catalog.=) '{foreign}'::pg_catalog.uuid"),
            format!("name OPERATOR(pg_catalog.=) 'of {foreign}'::pg_catalog.text"),
        );
        for sql in [
            format!("SELECT id FROM public.services WHERE {of_victim}"),
            format!("SELECT id FROM public.services WHERE {named}"),
            format!("UPDATE public.services SET name = 'taken' WHERE {of_victim} RETURNING id"),
            format!("DELETE FROM public.services WHERE {named} RETURNING id"),
            format!(
                "INSERT INTO public.services (tenant_id, name, duration_minutes, price_cents) \
                 VALUES ('{foreign}', 'x', 1, 1) RETURNING id"
            ),
        ] {
            let found = db.query_all_raw(Statement::from_string(DbBackend::Postgres, &sql)).await;
            if found.is_ok_and(|rows| !rows.is_empty()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A session of the application's role without watertight, as with a stolen URL.
    async fn session(&self) -> Result<DatabaseConnection> {
        let mut options = ConnectOptions::new(self.database.app_url());
        options.max_connections(1);
        Ok(Database::connect(options).await?)
    }
}

/// Attacks on the two settings that name or named the tenant.
const SETTINGS: &[&str] = &[
    "SELECT set_config('app.tenant_id', '{B}', false)",
    "SELECT set_config('watertight.tenant', '{B}', false)",
    "SELECT set_config('watertight.tenant', '{FORGED}', false)",
    "SET watertight.tenant = '{FORGED}'",
    "SET SESSION watertight.tenant = '{B}.0000000000000000000000000000000000000000000000000000000000000000.1'",
    "SELECT set_config('watertight.tenant', left('{FORGED}', 101), false)",
    "SELECT set_config('watertight.tenant', left('{FORGED}', 100) || '.1', false)",
    "SELECT set_config('watertight.tenant', left('{FORGED}', 102) || '2', false)",
    "SELECT set_config('watertight.tenant', left('{FORGED}', 102) || '01', false)",
    "SELECT set_config('watertight.tenant', left('{FORGED}', 102) || ' 1', false)",
    "SELECT set_config('watertight.tenant', left('{FORGED}', 102) || '1 OR true', false)",
    "SELECT set_config('watertight.tenant', left('{FORGED}', 102) || '1'' OR ''1', false)",
    "SELECT set_config('watertight.tenant', upper('{B}') || substr('{TA}', 37), false)",
    "SELECT set_config('watertight.tenant', '{{B}}' || substr('{TA}', 37), false)",
    "SELECT set_config('watertight.tenant', replace('{B}', '-', '') || '    ' || substr('{TA}', 37), false)",
    "SELECT set_config('watertight.tenant', '{TA}{FORGED}', false)",
    "SELECT set_config('watertight.tenant', '{FORGED}{TA}', false)",
    "SELECT set_config('watertight.tenant', '{B}.' || encode(sha256('watertight tenant:{B}'::bytea), 'hex') || '.1', false)",
    "SELECT set_config('watertight.tenant', '{B}.' || encode(sha256(''), 'hex') || '.0', false)",
    "SELECT set_config('watertight.tenant', repeat('é', 36) || substr('{TA}', 37), false)",
    "SELECT set_config('watertight.tenant', '\\067' || substr('{TA}', 5), false)",
    "SELECT set_config('watertight.tenant', '%', false)",
    "RESET watertight.tenant",
    "RESET ALL",
    "DISCARD ALL",
    "SELECT set_config('watertight.tenant', '', false)",
    "SELECT set_config('row_security', 'off', false)",
    "SET row_security = off",
    "SET session_replication_role = replica",
    "SET standard_conforming_strings = off",
    "SET transform_null_equals = on",
    "SET bytea_output = 'escape'",
    "SET client_encoding = 'SQL_ASCII'",
    "SET plan_cache_mode = force_generic_plan",
    "SET plan_cache_mode = force_custom_plan",
    "SET constraint_exclusion = on",
    "SET debug_parallel_query = on",
    "SET force_parallel_mode = on",
];

/// Attacks with the type that changes the setting: directly, in arrays, in composites and in casts.
const TYPES: &[&str] = &[
    "SELECT '{FORGED}'::watertight.tenant_token",
    "SELECT '{B}'::watertight.tenant_token",
    "SELECT watertight.tenant_token '{FORGED}'",
    "SELECT '{\"{FORGED}\"}'::watertight._tenant_token",
    "SELECT ARRAY['{FORGED}']::watertight.tenant_token[]",
    "SELECT * FROM json_to_record('{\"a\": \"{FORGED}\"}') AS x (a watertight.tenant_token)",
    "CREATE TYPE evil.pair AS (a watertight.tenant_token, b int)",
    "SELECT '({FORGED},1)'::evil.pair",
    "SELECT ROW('{FORGED}', 1)::evil.pair",
    "CREATE DOMAIN evil.nested AS watertight.tenant_token CHECK (true)",
    "SELECT '{FORGED}'::evil.nested",
    "ALTER DOMAIN watertight.tenant_token DROP CONSTRAINT tenant_token_setting",
    "SELECT '{B}'::auth.watertight_tenant",
];

/// Attacks with objects that shadow the names in the verification and the policies.
const SHADOWS: &[&str] = &[
    "CREATE FUNCTION evil.tenant() RETURNS uuid LANGUAGE sql AS $$SELECT '{B}'::uuid$$",
    "CREATE FUNCTION evil.sha256(bytea) RETURNS bytea LANGUAGE sql AS $$SELECT '\\x00'::bytea$$",
    "CREATE FUNCTION evil.encode(bytea, text) RETURNS text LANGUAGE sql AS $$SELECT substr('{FORGED}', 38, 64)$$",
    "CREATE FUNCTION evil.convert_to(text, name) RETURNS bytea LANGUAGE sql AS $$SELECT 'watertight tenant:{A}'::bytea$$",
    "CREATE FUNCTION evil.substr(text, int, int) RETURNS text LANGUAGE sql AS $$SELECT '{B}'$$",
    "CREATE FUNCTION evil.substr(text, int) RETURNS text LANGUAGE sql AS $$SELECT '1'$$",
    "CREATE FUNCTION evil.current_setting(text, boolean) RETURNS text LANGUAGE sql AS $$SELECT '{B}'$$",
    "CREATE FUNCTION evil.set_config(text, text, boolean) RETURNS text LANGUAGE sql AS $$SELECT ''$$",
    "CREATE FUNCTION evil.same(text, text) RETURNS boolean LANGUAGE sql AS $$SELECT true$$",
    "CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.same)",
    "CREATE FUNCTION evil.same(uuid, uuid) RETURNS boolean LANGUAGE sql AS $$SELECT true$$",
    "CREATE OPERATOR evil.= (LEFTARG = uuid, RIGHTARG = uuid, FUNCTION = evil.same)",
    "CREATE FUNCTION evil.joined(bytea, bytea) RETURNS bytea LANGUAGE sql AS $$SELECT ''::bytea$$",
    "CREATE OPERATOR evil.|| (LEFTARG = bytea, RIGHTARG = bytea, FUNCTION = evil.joined)",
    "CREATE DOMAIN evil.uuid AS text",
    "CREATE DOMAIN evil.text AS pg_catalog.text",
    "CREATE DOMAIN evil.bytea AS pg_catalog.bytea",
    "CREATE TABLE evil.tenant_keys (id smallint, ipad bytea, opad bytea)",
    "INSERT INTO evil.tenant_keys VALUES (1, '', '')",
    "CREATE TEMP TABLE tenant_keys (id smallint, ipad bytea, opad bytea)",
    "CREATE TEMP VIEW services AS SELECT * FROM public.services",
    "CREATE FUNCTION pg_temp.tenant() RETURNS uuid LANGUAGE sql AS $$SELECT '{B}'::uuid$$",
    "CREATE FUNCTION pg_temp.sha256(bytea) RETURNS bytea LANGUAGE sql AS $$SELECT '\\x00'::bytea$$",
    "SET watertight.tenant = '{FORGED}'",
    "SET search_path = evil, pg_temp, pg_catalog, public",
    "SET search_path = pg_temp, evil, public",
];

/// Attacks with rights of other roles, and on the objects of isolation.
const RIGHTS: &[&str] = &[
    "SET ROLE watertight_owner",
    "SET SESSION AUTHORIZATION watertight_owner",
    "SET SESSION AUTHORIZATION watertight_maintenance",
    "RESET SESSION AUTHORIZATION",
    "GRANT watertight_owner TO CURRENT_USER",
    "ALTER ROLE CURRENT_USER BYPASSRLS",
    "ALTER TABLE public.services DISABLE ROW LEVEL SECURITY",
    "ALTER TABLE public.services NO FORCE ROW LEVEL SECURITY",
    "DROP POLICY tenant_isolation ON public.services",
    "CREATE POLICY mine ON public.services USING (true)",
    "ALTER POLICY tenant_isolation ON public.services USING (true)",
    "CREATE OR REPLACE FUNCTION watertight.tenant() RETURNS uuid LANGUAGE sql AS $$SELECT '{B}'::uuid$$",
    "ALTER FUNCTION watertight.tenant() SECURITY INVOKER",
    "DROP FUNCTION watertight.tenant() CASCADE",
    "SELECT * FROM watertight.tenant_keys",
    "COPY watertight.tenant_keys TO STDOUT",
    "INSERT INTO watertight.tenant_keys (id, ipad, opad) VALUES (2, decode(repeat('36', 64), 'hex'), decode(repeat('5c', 64), 'hex'))",
    "DELETE FROM watertight.tenant_keys",
    "SELECT watertight.enter('{B}')",
    "CREATE VIEW evil.all_services AS SELECT * FROM public.services",
    "SELECT * FROM evil.all_services WHERE tenant_id = '{B}'",
    "CREATE FUNCTION evil.all_services() RETURNS SETOF public.services LANGUAGE sql SECURITY DEFINER AS $$SELECT * FROM public.services$$",
    "CREATE RULE mine AS ON SELECT TO public.services DO ALSO NOTHING",
    "CREATE TRIGGER mine AFTER INSERT ON public.services EXECUTE FUNCTION evil.all_services()",
    "TRUNCATE public.services",
    "COPY public.services TO STDOUT",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "COPY evil.tenant_keys FROM '/etc/passwd'",
    "SELECT pg_read_file('postgresql.conf')",
    "SELECT lo_import('/etc/passwd')",
    "CREATE EXTENSION dblink",
    "LOAD 'pageinspect'",
    "DO $$BEGIN EXECUTE 'SET ROLE watertight_owner'; END$$",
];

/// Runs the statements of an attack and checks each answer. Errors are ignored.
async fn try_all(db: &impl ConnectionTrait, scene: &Scene, attack: &[&str]) -> Result<()> {
    let foreign = format!("of {}", scene.victim.tenant_id());
    for text in attack {
        let statement = Statement::from_string(DbBackend::Postgres, scene.fill(text));
        for row in db.query_all_raw(statement).await.unwrap_or_default() {
            let shown = format!("{row:?}");
            assert!(!shown.contains(&foreign), "{text}: {shown}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn no_sql_makes_row_level_security_show_or_change_a_foreign_row() -> Result<()> {
    let scene = Scene::new().await?;
    let before = scene.rows().await?;
    assert_eq!(before.len(), 1);
    // One statement after the other in the attacker's own session, each checked alone ..
    for attack in [SETTINGS, TYPES, SHADOWS, RIGHTS] {
        let session = scene.session().await?;
        for text in attack {
            try_all(&session, &scene, &[text]).await?;
            assert!(!scene.reaches(&session).await?, "{text}");
        }
        session.close().await?;
    }
    for text in ["SELECT evil.tenant()", "SELECT ''::evil.text", "SELECT FROM evil.tenant_keys"] {
        scene.session().await?.execute_unprepared(text).await.context("the shadows are there")?;
    }
    // .. and through watertight, alone and in a transaction with the attacker's token. A failed statement
    // aborts the transaction, so each has its own.
    for text in [SETTINGS, TYPES, SHADOWS, RIGHTS].concat() {
        try_all(&scene.attacker, &scene, &[text]).await?;
        assert!(!scene.reaches(&scene.attacker).await?, "{text}");
        let transaction = scene.attacker.begin().await?;
        try_all(&transaction, &scene, &[text]).await?;
        assert!(!scene.reaches(&transaction).await?, "{text}");
        transaction.rollback().await.ok();
    }
    assert_eq!(scene.rows().await?, before);

    // On a database that does not verify the tenant the first attack succeeds, so the check works.
    tenant_keys::waive(&scene.owner).await?;
    let session = scene.session().await?;
    assert!(!scene.reaches(&session).await?);
    try_all(&session, &scene, &["SELECT set_config('watertight.tenant', '{B}', false)"]).await?;
    assert!(scene.reaches(&session).await?);
    Ok(())
}

/// One statement of the attacker sets the tenant and reads, in any order of evaluation.
#[tokio::test]
async fn no_statement_becomes_another_tenant_while_it_runs() -> Result<()> {
    let scene = Scene::new().await?;
    for text in [
        "SELECT s.name FROM (SELECT set_config('watertight.tenant', '{FORGED}', true) OFFSET 0) f, public.services s",
        "SELECT s.name FROM (SELECT set_config('app.tenant_id', '{B}', true) OFFSET 0) f, LATERAL (SELECT * FROM public.services WHERE f IS NOT NULL) s",
        "WITH f AS MATERIALIZED (SELECT '{FORGED}'::watertight.tenant_token) SELECT s.name FROM f, public.services s",
        "SELECT name FROM public.services WHERE set_config('watertight.tenant', '{B}', true) IS NOT NULL",
        "UPDATE public.services SET name = name WHERE set_config('watertight.tenant', '{FORGED}', true) <> '' RETURNING name",
        "INSERT INTO public.services (tenant_id, name, duration_minutes, price_cents) VALUES ('{B}', set_config('watertight.tenant', '{FORGED}', true), 1, 1)",
        "MERGE INTO public.services s USING (VALUES ('{B}'::uuid)) v (t) ON s.tenant_id = v.t WHEN MATCHED THEN DELETE",
        "EXPLAIN (ANALYZE, VERBOSE) SELECT * FROM public.services WHERE tenant_id = '{B}'",
    ] {
        try_all(&scene.attacker, &scene, &[text]).await?;
        try_all(&scene.session().await?, &scene, &[text]).await?;
    }
    let rows = scene.rows().await?;
    assert_eq!(rows.len(), 1);
    assert!(rows[0].contains(&format!("of {}", scene.victim.tenant_id())), "{rows:?}");
    Ok(())
}

/// State that one tenant's statement leaves on a pooled connection does not affect another tenant's
/// statement.
#[tokio::test]
async fn state_left_on_a_connection_affects_no_other_tenant() -> Result<()> {
    let scene = Scene::new().await?;
    let steal = "set_config('evil.stolen', current_setting('watertight.tenant', true), false)";
    let left = [
        "SET search_path = evil, pg_temp".to_owned(),
        format!("CREATE TEMP TABLE services AS SELECT id, name, {steal} AS s FROM public.services"),
        "CREATE TEMP TABLE services (LIKE public.services)".to_owned(),
        format!("CREATE TEMP VIEW services AS SELECT *, {steal} FROM public.services"),
        format!("PREPARE sqlx_s_1 (uuid, watertight.tenant_token) AS SELECT {steal}"),
        format!("PREPARE sqlx_s_2 (uuid, watertight.tenant_token) AS SELECT {steal}"),
        format!("DECLARE kept CURSOR WITH HOLD FOR SELECT {steal}"),
        "SELECT set_config('watertight.tenant', '{TA}', false)".to_owned(),
        "SET row_security = off".to_owned(),
        "SELECT set_config('evil.mark', 'left', false)".to_owned(),
        "SELECT pg_advisory_lock(1)".to_owned(),
        "BEGIN".to_owned(),
        "SET default_transaction_read_only = on".to_owned(),
    ];
    for text in left {
        scene.attacker.execute_unprepared(&scene.fill(&text)).await.ok();
        let names = texts(&scene.victim, "SELECT name FROM services").await.context(text.clone())?;
        assert_eq!(names, [format!("of {}", scene.victim.tenant_id())], "{text}");
        let renamed = services::Entity::update_many()
            .col_expr(services::Column::Description, text.clone().into())
            .exec(&scene.victim)
            .await?;
        assert_eq!(renamed.rows_affected, 1, "{text}");
        let found = "SELECT concat(current_setting('evil.stolen', true), current_setting('evil.mark', true), \
                     (SELECT count(*) FROM pg_prepared_statements WHERE from_sql), (SELECT count(*) FROM pg_cursors \
                     WHERE name = 'kept'), (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' \
                     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())))";
        assert_eq!(texts(&scene.attacker, found).await?, ["000"], "{text}");
    }
    Ok(())
}

/// Sessions of one role read one another's texts.
#[tokio::test]
async fn no_text_of_a_session_contains_a_tenant_or_a_token() -> Result<()> {
    let database = TestDatabase::create().await?;
    let water = database.water_with(Watertight::builder().dangerous_function("pg_sleep")).await?;
    let tenant = water.tenant(new_tenant()?);
    let spy = Database::connect(database.app_url()).await?;
    let seen =
        "SELECT query FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let transaction = tenant.begin().await?;
    let mut all = texts(&spy, seen).await?;
    rows::service("Massage").insert(&transaction).await?;
    all.extend(texts(&spy, seen).await?);
    transaction.commit().await?;
    let sleeping = tokio::spawn({
        let tenant = tenant.clone();
        async move { tenant.execute_unprepared("SELECT pg_sleep(0.5) FROM services").await }
    });
    tokio::time::sleep(std::time::Duration::from_millis(250)).await;
    all.extend(texts(&spy, seen).await?);
    sleeping.await??;
    assert!(all.iter().any(|text| text.contains("pg_sleep")), "{all:?}");
    assert!(all.iter().any(|text| text.contains("INSERT")), "{all:?}");
    assert!(all.iter().any(|text| text.starts_with("BEGIN")), "{all:?}");
    let tenant = tenant.tenant_id().to_string();
    assert!(
        all.iter().all(|text| !text.contains(&tenant) && !text.contains(&tenant.replace('-', ""))),
        "{all:?}"
    );
    Ok(())
}

fn key(id: i16, byte: u8) -> String {
    format!("{id}:{}", hex::encode([byte; 32]))
}

async fn connect(database: &TestDatabase, keys: &str) -> Result<Watertight, Error> {
    let keys: TenantKeys = keys.parse()?;
    Watertight::builder().tenant_keys(keys).connect(database.app_url()).await
}

async fn count(water: &Watertight, tenant: TenantId) -> Result<u64, DbErr> {
    services::Entity::find().count(&water.tenant(tenant)).await
}

#[tokio::test]
async fn keys_rotate_with_two_of_them_valid() -> Result<()> {
    let database = TestDatabase::create().await?;
    let owner = database.owner().await?;
    let (before, tenant) = (database.water().await?, new_tenant()?);
    rows::service("Massage").insert(&before.tenant(tenant)).await?;

    let new = key(2, 0x5a);
    let missing = connect(&database, &new).await.unwrap_err();
    assert!(
        matches!(
            missing,
            Error::Connect(ConnectError::Signing(SigningError::TenantKeyNotInstalled { id: 2 }))
        ),
        "{missing:?}"
    );
    assert!(tenant_keys::add(&owner, &new.parse()?).await?);
    assert!(!tenant_keys::add(&owner, &new.parse()?).await?, "twice is once");
    let taken = tenant_keys::add(&owner, &key(2, 0x5b).parse()?).await;
    assert!(matches!(taken, Err(TenantKeysError::IdTaken { id: 2 })), "{taken:?}");
    let ids: Vec<i16> = tenant_keys::list(&owner).await?.iter().map(|key| key.id).collect();
    assert_eq!(ids, [2, 1]);

    let after = connect(&database, &format!("{new},{}", key(1, 0))).await?;
    assert_eq!((count(&before, tenant).await?, count(&after, tenant).await?), (1, 1));
    tenant_keys::retire(&owner, 1).await?;
    assert_eq!(count(&after, tenant).await?, 1);
    let late = count(&before, tenant).await.unwrap_err().to_string();
    assert!(late.contains("the database has no tenant key 1"), "{late}");

    let last = tenant_keys::retire(&owner, 2).await;
    assert!(matches!(last, Err(TenantKeysError::LastKey { id: 2 })), "{last:?}");
    let unknown = tenant_keys::retire(&owner, 1).await;
    assert!(matches!(unknown, Err(TenantKeysError::UnknownId { id: 1 })), "{unknown:?}");
    Ok(())
}

#[tokio::test]
async fn keys_that_do_not_match_are_reported_when_connecting() -> Result<()> {
    let database = TestDatabase::create().await?;
    let owner = database.owner().await?;
    let other = connect(&database, &key(1, 0x5a)).await.unwrap_err();
    assert!(
        matches!(other, Error::Connect(ConnectError::Signing(SigningError::TenantKeyDiffers { id: 1 }))),
        "{other:?}"
    );
    assert!(other.to_string().contains("watertight keys"), "{other}");
    for malformed in ["", "1:x", &format!("{},", key(1, 1)), &format!("{0},{0}", key(1, 1))] {
        let error = connect(&database, malformed).await.unwrap_err();
        assert!(
            matches!(error, Error::Connect(ConnectError::Signing(SigningError::TenantKey(_)))),
            "{error:?}"
        );
    }

    owner.execute_unprepared("DELETE FROM watertight.tenant_keys").await?;
    let none = database.water().await.unwrap_err().downcast::<Error>()?;
    assert!(
        matches!(none, Error::Connect(ConnectError::Signing(SigningError::NoTenantKeyInstalled))),
        "{none:?}"
    );
    let required = tenant_keys::require(&owner).await;
    assert!(matches!(required, Err(TenantKeysError::NoKey)), "{required:?}");
    // Without row-level security no key is required.
    crate::row_security::disable(&database).await?;
    database.water_with(Watertight::builder().dangerous_layers(Layers::RewritingOnly)).await?;
    Ok(())
}

#[tokio::test]
async fn a_database_without_verification_accepts_any_key() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (owner, tenant) = (database.owner().await?, new_tenant()?);
    let water = database.water().await?;
    rows::service("Massage").insert(&water.tenant(tenant)).await?;
    tenant_keys::waive(&owner).await?;
    assert!(!tenant_keys::is_signed(&owner).await?);
    // Earlier and later connections continue to work, with the key and with any other.
    assert_eq!(count(&water, tenant).await?, 1);
    assert_eq!(count(&connect(&database, &key(9, 9)).await?, tenant).await?, 1);
    assert_eq!(count(&water, new_tenant()?).await?, 0);
    let believed = format!("SELECT set_config('watertight.tenant', '{tenant}', false)");
    let app = Database::connect({
        let mut options = ConnectOptions::new(database.app_url());
        options.max_connections(1);
        options
    })
    .await?;
    assert_eq!(services::Entity::find().all(&app).await?.len(), 0, "no tenant is named");
    app.execute_unprepared(&believed).await?;
    assert_eq!(services::Entity::find().all(&app).await?.len(), 1);
    tenant_keys::require(&owner).await?;
    assert!(services::Entity::find().all(&app).await.is_err(), "a tenant without signature");
    assert_eq!(count(&water, tenant).await?, 1);
    Ok(())
}

/// A table of an application, created as its migrations create it.
fn invoices() -> TenantTable {
    TenantTable::new("public", "invoices").col(sea_orm_migration::schema::integer("amount_cents"))
}

#[tokio::test]
async fn the_migration_goes_back_and_forth_with_rows_and_an_applications_own_table() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (owner, tenant) = (database.owner().await?, new_tenant()?);
    rows::service("Massage").insert(&database.water().await?.tenant(tenant)).await?;
    let manager = sea_orm_migration::SchemaManager::new(&owner);
    invoices().create(&manager, &Settings::from_env()).await?;
    let made = listing::catalog(&owner).await?;
    let rows = listing::rows(&owner).await?;

    let later = own_migrations().iter().rev().take_while(|name| !name.ends_with("_signed_tenant")).count();
    Migrator::down(&owner, Some(u32::try_from(later + 1)?)).await?;
    let policies = "SELECT DISTINCT qual || with_check FROM pg_policies WHERE permissive = 'PERMISSIVE'";
    let old = "(tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)";
    assert_eq!(texts(&owner, policies).await?, [old.repeat(2)]);
    let missing = database.water().await.unwrap_err();
    assert!(missing.to_string().contains("watertight.tenant_token"), "{missing}");
    let transaction = owner.begin().await?;
    transaction.execute_unprepared(&format!("SELECT '{tenant}'::auth.watertight_tenant")).await?;
    // Not the columns of today's entity, some of which are gone.
    let names = services::Entity::find().select_only().column(services::Column::Name).into_tuple();
    let names: Vec<String> = names.all(&transaction).await?;
    assert_eq!(names, ["Massage"], "the earlier policies show the row");
    transaction.rollback().await?;
    // The table is created with the old policy, and changed with the others.
    invoices().drop(&manager).await?;
    invoices().create(&manager, &Settings::from_env()).await?;
    assert_eq!(texts(&owner, policies).await?, [old.repeat(2)]);

    Migrator::up(&owner, None).await?;
    listing::assert_same(&listing::catalog(&owner).await?, &made);
    let tables = |rows: Vec<String>| {
        rows.into_iter()
            .filter(|row| !row.contains("tenant_keys") && !row.contains("seaql"))
            .collect::<Vec<_>>()
    };
    listing::assert_same(&tables(listing::rows(&owner).await?), &tables(rows));
    assert_eq!(count(&database.water().await?, tenant).await?, 1);
    Ok(())
}

/// A key signs for every database that has it, and both crates read it as a `TenantKey`.
#[tokio::test]
async fn both_crates_read_the_same_text_as_the_same_key() -> Result<()> {
    let database = TestDatabase::create().await?;
    for (id, byte) in [(3, 0), (32_767, 0xff)] {
        let text = key(id, byte);
        tenant_keys::add(&database.owner().await?, &text.parse::<TenantKey>()?).await?;
        connect(&database, &text).await?;
    }
    Ok(())
}
