//! The doctor finds objects that widen access: functions, operators, casts, types, views and default
//! privileges.

use anyhow::Result;
use sea_orm::{ConnectionTrait, Database};
use watertight::ConnectError;
use watertight::doctor::{Check, Report, Severity};
use watertight::{Error, Layers, Watertight};
use watertight_tests::{TestDatabase, new_tenant};

use super::converging::{converges, run_remedies};
use super::{examine, examine_with, plant, planted};

/// Plants a problem as a superuser. `{APP}` stands for the application's role and `{DATABASE}` for the
/// database.
async fn plant_as_superuser(database: &TestDatabase, sql: &str) -> Result<()> {
    let superuser = database.superuser().await?;
    superuser.execute_unprepared(&filled(database, sql)).await?;
    Ok(())
}

fn filled(database: &TestDatabase, sql: &str) -> String {
    sql.replace("{APP}", database.app_role()).replace("{DATABASE}", database.name())
}

/// Plants a problem, checks that it is the only finding of its check, and fixes it with the remedy.
async fn found_and_remedied(
    sql: &str,
    check: Check,
    severity: Severity,
    object: &str,
    tells: &str,
) -> Result<()> {
    found_and_remedied_except(sql, check, severity, (object, tells), &[]).await
}

/// As [`found_and_remedied`], with the checks of the findings that stay, because their remedies are not SQL.
async fn found_and_remedied_except(
    sql: &str,
    check: Check,
    severity: Severity,
    (object, tells): (&str, &str),
    staying: &[Check],
) -> Result<()> {
    let database = TestDatabase::create().await?;
    plant_as_superuser(&database, sql).await?;
    let report = examine(&database).await?;
    let [finding] = report.of(check).collect::<Vec<_>>()[..] else { panic!("{sql}: {report}") };
    assert_eq!(
        (finding.severity, finding.object.as_str()),
        (severity, filled(&database, object).as_str()),
        "{report}"
    );
    assert!(finding.problem.contains(tells), "{report}");
    assert_eq!(report.is_sound(), severity != Severity::Error, "{report}");
    converges(&database, &report, staying).await?;
    Ok(())
}

/// Plants an object that must not be a finding.
async fn nothing_found(sql: &str, check: Check) -> Result<()> {
    let database = TestDatabase::create().await?;
    plant_as_superuser(&database, sql).await?;
    let report = examine(&database).await?;
    assert_eq!(report.of(check).count(), 0, "{sql}: {report}");
    Ok(())
}

const COUNTS: &str = "CREATE FUNCTION public.counts() RETURNS bigint LANGUAGE sql SECURITY DEFINER \
    AS 'SELECT count(*) FROM public.clients'";

#[tokio::test]
async fn a_function_that_runs_as_a_role_that_bypasses_row_level_security_is_found() -> Result<()> {
    let check = Check::PrivilegedFunction;
    let (object, tells) = ("public.counts()", "bypasses row-level security");
    found_and_remedied(COUNTS, check, Severity::Error, object, tells).await?;
    // BYPASSRLS is enough.
    let database = TestDatabase::create().await?;
    database.maintenance().await?.execute_unprepared(COUNTS).await?;
    assert_eq!(examine(&database).await?.of(check).count(), 1);
    // A declared function is not a finding.
    let declared = examine_with(&database, Watertight::builder().dangerous_function("counts")).await?;
    assert!(declared.of(check).all(|finding| finding.severity == Severity::Warning), "{declared}");
    assert_eq!(declared.of(check).count(), 1);

    nothing_found(&format!("{COUNTS}; REVOKE EXECUTE ON FUNCTION public.counts() FROM PUBLIC"), check)
        .await?;
    nothing_found(&COUNTS.replace("DEFINER", "INVOKER"), check).await?;
    let elsewhere = format!("CREATE SCHEMA private; {}", COUNTS.replace("public.counts", "private.counts"));
    nothing_found(&elsewhere, check).await?;
    // Forced row-level security binds the owner of the tables.
    let database = TestDatabase::create().await?;
    plant(&database, COUNTS).await?;
    assert!(planted(&examine(&database).await?).is_empty());
    Ok(())
}

