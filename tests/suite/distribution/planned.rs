//! The catalog is checked against the rules by which Citus distributes, without the extension.

use anyhow::Result;
use sea_orm::{ActiveModelTrait, ConnectionTrait, Database, DatabaseConnection, EntityTrait, PaginatorTrait};
use sea_orm_migration::MigratorTraitSelf;
use watertight::Watertight;
use watertight::entity::public::services;
use watertight_migration::distribution::{
    Distribution, DistributionError, DistributionPlan, Rule, Violation,
};
use watertight_migration::{HashPartitions, Migrator, Settings, TableSets, TenantMigrator, tenant_keys};
use watertight_tests::{TestDatabase, new_tenant, own_migrations};

use crate::adopt::{listing, texts};
use crate::business::tables;
use crate::rows;

/// The violations, as table, rule and object.
async fn broken(
    owner: &DatabaseConnection,
    distribution: &Distribution,
) -> Result<Vec<(String, Rule, String)>> {
    let plan = distribution.plan(owner).await?;
    let parts = |violation: &Violation| (violation.table.clone(), violation.rule, violation.object.clone());
    Ok(plan.violations().iter().map(parts).collect())
}

/// A distribution without the overlap constraints, which depend on `btree_gist` on the server.
fn rules() -> Distribution {
    Distribution::new().without_overlap_constraints()
}

/// The tables that a plan distributes, in its order.
async fn distributed(owner: &DatabaseConnection, distribution: &Distribution) -> Result<Vec<String>> {
    let plan = distribution.plan(owner).await?;
    let name = |sql: &str| {
        let call = sql.strip_prefix("SELECT create_distributed_table('")?;
        Some(call.split('\'').next()?.replace('"', ""))
    };
    Ok(plan.statements().filter_map(name).collect())
}

#[tokio::test]
async fn every_table_of_watertight_keeps_the_rules_and_comes_after_those_it_refers_to() -> Result<()> {
    let database = TestDatabase::create().await?;
    let owner = database.owner().await?;
    assert_eq!(broken(&owner, &rules()).await?, []);
    let order = distributed(&owner, &rules()).await?;
    let place = |table: &str| order.iter().position(|other| other == table).unwrap();
    let references = "SELECT format('%s.%s %s.%s', a.nspname, c.relname, b.nspname, r.relname) FROM pg_constraint k \
                      JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace a ON a.oid = c.relnamespace \
                      JOIN pg_class r ON r.oid = k.confrelid JOIN pg_namespace b ON b.oid = r.relnamespace \
                      WHERE k.contype = 'f' AND c.oid <> r.oid";
    let references = texts(&owner, references).await?;
    assert!(references.len() > 10, "{references:?}");
    for reference in references {
        let (from, to) = reference.split_once(' ').unwrap();
        assert!(place(from) > place(to), "{from} refers to {to}");
    }
    let (mut sorted, mut own) = (order.clone(), tables());
    own.push("watertight.numbers".to_owned());
    sorted.sort_unstable();
    own.sort_unstable();
    assert_eq!(sorted, own);
    Ok(())
}

