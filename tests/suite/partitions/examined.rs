//! The doctor accepts partitioned tables, and finds a wrong partition.

use anyhow::Result;
use sea_orm::{ConnectionTrait, Database};
use watertight::Watertight;
use watertight::doctor::{Check, Finding, Report, Severity};
use watertight_tests::TestDatabase;

use super::{divided, many_tenants};

async fn examine(database: &TestDatabase) -> Result<Report> {
    Ok(Watertight::builder().doctor(&Database::connect(database.app_url()).await?).await?)
}

fn besides_notes(report: &Report) -> Vec<&Finding> {
    report.findings.iter().filter(|finding| finding.severity != Severity::Note).collect()
}

#[tokio::test]
async fn a_partitioned_database_is_sound_for_every_role() -> Result<()> {
    let database = divided().await?;
    many_tenants(&database.owner().await?, 20).await?;
    let report = examine(&database).await?;
    assert!(besides_notes(&report).is_empty(), "{report}");
    assert_eq!(report.tenant_tables, 26);
    let report = Watertight::builder().doctor(&database.maintenance().await?).await?;
    let checks: Vec<Check> = besides_notes(&report).iter().map(|finding| finding.check).collect();
    assert_eq!(checks, [Check::PrivilegedRole, Check::OwnedTables], "{report}");
    assert!(
        report.of(Check::OwnedTables).all(|finding| finding.problem.contains("26 tenant tables")),
        "{report}"
    );
    Ok(())
}

#[tokio::test]
async fn problems_of_a_partition_are_found_and_fixed_by_the_remedy() -> Result<()> {
    let off = "ALTER TABLE auth.sessions_p3 DISABLE ROW LEVEL SECURITY";
    let granted = "GRANT SELECT ON auth.sessions_p3 TO {APP}";
    let (warning, error) = (Severity::Warning, Severity::Error);
    for (planted, found) in [
        (off.to_owned(), vec![(warning, Check::RowSecurity, "auth.sessions_p3")]),
        (granted.to_owned(), vec![(warning, Check::PartitionGrant, "auth.sessions_p3")]),
        (
            format!("{off}; {granted}"),
            vec![
                (error, Check::RowSecurity, "auth.sessions_p3"),
                (warning, Check::PartitionGrant, "auth.sessions_p3"),
            ],
        ),
        (
            "GRANT DELETE ON public.bookings_p0 TO PUBLIC".to_owned(),
            vec![(warning, Check::PartitionGrant, "public.bookings_p0")],
        ),
        (
            "ALTER TABLE auth.audit_events_p7 NO FORCE ROW LEVEL SECURITY".to_owned(),
            vec![(warning, Check::RowSecurity, "auth.audit_events_p7")],
        ),
        (
            "DROP POLICY tenant_isolation ON auth.audit_events_p7; GRANT SELECT ON auth.audit_events_p7 TO PUBLIC"
                .to_owned(),
            vec![
                (error, Check::Policy, "auth.audit_events_p7"),
                (warning, Check::PartitionGrant, "auth.audit_events_p7"),
            ],
        ),
    ] {
        let database = divided().await?;
        let owner = database.owner().await?;
        owner.execute_unprepared(&planted.replace("{APP}", database.app_role())).await?;
        let report = examine(&database).await?;
        let seen: Vec<_> = besides_notes(&report)
            .iter()
            .map(|finding| (finding.severity, finding.check, finding.object.as_str()))
            .collect();
        assert_eq!(seen, found, "{planted}: {report}");
        assert_eq!(report.is_sound(), found.iter().all(|(severity, ..)| *severity != error));
        for finding in besides_notes(&report) {
            owner.execute_unprepared(&finding.remedy).await?;
        }
        let report = examine(&database).await?;
        assert!(besides_notes(&report).is_empty(), "{planted}: {report}");
    }
    Ok(())
}

#[tokio::test]
async fn a_partition_without_the_overlap_constraint_is_found() -> Result<()> {
    let database = divided().await?;
    let owner = database.owner().await?;
    owner
        .execute_unprepared("ALTER TABLE public.bookings_p5 DROP CONSTRAINT bookings_overlap_excl_p5")
        .await?;
    let report = examine(&database).await?;
    let [finding] = besides_notes(&report)[..] else { panic!("{report}") };
    assert_eq!((finding.severity, finding.check), (Severity::Error, Check::MissingIndex), "{report}");
    assert!(finding.problem.ends_with("on its partition public.bookings_p5"), "{report}");
    Ok(())
}
