//! An adoption lists every problem, and then changes nothing.

use anyhow::Result;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection};
use watertight_migration::Settings;
use watertight_migration::adopt::{Adoption, AdoptionError, Problem, ProblemKind, ProblemKind::*};
use watertight_tests::{TestDatabase, own_migrations};

use super::{CLINIC, STUDIO, adoption, listing, original, plant, texts, with_rows};

async fn refusal(owner: &DatabaseConnection, adoption: &Adoption) -> Result<AdoptionError> {
    let before = listing::everything(owner).await?;
    let planned = adoption.plan(owner).await;
    let error = adoption.run(owner).await.expect_err("refused");
    match (planned, &error) {
        (Ok(plan), AdoptionError::Refused { problems }) => assert_eq!(plan.problems(), problems),
        (Err(planned), error) => assert_eq!(planned.to_string(), error.to_string()),
        (Ok(plan), error) => panic!("{error}\n{plan}"),
    }
    listing::assert_same(&listing::everything(owner).await?, &before);
    Ok(error)
}

/// The problems of a database with rows after some SQL.
async fn problems_of(sql: &str) -> Result<Vec<Problem>> {
    let (_database, owner) = with_rows().await?;
    plant(&owner, sql).await?;
    let error = refusal(&owner, &adoption()).await?;
    assert!(!error.problems().is_empty(), "{error}");
    Ok(error.problems().to_vec())
}

fn id(digit: char, end: &str) -> String {
    format!("{digit}0000000-0000-4000-8000-{end:0>12}")
}

/// Checks that some SQL causes one problem, with a kind, columns and rows.
async fn one(kind: ProblemKind, table: &str, columns: &str, rows: &[String], sql: &str) -> Result<()> {
    let problems = problems_of(sql).await?;
    let [problem] = problems.as_slice() else { panic!("{sql}: {problems:#?}") };
    assert_eq!((problem.kind, problem.table.as_str()), (kind, table), "{problem}");
    assert_eq!(problem.columns.join(", "), columns, "{problem}");
    assert_eq!(problem.total, rows.len() as u64, "{problem}");
    for (found, row) in problem.rows.iter().zip(rows) {
        assert!(found.starts_with(row.as_str()), "{problem}");
    }
    assert!(!problem.remedy.is_empty());
    Ok(())
}

fn row(tenant: &str, digit: char, end: &str) -> String {
    format!("tenant_id={tenant}, id={}", id(digit, end))
}

#[tokio::test]
async fn rows_that_refer_to_another_tenants() -> Result<()> {
    let (theirs, ours) = (id('5', "1"), id('c', "1"));
    for (table, column, end, to) in [
        ("auth.sessions", "user_id", "11", theirs.clone()),
        ("auth.invitations", "created_by", "21", theirs.clone()),
        ("auth.invitations", "used_by", "21", theirs),
        ("public.bookings", "service_id", "61", id('5', "31")),
        ("public.bookings", "practitioner_id", "61", id('5', "41")),
        ("public.bookings", "client_id", "61", id('5', "51")),
        ("public.slot_reservations", "practitioner_id", "71", id('5', "41")),
        ("public.packages", "client_id", "91", id('5', "51")),
    ] {
        let sql = format!("UPDATE {table} SET {column} = '{to}' WHERE id = '{}'", id('c', end));
        let expected = format!("{}, {column}={to} of tenant {STUDIO}", row(CLINIC, 'c', end));
        one(CrossesTenants, table, column, &[expected], &sql).await?;
    }
    // Tables whose rows have no known ID, or none.
    for (table, column, to) in [
        ("public.time_blocks", "practitioner_id", id('5', "41")),
        ("public.intake_form_responses", "client_id", id('5', "51")),
    ] {
        let sql = format!("UPDATE {table} SET {column} = '{to}'");
        let problems = problems_of(&sql).await?;
        assert!(problems.iter().all(|problem| problem.kind == CrossesTenants && problem.table == table));
    }
    let expected = format!("tenant_id={CLINIC}, user_id={ours}");
    let sql = format!(
        "DELETE FROM auth.backup_codes; INSERT INTO auth.backup_codes (tenant_id, user_id, codes) \
         VALUES ('{STUDIO}', '{ours}', '[]')"
    );
    let expected = expected.replace(CLINIC, STUDIO);
    one(CrossesTenants, "auth.backup_codes", "user_id", &[expected], &sql).await?;
    let sql = format!("UPDATE auth.totp_secrets SET user_id = '{}' WHERE handle = 'mona'", id('5', "1"));
    let expected = format!("tenant_id={CLINIC}, handle=mona, user_id={} of tenant {STUDIO}", id('5', "1"));
    one(CrossesTenants, "auth.totp_secrets", "user_id", &[expected], &sql).await
}