#[tokio::test]
async fn a_privileged_function_behind_an_operator_a_trigger_or_a_rule_is_found() -> Result<()> {
    let (check, object) = (Check::PrivilegedFunction, "public.f(text, text)");
    let function = "CREATE SCHEMA private; CREATE FUNCTION private.f(text, text) RETURNS boolean LANGUAGE sql \
                    SECURITY DEFINER AS 'SELECT true'";
    let operator = format!(
        "{function}; CREATE OPERATOR public.<-> (FUNCTION = private.f, LEFTARG = text, RIGHTARG = text)"
    );
    let object = object.replace("public", "private");
    found_and_remedied(&operator, check, Severity::Error, &object, "operator <->").await?;

    let trigger = "CREATE FUNCTION public.t() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER \
                   AS 'BEGIN RETURN NEW; END'";
    nothing_found(trigger, check).await?;
    let attached = format!(
        "{trigger}; CREATE TRIGGER watch BEFORE INSERT ON public.clients FOR EACH ROW EXECUTE FUNCTION public.t()"
    );
    found_and_remedied(&attached, check, Severity::Warning, "public.t()", "trigger watch").await?;
    let rule = "CREATE SCHEMA private; CREATE FUNCTION private.r() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'; \
                CREATE RULE notes AS ON UPDATE TO public.clients DO ALSO SELECT private.r()";
    found_and_remedied(rule, check, Severity::Warning, "private.r()", "rule notes").await
}

#[tokio::test]
async fn a_function_that_sets_the_tenant_is_found() -> Result<()> {
    let sql = format!(
        "CREATE FUNCTION public.other() RETURNS bigint LANGUAGE sql SET app.tenant_id = '{}' \
         AS 'SELECT count(*) FROM public.clients'",
        new_tenant()?
    );
    let check = Check::PrivilegedFunction;
    found_and_remedied(&sql, check, Severity::Error, "public.other()", "sets app.tenant_id").await
}

const OF_ROW: &str =
    "CREATE FUNCTION public.contact(c public.clients) RETURNS text LANGUAGE sql AS 'SELECT c.email'";

