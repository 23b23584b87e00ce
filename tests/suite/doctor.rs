//! The doctor finds planted problems, names them and their remedies, and finds nothing in a sound database.

mod access;
mod command;
mod converging;
mod grants;
mod kinds;

use anyhow::Result;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, FromQueryResult, Statement};
use sea_orm_migration::MigratorTrait;
use uuid::Uuid;
use watertight::ConnectError;
use watertight::doctor::{Check, DoctorFailed, Finding, Report, Severity};
use watertight::{Builder, Error, Layers, Watertight};
use watertight_migration::Migrator;
use watertight_tests::{TestDatabase, new_tenant, own_migrations};

use self::converging::{converges, converges_with};

/// Plants a problem as the owner. `{APP}` stands for the application's role.
async fn plant(database: &TestDatabase, sql: &str) -> Result<DatabaseConnection> {
    let owner = database.owner().await?;
    owner.execute_unprepared(&sql.replace("{APP}", database.app_role())).await?;
    Ok(owner)
}

async fn examine(database: &TestDatabase) -> Result<Report> {
    examine_with(database, Watertight::builder()).await
}

async fn examine_with(database: &TestDatabase, builder: Builder) -> Result<Report> {
    let app = sea_orm::Database::connect(database.app_url()).await?;
    Ok(builder.doctor(&app).await?)
}

/// The findings that a sound database does not have.
fn planted(report: &Report) -> Vec<&Finding> {
    report.findings.iter().filter(|finding| finding.severity != Severity::Note).collect()
}

/// Plants a problem, checks that it is the only finding, and fixes it with the doctor's remedy.
async fn one_finding(
    plant_sql: &str,
    check: Check,
    severity: Severity,
    object: &str,
    tells: &str,
) -> Result<()> {
    let database = TestDatabase::create().await?;
    plant(&database, plant_sql).await?;
    let report = examine(&database).await?;
    let [finding] = planted(&report)[..] else { panic!("{plant_sql}: {report}") };
    assert_eq!(
        (finding.check, finding.severity, finding.object.as_str()),
        (check, severity, object),
        "{report}"
    );
    assert!(finding.problem.contains(tells), "{report}");
    assert_eq!(report.is_sound(), severity != Severity::Error);
    converges(&database, &report, &[]).await?;
    Ok(())
}

#[tokio::test]
async fn a_freshly_migrated_database_is_sound() -> Result<()> {
    let database = TestDatabase::create().await?;
    let report = examine(&database).await?;
    assert!(report.is_sound() && planted(&report).is_empty(), "{report}");
    assert_eq!(report.tenant_tables, 26);
    let json = serde_json::to_value(&report)?;
    assert_eq!(json["findings"].as_array().map(Vec::len), Some(report.findings.len()));
    database.water_with(Watertight::builder().check_with_doctor()).await?;
    Ok(())
}

#[tokio::test]
async fn connecting_to_an_unsound_database_fails_with_the_report() -> Result<()> {
    let database = TestDatabase::create().await?;
    plant(&database, "CREATE POLICY all_of_them ON public.clients USING (true)").await?;
    // The short checks at every start do not include this one.
    database.water().await?;
    match Watertight::builder().check_with_doctor().connect(database.app_url()).await {
        Err(Error::Connect(ConnectError::DoctorFailed(DoctorFailed { report, .. }))) => {
            assert_eq!(report.of(Check::Policy).count(), 1, "{report}");
            converges(&database, &report, &[]).await?;
        }
        other => panic!("{other:?}"),
    }
    Ok(())
}

#[tokio::test]
async fn a_role_that_bypasses_row_level_security_is_found() -> Result<()> {
    let database = TestDatabase::create().await?;
    let report = Watertight::builder().doctor(&database.maintenance().await?).await?;
    let errors: Vec<_> = report.of(Check::PrivilegedRole).filter(|f| f.severity == Severity::Error).collect();
    assert_eq!(errors.len(), 1, "{report}");
    assert!(errors[0].problem.contains("BYPASSRLS"), "{report}");
    assert_eq!(report.role, errors[0].object);
    assert_eq!(report.of(Check::OwnedTables).count(), 1, "{report}");
    // With the application's role it is a note.
    let report = examine(&database).await?;
    assert!(report.of(Check::PrivilegedRole).any(|f| f.severity == Severity::Note), "{report}");
    let rewriting = Watertight::builder().dangerous_layers(Layers::RewritingOnly);
    let report = rewriting.doctor(&database.maintenance().await?).await?;
    assert!(report.of(Check::PrivilegedRole).all(|f| f.severity != Severity::Error), "{report}");
    Ok(())
}

