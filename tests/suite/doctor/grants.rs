//! Privileges of the application's role: missing ones, surplus ones, and those that a remedy must not grant.

use std::collections::BTreeMap;

use anyhow::Result;
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Statement};
use watertight::doctor::{Check, Report, Severity};
use watertight::{ConnectError, Error, Watertight};
use watertight_tests::TestDatabase;

use super::converging::converges;
use super::{examine, plant, planted};

const ERROR: Severity = Severity::Error;
const WARNING: Severity = Severity::Warning;

#[derive(FromQueryResult)]
struct Rights {
    name: String,
    rights: Vec<String>,
}

/// The privileges of the application's role on every table, through any grant.
async fn rights(database: &TestDatabase) -> Result<BTreeMap<String, Vec<String>>> {
    let sql = format!(
        "SELECT c.oid::regclass::text AS name, ARRAY(SELECT p FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', \
         'TRUNCATE', 'REFERENCES', 'TRIGGER']) p WHERE has_table_privilege('{app}', c.oid, p) \
         OR p IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES') AND has_any_column_privilege('{app}', c.oid, p)) AS rights \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' \
         AND n.nspname IN ('auth', 'public', 'watertight', 'shop')",
        app = database.app_role()
    );
    let owner = database.owner().await?;
    let rows =
        Rights::find_by_statement(Statement::from_string(DbBackend::Postgres, sql)).all(&owner).await?;
    Ok(rows.into_iter().map(|row| (row.name, row.rights)).collect())
}

fn found(report: &Report) -> Vec<(Severity, Check, &str)> {
    planted(report).iter().map(|finding| (finding.severity, finding.check, finding.object.as_str())).collect()
}

#[tokio::test]
async fn remedies_restore_exactly_the_rights_of_the_migrations() -> Result<()> {
    let database = TestDatabase::create().await?;
    let intended = rights(&database).await?;
    assert_eq!(intended["auth.audit_events"], ["SELECT", "INSERT"]);
    assert_eq!(intended["booking_payments"], ["SELECT", "INSERT"]);
    assert_eq!(intended["clients"], ["SELECT", "INSERT", "UPDATE", "DELETE"]);
    let others = intended.values().filter(|rights| **rights == ["SELECT", "INSERT"]).count();
    assert_eq!(others, 2, "the doctor's list of append-only tables is that of the migrations: {intended:?}");
    let sql = "REVOKE ALL ON auth.audit_events, auth.sessions, public.booking_payments, public.clients FROM {APP}; \
               REVOKE USAGE ON SCHEMA auth FROM {APP}";
    plant(&database, sql).await?;
    let report = examine(&database).await?;
    let wanted = [
        (ERROR, Check::MissingTable, "auth.audit_events"),
        (ERROR, Check::MissingTable, "auth.sessions"),
        (ERROR, Check::MissingTable, "public.booking_payments"),
        (ERROR, Check::MissingTable, "public.clients"),
        (ERROR, Check::SchemaUsage, "auth"),
    ];
    let mut seen = found(&report);
    seen.sort_by_key(|(_, check, object)| (format!("{check:?}"), object.to_string()));
    assert_eq!(seen, wanted, "{report}");
    converges(&database, &report, &[]).await?;
    assert_eq!(rights(&database).await?, intended);
    database.water().await?;
    Ok(())
}

#[tokio::test]
async fn the_start_names_the_cause_of_a_table_that_cannot_be_used() -> Result<()> {
    let database = TestDatabase::create().await?;
    let url = database.app_url();
    let role = database.app_role();
    let fails = async |sql: &str| -> Result<ConnectError> {
        plant(&database, sql).await?;
        match Watertight::connect(url.as_str()).await {
            Err(Error::Connect(error)) => Ok(error),
            other => panic!("{sql}: {other:?}"),
        }
    };
    let type_only = fails("REVOKE USAGE ON DOMAIN watertight.tenant_token FROM PUBLIC").await?;
    assert!(
        matches!(&type_only, ConnectError::TypeNotUsable { role: named, .. } if named == role),
        "{type_only:?}"
    );
    let hidden = fails("REVOKE SELECT ON public.reviews, auth.users FROM {APP}").await?;
    let ConnectError::NotGranted { tables, .. } = &hidden else { panic!("{hidden:?}") };
    assert_eq!(tables, &["auth.users", "public.reviews"]);
    let schema = fails("REVOKE USAGE ON SCHEMA auth, watertight FROM {APP}").await?;
    let ConnectError::SchemaNotUsable { schemas, .. } = &schema else { panic!("{schema:?}") };
    assert_eq!(schemas, &["auth", "watertight"]);
    assert!(
        schema.to_string().contains(&format!("GRANT USAGE ON SCHEMA \"auth\" TO \"{role}\";")),
        "{schema}"
    );
    // One run of the remedies removes all causes.
    let report = examine(&database).await?;
    converges(&database, &report, &[]).await?;
    database.water().await?;
    Ok(())
}

