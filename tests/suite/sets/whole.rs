//! Exports, erasure, imports and purges of whole tenants, on moved tables.

use anyhow::Result;
use chrono::Utc;
use watertight::maintenance::Purge;

use super::{builder, move_tables};
use crate::maintenance::{Estate, without_header};

#[tokio::test]
async fn an_export_can_be_imported_into_other_schemas() -> Result<()> {
    let estate = Estate::new().await?;
    let clinic = estate.clinic;
    let mut before = Vec::new();
    let exported = estate.maintenance.export(clinic, &mut before, |_| ()).await?;
    let Estate { database, maintenance, studio, .. } = estate;
    let other = maintenance.stats(studio).await?.rows();
    drop(maintenance);
    move_tables(&database).await?;

    let moved = builder().maintenance(&database.owner().await?).await?;
    let mut after = Vec::new();
    let again = moved.export(clinic, &mut after, |_| ()).await?;
    assert_eq!(again.rows, exported.rows);
    let sorted = |lines: &[u8]| {
        let mut lines: Vec<String> = without_header(lines).into_iter().map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    };
    assert_eq!(sorted(&after), sorted(&before));

    let mut tables = Vec::new();
    let erasure = moved.erase(clinic, |step| tables.push(step.table.to_owned())).await?;
    assert_eq!(erasure.erased(), exported.rows.values().sum::<u64>());
    assert!(tables.contains(&"identity.users".to_owned()) && !tables.contains(&"auth.users".to_owned()));
    assert_eq!(moved.stats(clinic).await?.rows(), 0);
    // The exports from before and after the tables were moved.
    for lines in [before, after] {
        assert_eq!(moved.import(clinic, &lines[..], |_| ()).await?.rows, exported.rows);
        moved.erase(clinic, |_| ()).await?;
    }
    assert_eq!(moved.stats(studio).await?.rows(), other);
    Ok(())
}

#[tokio::test]
async fn expired_rows_are_purged() -> Result<()> {
    let Estate { database, clinic, studio, .. } = Estate::new().await?;
    move_tables(&database).await?;
    let maintenance = builder().maintenance(&database.owner().await?).await?;
    let other = maintenance.stats(studio).await?.rows();
    let purge = Purge { audit_events_before: Some(Utc::now()), ..Purge::default() };
    let mut tables = Vec::new();
    let purged = maintenance.purge(clinic, &purge, |step| tables.push(step.table.to_owned())).await?;
    assert!(purged.sessions > 1_000 && purged.invitations == 1 && purged.audit_events == 1_200, "{purged:?}");
    assert!(purged.reservations > 0, "{purged:?}");
    tables.sort_unstable();
    let expected =
        ["identity.audit_events", "identity.invitations", "identity.sessions", "studio.slot_reservations"];
    assert_eq!(tables, expected);
    assert_eq!(maintenance.stats(studio).await?.rows(), other);
    Ok(())
}