#[tokio::test]
async fn rows_that_refer_to_nothing() -> Result<()> {
    let nobody = id('f', "f");
    let sql = format!(
        "ALTER TABLE public.bookings DROP CONSTRAINT bookings_client_id_fkey; \
         UPDATE public.bookings SET client_id = '{nobody}' WHERE id = '{}'",
        id('c', "61")
    );
    let expected = format!("{}, client_id={nobody}", row(CLINIC, 'c', "61"));
    one(Dangling, "public.bookings", "client_id", &[expected], &sql).await?;
    let sql = format!("UPDATE auth.totp_secrets SET user_id = '{nobody}' WHERE handle = 'mona'");
    let expected = format!("tenant_id={CLINIC}, handle=mona");
    one(Dangling, "auth.totp_secrets", "user_id", std::slice::from_ref(&expected), &sql).await?;
    let sql = "UPDATE auth.totp_secrets SET handle = 'gone' WHERE handle = 'mona'";
    one(Missing, "auth.totp_secrets", "user_id", &[expected.replace("mona", "gone")], sql).await
}

#[tokio::test]
async fn rows_with_the_same_key_after_the_conversion() -> Result<()> {
    let users = [row(CLINIC, 'c', "1"), row(CLINIC, 'c', "3")];
    let at = |column: &str, to: &str| {
        format!("UPDATE auth.users SET {column} = '{to}' WHERE id = '{}'", id('c', "3"))
    };
    one(Duplicate, "auth.users", "handle", &users, &at("handle", "JESS")).await?;
    one(Duplicate, "auth.users", "email", &users, &at("email", "jess@example.com ")).await?;
    let sql =
        format!("UPDATE public.gift_certificates SET code = 'CERTABCD-2345' WHERE id = '{}'", id('c', "82"));
    let rows = [row(CLINIC, 'c', "81"), row(CLINIC, 'c', "82")];
    one(Duplicate, "public.gift_certificates", "code", &rows, &sql).await?;
    let problems = problems_of(&format!(
        "INSERT INTO public.business_profile (tenant_id, name, phone, street_address, city, state, postal_code) \
         VALUES ('{CLINIC}', 'twice', '', '', '', '', '')"
    ))
    .await?;
    assert_eq!((problems.len(), problems[0].kind, problems[0].total), (1, Duplicate, 2));
    let problems = problems_of(&format!(
        "INSERT INTO auth.invitations (tenant_id, token, email, role, created_by, expires_at) \
         SELECT tenant_id, token, email, role, created_by, expires_at FROM auth.invitations WHERE tenant_id = '{CLINIC}'"
    ))
    .await?;
    assert_eq!((problems.len(), problems[0].kind, problems[0].total), (1, Duplicate, 2));
    assert!(!problems[0].to_string().contains("clear"), "a token is not told");
    Ok(())
}