#[tokio::test]
async fn surplus_privileges_are_found_and_taken() -> Result<()> {
    for (sql, severity, object, tells) in [
        ("GRANT TRUNCATE ON public.clients TO {APP}", ERROR, "public.clients", "TRUNCATE removes"),
        ("GRANT ALL ON public.clients TO {APP}", ERROR, "public.clients", "TRUNCATE removes"),
        (
            "GRANT REFERENCES, TRIGGER ON auth.users TO {APP}",
            WARNING,
            "auth.users",
            "grants REFERENCES, TRIGGER to",
        ),
        ("GRANT REFERENCES (id) ON auth.users TO {APP}", WARNING, "auth.users", "grants REFERENCES to"),
        ("GRANT UPDATE, DELETE ON auth.audit_events TO {APP}", WARNING, "auth.audit_events", "only append"),
        (
            "GRANT UPDATE (severity) ON auth.audit_events TO {APP}",
            WARNING,
            "auth.audit_events",
            "only append",
        ),
        (
            "GRANT DELETE ON public.booking_payments TO PUBLIC",
            WARNING,
            "public.booking_payments",
            "only append",
        ),
        ("GRANT SELECT ON public.reviews TO PUBLIC", WARNING, "public.reviews", "every role"),
        (
            "GRANT SELECT ON public.reviews TO {APP} WITH GRANT OPTION",
            WARNING,
            "public.reviews",
            "to other roles",
        ),
        (
            "REVOKE ALL ON public.clients FROM {APP}; GRANT ALL ON public.clients TO PUBLIC",
            ERROR,
            "public.clients",
            "to PUBLIC",
        ),
        (
            "REVOKE ALL ON auth.audit_events FROM {APP}; GRANT ALL ON auth.audit_events TO PUBLIC",
            ERROR,
            "auth.audit_events",
            "to PUBLIC",
        ),
    ] {
        let database = TestDatabase::create().await?;
        let intended = rights(&database).await?;
        plant(&database, sql).await?;
        let report = examine(&database).await?;
        assert_eq!(found(&report), [(severity, Check::SurplusGrant, object)], "{sql}: {report}");
        assert!(planted(&report)[0].problem.contains(tells), "{report}");
        converges(&database, &report, &[]).await?;
        assert_eq!(rights(&database).await?, intended, "{sql}");
    }
    Ok(())
}

#[tokio::test]
async fn default_privileges_that_grant_too_much_are_found() -> Result<()> {
    let check = Check::DefaultPrivileges;
    for (sql, tells) in [
        ("ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO {APP}", "TRUNCATE"),
        (
            "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO PUBLIC",
            "in schema public to PUBLIC",
        ),
    ] {
        let database = TestDatabase::create().await?;
        plant(&database, sql).await?;
        let report = examine(&database).await?;
        assert_eq!(found(&report), [(WARNING, check, database.owner_role())], "{sql}: {report}");
        assert!(planted(&report)[0].problem.contains(tells), "{report}");
        converges(&database, &report, &[]).await?;
    }
    // What statements need is no surplus.
    let database = TestDatabase::create().await?;
    plant(&database, "ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {APP}")
        .await?;
    let report = examine(&database).await?;
    assert!(planted(&report).is_empty(), "{report}");
    Ok(())
}

#[tokio::test]
async fn the_function_of_the_policies_must_be_executable() -> Result<()> {
    let database = TestDatabase::create().await?;
    plant(&database, "REVOKE EXECUTE ON FUNCTION watertight.tenant() FROM {APP}").await?;
    let report = examine(&database).await?;
    assert_eq!(found(&report), [(ERROR, Check::MissingGrant, "watertight.tenant()")], "{report}");
    converges(&database, &report, &[]).await?;
    Ok(())
}

const TICKETS: &str = "CREATE TABLE public.tickets (tenant_id uuid, number {TYPE}, PRIMARY KEY (tenant_id, number)); \
    ALTER TABLE public.tickets ENABLE ROW LEVEL SECURITY; ALTER TABLE public.tickets FORCE ROW LEVEL SECURITY; \
    CREATE POLICY tenant_isolation ON public.tickets USING (tenant_id = (SELECT watertight.tenant())); \
    GRANT SELECT, INSERT ON public.tickets TO {APP}";