#[tokio::test]
async fn a_role_that_owns_the_tables_is_found() -> Result<()> {
    let database = TestDatabase::create().await?;
    let report = Watertight::builder().doctor(&database.owner().await?).await?;
    let [finding] = planted(&report)[..] else { panic!("{report}") };
    assert_eq!((finding.check, finding.severity), (Check::OwnedTables, Severity::Warning));
    Ok(())
}

#[tokio::test]
async fn backslashes_that_escape_are_found() -> Result<()> {
    let database = TestDatabase::create().await?;
    let setting = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET standard_conforming_strings = off', \
                   current_database()); END $$";
    plant(&database, setting).await?;
    let report = examine(&database).await?;
    assert_eq!(report.of(Check::BackslashEscapes).count(), 1, "{report}");
    converges(&database, &report, &[]).await?;
    Ok(())
}

#[tokio::test]
async fn row_level_security_that_is_not_in_force_is_found() -> Result<()> {
    let (check, error) = (Check::RowSecurity, Severity::Error);
    let off = "ALTER TABLE public.reviews DISABLE ROW LEVEL SECURITY";
    one_finding(off, check, error, "public.reviews", "enabled").await?;
    let unforced = "ALTER TABLE auth.users NO FORCE ROW LEVEL SECURITY";
    one_finding(unforced, check, error, "auth.users", "forced").await
}

#[tokio::test]
async fn policies_that_differ_are_found() -> Result<()> {
    let (check, error) = (Check::Policy, Severity::Error);
    let gone = "DROP POLICY tenant_isolation ON public.clients";
    one_finding(gone, check, error, "public.clients", "no policy").await?;
    for policy in [
        "ON public.clients USING (true)",
        "ON public.clients FOR SELECT USING (tenant_id IS NOT NULL)",
        "ON public.clients FOR INSERT WITH CHECK (true)",
        "ON public.clients USING (tenant_id = current_setting('app.tenant')::uuid)",
        "ON public.clients TO CURRENT_USER USING (tenant_id = (SELECT watertight.tenant()))",
    ] {
        let sql = format!("CREATE POLICY other {policy}");
        one_finding(&sql, check, error, "public.clients", "other").await?;
    }
    let changed = "ALTER POLICY tenant_isolation ON public.clients WITH CHECK (true)";
    let database = TestDatabase::create().await?;
    plant(&database, changed).await?;
    let report = examine(&database).await?;
    assert_eq!(
        report.of(Check::Policy).count(),
        2,
        "the one that differs, and that ours is missing: {report}"
    );
    converges(&database, &report, &[]).await?;
    // A restrictive policy does not show more rows.
    let database = TestDatabase::create().await?;
    plant(&database, "CREATE POLICY fewer ON public.clients AS RESTRICTIVE USING (true)").await?;
    assert!(planted(&examine(&database).await?).is_empty());
    Ok(())
}

#[tokio::test]
async fn keys_without_the_tenant_are_found() -> Result<()> {
    let database = TestDatabase::create().await?;
    plant(
        &database,
        "ALTER TABLE public.clients ADD CONSTRAINT phones UNIQUE (phone), ADD CONSTRAINT notes UNIQUE (notes, tenant_id); \
         CREATE UNIQUE INDEX lower_names ON public.services (lower(name)); \
         ALTER TABLE public.reviews DROP CONSTRAINT reviews_pkey; \
         ALTER TABLE public.time_blocks ADD CONSTRAINT apart EXCLUDE USING gist (tstzrange(start_time, end_time) WITH &&)",
    )
    .await?;
    let report = examine(&database).await?;
    let found: Vec<_> = report.of(Check::TenantKey).map(|f| (f.severity, f.object.as_str())).collect();
    let error = Severity::Error;
    let wanted = [
        (error, "public.clients"),
        (error, "public.reviews"),
        (error, "public.services"),
        (error, "public.time_blocks"),
        (Severity::Note, "public.clients"),
    ];
    assert_eq!(found, wanted, "{report}");
    // The operator class of an exclusion constraint depends on the extensions of the server.
    converges(&database, &report, &[Check::TenantKey]).await?;
    Ok(())
}

const WITHOUT_TENANT: &str = "ALTER TABLE auth.users ADD CONSTRAINT ids UNIQUE (id); \
    ALTER TABLE auth.sessions DROP CONSTRAINT sessions_user_id_fkey, \
    ADD CONSTRAINT lone FOREIGN KEY (user_id) REFERENCES auth.users (id)";