#[tokio::test]
async fn values_that_do_not_fit() -> Result<()> {
    for (kind, table, column, end, to) in [
        (AgainstRule, "public.bookings", "status", "61", "'unheard of'"),
        (AgainstRule, "public.bookings", "duration", "61", "0"),
        (AgainstRule, "public.clients", "custom_fields", "51", "'[]'"),
        (AgainstRule, "public.services", "currency", "31", "'usd'"),
        (AgainstRule, "public.gift_certificates", "status", "81", "'redeemed'"),
        (AgainstRule, "public.gift_certificates", "balance_cents", "81", "10001"),
        (AgainstRule, "auth.users", "permissions", "1", "'{}'"),
        (Unreadable, "auth.users", "permissions", "1", "'[1]'"),
        (Unreadable, "auth.users", "handle", "1", "'a b'"),
        (Unreadable, "auth.users", "email", "1", "'no-one'"),
        (Unreadable, "auth.users", "role", "1", "'two words'"),
        (Unreadable, "auth.sessions", "user_data", "11", "'{\"id\": 1}'"),
        (Unreadable, "auth.sessions", "geo_location", "11", "'{}'"),
        (Unreadable, "auth.invitations", "metadata", "21", "'{}'"),
        (Disagreement, "auth.sessions", "expires", "11", "'2998-01-01'"),
        (OutOfRange, "public.bookings", "cancelled_at", "63", "'infinity'"),
        (OutOfRange, "public.bookings", "cancelled_at", "63", "'20000-01-01'"),
        (OutOfRange, "public.clients", "custom_fields", "51", "'{\"a\": 1e400}'"),
    ] {
        // Names are keys of other rows, too.
        let besides = if column == "handle" { "DELETE FROM auth.totp_secrets; " } else { "" };
        let sql = format!("{besides}UPDATE {table} SET {column} = {to} WHERE id = '{}'", id('c', end));
        one(kind, table, column, &[row(CLINIC, 'c', end)], &sql).await?;
    }
    let long = "ALTER TABLE auth.users ALTER display_name TYPE text; UPDATE auth.users SET display_name = repeat('ü', 129)";
    let rows: Vec<String> = [('5', STUDIO, "1"), ('c', CLINIC, "1"), ('c', CLINIC, "2"), ('c', CLINIC, "3")]
        .map(|(digit, tenant, end)| row(tenant, digit, end))
        .into_iter()
        .chain([row("e0000000-0000-4000-8000-000000000000", 'e', "1")])
        .collect();
    one(OutOfRange, "auth.users", "display_name", &rows, long).await?;
    let codes = format!("tenant_id={CLINIC}, user_id={}", id('c', "2"));
    let sql = format!(
        "UPDATE auth.backup_codes SET codes = '[{{\"id\": \"1\", \"hash\": \"x\", \"used\": \"no\"}}]' WHERE user_id = '{}'",
        id('c', "2")
    );
    one(Unreadable, "auth.backup_codes", "codes", &[codes], &sql).await?;
    let sql = "UPDATE auth.totp_secrets SET version = 2 WHERE handle = 'mona'";
    one(Unreadable, "auth.totp_secrets", "version", &[format!("tenant_id={CLINIC}, handle=mona")], sql)
        .await?;
    let nil = "UPDATE public.local_bookings SET tenant_id = '00000000-0000-0000-0000-000000000000'";
    let nobody = ["tenant_id=00000000-0000-0000-0000-000000000000".to_owned()];
    one(AgainstRule, "public.local_bookings", "tenant_id", &nobody, nil).await
}

/// The database's lower case depends on its locale, and the application's does not.
#[tokio::test]
async fn names_with_a_different_lower_case_in_the_database() -> Result<()> {
    let (_database, owner) = with_rows().await?;
    let sql = format!("UPDATE public.practitioners SET handle = 'ÄRZTIN' WHERE id = '{}'", id('c', "41"));
    plant(&owner, &sql).await?;
    let rooted = "SELECT collname::text FROM pg_collation WHERE collname IN ('und-x-icu', 'pg_c_utf8')";
    if texts(&owner, rooted).await?.is_empty() {
        let error = refusal(&owner, &adoption()).await?;
        let [problem] = error.problems() else { panic!("{error}") };
        assert_eq!((problem.kind, problem.rows.clone()), (Unreadable, vec![row(CLINIC, 'c', "41")]));
    } else {
        adoption().run(&owner).await?;
        owner.execute_unprepared("ALTER TABLE practitioners NO FORCE ROW LEVEL SECURITY").await?;
        let handles = texts(&owner, "SELECT handle::text FROM practitioners ORDER BY 1").await?;
        assert_eq!(handles, ["kim", "ärztin"]);
    }
    Ok(())
}

#[tokio::test]
async fn another_users_second_factor() -> Result<()> {
    let sql = format!("UPDATE auth.totp_secrets SET user_id = '{}' WHERE handle = 'mona'", id('c', "1"));
    let problems = problems_of(&sql).await?;
    let kinds: Vec<_> = problems.iter().map(|problem| (problem.kind, problem.total)).collect();
    assert_eq!(kinds, [(Disagreement, 1), (Duplicate, 2)]);
    Ok(())
}