#[tokio::test]
async fn sequences_that_inserts_need_or_that_can_be_set_are_found() -> Result<()> {
    let unregistered = (WARNING, Check::UnregisteredTable, "public.tickets");
    let name = "public.tickets_number_seq";
    let identity = "bigint GENERATED BY DEFAULT AS IDENTITY";
    for (column, grant, expected) in [
        ("serial", "", Some((ERROR, Check::MissingGrant))),
        ("serial", "GRANT UPDATE", Some((WARNING, Check::SurplusGrant))),
        ("serial", "GRANT ALL", Some((WARNING, Check::SurplusGrant))),
        ("serial", "GRANT USAGE, SELECT", None),
        (identity, "", None),
        (identity, "GRANT ALL", Some((WARNING, Check::SurplusGrant))),
    ] {
        let database = TestDatabase::create().await?;
        let grant =
            if grant.is_empty() { String::new() } else { format!("; {grant} ON SEQUENCE {name} TO {{APP}}") };
        plant(&database, &format!("{}{grant}", TICKETS.replace("{TYPE}", column))).await?;
        let report = examine(&database).await?;
        let mut wanted: Vec<_> =
            expected.map(|(severity, check)| (severity, check, name)).into_iter().collect();
        wanted.push(unregistered);
        assert_eq!(found(&report), wanted, "{column} {grant}: {report}");
        converges(&database, &report, &[Check::UnregisteredTable]).await?;
        // A tenant of the application's role inserts with the sequence, and cannot set it.
        let app = sea_orm::Database::connect(database.app_url()).await?;
        let call = format!("SELECT nextval('{name}')");
        assert_eq!(
            app.execute_unprepared(&call).await.is_ok(),
            column == "serial" || grant.contains("ALL"),
            "{grant}"
        );
        assert!(app.execute_unprepared(&format!("SELECT setval('{name}', 1)")).await.is_err());
    }
    Ok(())
}

mod customers {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(schema_name = "shop", table_name = "customers")]
    pub(super) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(super) id: Uuid,
        pub(super) tenant_id: Uuid,
        pub(super) email: String,
        pub(super) data: Option<Json>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod orders {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(schema_name = "shop", table_name = "orders")]
    pub(super) struct Model {
        #[sea_orm(primary_key)]
        pub(super) id: i32,
        pub(super) tenant_id: Uuid,
        pub(super) customer_id: Uuid,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {
        #[sea_orm(
            belongs_to = "super::customers::Entity",
            from = "Column::CustomerId",
            to = "super::customers::Column::Id"
        )]
        Customers,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// The tables of an application with the tenant column, and nothing else that isolates them.
const SHOP: &str = "CREATE SCHEMA shop; \
    CREATE TABLE shop.customers (id uuid PRIMARY KEY, tenant_id uuid NOT NULL, email text NOT NULL UNIQUE, data jsonb, extra int); \
    CREATE UNIQUE INDEX emails ON shop.customers (lower(email)) WHERE data IS NULL; \
    CREATE TABLE shop.orders (id serial PRIMARY KEY, tenant_id uuid NOT NULL, \
        customer_id uuid NOT NULL REFERENCES shop.customers ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED)";