#[tokio::test]
async fn foreign_keys_without_the_tenant_are_found() -> Result<()> {
    let database = TestDatabase::create().await?;
    plant(&database, WITHOUT_TENANT).await?;
    let report = examine(&database).await?;
    let keys: Vec<_> = report.of(Check::ForeignKey).collect();
    let [finding] = keys[..] else { panic!("{report}") };
    assert!(finding.problem.contains("lone") && finding.object == "auth.sessions", "{report}");
    assert_eq!(report.of(Check::CrossingRows).count(), 1, "nothing proves that none crosses: {report}");
    converges(&database, &report, &[]).await?;

    let database = TestDatabase::create().await?;
    let sql = "CREATE TABLE public.favorites (id int PRIMARY KEY, tenant uuid, service uuid, \
               FOREIGN KEY (tenant, service) REFERENCES public.services (tenant_id, id))";
    plant(&database, sql).await?;
    let report = examine(&database).await?;
    assert!(report.of(Check::ForeignKey).any(|f| f.object == "public.favorites"), "{report}");
    // Only the application can add the tenant column to its table.
    converges(&database, &report, &[Check::ForeignKey]).await?;
    Ok(())
}

#[tokio::test]
async fn a_relation_without_a_foreign_key_is_found() -> Result<()> {
    let database = TestDatabase::create().await?;
    plant(&database, "ALTER TABLE auth.sessions DROP CONSTRAINT sessions_user_id_fkey").await?;
    let report = examine(&database).await?;
    let keys: Vec<_> = report.of(Check::ForeignKey).collect();
    assert_eq!((keys.len(), keys[0].object.as_str()), (1, "auth.sessions"), "{report}");
    converges(&database, &report, &[]).await?;
    Ok(())
}

#[tokio::test]
async fn rows_that_cross_tenants_are_found_by_a_role_that_sees_them() -> Result<()> {
    let database = TestDatabase::create().await?;
    plant(&database, WITHOUT_TENANT).await?;
    let sees_all = database.maintenance().await?;
    let (clinic, studio) = (new_tenant()?, new_tenant()?);
    let user = Uuid::new_v4();
    sees_all
        .execute_unprepared(&format!(
            "INSERT INTO auth.users (tenant_id, id, handle, email, password_hash) VALUES ('{clinic}', '{user}', 'jess', 'j@x.y', 'x'); \
             INSERT INTO auth.sessions (tenant_id, user_id, expires_at) VALUES ('{clinic}', '{user}', now()), ('{studio}', '{user}', now())",
        ))
        .await?;
    let report = Watertight::builder().doctor(&sees_all).await?;
    let [finding] = report.of(Check::CrossingRows).collect::<Vec<_>>()[..] else { panic!("{report}") };
    assert_eq!((finding.severity, finding.object.as_str()), (Severity::Error, "auth.sessions"));
    assert!(
        finding.problem.starts_with("has 1 row whose user_id refers to another tenant's row in auth.users"),
        "{report}"
    );
    // The remedy lists that row.
    let sql = finding.remedy.split_once(": ").unwrap().1.replace("SELECT c.*", "SELECT c.tenant_id");
    let rows = sees_all.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    let listed: Vec<Uuid> = rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>()?;
    assert_eq!(listed, [watertight_tests::uuid_of(studio)]);

    sees_all
        .execute_unprepared("ALTER TABLE auth.sessions DROP CONSTRAINT lone; DELETE FROM auth.users")
        .await?;
    let report = Watertight::builder().doctor(&sees_all).await?;
    let crossing: Vec<_> = report.of(Check::CrossingRows).collect();
    assert!(
        crossing.len() == 1 && crossing[0].problem.contains("2 rows whose user_id refers to no row"),
        "{report}"
    );
    Ok(())
}

#[tokio::test]
async fn constraints_that_were_never_validated_are_found() -> Result<()> {
    let check = Check::UnvalidatedConstraint;
    let key = "ALTER TABLE auth.sessions DROP CONSTRAINT sessions_user_id_fkey, ADD CONSTRAINT sessions_user_id_fkey \
               FOREIGN KEY (tenant_id, user_id) REFERENCES auth.users (tenant_id, id) ON DELETE CASCADE NOT VALID";
    let database = TestDatabase::create().await?;
    plant(&database, key).await?;
    let report = examine(&database).await?;
    let [finding] = report.of(check).collect::<Vec<_>>()[..] else { panic!("{report}") };
    assert_eq!(finding.severity, Severity::Error);
    assert_eq!(report.of(Check::CrossingRows).count(), 1, "{report}");
    converges(&database, &report, &[]).await?;
    let rule = "ALTER TABLE public.services ADD CONSTRAINT cheap CHECK (price_cents < 100) NOT VALID";
    one_finding(rule, check, Severity::Warning, "public.services", "cheap").await
}

