//! The doctor for commands: the file with the registration, the role that the findings are about, and SARIF.

use anyhow::Result;
use watertight::doctor::{Check, Severity};
use watertight::{ConfigurationError, ConnectError, Error, Layers, TableSets, Watertight};
use watertight_tests::TestDatabase;

use super::{examine, plant, planted};

#[tokio::test]
async fn the_maintenance_role_reports_about_the_application_s_role() -> Result<()> {
    let database = TestDatabase::create().await?;
    let maintenance = database.maintenance().await?;
    let about = || Watertight::builder().application_role(database.app_role());
    let report = about().doctor(&maintenance).await?;
    assert!(planted(&report).is_empty(), "{report}");
    assert_eq!(report.application_role, database.app_role());
    assert_ne!(report.role, report.application_role);
    // It finds the same as the application's role.
    let sql = "GRANT ALL ON public.clients TO {APP}; REVOKE USAGE ON SCHEMA auth FROM {APP}; GRANT CREATE ON SCHEMA public TO {APP}; \
               REVOKE SELECT ON public.reviews FROM {APP}; \
               CREATE VIEW public.emails AS SELECT email FROM public.clients; GRANT SELECT ON public.emails TO {APP}";
    plant(&database, sql).await?;
    let (as_app, as_maintenance) = (examine(&database).await?, about().doctor(&maintenance).await?);
    let found = |report: &watertight::doctor::Report| {
        planted(report).into_iter().map(|finding| format!("{finding}")).collect::<Vec<_>>()
    };
    assert_eq!(found(&as_app), found(&as_maintenance));
    assert_eq!(found(&as_app).len(), 6, "{as_app}");
    // A role that bypasses row-level security is found when it is the application's.
    let report = Watertight::builder().application_role(&as_maintenance.role).doctor(&maintenance).await?;
    assert!(report.of(Check::PrivilegedRole).any(|finding| finding.severity == Severity::Error), "{report}");
    let unknown = Watertight::builder().application_role("no'body").doctor(&maintenance).await;
    assert!(
        matches!(&unknown, Err(Error::Connect(ConnectError::UnknownRole { role })) if role == "no'body"),
        "{unknown:?}"
    );
    Ok(())
}

#[test]
fn the_file_has_the_registration_and_cannot_drift() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("watertight.toml");
    let builder = || {
        Watertight::builder()
            .table_sets(TableSets::none())
            .tenant_tables(["shop.orders", "customers"])
            .shared_tables(["currencies"])
            .outbox_tables(["messages"])
            .dangerous_one_layer_tables(["totals"])
            .tenant_column_of("customers", "account")
            .rows_for_everyone(["customers"])
            .migrations(["m1", "m2"])
            .dangerous_function("level")
            .application_role("shop")
    };
    let missing = builder().check_configuration(&file);
    assert!(matches!(&missing, Err(ConfigurationError::Differs { line: 1, .. })), "{missing:?}");
    builder().write_configuration(&file)?;
    builder().check_configuration(&file)?;
    let text = std::fs::read_to_string(&file)?;
    let expected = "app_role = \"shop\"\ntable_sets = \"none\"\ntenant_type = \"uuid\"\ntenant_column = \"tenant_id\"\n\
        tenant_tables = [\n    \"public.customers\",\n    \"shop.orders\",\n]\nshared_tables = [\n    \"public.currencies\",\n]\n\
        outbox_tables = [\n    \"public.messages\",\n]\n\
        one_layer_tables = [\n    \"public.totals\",\n]\nrows_for_everyone = [\n    \"public.customers\",\n]\n\
        migrations = [\n    \"m1\",\n    \"m2\",\n]\nfunctions = [\n    \"level\",\n]\n\n\
        [tenant_columns]\n\"public.customers\" = \"account\"\n";
    assert!(text.ends_with(expected), "{text}");
    for drifted in [
        builder().tenant_tables(["later"]),
        builder().migrations(["m3"]),
        builder().dangerous_layers(Layers::RewritingOnly),
        builder().tenant_column("org"),
    ] {
        let error = drifted.check_configuration(&file).unwrap_err();
        assert!(matches!(error, ConfigurationError::Differs { .. }), "{error:?}");
        assert!(error.to_string().contains("WATERTIGHT_WRITE_CONFIGURATION=1"), "{error}");
    }
    let elsewhere = builder().write_configuration(folder.path().join("none/watertight.toml"));
    assert!(matches!(elsewhere, Err(ConfigurationError::Io { .. })), "{elsewhere:?}");
    Ok(())
}

/// Checks the parts that SARIF 2.1.0 requires, and those that viewers of it need.
#[tokio::test]
async fn sarif_has_the_required_parts() -> Result<()> {
    let database = TestDatabase::create().await?;
    plant(
        &database,
        "ALTER TABLE public.reviews DISABLE ROW LEVEL SECURITY; DROP INDEX public.bookings_datetime_idx",
    )
    .await?;
    let report = examine(&database).await?;
    let sarif = report.sarif();
    assert_eq!(sarif["version"], "2.1.0");
    assert!(sarif["$schema"].as_str().is_some_and(|url| url.ends_with("sarif-2.1.0.json")));
    let [run] = sarif["runs"].as_array().unwrap().as_slice() else { panic!("{sarif}") };
    let driver = &run["tool"]["driver"];
    assert_eq!(driver["name"], "watertight doctor");
    let rules = driver["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), report.findings.len());
    let mut levels = Vec::new();
    for (result, finding) in results.iter().zip(&report.findings) {
        let level = result["level"].as_str().unwrap();
        assert!(["error", "warning", "note", "none"].contains(&level));
        levels.push(level);
        let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap())?];
        assert_eq!(rule["id"], result["ruleId"]);
        assert!(rule["shortDescription"]["text"].as_str().is_some_and(|text| text.ends_with('.')));
        let message = result["message"]["text"].as_str().unwrap();
        assert!(message.contains(&finding.problem) && message.contains(&finding.remedy), "{message}");
        let location = &result["locations"][0];
        assert_eq!(location["physicalLocation"]["artifactLocation"]["uri"], "watertight.toml");
        assert_eq!(location["physicalLocation"]["region"]["startLine"], 1);
        assert_eq!(location["logicalLocations"][0]["fullyQualifiedName"], finding.object.as_str());
        assert!(result["partialFingerprints"].as_object().is_some_and(|prints| prints.len() == 1));
    }
    assert_eq!(levels.first(), Some(&"error"));
    assert!(levels.contains(&"warning") && levels.contains(&"note"));
    assert_eq!(
        rules.len(),
        rules.iter().map(|rule| rule["id"].to_string()).collect::<std::collections::BTreeSet<_>>().len()
    );
    Ok(())
}

#[tokio::test]
async fn a_report_passes_up_to_a_grade() -> Result<()> {
    let database = TestDatabase::create().await?;
    let report = examine(&database).await?;
    assert!(report.passes(Severity::Warning) && !report.passes(Severity::Note), "{report}");
    plant(&database, "DROP INDEX public.bookings_datetime_idx").await?;
    let report = examine(&database).await?;
    assert!(report.passes(Severity::Error) && !report.passes(Severity::Warning), "{report}");
    Ok(())
}