#[tokio::test]
async fn bookings_of_one_practitioner_at_the_same_time() -> Result<()> {
    let overlapping = ["61", "62", "63"].map(|end| row(CLINIC, 'c', end));
    let columns = "practitioner_id, datetime, end_time";
    let sql = format!(
        "UPDATE public.bookings SET status = 'confirmed' WHERE id = '{}'; \
         UPDATE public.bookings SET end_time = '2025-03-09 07:30:00.000001+00' WHERE id = '{}'",
        id('c', "63"),
        id('c', "61")
    );
    one(Overlap, "public.bookings", columns, &overlapping, &sql).await?;
    let sql = "UPDATE public.slot_reservations SET expires_at = '2999-01-01'";
    let held = ["71", "72"].map(|end| row(CLINIC, 'c', end));
    one(Overlap, "public.slot_reservations", columns, &held, sql).await
}

#[tokio::test]
async fn objects_that_would_be_lost_with_the_tables() -> Result<()> {
    for (sql, table, named) in [
        ("CREATE VIEW names AS SELECT handle FROM auth.users", "auth.users", "view names"),
        ("CREATE MATERIALIZED VIEW n AS SELECT id FROM clients", "public.clients", "materialized view n"),
        (
            "CREATE TABLE notes (id uuid PRIMARY KEY, client_id uuid REFERENCES clients)",
            "public.clients",
            "constraint notes_client_id_fkey on table notes",
        ),
        (
            "CREATE TABLE tenants (id uuid PRIMARY KEY); INSERT INTO tenants SELECT DISTINCT tenant_id FROM reviews; \
             ALTER TABLE reviews ADD CONSTRAINT known FOREIGN KEY (tenant_id) REFERENCES tenants",
            "public.reviews",
            "constraint known on table reviews",
        ),
        (
            "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; \
             CREATE TRIGGER touched BEFORE UPDATE ON services FOR EACH ROW EXECUTE FUNCTION touch()",
            "public.services",
            "trigger touched on table services",
        ),
        ("CREATE RULE no AS ON DELETE TO payments DO INSTEAD NOTHING", "public.payments", "rule no on"),
        (
            "CREATE FUNCTION everyone() RETURNS SETOF auth.users LANGUAGE sql AS 'SELECT * FROM auth.users'",
            "auth.users",
            "function everyone()",
        ),
        ("CREATE TABLE copies (one public.services)", "public.services", "column one of table copies"),
    ] {
        let problems = problems_of(sql).await?;
        let [problem] = problems.as_slice() else { panic!("{sql}: {problems:#?}") };
        assert_eq!((problem.kind, problem.table.as_str()), (Dependent, table));
        assert!(problem.rows.iter().any(|row| row.contains(named)), "{problem}");
    }
    let sql = "ALTER TABLE public.clients ADD birthday date, ADD \"favorite color\" text";
    let problems = problems_of(sql).await?;
    assert_eq!((problems.len(), problems[0].kind, problems[0].total), (1, ExtraColumn, 2));
    assert_eq!(problems[0].columns, ["birthday", "favorite color"]);
    let problems =
        problems_of("ALTER TABLE public.clients ALTER notes TYPE jsonb USING to_jsonb(notes)").await?;
    assert_eq!((problems.len(), problems[0].kind), (1, OtherType));
    let problems = problems_of("CREATE TABLE public.intake_submissions ()").await?;
    assert_eq!((problems.len(), problems[0].kind), (1, NameTaken));
    let problems = problems_of("CREATE TABLE public.more () INHERITS (public.reviews)").await?;
    assert!(problems.iter().any(|problem| problem.kind == Divided), "{problems:#?}");
    Ok(())
}

