//! The operations of a business on plain, partitioned and distributed tables.

use std::collections::BTreeMap;

use anyhow::Result;
use futures_util::future::join_all;
use sea_orm::{EntityTrait, PaginatorTrait};
use watertight::BookingError;
use watertight::Watertight;
use watertight::auth::AuthError;
use watertight::auth::SessionMetadata;
use watertight::entity::auth::sessions;
use watertight::maintenance::Purge;
use watertight::scheduling::{NewBooking, Reschedule};
use watertight_tests::{TestDatabase, new_tenant};

use crate::adopt::texts;
use crate::auth::{PASSWORD, World, request, settings, trail, user};
use crate::maintenance::{Estate, without_header};
use crate::scheduling::{Shop, at};

/// Two tenants in a database in which the doctor finds nothing.
pub(crate) async fn world(database: TestDatabase) -> Result<World> {
    let water = database.water_with(Watertight::builder().auth(settings()).check_with_doctor()).await?;
    let (clinic, studio) = (water.tenant(new_tenant()?), water.tenant(new_tenant()?));
    Ok(World { database, water, clinic, studio })
}

/// Every table of watertight, as `schema.name`.
pub(crate) fn tables() -> Vec<String> {
    watertight_migration::tables(&watertight_migration::Settings::default())
        .iter()
        .map(|table| format!("{}.{}", table.schema(), table.name()))
        .collect()
}

/// Every row of every tenant in each table, as PostgreSQL prints them.
pub(crate) async fn rows(database: &TestDatabase) -> Result<BTreeMap<String, Vec<String>>> {
    let sees_all = database.maintenance().await?;
    let mut all = BTreeMap::new();
    for table in tables() {
        let rows = texts(&sees_all, &format!("SELECT t::text FROM {table} t ORDER BY 1")).await?;
        all.insert(table, rows);
    }
    Ok(all)
}

pub(crate) async fn users_log_in_and_out_and_the_trail_records_it(world: World) -> Result<()> {
    let jess = user(&world.clinic, "jess").await?;
    user(&world.studio, "jess").await?;
    let auth = world.clinic.auth();
    let login = auth.login(request("jess", PASSWORD)).await?;
    let cookie = login.token.expose_secret().to_owned();
    assert!(auth.authenticate(&cookie).await?.is_some());
    assert!(world.studio.auth().authenticate(&cookie).await?.is_none());
    assert!(auth.sessions().renew(login.session.id).await?.is_some());
    assert_eq!(auth.sessions().all_of(jess.id).await?.len(), 1);
    let nobody = auth.sessions().create(uuid::Uuid::new_v4(), &SessionMetadata::default()).await;
    assert!(matches!(nobody, Err(AuthError::UserNotFound { .. })), "{nobody:?}");
    assert!(auth.sessions().end(login.session.id).await?);
    assert!(auth.authenticate(&cookie).await?.is_none());
    assert!(!trail(&world.clinic).await?.is_empty());
    assert!(trail(&world.studio).await?.is_empty());
    // The rows of a user are deleted with the user.
    auth.login(request("jess", PASSWORD)).await?;
    auth.users().delete(jess.id).await?;
    assert_eq!(sessions::Entity::find().count(&world.clinic).await?, 0);
    Ok(())
}

pub(crate) async fn bookings_are_made_moved_and_cancelled_without_overlap(world: World) -> Result<()> {
    let shop = Shop::open(world.clinic.clone(), &["maya"]).await?;
    let elsewhere = Shop::open(world.studio.clone(), &["maya"]).await?;
    let scheduling = shop.tenant.scheduling();
    let first = scheduling.book(&shop.booking("10:00")).await?;
    assert!(matches!(scheduling.book(&shop.booking("10:30")).await, Err(BookingError::SlotTaken { .. })));
    elsewhere.tenant.scheduling().book(&elsewhere.booking("10:30")).await?;
    let second = scheduling.book(&shop.booking("11:00")).await?;
    let moved = scheduling.reschedule(second.id, Reschedule::to(at("10:30"))).await;
    assert!(matches!(moved, Err(BookingError::SlotTaken { .. })), "{moved:?}");
    scheduling.reschedule(second.id, Reschedule::to(at("14:00"))).await?;
    scheduling.cancel(first.id, "").await?;
    scheduling.book(&shop.booking("10:00")).await?;
    // The database prevents the overlap by itself, and the operation reports the same error.
    scheduling.reschedule(second.id, Reschedule::to(at("15:00"))).await?;
    let keyed = NewBooking { idempotency_key: Some("k".into()), ..shop.booking("12:00") };
    let booked = scheduling.book(&keyed).await?;
    assert_eq!(scheduling.book(&keyed).await?.id, booked.id);
    let other = NewBooking { idempotency_key: Some("k".into()), ..shop.booking("13:00") };
    assert!(matches!(scheduling.book(&other).await, Err(BookingError::IdempotencyKeyReused { .. })));
    Ok(())
}

pub(crate) async fn of_many_concurrent_bookings_of_one_time_one_succeeds(world: World) -> Result<()> {
    let shop = Shop::open(world.clinic.clone(), &["maya"]).await?;
    let elsewhere = world.clinic_elsewhere().await?;
    let attempts = (0..60).map(|n| {
        let tenant = if n % 2 == 0 { shop.tenant.clone() } else { elsewhere.clone() };
        let new = shop.booking(["10:00", "10:30", "09:30"][n % 3]);
        async move { tenant.scheduling().book(&new).await }
    });
    let outcomes = join_all(attempts).await;
    assert!((1..=2).contains(&outcomes.iter().filter(|outcome| outcome.is_ok()).count()));
    for error in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        assert!(matches!(error, BookingError::SlotTaken { .. }), "{error:?}");
    }
    Ok(())
}

/// Whole tenants are measured, exported, erased, restored and purged, before and after the tables have been changed.
pub(crate) async fn whole_tenants_are_kept(
    plain: Estate,
    change: impl AsyncFnOnce(&TestDatabase) -> Result<()>,
) -> Result<()> {
    let Estate { database, maintenance, clinic, studio } = plain;
    let stats = maintenance.stats(clinic).await?;
    let mut lines = Vec::new();
    maintenance.export(clinic, &mut lines, |_| ()).await?;
    change(&database).await?;

    let before = rows(&database).await?;
    let maintenance = Watertight::builder().maintenance(&database.owner().await?).await?;
    assert_eq!(maintenance.stats(clinic).await?, stats);
    let sees_all = Watertight::builder().maintenance(&database.maintenance().await?).await?;
    assert_eq!(sees_all.tenants().await?.len(), 2);
    let mut again = Vec::new();
    sees_all.export(clinic, &mut again, |_| ()).await?;
    assert_eq!(without_header(&again), without_header(&lines));
    let erased = sees_all.erase(clinic, |_| ()).await?;
    assert_eq!(erased.erased(), stats.rows());
    assert_eq!(sees_all.tenants().await?, [studio]);
    // The export of the earlier tables is restored into the current tables.
    sees_all.import(clinic, &lines[..], |_| ()).await?;
    assert_eq!(rows(&database).await?, before);
    let purge = Purge { audit_events_before: Some(chrono::Utc::now()), ..Purge::default() };
    let purged = maintenance.purge(clinic, &purge, |_| ()).await?;
    assert_eq!((purged.sessions, purged.audit_events), (1501, 1200));
    Ok(())
}