#[tokio::test]
async fn functions_that_a_statement_calls_without_naming_them_are_found() -> Result<()> {
    let (check, warning) = (Check::UnseenFunction, Severity::Warning);
    let compare = "CREATE FUNCTION public.f(public.clients, public.clients) RETURNS boolean LANGUAGE sql AS 'SELECT true'; \
                   CREATE SCHEMA private; ALTER FUNCTION public.f SET SCHEMA private";
    let text = "CREATE SCHEMA private; CREATE FUNCTION private.f(public.clients) RETURNS text LANGUAGE sql AS 'SELECT NULL::text'";
    let pair = "CREATE SCHEMA private; CREATE FUNCTION private.f(int, point) RETURNS boolean LANGUAGE sql AS 'SELECT true'";
    for (sql, object, tells) in [
        (OF_ROW.to_owned(), "public.contact(c clients)", "form of a column"),
        (OF_ROW.replace("c public.clients", "c public.clients[]").replace("c.email", "1"), "public.contact(c clients[])", "form of a column"),
        (
            "CREATE FUNCTION public.lower(int) RETURNS text LANGUAGE sql AS 'SELECT NULL::text'".to_owned(),
            "public.lower(integer)",
            "PostgreSQL's function lower",
        ),
        (
            "CREATE FUNCTION pg_catalog.upper(public.clients) RETURNS text LANGUAGE sql AS 'SELECT NULL::text'".to_owned(),
            "pg_catalog.upper(clients)",
            "form of a column",
        ),
        (
            format!("{compare}; CREATE OPERATOR public.=== (FUNCTION = private.f, LEFTARG = public.clients, RIGHTARG = public.clients)"),
            "private.f(clients, clients)",
            "operator ===",
        ),
        (
            format!("{pair}; CREATE OPERATOR public.@> (FUNCTION = private.f, LEFTARG = int, RIGHTARG = point)"),
            "private.f(integer, point)",
            "operator @>",
        ),
        (format!("{text}; CREATE CAST (public.clients AS text) WITH FUNCTION private.f"), "private.f(clients)", "cast from clients"),
        (
            "CREATE SCHEMA private; CREATE FUNCTION private.f(public.booking_status) RETURNS json LANGUAGE sql AS 'SELECT NULL::json'; \
             CREATE CAST (public.booking_status AS json) WITH FUNCTION private.f"
                .replace("public.booking_status", "private.mood")
                .replacen("CREATE SCHEMA private;", "CREATE SCHEMA private; CREATE TYPE private.mood AS ENUM ('good');", 1),
            "private.f(private.mood)",
            "to json",
        ),
        (
            "CREATE SCHEMA private; CREATE FUNCTION private.f(text) RETURNS boolean LANGUAGE sql AS 'SELECT true'; \
             CREATE DOMAIN public.odd AS text CHECK (private.f(VALUE))"
                .to_owned(),
            "private.f(text)",
            "type odd",
        ),
    ] {
        found_and_remedied(&sql, check, warning, object, tells).await?;
    }
    // A function that no statement finds by types is called by its name, which the rewriter refuses.
    for sql in [
        "CREATE FUNCTION public.f(int) RETURNS int LANGUAGE sql AS 'SELECT 1'".to_owned(),
        OF_ROW.replace("public.contact", "private.contact").replacen(
            "CREATE",
            "CREATE SCHEMA private; CREATE",
            1,
        ),
        format!("{OF_ROW}; REVOKE EXECUTE ON FUNCTION public.contact FROM PUBLIC"),
        format!(
            "{pair}; CREATE OPERATOR public.===> (FUNCTION = private.f, LEFTARG = int, RIGHTARG = point)"
        ),
    ] {
        nothing_found(&sql, check).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_function_behind_a_base_type_is_found() -> Result<()> {
    let (database, check) = (TestDatabase::create().await?, Check::UnseenFunction);
    let sql = "CREATE TYPE public.odd; \
               CREATE FUNCTION public.odd_in(cstring) RETURNS public.odd LANGUAGE internal IMMUTABLE STRICT AS 'textin'; \
               CREATE FUNCTION public.odd_out(public.odd) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout'; \
               CREATE TYPE public.odd (INPUT = public.odd_in, OUTPUT = public.odd_out, LIKE = text)";
    plant_as_superuser(&database, sql).await?;
    let report = examine(&database).await?;
    let [first, second] = planted(&report)[..] else { panic!("{report}") };
    assert_eq!((first.check, first.object.as_str()), (Check::UnseenFunction, "public.odd_in(cstring)"));
    assert_eq!((second.check, second.object.as_str()), (Check::UnseenFunction, "public.odd_out(odd)"));
    // The statement also drops the columns of the type, so a person runs it.
    converges(&database, &report, &[check, check]).await?;
    let drop = first.remedy.split("; or").next().unwrap();
    database.superuser().await?.execute_unprepared(drop).await?;
    assert!(planted(&examine(&database).await?).is_empty());
    Ok(())
}

#[tokio::test]
async fn declared_functions_are_no_findings_and_others_are_errors_without_row_level_security() -> Result<()> {
    let database = TestDatabase::create().await?;
    plant(&database, OF_ROW).await?;
    let report = examine_with(&database, Watertight::builder().dangerous_function("contact")).await?;
    assert!(planted(&report).is_empty(), "{report}");
    let report =
        examine_with(&database, Watertight::builder().dangerous_layers(Layers::RewritingOnly)).await?;
    assert!(report.of(Check::UnseenFunction).all(|finding| finding.severity == Severity::Error), "{report}");
    assert_eq!(report.of(Check::UnseenFunction).count(), 1);
    Ok(())
}

/// The embedded server has no extensions, and then the doctor finds nothing.
#[tokio::test]
async fn the_objects_of_known_extensions_are_no_findings() -> Result<()> {
    let database = TestDatabase::create().await?;
    plant_as_superuser(
        &database,
        "DO $$ DECLARE x text; BEGIN FOR x IN SELECT name FROM pg_available_extensions \
         WHERE name IN ('citext', 'hstore', 'ltree', 'pg_trgm', 'postgis', 'btree_gist', 'isn', 'seg') LOOP \
         EXECUTE format('CREATE EXTENSION IF NOT EXISTS %I', x); END LOOP; END $$",
    )
    .await?;
    let report = examine(&database).await?;
    assert!(planted(&report).is_empty(), "{report}");
    Ok(())
}

#[tokio::test]
async fn views_that_read_tenant_tables_as_their_owner_are_found() -> Result<()> {
    let (check, error, warning) = (Check::View, Severity::Error, Severity::Warning);
    let view = "CREATE VIEW public.emails AS SELECT email FROM public.clients; GRANT SELECT ON public.emails TO {APP}";
    // The views stay readable and unregistered.
    let staying = &[Check::UnregisteredTable];
    let emails = ("public.emails", "bypasses row-level security");
    found_and_remedied_except(view, check, error, emails, staying).await?;
    let owned = format!("{view}; ALTER VIEW public.emails OWNER TO CURRENT_USER");
    let database = TestDatabase::create().await?;
    plant(&database, &owned).await?;
    let report = examine(&database).await?;
    let [finding] = report.of(check).collect::<Vec<_>>()[..] else { panic!("{report}") };
    assert_eq!((finding.severity, finding.object.as_str()), (warning, "public.emails"));
    converges(&database, &report, &[Check::UnregisteredTable]).await?;

    // One view reads another, which the role may not read itself.
    let nested = "CREATE VIEW public.inner_one AS SELECT email FROM public.clients; \
                  CREATE VIEW public.outer_one WITH (security_invoker = on) AS SELECT * FROM public.inner_one; \
                  GRANT SELECT ON public.outer_one TO {APP}";
    let inner = ("public.inner_one", "reads tenant tables");
    found_and_remedied_except(nested, check, error, inner, staying).await?;
    let materialized = "CREATE MATERIALIZED VIEW public.totals AS SELECT count(*) FROM public.clients; \
                        GRANT SELECT ON public.totals TO {APP}";
    found_and_remedied(materialized, check, error, "public.totals", "does not filter").await?;
    for sql in [
        "CREATE VIEW public.emails AS SELECT email FROM public.clients",
        "CREATE VIEW public.ones AS SELECT 1 AS one; GRANT SELECT ON public.ones TO {APP}",
        "CREATE VIEW public.emails WITH (security_invoker) AS SELECT email FROM public.clients; GRANT SELECT ON public.emails TO {APP}",
    ] {
        nothing_found(sql, check).await?;
    }
    Ok(())
}

#[tokio::test]
async fn types_based_on_the_type_of_the_tenant_token_are_found() -> Result<()> {
    let (check, error) = (Check::TenantType, Severity::Error);
    for (sql, object, tells) in [
        ("CREATE DOMAIN public.twin AS watertight.tenant_token", "public.twin", "domain over"),
        ("CREATE TYPE public.pair AS (a int, b watertight.tenant_token)", "public.pair", "contains"),
        ("CREATE TYPE public.many AS (all_of_them watertight.tenant_token[])", "public.many", "contains"),
        (
            "CREATE TABLE public.odd (id int, t watertight.tenant_token, u watertight.tenant_token[])",
            "public.odd",
            "a table",
        ),
        ("CREATE VIEW public.odd AS SELECT NULL::watertight.tenant_token AS t", "public.odd", "a view"),
        ("CREATE TYPE public.span AS RANGE (subtype = watertight.tenant_token)", "public.span", "contains"),
        (
            "CREATE DOMAIN public.forged AS text CHECK (set_config('watertight.tenant', VALUE, true) IS NOT NULL)",
            "public.forged",
            "changes settings in its check",
        ),
    ] {
        found_and_remedied(sql, check, error, object, tells).await?;
    }
    // The doctor finds the inner type and the type that contains it.
    let database = TestDatabase::create().await?;
    let sql = "CREATE TYPE public.pair AS (a int, b watertight.tenant_token); CREATE DOMAIN public.pairs AS public.pair[]";
    plant(&database, sql).await?;
    assert_eq!(examine(&database).await?.of(check).count(), 2);
    Ok(())
}

#[tokio::test]
async fn defaults_for_the_tenant_are_found_and_refused_at_the_start() -> Result<()> {
    let (check, error, tenant) = (Check::TenantDefault, Severity::Error, new_tenant()?);
    for (sql, object) in [
        (format!("ALTER DATABASE \"{{DATABASE}}\" SET app.tenant_id = '{tenant}'"), "database {DATABASE}"),
        (
            format!("ALTER ROLE {{APP}} IN DATABASE \"{{DATABASE}}\" SET app.tenant_id = '{tenant}'"),
            "role {APP} in database {DATABASE}",
        ),
    ] {
        found_and_remedied(&sql, check, error, object, "has a default for app.tenant_id").await?;
        let database = TestDatabase::create().await?;
        plant_as_superuser(&database, &sql).await?;
        refused_at_the_start(&database.app_url(), &database).await?;
    }
    Ok(())
}

async fn refused_at_the_start(url: &str, database: &TestDatabase) -> Result<()> {
    match Watertight::connect(url).await {
        Err(Error::Connect(ConnectError::TenantPreset { setting })) => assert_eq!(setting, "app.tenant_id"),
        other => panic!("{other:?}"),
    }
    // No policy trusts the setting there, so that it is not refused, but the role is.
    let rewriting = Watertight::builder().dangerous_layers(Layers::RewritingOnly);
    let refused = rewriting.connect(database.app_url()).await;
    assert!(matches!(refused, Err(Error::Connect(ConnectError::RowSecurityApplies { .. }))), "{refused:?}");
    Ok(())
}

#[tokio::test]
async fn a_default_of_the_role_for_the_tenant_is_found() -> Result<()> {
    let database = TestDatabase::create().await?;
    // A separate role, because a role's default settings apply in every database.
    let role = format!("{}_role", database.name());
    let superuser = database.superuser().await?;
    let create = format!("CREATE ROLE {role} LOGIN IN ROLE {}", database.app_role());
    superuser.execute_unprepared(&create).await?;
    superuser
        .execute_unprepared(&format!("ALTER ROLE {role} SET app.tenant_id = '{}'", new_tenant()?))
        .await?;
    let found = async {
        let mut url = url::Url::parse(&database.app_url())?;
        url.set_username(&role).expect("a URL with a host");
        let app = Database::connect(url.as_str()).await?;
        let report = Watertight::builder().doctor(&app).await?;
        app.close().await?;
        let [finding] = report.of(Check::TenantDefault).collect::<Vec<_>>()[..] else { panic!("{report}") };
        assert_eq!(
            (finding.severity, finding.object.as_str()),
            (Severity::Error, format!("role {role}").as_str())
        );
        run_remedies(&database, &report).await?;
        let app = Database::connect(url.as_str()).await?;
        let report = Watertight::builder().doctor(&app).await?;
        app.close().await?;
        anyhow::Ok(report)
    }
    .await;
    superuser.execute_unprepared(&format!("DROP ROLE {role}")).await?;
    let report = found?;
    assert_eq!(report.of(Check::TenantDefault).count(), 0, "{report}");
    Ok(())
}

#[tokio::test]
async fn a_tenant_in_the_options_of_the_url_is_found_and_refused_at_the_start() -> Result<()> {
    let database = TestDatabase::create().await?;
    let mut url = url::Url::parse(&database.app_url())?;
    url.query_pairs_mut().append_pair("options", &format!("-c app.tenant_id={}", new_tenant()?));
    let app = Database::connect(url.as_str()).await?;
    let report = Watertight::builder().doctor(&app).await?;
    let [finding] = planted(&report)[..] else { panic!("{report}") };
    assert_eq!((finding.check, finding.severity), (Check::TenantDefault, Severity::Error));
    assert!(finding.problem.contains("options in its URL"), "{report}");
    refused_at_the_start(url.as_str(), &database).await?;
    assert!(planted(&examine(&database).await?).is_empty(), "without the options nothing is left");
    Ok(())
}

#[tokio::test]
async fn a_default_that_makes_backslashes_escape_is_found_where_it_is() -> Result<()> {
    let check = Check::BackslashEscapes;
    let database = TestDatabase::create().await?;
    let sql = "ALTER ROLE {APP} IN DATABASE \"{DATABASE}\" SET standard_conforming_strings = off";
    plant_as_superuser(&database, sql).await?;
    let report = examine(&database).await?;
    let [finding] = planted(&report)[..] else { panic!("{report}") };
    assert_eq!((finding.check, finding.severity), (check, Severity::Error));
    assert!(finding.object.contains("in database"), "{report}");
    converges(&database, &report, &[]).await?;
    // The session's options hide the setting, but it applies to a connection without these options.
    plant_as_superuser(&database, sql).await?;
    let mut url = url::Url::parse(&database.app_url())?;
    url.query_pairs_mut().append_pair("options", "-c standard_conforming_strings=on");
    let report = Watertight::builder().doctor(&Database::connect(url.as_str()).await?).await?;
    let found: Vec<_> = report.of(check).map(|finding| finding.severity).collect();
    assert_eq!(found, [Severity::Warning], "{report}");
    Ok(())
}

#[tokio::test]
async fn unsafe_search_paths_are_found() -> Result<()> {
    let (check, warning) = (Check::SearchPath, Severity::Warning);
    let first = "ALTER DATABASE \"{DATABASE}\" SET search_path = public, pg_catalog";
    found_and_remedied(first, check, warning, "public", "before pg_catalog").await?;
    for role in ["PUBLIC", "{APP}"] {
        let granted = format!("GRANT CREATE ON SCHEMA public TO {role}");
        found_and_remedied(&granted, check, warning, "public", "can create functions").await?;
    }
    let elsewhere = "CREATE SCHEMA own; GRANT ALL ON SCHEMA own TO {APP}";
    nothing_found(elsewhere, check).await?;
    let there = format!("{elsewhere}; ALTER DATABASE \"{{DATABASE}}\" SET search_path = public, own");
    found_and_remedied(&there, check, warning, "own", "can create functions").await
}

#[tokio::test]
async fn keys_and_signatures_that_others_can_use_are_found() -> Result<()> {
    let (check, error) = (Check::TenantKeys, Severity::Error);
    for role in ["PUBLIC", "{APP}"] {
        let keys = format!("GRANT SELECT ON watertight.tenant_keys TO {role}");
        found_and_remedied(&keys, check, error, "watertight.tenant_keys", "any tenant").await?;
        let enter = format!("GRANT EXECUTE ON FUNCTION watertight.enter(uuid) TO {role}");
        found_and_remedied(&enter, check, error, "watertight.enter(uuid)", "any tenant").await?;
    }
    let column = "GRANT SELECT (ipad) ON watertight.tenant_keys TO {APP}";
    found_and_remedied(column, check, error, "watertight.tenant_keys", "any tenant").await?;

    let database = TestDatabase::create().await?;
    assert_eq!(examine(&database).await?.of(check).count(), 0);
    let owner = database.owner().await?;
    watertight_migration::tenant_keys::waive(&owner).await?;
    let report = examine(&database).await?;
    let [finding] = report.of(check).collect::<Vec<_>>()[..] else { panic!("{report}") };
    assert_eq!((finding.severity, finding.object.as_str()), (Severity::Warning, "watertight.tenant()"));
    watertight_migration::tenant_keys::require(&owner).await?;
    assert_eq!(examine(&database).await?.of(check).count(), 0);
    Ok(())
}

/// Checks the form of the report that tools read.
#[tokio::test]
async fn the_new_checks_have_machine_readable_names() -> Result<()> {
    let database = TestDatabase::create().await?;
    plant(&database, OF_ROW).await?;
    let report: Report = examine(&database).await?;
    let json = serde_json::to_value(&report)?;
    let checks: Vec<_> =
        json["findings"].as_array().unwrap().iter().map(|finding| &finding["check"]).collect();
    assert!(checks.iter().any(|check| *check == "unseen_function"), "{checks:?}");
    Ok(())
}