#[tokio::test]
async fn a_missing_time_zone_of_businesses() -> Result<()> {
    let (_database, owner) = with_rows().await?;
    let error = refusal(&owner, &Adoption::new(Settings::from_env())).await?;
    let [problem] = error.problems() else { panic!("{error}") };
    assert_eq!((problem.kind, problem.total), (NoTimeZone, 2));
    assert_eq!(problem.rows, [format!("tenant_id={STUDIO}"), format!("tenant_id={CLINIC}")]);
    let error = refusal(&owner, &adoption().time_zone("Nowhere/At All")).await?;
    assert!(matches!(error, AdoptionError::UnknownTimeZone { .. }), "{error}");
    Ok(())
}

#[tokio::test]
async fn all_problems_are_reported_at_once_with_a_limited_number_of_rows() -> Result<()> {
    let (_database, owner) = with_rows().await?;
    plant(
        &owner,
        "INSERT INTO public.reviews (tenant_id, reviewer_name, rating, text) SELECT 'c0000000-0000-4000-8000-000000000000', \
         E'x\\n; DROP TABLE auth.users; --', 9, '' FROM generate_series(1, 250); \
         UPDATE auth.users SET role = E'x\\ny' WHERE handle = 'mona'; UPDATE public.packages SET status = 'lost'",
    )
    .await?;
    let error = refusal(&owner, &adoption()).await?;
    let found: Vec<_> = error.problems().iter().map(|p| (p.table.as_str(), p.total, p.rows.len())).collect();
    assert_eq!(found, [("auth.users", 1, 1), ("public.reviews", 250, 100), ("public.packages", 1, 1)]);
    assert!(error.to_string().contains("and 150 more"));
    let all = adoption().list_at_most(1000).plan(&owner).await?;
    assert_eq!(all.problems()[1].rows.len(), 250);
    let script = all.to_string();
    let (comments, _) = script.split_once("BEGIN ISOLATION").expect("a script");
    assert!(comments.lines().all(|line| line.starts_with("-- ")), "{comments}");
    Ok(())
}

#[tokio::test]
async fn a_database_that_is_not_the_originals() -> Result<()> {
    let (_database, owner) = original().await?;
    owner
        .execute_unprepared(
            "DROP TABLE public.payments; ALTER TABLE auth.sessions DROP expires; \
             ALTER TABLE auth.users DROP theme",
        )
        .await?;
    match refusal(&owner, &adoption()).await? {
        AdoptionError::NotTheOriginal { missing } => {
            assert_eq!(missing, ["auth.users.theme", "auth.sessions.expires", "public.payments"]);
        }
        other => panic!("{other}"),
    }
    let fresh = TestDatabase::create().await?;
    let error = refusal(&fresh.owner().await?, &adoption()).await?;
    assert!(matches!(error, AdoptionError::AlreadyMigrated { .. }), "{error}");
    let empty = TestDatabase::empty().await?;
    let error = refusal(&empty.owner().await?, &adoption()).await?;
    assert!(matches!(error, AdoptionError::NotTheOriginal { .. }), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_database_is_adopted_once() -> Result<()> {
    let (_database, owner) = with_rows().await?;
    adoption().run(&owner).await?;
    let error = refusal(&owner, &adoption()).await?;
    assert!(
        matches!(error, AdoptionError::AlreadyMigrated { migrations } if migrations.len() == own_migrations().len())
    );
    Ok(())
}

#[tokio::test]
async fn a_missing_role_and_a_role_without_rights() -> Result<()> {
    let (database, owner) = with_rows().await?;
    let settings = Settings::from_env().with_app_role("no such role");
    let error = refusal(&owner, &Adoption::new(settings).time_zone("UTC")).await?;
    assert!(error.to_string().contains("CREATE ROLE \"no such role\""), "{error}");
    let before = listing::everything(&owner).await?;
    owner.execute_unprepared("GRANT USAGE ON SCHEMA auth TO PUBLIC").await?;
    let app = Database::connect(database.app_url()).await?;
    for error in [adoption().plan(&app).await.unwrap_err(), adoption().run(&app).await.unwrap_err()] {
        match error {
            AdoptionError::NoRights { missing } => assert_eq!(missing.len(), 24 + 3, "{missing:?}"),
            other => panic!("{other}"),
        }
    }
    owner.execute_unprepared("REVOKE USAGE ON SCHEMA auth FROM PUBLIC").await?;
    assert_eq!(listing::everything(&owner).await?.len(), before.len());
    Ok(())
}