#[tokio::test]
async fn the_remedies_of_an_application_without_any_isolation_run_in_the_order_printed() -> Result<()> {
    use sea_orm::{ActiveModelTrait, EntityTrait, PaginatorTrait, Set};

    let database = TestDatabase::create().await?;
    let owner = plant(&database, SHOP).await?;
    let rows = "INSERT INTO shop.customers VALUES (gen_random_uuid(), gen_random_uuid(), 'a'), (gen_random_uuid(), gen_random_uuid(), 'b'); \
                INSERT INTO shop.orders (tenant_id, customer_id) SELECT tenant_id, id FROM shop.customers";
    owner.execute_unprepared(rows).await?;
    let builder = || Watertight::builder().tenant_table(customers::Entity).tenant_table(orders::Entity);
    let report = super::examine_with(&database, builder()).await?;
    let columns: Vec<_> = report.of(Check::Column).map(|finding| finding.severity).collect();
    assert_eq!(
        columns,
        [Severity::Note, Severity::Note],
        "Json over jsonb, and a column without an entity: {report}"
    );
    assert!(report.of(Check::Column).all(|finding| finding.sql.is_empty()), "{report}");
    assert!(!report.script().contains("jsonb"), "{}", report.script());
    super::converges_with(&database, &report, builder(), &[]).await?;
    let definition = "SELECT FROM pg_constraint WHERE conname = 'orders_customer_id_fkey' AND pg_get_constraintdef(oid) = \
                      'FOREIGN KEY (tenant_id, customer_id) REFERENCES shop.customers(tenant_id, id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED'";
    let kept = owner.query_one_raw(Statement::from_string(DbBackend::Postgres, definition)).await?;
    assert!(kept.is_some(), "the actions and the deferral of the key stay");
    // The application decides which commands it needs.
    assert_eq!(rights(&database).await?["shop.orders"], ["SELECT"]);
    plant(&database, "GRANT INSERT ON shop.customers, shop.orders TO {APP}").await?;
    let report = super::examine_with(&database, builder()).await?;
    assert_eq!(found(&report), [(ERROR, Check::MissingGrant, "shop.orders_id_seq")], "{report}");
    super::converges_with(&database, &report, builder(), &[]).await?;

    let clinic = database.water_with(builder()).await?.tenant(watertight_tests::new_tenant()?);
    assert_eq!(orders::Entity::find().count(&clinic).await?, 0);
    let customer = customers::ActiveModel {
        id: Set(uuid::Uuid::new_v4()),
        email: Set("a".to_owned()),
        data: Set(Some(serde_json::json!({"likes": "tea"}))),
        ..Default::default()
    };
    let customer = customer.insert(&clinic).await?;
    assert_eq!(customer.data, Some(serde_json::json!({"likes": "tea"})));
    let order = orders::ActiveModel { customer_id: Set(customer.id), ..Default::default() };
    order.insert(&clinic).await?;
    assert_eq!(orders::Entity::find().count(&clinic).await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_tenant_table_without_the_tenant_column_has_no_remedy_that_fails() -> Result<()> {
    let database = TestDatabase::create().await?;
    let sql = "CREATE TABLE public.notes (id int PRIMARY KEY, tenant_id text); \
               CREATE TABLE public.tags (tenant_id uuid, id int, note int REFERENCES public.notes, PRIMARY KEY (tenant_id, id)); \
               GRANT SELECT ON public.notes, public.tags TO {APP}";
    plant(&database, sql).await?;
    let builder = || Watertight::builder().tenant_tables(["notes", "tags"]);
    let report = super::examine_with(&database, builder()).await?;
    let column = report.of(Check::Column).find(|finding| finding.object == "public.notes");
    let column = column.map(|finding| (finding.severity, finding.problem.as_str()));
    assert_eq!(column, Some((ERROR, "has no tenant column tenant_id of type uuid")), "{report}");
    let staying = [Check::TenantKey, Check::ForeignKey, Check::Column];
    super::converges_with(&database, &report, builder(), &staying).await?;
    Ok(())
}

#[tokio::test]
async fn the_script_has_the_remedies_in_order_with_the_roles() -> Result<()> {
    let database = TestDatabase::create().await?;
    plant(&database, SHOP).await?;
    let builder = || Watertight::builder().tenant_table(customers::Entity).tenant_table(orders::Entity);
    let script = super::examine_with(&database, builder()).await?.script();
    let at = |text: &str| script.find(text).unwrap_or_else(|| panic!("{text} is not in\n{script}"));
    let order = [
        "DROP CONSTRAINT \"orders_customer_id_fkey\"",
        "ADD CONSTRAINT \"customers_pkey\" PRIMARY KEY (\"tenant_id\", \"id\")",
        "ADD CONSTRAINT \"orders_customer_id_fkey\"",
        "CREATE INDEX ON \"shop\".\"orders\"",
        "\"shop\".\"customers\" ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY tenant_isolation ON \"shop\".\"customers\"",
        "GRANT USAGE ON SCHEMA \"shop\"",
        "GRANT SELECT ON \"shop\".\"customers\"",
    ];
    assert!(order.iter().map(|text| at(text)).is_sorted(), "{script}");
    // The owner, the maintenance role for the foreign key, and the owner.
    let roles: Vec<&str> = script.lines().filter(|line| line.starts_with("-- As ")).collect();
    let owner = "-- As the owner (DATABASE_OWNER_URL):";
    assert_eq!(roles, [owner, "-- As the maintenance role (DATABASE_MAINTENANCE_URL):", owner], "{script}");
    assert_eq!(script.matches("BEGIN;").count(), 3);
    assert_eq!(script.matches("COMMIT;").count(), 3);
    Ok(())
}
