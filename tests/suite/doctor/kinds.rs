//! Views, materialized views, partitions, foreign tables and inheritance: what can be isolated is, and the start and the doctor
//! refuse the rest for the same reason.

use anyhow::Result;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, EntityTrait, FromQueryResult, JsonValue, Statement,
};
use watertight::doctor::{Check, Report, Severity};
use watertight::{Builder, ConnectError, Error, Layers, NotIsolable, Reason, Refusal, TenantId, Watertight};
use watertight_tests::{TestDatabase, new_tenant};

use super::converging::converges_with;
use super::{examine_with, plant, planted};

mod visits {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(schema_name = "public", table_name = "visits")]
    pub(super) struct Model {
        pub(super) tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(super) email: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

const VIEW: &str = "CREATE VIEW public.visits {WITH} AS SELECT tenant_id, email FROM public.clients; \
    GRANT SELECT ON public.visits TO {APP}";
const MATERIALIZED: &str = "CREATE MATERIALIZED VIEW public.visits AS SELECT tenant_id, email FROM public.clients; \
    GRANT SELECT ON public.visits TO {APP}";

fn as_table() -> Builder {
    Watertight::builder().tenant_table(visits::Entity)
}

fn one_layer() -> Builder {
    Watertight::builder().dangerous_one_layer_table(visits::Entity)
}

/// Fails to connect, and finds an error with the same reason.
async fn refused(database: &TestDatabase, builder: Builder) -> Result<(NotIsolable, Report)> {
    let error = builder.clone().connect(database.app_url()).await.unwrap_err();
    let Error::Connect(ConnectError::NotIsolable { objects }) = error else { panic!("{error:?}") };
    let [object] = &objects[..] else { panic!("{objects:?}") };
    let report = examine_with(database, builder).await?;
    let same = report.of(Check::MissingTable).any(|finding| {
        finding.severity == Severity::Error
            && finding.object == object.object
            && finding.problem == format!("is {} {}", object.kind, object.reason)
    });
    assert!(same, "{object}\n{report}");
    Ok((object.clone(), report))
}

#[tokio::test]
async fn objects_that_cannot_be_isolated_are_refused_with_the_true_reason() -> Result<()> {
    let rewriting = || {
        Watertight::builder()
            .table_sets(watertight::TableSets::none())
            .dangerous_layers(Layers::RewritingOnly)
    };
    let view = |with: &str| VIEW.replace("{WITH}", with);
    let invoker = "WITH (security_invoker = true)";
    let without = "CREATE VIEW public.visits WITH (security_invoker) AS SELECT email FROM public.clients; GRANT SELECT ON public.visits TO {APP}";
    let of_text = "CREATE VIEW public.visits WITH (security_invoker) AS SELECT tenant_id::text, email FROM public.clients; GRANT SELECT ON public.visits TO {APP}";
    let table = "CREATE TABLE public.visits (tenant_id uuid, email text, PRIMARY KEY (tenant_id, email)); GRANT SELECT ON public.visits TO {APP}";
    let over = |below: &str| {
        let inner =
            "CREATE VIEW public.visits WITH (security_invoker) AS SELECT tenant_id, email FROM public.below";
        format!("{below}; {inner}; GRANT SELECT ON public.visits, public.below TO {{APP}}")
    };
    let nested = over("CREATE VIEW public.below AS SELECT tenant_id, email FROM public.clients");
    let stored = over("CREATE MATERIALIZED VIEW public.below AS SELECT tenant_id, email FROM public.clients");
    let unregistered = over("CREATE TABLE public.below (tenant_id uuid, email text)");
    let statistics = "CREATE VIEW public.visits WITH (security_invoker) AS SELECT c.tenant_id, s.histogram_bounds::text AS email \
                      FROM public.clients c, pg_catalog.pg_stats s; GRANT SELECT ON public.visits TO {APP}";
    for (sql, builder, kind, reason) in [
        (nested, as_table(), "a view", "the view public.below, which reads its tables as its owner"),
        (
            stored,
            as_table(),
            "a view",
            "public.below, a materialized view that row-level security cannot protect",
        ),
        (unregistered, as_table(), "a view", "the table public.below, which is not registered"),
        (statistics.to_owned(), as_table(), "a view", "reads pg_catalog.pg_stats of the server"),
        (view(""), as_table(), "a view", "reads its tables as its owner"),
        (view("WITH (security_invoker = false)"), as_table(), "a view", "reads its tables as its owner"),
        (without.to_owned(), as_table(), "a view", "without the column tenant_id"),
        (of_text.to_owned(), as_table(), "a view", "without the column tenant_id"),
        (view(invoker), one_layer(), "a view", "row-level security of its tables can protect"),
        (view(invoker), rewriting().tenant_table(visits::Entity), "a view", "RewritingOnly"),
        (
            view(invoker),
            Watertight::builder().shared_table(visits::Entity),
            "a view",
            "registered as a shared table",
        ),
        (MATERIALIZED.to_owned(), as_table(), "a materialized view", "row-level security cannot protect"),
        (
            MATERIALIZED.to_owned(),
            Watertight::builder().shared_table(visits::Entity),
            "a materialized view",
            "registered as a shared table",
        ),
        (
            MATERIALIZED.replace("tenant_id,", ""),
            one_layer(),
            "a materialized view",
            "without the column tenant_id",
        ),
        (
            MATERIALIZED.to_owned(),
            one_layer().dangerous_layers(Layers::UnscopedRowSecurityOnly),
            "a materialized view",
            "does not rewrite",
        ),
        (table.to_owned(), one_layer(), "a table", "row-level security can protect"),
    ] {
        let database = TestDatabase::create().await?;
        plant(&database, &sql).await?;
        let (object, _) = refused(&database, builder).await?;
        assert_eq!((object.object.as_str(), object.kind), ("public.visits", kind));
        assert!(object.reason.contains(reason), "{object}");
        assert!(!object.remedy.is_empty());
    }
    Ok(())
}

#[tokio::test]
async fn the_remedy_of_a_view_that_reads_as_its_owner_makes_it_usable() -> Result<()> {
    let database = TestDatabase::create().await?;
    plant(&database, &VIEW.replace("{WITH}", "")).await?;
    let (object, report) = refused(&database, as_table()).await?;
    assert!(
        object.remedy.contains("ALTER VIEW \"public\".\"visits\" SET (security_invoker = true);"),
        "{object}"
    );
    converges_with(&database, &report, as_table(), &[]).await?;
    let water = database.water_with(as_table()).await?;
    assert!(visits::Entity::find().all(&water.tenant(new_tenant()?)).await?.is_empty());
    Ok(())
}

/// The rows of a query, in order.
async fn rows(db: &impl ConnectionTrait, sql: &str) -> Result<Vec<String>> {
    let rows = db.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    let rows: Result<Vec<JsonValue>, _> =
        rows.iter().map(|row| JsonValue::from_query_result(row, "")).collect();
    let mut rows: Vec<String> = rows?.iter().map(ToString::to_string).collect();
    rows.sort_unstable();
    Ok(rows)
}

/// A database with the rows of three tenants and one with the rows of the first alone, both with the same relation.
struct Sides {
    shared: TestDatabase,
    solo: TestDatabase,
    own: TenantId,
}

impl Sides {
    async fn new(create: &str) -> Result<Self> {
        let (shared, solo) = (TestDatabase::create().await?, TestDatabase::create().await?);
        let own = new_tenant()?;
        let all = [own, new_tenant()?, new_tenant()?];
        for (database, tenants) in [(&shared, &all[..]), (&solo, &all[..1])] {
            let sees_all = database.maintenance().await?;
            for (index, tenant) in tenants.iter().enumerate() {
                let insert = format!(
                    "INSERT INTO clients (tenant_id, id, first_name, last_name, email) SELECT '{tenant}', \
                     md5('{index}' || n)::uuid, 'n' || n, 'of {index}', \
                     n || '@' || '{index}' FROM generate_series(1, 4) AS n"
                );
                sees_all.execute_unprepared(&insert).await?;
            }
            sees_all.close().await?;
            // The owner of the database creates the relation, after the rows, so that a materialized view has them all.
            let superuser = database.superuser().await?;
            superuser.execute_unprepared(&create.replace("{APP}", database.app_role())).await?;
            superuser.close().await?;
        }
        Ok(Self { shared, solo, own })
    }

    /// Requires that each query returns the same rows on both sides.
    async fn agree(&self, builder: Builder, queries: &[&str]) -> Result<()> {
        let tenant = self.shared.water_with(builder).await?.tenant(self.own);
        let solo: DatabaseConnection = self.solo.superuser().await?;
        for query in queries {
            let (ours, alone) = (rows(&tenant, query).await?, rows(&solo, query).await?);
            assert_eq!(ours, alone, "{query}");
            assert!(!ours.is_empty(), "{query} shows that rows are read");
        }
        Ok(())
    }
}

const QUERIES: &[&str] = &[
    "SELECT * FROM visits",
    "SELECT count(*) AS n FROM visits",
    "SELECT v.email FROM visits v JOIN clients c ON c.email = v.email",
    "SELECT (SELECT max(email) FROM visits) AS last",
    "SELECT email FROM visits UNION ALL SELECT email FROM public.visits",
    "WITH all_of_them AS (SELECT * FROM visits) SELECT count(*) AS n FROM all_of_them",
    "SELECT email FROM visits WHERE email LIKE '%@%' OR true ORDER BY email LIMIT 2",
    "SELECT c.email, v.email AS other FROM clients c LEFT JOIN visits v ON v.email = c.email",
];

#[tokio::test]
async fn a_view_of_the_reader_obeys_the_law_and_is_only_read() -> Result<()> {
    let sides = Sides::new(&VIEW.replace("{WITH}", "WITH (security_invoker = true)")).await?;
    sides.agree(as_table(), QUERIES).await?;
    let report = examine_with(&sides.shared, as_table()).await?;
    assert!(planted(&report).is_empty(), "{report}");
    // An aggregate over the view, and a view with a function of its tables.
    let nested = Sides::new(
        "CREATE VIEW public.visits WITH (security_invoker = true) AS SELECT tenant_id, \
         (SELECT count(*) FROM public.clients)::text || max(email) AS email FROM public.clients GROUP BY tenant_id; \
         GRANT SELECT ON public.visits TO {APP}",
    )
    .await?;
    nested.agree(as_table(), QUERIES.get(..2).unwrap_or_default()).await?;
    let tenant = sides.shared.water_with(as_table()).await?.tenant(sides.own);
    only_read(&tenant).await
}

#[tokio::test]
async fn a_materialized_view_obeys_the_law_by_rewriting_alone_and_is_only_read() -> Result<()> {
    let sides = Sides::new(MATERIALIZED).await?;
    sides.agree(one_layer(), QUERIES).await?;
    // The doctor says that one layer is left.
    let report = examine_with(&sides.shared, one_layer()).await?;
    let [finding] = planted(&report)[..] else { panic!("{report}") };
    assert_eq!((finding.check, finding.severity), (Check::OneLayer, Severity::Warning), "{report}");
    converges_with(&sides.shared, &report, one_layer(), &[Check::OneLayer]).await?;
    let water = sides.shared.water_with(one_layer()).await?;
    only_read(&water.tenant(sides.own)).await?;
    // This is the layer that is missing.
    assert_eq!(rows(water.dangerous_unscoped(), "SELECT * FROM visits").await?.len(), 12);
    Ok(())
}

async fn only_read(tenant: &impl ConnectionTrait) -> Result<()> {
    for sql in [
        "INSERT INTO visits (email) VALUES ('x')",
        "UPDATE visits SET email = 'x'",
        "DELETE FROM visits",
        "WITH gone AS (DELETE FROM visits RETURNING email) SELECT * FROM gone",
        "MERGE INTO visits v USING clients c ON c.email = v.email WHEN MATCHED THEN DELETE",
    ] {
        let error = tenant.execute_unprepared(sql).await.unwrap_err();
        let reason = Refusal::of(&error).map(|refusal| refusal.reason.clone());
        assert_eq!(reason, Some(Reason::NotATable("public.visits".to_owned())), "{sql}: {error}");
    }
    Ok(())
}

#[tokio::test]
async fn a_foreign_table_with_rows_of_tenants_is_found_and_registered_for_one_layer() -> Result<()> {
    // A wrapper without a handler is enough for the catalog. No row can be read through it.
    let sql = "CREATE FOREIGN DATA WRAPPER nowhere; CREATE SERVER elsewhere FOREIGN DATA WRAPPER nowhere; \
               CREATE FOREIGN TABLE public.visits (tenant_id uuid, email text) SERVER elsewhere; \
               GRANT SELECT ON public.visits TO {APP}";
    let database = TestDatabase::create().await?;
    let superuser = database.superuser().await?;
    superuser.execute_unprepared(&sql.replace("{APP}", database.app_role())).await?;
    let (object, _) = refused(&database, as_table()).await?;
    assert!(object.reason.contains("row-level security cannot protect"), "{object}");
    database.water_with(one_layer()).await?;
    // An unregistered one is an error.
    let report = examine_with(&database, Builder::default()).await?;
    let [finding] = report.of(Check::OneLayer).collect::<Vec<_>>()[..] else { panic!("{report}") };
    assert_eq!(finding.severity, Severity::Error);
    super::converging::converges(&database, &report, &[]).await?;
    Ok(())
}

const PARTITIONED: &str = "CREATE TABLE public.visits_of_all (tenant_id uuid, email text, PRIMARY KEY (tenant_id, email)) PARTITION BY HASH (tenant_id); \
    CREATE TABLE public.visits PARTITION OF public.visits_of_all FOR VALUES WITH (MODULUS 1, REMAINDER 0); \
    GRANT SELECT ON public.visits TO {APP}";
const INHERITING: &str = "CREATE TABLE public.visits_of_all (tenant_id uuid, email text, PRIMARY KEY (tenant_id, email)); \
    CREATE TABLE public.visits (PRIMARY KEY (tenant_id, email)) INHERITS (public.visits_of_all); \
    GRANT SELECT ON public.visits TO {APP}";

#[tokio::test]
async fn a_partition_and_an_inheriting_table_need_policies_of_their_own_to_be_registered() -> Result<()> {
    for sql in [PARTITIONED, INHERITING] {
        let database = TestDatabase::create().await?;
        plant(&database, sql).await?;
        let error = as_table().connect(database.app_url()).await.unwrap_err();
        assert!(
            matches!(&error, Error::Connect(ConnectError::RowSecurityOff { tables }) if *tables == ["public.visits"]),
            "{error:?}"
        );
        let report = examine_with(&database, as_table()).await?;
        let errors = report.of(Check::RowSecurity).filter(|finding| finding.object == "public.visits");
        assert_eq!(errors.count(), 2, "{report}");
        assert!(report.of(Check::PartitionGrant).next().is_none(), "it is registered: {report}");
        converges_with(&database, &report, as_table(), &[]).await?;
        database.water_with(as_table()).await?;
    }
    Ok(())
}

#[tokio::test]
async fn an_unregistered_inheriting_table_must_not_be_granted() -> Result<()> {
    let database = TestDatabase::create().await?;
    plant(&database, INHERITING).await?;
    let all = || Watertight::builder().tenant_tables(["visits_of_all"]);
    let report = examine_with(&database, all()).await?;
    let [finding] = report.of(Check::PartitionGrant).collect::<Vec<_>>()[..] else { panic!("{report}") };
    assert!(finding.problem.contains("inheriting table"), "{report}");
    // Its rows are read without a policy.
    let severities: Vec<_> = report
        .of(Check::RowSecurity)
        .filter(|finding| finding.object == "public.visits")
        .map(|finding| finding.severity)
        .collect();
    assert_eq!(severities, [Severity::Error; 2], "{report}");
    converges_with(&database, &report, all(), &[]).await?;
    // Through the parent, the policies of the parent apply to the rows of the child.
    let (clinic, studio) = (new_tenant()?, new_tenant()?);
    let insert = format!("INSERT INTO visits VALUES ('{clinic}', 'a'), ('{studio}', 'b')");
    database.maintenance().await?.execute_unprepared(&insert).await?;
    let clinic = database.water_with(all()).await?.tenant(clinic);
    assert_eq!(rows(&clinic, "SELECT email FROM visits_of_all").await?, [r#"{"email":"a"}"#]);
    Ok(())
}