#[tokio::test]
async fn every_violation_is_named() -> Result<()> {
    use Rule::{
        ExclusionComparesTenant, ForeignKeyKeepsTenant, ForeignKeyWithinTenant, KeyHoldsTenant, NoCircle,
        NoTrigger, NotDivided, ReferringTableHasTenant, TenantColumn,
    };
    for (planted, found) in [
        (
            "CREATE TABLE public.a (tenant_id text NOT NULL, id int, PRIMARY KEY (tenant_id, id))",
            vec![("public.a", TenantColumn, "tenant_id")],
        ),
        ("CREATE TABLE public.a (tenant_id uuid)", vec![("public.a", TenantColumn, "tenant_id")]),
        (
            "CREATE UNIQUE INDEX emails ON auth.users (email)",
            vec![("auth.users", KeyHoldsTenant, "auth.emails")],
        ),
        (
            "CREATE UNIQUE INDEX emails ON auth.users (email) INCLUDE (tenant_id)",
            vec![("auth.users", KeyHoldsTenant, "auth.emails")],
        ),
        (
            "CREATE TABLE public.a (tenant_id uuid NOT NULL, id int PRIMARY KEY)",
            vec![("public.a", KeyHoldsTenant, "a_pkey")],
        ),
        (
            "ALTER TABLE public.bookings ADD CONSTRAINT alone EXCLUDE USING gist (tstzrange(datetime, end_time) WITH &&)",
            vec![("public.bookings", ExclusionComparesTenant, "alone")],
        ),
        (
            "CREATE TABLE public.a (tenant_id uuid NOT NULL, other uuid NOT NULL, user_id uuid, \
             PRIMARY KEY (tenant_id, user_id), CONSTRAINT crossed FOREIGN KEY (other, user_id) REFERENCES auth.users)",
            vec![("public.a", ForeignKeyWithinTenant, "crossed")],
        ),
        (
            "CREATE TABLE public.a (tenant_id uuid NOT NULL, user_id uuid, CONSTRAINT clearing \
             FOREIGN KEY (tenant_id, user_id) REFERENCES auth.users ON DELETE SET NULL)",
            vec![("public.a", ForeignKeyKeepsTenant, "clearing")],
        ),
        (
            "CREATE TABLE public.a (whose uuid, user_id uuid, CONSTRAINT inward FOREIGN KEY (whose, user_id) \
             REFERENCES auth.users)",
            vec![("public.a", ReferringTableHasTenant, "inward")],
        ),
        (
            "CREATE TABLE public.a (tenant_id uuid, id int, other int, PRIMARY KEY (tenant_id, id)); \
             CREATE TABLE public.b (tenant_id uuid, id int, other int, PRIMARY KEY (tenant_id, id), \
             CONSTRAINT there FOREIGN KEY (tenant_id, other) REFERENCES public.a); \
             ALTER TABLE public.a ADD CONSTRAINT back FOREIGN KEY (tenant_id, other) REFERENCES public.b",
            vec![("public.a", NoCircle, "back"), ("public.b", NoCircle, "there")],
        ),
        (
            "CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; \
             CREATE TRIGGER noting AFTER INSERT ON public.bookings FOR EACH ROW EXECUTE FUNCTION public.f()",
            vec![("public.bookings", NoTrigger, "noting")],
        ),
        (
            "CREATE TABLE public.a (LIKE public.bookings); CREATE TABLE public.b () INHERITS (public.a)",
            vec![("public.a", NotDivided, "INHERITS"), ("public.b", NotDivided, "INHERITS")],
        ),
    ] {
        let database = TestDatabase::create().await?;
        let owner = database.owner().await?;
        owner.execute_unprepared(planted).await?;
        let found: Vec<_> =
            found.into_iter().map(|(table, rule, object)| (table.into(), rule, object.into())).collect();
        assert_eq!(broken(&owner, &rules()).await?, found, "{planted}");
    }
    Ok(())
}

#[tokio::test]
async fn several_violations_are_named_at_once_with_remedies() -> Result<()> {
    let database = TestDatabase::create().await?;
    let owner = database.owner().await?;
    let planted = "CREATE UNIQUE INDEX emails ON auth.users (email); CREATE TABLE public.a (tenant_id uuid)";
    owner.execute_unprepared(planted).await?;
    let script = rules().plan(&owner).await?.to_string();
    for line in [
        "-- the database does not have the extension citus; install it on every machine",
        "-- auth.users: auth.emails is unique without the tenant column",
        "--     recreate the key with the tenant column as its first column",
        "-- public.a: tenant_id is not uuid NOT NULL as in the other tables",
        "--     make the column uuid NOT NULL",
        "BEGIN ISOLATION LEVEL READ COMMITTED;",
    ] {
        assert!(script.lines().any(|other| other.starts_with(line)), "{line}: {script}");
    }
    assert!(script.ends_with("\nCOMMIT;"));
    owner
        .execute_unprepared("DROP INDEX auth.emails; ALTER TABLE public.a ALTER tenant_id SET NOT NULL")
        .await?;
    assert_eq!(broken(&owner, &rules()).await?, []);
    Ok(())
}