#[tokio::test]
async fn triggers_that_are_disabled_are_found() -> Result<()> {
    let off = "ALTER TABLE public.intake_submissions DISABLE TRIGGER USER";
    one_finding(off, Check::DisabledTrigger, Severity::Error, "public.intake_submissions", "disabled").await
}

#[tokio::test]
async fn tables_that_are_missing_or_out_of_reach_are_found() -> Result<()> {
    let revoked = "REVOKE SELECT ON public.reviews FROM {APP}";
    one_finding(revoked, Check::MissingTable, Severity::Error, "public.reviews", "cannot read").await?;
    let database = TestDatabase::create().await?;
    plant(&database, "DROP TABLE public.reviews").await?;
    let report = examine(&database).await?;
    assert_eq!(report.of(Check::MissingTable).count(), 1, "{report}");
    // Only the migrations create a table.
    converges(&database, &report, &[Check::MissingTable]).await?;
    Ok(())
}

#[tokio::test]
async fn columns_that_differ_from_the_entities_are_found() -> Result<()> {
    let (check, error, warning) = (Check::Column, Severity::Error, Severity::Warning);
    let table = "public.reviews";
    for (change, severity, tells) in [
        ("DROP COLUMN featured", error, "no column featured"),
        ("ALTER COLUMN rating TYPE int", error, "of type integer"),
        ("ALTER COLUMN published_at TYPE timestamp", error, "without time zone"),
        ("ALTER COLUMN source DROP NOT NULL", warning, "nullable"),
        ("ALTER COLUMN published_at SET NOT NULL", warning, "NOT NULL"),
    ] {
        one_finding(&format!("ALTER TABLE {table} {change}"), check, severity, table, tells).await?;
    }
    let database = TestDatabase::create().await?;
    plant(&database, "ALTER TABLE public.reviews ADD stars int NOT NULL, ADD photo text").await?;
    let report = examine(&database).await?;
    let found: Vec<_> = report.of(check).map(|f| f.severity).collect();
    assert_eq!(found, [error, Severity::Note], "{report}");
    // A column that no entity has is dropped or registered by a person.
    converges(&database, &report, &[check]).await?;
    Ok(())
}

#[tokio::test]
async fn unregistered_tables_are_found() -> Result<()> {
    let database = TestDatabase::create().await?;
    plant(
        &database,
        "CREATE TABLE public.notes (id int PRIMARY KEY); CREATE TABLE public.hidden (id int PRIMARY KEY); \
         CREATE MATERIALIZED VIEW public.totals AS SELECT count(*) FROM public.bookings; \
         CREATE TABLE public.cards (tenant_id uuid, id uuid, PRIMARY KEY (tenant_id, id)); \
         GRANT SELECT ON public.notes, public.totals, public.cards TO {APP}",
    )
    .await?;
    let report = examine(&database).await?;
    let found: Vec<_> =
        report.of(Check::UnregisteredTable).map(|f| (f.severity, f.object.as_str())).collect();
    let warning = Severity::Warning;
    let wanted = [
        (warning, "public.cards"),
        (warning, "public.notes"),
        (warning, "public.totals"),
        (Severity::Note, "public.hidden"),
    ];
    assert_eq!(found, wanted, "{report}");
    // A table with tenant_id is checked even if no application registers it.
    assert!(report.of(Check::RowSecurity).any(|f| f.object == "public.cards"), "{report}");
    // Only the application knows which tables it needs.
    converges(&database, &report, &[Check::UnregisteredTable; 2]).await?;
    Ok(())
}

#[tokio::test]
async fn the_type_of_the_tenant_token_is_checked() -> Result<()> {
    let (check, error, name) = (Check::TenantType, Severity::Error, "watertight.tenant_token");
    for (sql, tells) in [
        ("DROP DOMAIN watertight.tenant_token", "is missing"),
        (
            "ALTER DOMAIN watertight.tenant_token DROP CONSTRAINT tenant_token_setting",
            "does not set the tenant",
        ),
        (
            "ALTER DOMAIN watertight.tenant_token ADD CHECK (set_config('watertight.tenant', '', true) IS NOT NULL)",
            "does not set the tenant",
        ),
        ("REVOKE USAGE ON DOMAIN watertight.tenant_token FROM PUBLIC", "cannot be used"),
    ] {
        one_finding(sql, check, error, name, tells).await?;
    }
    Ok(())
}

