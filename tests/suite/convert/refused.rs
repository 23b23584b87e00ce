//! Tables that cannot be converted are refused with the reason, and nothing is changed.

use anyhow::Result;
use sea_orm::ConnectionTrait;
use watertight_migration::TenantType;
use watertight_migration::convert::{Conversion, ConversionError, Phase, ProblemKind};

use super::Application;

const FIRST: &str = "7b0e8d3c-5a53-4f6e-9b0e-0f8a1f0f2a11";

const TABLE: &str = "CREATE TABLE t (id int PRIMARY KEY, a int, b int); ";

/// The kind of each problem, the text that it contains, and the SQL that causes it.
const CASES: &[(ProblemKind, &str, &str)] = &[
    (ProblemKind::TenantColumn, "of type smallint", "ALTER TABLE t ADD tenant_id smallint"),
    (ProblemKind::TenantColumn, "keys of type uuid", "ALTER TABLE t ADD tenant_id bigint"),
    (
        ProblemKind::TenantColumn,
        "the server computes",
        "ALTER TABLE t ADD tenant_id uuid GENERATED ALWAYS AS (md5('x')::uuid) STORED",
    ),
    (
        ProblemKind::TenantOfRows,
        "1 rows whose tenant_id is the reserved value",
        "ALTER TABLE t ADD tenant_id uuid DEFAULT '00000000-0000-0000-0000-000000000000'; INSERT INTO t VALUES (1)",
    ),
    (ProblemKind::Exposure, "permissive policy all_rows", "CREATE POLICY all_rows ON t USING (true)"),
    (
        ProblemKind::Exposure,
        "materialized view that other roles can read",
        "CREATE MATERIALIZED VIEW m AS SELECT * FROM t; GRANT SELECT ON m TO PUBLIC",
    ),
    (ProblemKind::ForeignKey, "not converted itself", "CREATE TABLE u (t_id int REFERENCES t (id))"),
    (
        ProblemKind::ForeignKey,
        "ON UPDATE SET NULL",
        "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES t (id) ON UPDATE SET NULL",
    ),
    (
        ProblemKind::ForeignKey,
        "MATCH FULL",
        "ALTER TABLE t ADD UNIQUE (id, b), ADD FOREIGN KEY (a, b) REFERENCES t (id, b) MATCH FULL",
    ),
    (ProblemKind::Key, "replica identity t_pkey", "ALTER TABLE t REPLICA IDENTITY USING INDEX t_pkey"),
    (
        ProblemKind::Key,
        "on which other objects depend: rule _RETURN on view public.v",
        "CREATE VIEW v AS SELECT t.*, count(*) FROM t GROUP BY t.id",
    ),
    (
        ProblemKind::Key,
        "the exclusion constraint t_excl",
        "ALTER TABLE t ADD CONSTRAINT t_excl EXCLUDE USING gist (int4range(a, b) WITH &&)",
    ),
    (ProblemKind::Shape, "inherits", "CREATE TABLE child () INHERITS (t)"),
];

#[tokio::test]
async fn each_reason_is_named_and_nothing_changes() -> Result<()> {
    for (kind, text, sql) in CASES {
        let application = Application::new(&format!("{TABLE}{sql}"), TenantType::Uuid).await?;
        let owner = application.owner().await?;
        let conversion = Conversion::new(application.settings.clone()).tables(["t"]).tenant(FIRST);
        let before = application.snapshot().await?;
        let plan = conversion.plan(&owner).await?;
        let [problem] = &plan.problems[..] else { panic!("{sql}: {plan}") };
        assert_eq!(problem.kind, *kind, "{sql}: {plan}");
        assert!(problem.problem.contains(text) && !problem.remedy.is_empty(), "{sql}: {plan}");
        match conversion.run(&owner, Phase::Column, |_| ()).await {
            Err(ConversionError::Refused { problems }) => assert_eq!(problems, plan.problems),
            other => panic!("{sql}: {other:?}"),
        }
        application.snapshot().await?.assert_equals(&before);
    }
    Ok(())
}

#[tokio::test]
async fn other_relations_and_owners_are_refused() -> Result<()> {
    let sql = "CREATE VIEW view_of_none AS SELECT 1 AS id; CREATE TABLE divided (id int) PARTITION BY HASH (id); \
               CREATE TABLE part PARTITION OF divided FOR VALUES WITH (MODULUS 1, REMAINDER 0); CREATE TABLE good (id int PRIMARY KEY)";
    let application = Application::new(sql, TenantType::Uuid).await?;
    application
        .database
        .superuser()
        .await?
        .execute_unprepared("CREATE TABLE public.foreigners (id int PRIMARY KEY)")
        .await?;
    let owner = application.owner().await?;
    let conversion = |settings| {
        Conversion::new(settings)
            .tables(["view_of_none", "divided", "part", "foreigners", "absent", "good"])
            .tenant(FIRST)
    };
    let plan = conversion(application.settings.clone()).plan(&owner).await?;
    let found: Vec<(&str, ProblemKind)> =
        plan.problems.iter().map(|problem| (problem.object.as_str(), problem.kind)).collect();
    assert_eq!(
        found,
        [
            ("public.absent", ProblemKind::Missing),
            ("public.divided", ProblemKind::Shape),
            ("public.foreigners", ProblemKind::Owner),
            ("public.part", ProblemKind::Shape),
            ("public.view_of_none", ProblemKind::Shape),
        ],
        "{plan}"
    );
    let role = application.database.owner_role().to_owned();
    for (settings, text) in [
        (application.settings.clone().with_app_role(role), "whose rights the application's role has"),
        (application.settings.clone().with_app_role("no such role"), "does not exist"),
        (application.settings.clone().with_app_role("postgres"), "bypasses row-level security"),
    ] {
        let plan = Conversion::new(settings).tables(["good"]).plan(&owner).await?;
        assert!(plan.problems.iter().any(|problem| problem.problem.contains(text)), "{text}: {plan}");
    }
    Ok(())
}

#[tokio::test]
async fn keys_that_are_none_and_databases_without_the_core_are_refused() -> Result<()> {
    let application =
        Application::new("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)", TenantType::Uuid)
            .await?;
    let owner = application.owner().await?;
    let conversion = Conversion::new(application.settings.clone()).tables(["t"]);
    let plan = conversion.plan(&owner).await?;
    assert!(plan.problems[0].remedy.contains("--tenant"), "{plan}");
    for key in ["00000000-0000-0000-0000-000000000000", "5", ""] {
        let error = conversion.clone().tenant(key).plan(&owner).await.expect_err(key);
        assert!(matches!(error, ConversionError::TenantKey { .. }), "{error}");
    }
    let error = Conversion::new(application.settings.clone()).plan(&owner).await.expect_err("no table");
    assert!(matches!(error, ConversionError::NoTables), "{error}");
    let error = conversion.plan_undo(&owner).await.expect_err("not converted");
    assert!(matches!(error, ConversionError::NothingToUndo), "{error}");

    let empty = watertight_tests::TestDatabase::empty().await?;
    let owner = empty.owner().await?;
    owner.execute_unprepared("CREATE TABLE t (id int PRIMARY KEY, org_id integer NOT NULL)").await?;
    let settings = application.settings.clone().with_tenant_column("org_id");
    let plan = Conversion::new(settings).tables(["t"]).plan(&owner).await?;
    assert_eq!(plan.problems[0].kind, ProblemKind::Core, "{plan}");
    assert!(plan.problems[0].remedy.contains("WATERTIGHT_TENANT_TYPE=integer"), "{plan}");
    Ok(())
}