#[tokio::test]
async fn partitioned_tables_are_violations_and_only_the_owner_distributes() -> Result<()> {
    let database = TestDatabase::create().await?;
    let owner = database.owner().await?;
    TenantMigrator::new(Settings::from_env())
        .then(|| vec![Box::new(HashPartitions::of([("auth", "sessions")], 4))])
        .up(&owner, None)
        .await?;
    let divided = ("auth.sessions".to_owned(), Rule::NotDivided, "PARTITION BY HASH".to_owned());
    assert_eq!(broken(&owner, &rules()).await?, [divided]);

    let app = Database::connect(database.app_url()).await?;
    let of_owner = broken(&app, &rules()).await?;
    assert_eq!(of_owner.iter().filter(|(_, rule, _)| *rule == Rule::Owner).count(), 26);
    Ok(())
}

#[tokio::test]
async fn triggers_and_constraints_are_handled_as_chosen() -> Result<()> {
    let database = TestDatabase::create().await?;
    let owner = database.owner().await?;
    let planted = "CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; \
                   CREATE TRIGGER noting AFTER INSERT ON public.bookings FOR EACH ROW EXECUTE FUNCTION public.f()";
    owner.execute_unprepared(planted).await?;
    assert_eq!(broken(&owner, &rules().allow_triggers()).await?, []);

    let statements = |plan: DistributionPlan| plan.statements().map(str::to_owned).collect::<Vec<_>>();
    let with = statements(Distribution::new().plan(&owner).await?);
    let without = statements(rules().plan(&owner).await?);
    let holds = |statements: &[String], part: &str| statements.iter().any(|sql| sql.contains(part));
    for statements in [&with, &without] {
        assert!(holds(statements, "DROP CONSTRAINT"), "{statements:#?}");
        let dropped =
            statements.iter().filter(|sql| sql.starts_with("DROP TRIGGER IF EXISTS booking_ledger_of_"));
        assert_eq!(dropped.count(), 3, "a trigger of a cluster reads its own row alone");
        let count = |verb: &str| statements.iter().filter(|sql| sql.contains(verb)).count();
        assert_eq!(count(" NO FORCE ROW LEVEL SECURITY"), 26, "{statements:#?}");
        assert_eq!(count(" FORCE ROW LEVEL SECURITY"), 26 + 26, "each is forced again");
    }
    assert!(holds(&with, "CREATE EXTENSION btree_gist") && holds(&with, "tenant_id WITH ="), "{with:#?}");
    // Without the extension the constraints are violations, unless they are dropped.
    let gist = "SELECT name::text FROM pg_available_extensions WHERE name = 'btree_gist'";
    let own = [
        ("public.bookings", "bookings_overlap_excl"),
        ("public.slot_reservations", "slot_reservations_overlap_excl"),
    ]
    .map(|(table, name)| (table.to_owned(), Rule::ExclusionComparesTenant, name.to_owned()));
    let in_the_way = broken(&owner, &Distribution::new().allow_triggers()).await?;
    assert_eq!(in_the_way, if texts(&owner, gist).await?.is_empty() { own.to_vec() } else { Vec::new() });
    assert!(!holds(&without, "btree_gist") && !holds(&without, "WITH ="), "{without:#?}");
    Ok(())
}

#[tokio::test]
async fn tables_without_a_tenant_are_copied_where_they_are_needed_and_others_stay() -> Result<()> {
    let database = TestDatabase::create().await?;
    let owner = database.owner().await?;
    let planted = "CREATE TABLE public.lookup (id int PRIMARY KEY); \
                   CREATE TABLE public.a (tenant_id uuid NOT NULL, lookup_id int REFERENCES public.lookup); \
                   CREATE TABLE public.joined (id int PRIMARY KEY); CREATE TABLE public.stays (id int PRIMARY KEY)";
    owner.execute_unprepared(planted).await?;
    let distribution = rules().reference_table("public", "joined");
    let plan = distribution.plan(&owner).await?;
    let copied: Vec<&str> = plan.statements().filter(|sql| sql.contains("create_reference_table")).collect();
    assert_eq!(
        copied,
        [
            r#"SELECT create_reference_table('"public"."joined"')"#,
            r#"SELECT create_reference_table('"public"."lookup"')"#
        ]
    );
    assert!(!plan.to_string().contains("stays") && !plan.to_string().contains("seaql_migrations"));

    for (schema, name) in [("public", "nowhere"), ("auth", "users")] {
        let named = rules().reference_table(schema, name);
        let wrong = (format!("{schema}.{name}"), Rule::ReferenceTable, name.to_owned());
        assert_eq!(broken(&owner, &named).await?, [wrong]);
    }
    let cut = rules().reference_table("public", "x".repeat(64)).plan(&owner).await;
    assert!(matches!(cut, Err(DistributionError::Name(_))), "{cut:?}");
    Ok(())
}