#[tokio::test]
async fn indexes_that_are_missing_are_found() -> Result<()> {
    let (check, warning) = (Check::MissingIndex, Severity::Warning);
    let dropped = "DROP INDEX public.bookings_datetime_idx";
    one_finding(dropped, check, warning, "public.bookings", "bookings_datetime_idx").await?;
    let unique = "ALTER TABLE auth.users DROP CONSTRAINT users_email_key";
    one_finding(unique, check, Severity::Error, "auth.users", "users_email_key").await?;
    let lonely = "ALTER TABLE public.reviews ADD author uuid, ADD CONSTRAINT by \
                  FOREIGN KEY (tenant_id, author) REFERENCES public.clients (tenant_id, id)";
    one_finding(lonely, check, warning, "public.reviews", "foreign key by").await?;
    let database = TestDatabase::create().await?;
    plant(&database, "ALTER TABLE public.bookings DROP CONSTRAINT bookings_overlap_excl").await?;
    let report = examine(&database).await?;
    let [finding] = planted(&report)[..] else { panic!("{report}") };
    assert_eq!((finding.check, finding.severity), (check, Severity::Error));
    // The constraint depends on the extensions of the server.
    converges(&database, &report, &[check]).await?;
    Ok(())
}

#[tokio::test]
async fn the_list_of_own_indexes_is_that_of_the_migrations() -> Result<()> {
    #[derive(FromQueryResult)]
    struct Index {
        table_name: String,
        name: String,
        is_constraint: bool,
    }
    let database = TestDatabase::create().await?;
    let owner = database.owner().await?;
    let sql = "SELECT i.indrelid::regclass::text AS table_name, c.oid::regclass::text AS name, k.oid IS NOT NULL AS is_constraint \
               FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
               LEFT JOIN pg_constraint k ON k.conindid = c.oid AND k.contype <> 'f' \
               WHERE n.nspname IN ('auth', 'public') AND NOT i.indisprimary";
    let indexes =
        Index::find_by_statement(Statement::from_string(DbBackend::Postgres, sql)).all(&owner).await?;
    for Index { table_name, name, is_constraint } in &indexes {
        let drop = if *is_constraint {
            let name = name.rsplit('.').next().unwrap();
            format!("ALTER TABLE {table_name} DROP CONSTRAINT {name} CASCADE")
        } else {
            format!("DROP INDEX {name}")
        };
        owner.execute_unprepared(&drop).await?;
    }
    let report = examine(&database).await?;
    let found = report
        .of(Check::MissingIndex)
        .filter(|f| f.problem.starts_with("has no index ") && !f.problem.contains("foreign key"));
    assert_eq!(found.count(), indexes.len(), "{report}");
    Ok(())
}

#[tokio::test]
async fn migrations_that_are_not_applied_are_found() -> Result<()> {
    let names: Vec<_> = Migrator::migrations().iter().map(|migration| migration.name().to_owned()).collect();
    let own = own_migrations();
    assert_eq!(names, own, "the lists in the crates are the migrations'");
    let database = TestDatabase::create().await?;
    Migrator::down(&database.owner().await?, Some(1)).await?;
    let report = examine_with(&database, Watertight::builder().migrations(["m2027_own"])).await?;
    let found: Vec<_> = report.of(Check::PendingMigration).map(|f| f.object.as_str()).collect();
    let last = own[own.len() - 1];
    assert_eq!(found, [last, "m2027_own"], "{report}");
    let report = examine_with(&database, Watertight::builder().migration_table("applied")).await?;
    assert_eq!(
        report.of(Check::PendingMigration).next().map(|f| f.object.as_str()),
        Some("applied"),
        "{report}"
    );
    let report = examine_with(&database, Watertight::builder().migrations(["m2027_own"])).await?;
    let builder = Watertight::builder().migrations(["m2027_own"]);
    let staying = [Check::PendingMigration; 2];
    converges_with(&database, &report, builder, &staying).await?;
    Ok(())
}

#[tokio::test]
async fn an_empty_database_is_unsound() -> Result<()> {
    let database = TestDatabase::create().await?;
    let owner = database.owner().await?;
    Migrator::down(&owner, None).await?;
    let report = examine(&database).await?;
    assert_eq!(report.of(Check::MissingTable).count(), 25, "{report}");
    assert_eq!(report.of(Check::PendingMigration).count(), 1, "{report}");
    Ok(())
}
