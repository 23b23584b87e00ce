//! The owner's day shows the tenant's bookings, and only to staff who run the business.

use anyhow::Result;
use reqwest::Method;
use sea_orm::{EntityTrait, PaginatorTrait, QueryOrder};
use watertight::TenantConnection;
use watertight::chrono_tz::Tz;
use watertight::entity::public::{bookings, clients};

use crate::world::{CLINIC, OWNER, STUDIO, VIEWER, World};

/// The bookings of a tenant by time, and their day.
async fn bookings_of(tenant: &TenantConnection) -> Result<(Vec<bookings::Model>, String)> {
    let bookings = bookings::Entity::find().order_by_asc(bookings::Column::Datetime).all(tenant).await?;
    let day = bookings[0].datetime.with_timezone(&Tz::America__New_York).date_naive().to_string();
    Ok((bookings, day))
}

#[tokio::test]
async fn the_day_shows_only_the_tenants_bookings() -> Result<()> {
    let world = World::open().await?;
    world.fill_today().await?;
    for (host, here, there) in
        [(CLINIC, &world.clinic, &world.studio), (STUDIO, &world.studio, &world.clinic)]
    {
        let (bookings, day) = bookings_of(here).await?;
        let page = world.known(host, OWNER).await?.get(&format!("/day?date={day}")).await?;
        assert_eq!(page.status, 200);
        assert_eq!(page.text.matches("/day/").count(), bookings.len());
        assert!(bookings.iter().all(|booking| page.text.contains(&format!("/day/{}", booking.id))));
        // Some people are clients of both businesses.
        let ours = clients::Entity::find().all(here).await?;
        assert!(ours.iter().all(|client| page.text.contains(&client.email)));
        let theirs = clients::Entity::find().all(there).await?.into_iter().map(|client| client.email);
        let theirs: Vec<_> =
            theirs.filter(|email| ours.iter().all(|client| client.email != *email)).collect();
        assert!(!theirs.is_empty() && theirs.iter().all(|email| !page.text.contains(email)), "{theirs:?}");
    }
    Ok(())
}

#[tokio::test]
async fn only_staff_see_and_change_the_day() -> Result<()> {
    let world = World::open().await?;
    world.fill_today().await?;
    let (bookings, day) = bookings_of(&world.clinic).await?;
    let (path, form) = (format!("/day/{}", bookings[0].id), [("to", "cancelled"), ("date", day.as_str())]);
    let (anyone, viewer) = (world.visitor(CLINIC), world.known(CLINIC, VIEWER).await?);
    let asked = [anyone.get("/day").await?, anyone.post(&path, &form).await?];
    for answer in asked {
        assert_eq!((answer.status, answer.location()), (303, "/login"));
    }
    for answer in [viewer.get("/day").await?, viewer.post(&path, &form).await?] {
        assert_eq!(answer.status, 403);
        assert!(!answer.text.contains("@example.com"), "{}", answer.text);
    }
    assert_eq!(bookings_of(&world.clinic).await?.0, bookings);
    Ok(())
}

#[tokio::test]
async fn a_final_status_of_a_booking_is_set_once() -> Result<()> {
    let world = World::open().await?;
    world.fill_today().await?;
    let jess = world.known(CLINIC, OWNER).await?;
    let (bookings, day) = bookings_of(&world.clinic).await?;
    for (booking, to) in bookings.iter().zip(["completed", "no_show", "cancelled"]) {
        let path = format!("/day/{}", booking.id);
        let answer = jess.post(&path, &[("to", to), ("date", &day)]).await?;
        assert_eq!((answer.status, answer.location()), (303, format!("/day?date={day}").as_str()));
        // A second click changes nothing, and another status is refused.
        let again = jess.post(&path, &[("to", to), ("date", &day)]).await?;
        assert_eq!(again.status, 303);
        let other = if to == "completed" { "cancelled" } else { "completed" };
        let other = jess.post(&path, &[("to", other), ("date", &day)]).await?;
        assert_eq!(other.status, 409);
        assert!(other.text.contains(to), "{}", other.text);
    }
    let (after, _) = bookings_of(&world.clinic).await?;
    let statuses: Vec<_> = after.iter().map(|booking| booking.status.as_str()).collect();
    assert_eq!(statuses, ["completed", "no_show", "cancelled", "confirmed", "confirmed", "confirmed"]);
    assert_eq!(after[2].cancel_reason.as_deref(), Some("cancelled by jess"));
    let page = jess.get(&format!("/day?date={day}")).await?;
    assert_eq!(page.text.matches("/day/").count(), 3);
    Ok(())
}

#[tokio::test]
async fn a_booking_of_another_tenant_is_not_found() -> Result<()> {
    let world = World::open().await?;
    world.fill_today().await?;
    let jess = world.known(CLINIC, OWNER).await?;
    let (theirs, day) = bookings_of(&world.studio).await?;
    for to in ["completed", "no_show", "cancelled"] {
        let answer = jess.post(&format!("/day/{}", theirs[0].id), &[("to", to), ("date", &day)]).await?;
        assert_eq!(answer.status, 404);
    }
    assert_eq!(bookings_of(&world.studio).await?.0, theirs);
    Ok(())
}

#[tokio::test]
async fn days_follow_one_another() -> Result<()> {
    let world = World::open().await?;
    let jess = world.known(CLINIC, OWNER).await?;
    let page = jess.get("/day?date=2026-03-01").await?;
    assert!(page.text.contains("Sunday 1 March 2026") && page.text.contains("No one has booked"));
    assert!(page.text.contains("date=2026-02-28") && page.text.contains("date=2026-03-02"));
    assert_eq!(jess.get("/day?date=2026-02-30").await?.status, 422);
    assert_eq!(jess.send(jess.request(Method::HEAD, "/day")).await?.status, 200);
    assert_eq!(bookings::Entity::find().count(&world.clinic).await?, 0);
    Ok(())
}