#[tokio::test]
async fn without_the_extension_nothing_changes_and_the_error_has_a_remedy() -> Result<()> {
    let database = TestDatabase::create().await?;
    let owner = database.owner().await?;
    let before = listing::catalog(&owner).await?;
    let error = rules().run(&owner).await.expect_err("there is no extension");
    assert!(matches!(error, DistributionError::NoExtension), "{error:?}");
    assert!(error.to_string().contains("citus_add_node"), "{error}");
    assert_eq!(listing::catalog(&owner).await?, before);
    Ok(())
}

/// Citus does not support keys, which the workers cannot read, or policies with a sub-select.
#[tokio::test]
async fn the_verification_of_tenants_has_to_be_waived_first() -> Result<()> {
    let database = TestDatabase::create().await?;
    let owner = database.owner().await?;
    let note = DistributionError::SignedTenant.to_string();
    assert!(rules().plan(&owner).await?.to_string().contains(&note));
    tenant_keys::waive(&owner).await?;
    let plan = rules().plan(&owner).await?;
    assert!(!plan.to_string().contains(&note), "{plan}");
    assert!(plan.statements().any(|sql| sql.contains("create_distributed_function('watertight.tenant()')")));

    let moving = plan.statements().find(|sql| sql.contains("ALTER POLICY")).expect("policies are moved");
    owner.execute_unprepared(moving).await?;
    let conditions = "SELECT DISTINCT qual || with_check FROM pg_policies WHERE permissive = 'PERMISSIVE'";
    assert_eq!(texts(&owner, conditions).await?, ["(tenant_id = watertight.tenant())".repeat(2)]);
    let water = database.water_with(Watertight::builder().check_with_doctor()).await?;
    let (clinic, studio) = (water.tenant(new_tenant()?), water.tenant(new_tenant()?));
    rows::service("Massage").insert(&clinic).await?;
    let seen = [&clinic, &studio].map(|tenant| services::Entity::find().count(tenant));
    for (count, expected) in seen.into_iter().zip([1, 0]) {
        assert_eq!(count.await?, expected);
    }
    // The rollback also works with these policies.
    let later = own_migrations().iter().rev().take_while(|name| !name.ends_with("_signed_tenant")).count();
    <Migrator as sea_orm_migration::MigratorTrait>::down(&owner, Some(u32::try_from(later + 1)?)).await?;
    let old = "(tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)";
    assert_eq!(texts(&owner, conditions).await?, [old.repeat(2)]);
    Ok(())
}

#[tokio::test]
async fn tables_of_other_schemas_keep_the_rules() -> Result<()> {
    let sets: TableSets = "auth=identity,booking=studio,intake=\"Odd\"".parse()?;
    let database = TestDatabase::empty().await?;
    let owner = database.owner().await?;
    let settings = Settings::from_env().with_table_sets(sets.clone());
    TenantMigrator::new(settings).up(&owner, None).await?;
    assert_eq!(broken(&owner, &rules().table_sets(sets.clone())).await?, []);
    let plan = rules().table_sets(sets).plan(&owner).await?;
    let dropped = r#"ALTER TABLE "studio".bookings DROP CONSTRAINT IF EXISTS bookings_overlap_excl"#;
    assert!(plan.statements().any(|sql| sql == dropped), "{plan}");
    // In a schema of no set, the same objects belong to the application.
    let unknown = broken(&owner, &rules()).await?;
    assert!(
        unknown
            .iter()
            .any(|(table, rule, _)| table == "studio.bookings" && *rule == Rule::ExclusionComparesTenant)
    );
    assert!(
        unknown
            .iter()
            .any(|(_, rule, object)| *rule == Rule::NoTrigger && object == "intake_consent_is_final")
    );
    Ok(())
}
