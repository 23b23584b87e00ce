//! What anonymous visitors cannot do to a business, its clients and its owner.

use std::time::Duration;

use anyhow::Result;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use futures_util::future::{join_all, try_join_all};
use sea_orm::{EntityTrait, PaginatorTrait};
use watertight::entity::public::{bookings, clients};
use watertight::web::Tenancy;
use watertight_axum_clinic::{AddressSource, router_with};

use crate::booking::{form, send, times, with};
use crate::visitor::Visitor;
use crate::world::{CLINIC, OWNER, STUDIO, Served, World, settings};

/// The text of an element of a page's day, found by its booking.
fn appointment<'p>(page: &'p str, booking: &bookings::Model) -> &'p str {
    let parts = page.split("<li class=");
    parts.into_iter().find(|part| part.contains(&booking.id.to_string())).expect("the booking")
}

#[tokio::test]
async fn the_owner_sees_what_was_typed_for_the_booking() -> Result<()> {
    let world = World::open().await?;
    let (eve, zoe) = (world.visitor(CLINIC), world.visitor(CLINIC));
    let page = times(&eve, &world).await?;
    let evil = with(with(form(&page, 0), "first_name", "Eve"), "phone", "666 666");
    assert_eq!(send(&eve, &evil).await?.status, 303);
    let page = times(&zoe, &world).await?;
    let day = page.value("day");
    assert_eq!(send(&zoe, &form(&page, 4)).await?.status, 303);
    let all = bookings::Entity::find().all(&world.clinic).await?;
    let (theirs, hers): (Vec<_>, Vec<_>) =
        all.iter().partition(|booking| booking.contact_name.as_deref() == Some("Eve Novak"));
    let page = world.known(CLINIC, OWNER).await?.get(&format!("/day?date={day}")).await?;
    let shown = appointment(&page.text, hers[0]);
    assert!(shown.contains("<h2>Zoe Novak</h2>") && shown.contains("+1 607 555 0199"), "{shown}");
    assert!(!shown.contains("666") && shown.contains("belongs to Eve Novak"), "{shown}");
    let shown = appointment(&page.text, theirs[0]);
    assert!(shown.contains("<h2>Eve Novak</h2>") && shown.contains("666 666"), "{shown}");
    Ok(())
}

#[tokio::test]
async fn a_refused_booking_leaves_no_client() -> Result<()> {
    let world = World::open().await?;
    let zoe = world.visitor(CLINIC);
    let page = times(&zoe, &world).await?;
    assert_eq!(send(&zoe, &form(&page, 0)).await?.status, 303);
    let before = clients::Entity::find().count(&world.clinic).await?;
    let late = with(with(form(&page, 0), "key", ""), "email", "victim@example.com");
    assert_eq!(send(&zoe, &late).await?.status, 409);
    assert_eq!(clients::Entity::find().count(&world.clinic).await?, before);
    Ok(())
}

#[tokio::test]
async fn only_offered_times_are_booked() -> Result<()> {
    let world = World::open().await?;
    let zoe = world.visitor(CLINIC);
    let good = form(&times(&zoe, &world).await?, 3);
    let (start, with_whom) = good[4].1.split_once('/').expect("a slot");
    let start: DateTime<Utc> = start.parse()?;
    let slot = |start: DateTime<Utc>| format!("{}/{with_whom}", start.to_rfc3339());
    let year_9999 = start + TimeDelta::days(365 * 7972);
    for odd in [
        start + TimeDelta::seconds(1),
        start + TimeDelta::minutes(1),
        start + TimeDelta::microseconds(1),
        start + TimeDelta::days(7 * 14),
        start + TimeDelta::days(364),
        year_9999,
    ] {
        let answer = send(&zoe, &with(with(good.clone(), "key", ""), "slot", &slot(odd))).await?;
        assert_eq!(answer.status, 409, "{odd}: {}", answer.text);
    }
    let soon = Utc::now() + TimeDelta::minutes(5);
    assert_eq!(send(&zoe, &with(good.clone(), "slot", &slot(soon))).await?.status, 409);
    assert_eq!(bookings::Entity::find().count(&world.clinic).await?, 0);
    assert_eq!(clients::Entity::find().count(&world.clinic).await?, 0);
    assert_eq!(send(&zoe, &good).await?.status, 303, "refused bookings do not count");
    Ok(())
}

#[tokio::test]
async fn an_address_cannot_fill_the_calendar() -> Result<()> {
    let world = World::open().await?;
    let eve = world.visitor(CLINIC);
    let mut forms = Vec::new();
    let (first, service) = {
        let page = times(&eve, &world).await?;
        (page.value("day").parse::<NaiveDate>()?, page.value("service"))
    };
    for day in first.iter_days().take(7) {
        let page = eve.get(&format!("/book?service={service}&day={day}")).await?;
        for slot in (0..page.values("slot").len()).step_by(2) {
            let typed = with(form(&page, slot), "key", &uuid::Uuid::new_v4().to_string());
            forms.push(with(typed, "email", &format!("eve{}@example.com", forms.len())));
        }
    }
    assert!(forms.len() > 20, "{}", forms.len());
    let answers = try_join_all(forms.iter().map(|form| send(&eve, form))).await?;
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status == 429).collect();
    assert!(refused.iter().all(|answer| answer.headers["retry-after"] == "3600"));
    assert!(refused.len() >= forms.len() - 20, "{} of {}", refused.len(), forms.len());
    let booked = bookings::Entity::find().count(&world.clinic).await?;
    assert!((1..=10).contains(&booked), "{booked} bookings of one address");
    assert_eq!(eve.get(&format!("/book?service={service}")).await?.status, 200, "the pages stay");
    assert_eq!(bookings::Entity::find().count(&world.studio).await?, 0);
    Ok(())
}

#[tokio::test]
async fn addresses_are_told_apart_behind_a_proxy() -> Result<()> {
    let world = World::open().await?;
    let tenancy = Tenancy::by_host(world.water.clone(), [(CLINIC, world.clinic.tenant_id())])?;
    let served = Served::new(router_with(tenancy, AddressSource::Proxy)).await?;
    let visitor = Visitor::new(CLINIC, served.address);
    let page = times(&visitor, &world).await?;
    // A form counts before it is known that its time is taken, and is given back then: the same time does not count.
    let book = async |slot: usize, forwarded: &str| {
        let typed = with(form(&page, slot), "key", &uuid::Uuid::new_v4().to_string());
        let request = visitor.request(reqwest::Method::POST, "/book").header("Sec-Fetch-Site", "same-origin");
        let typed: Vec<_> = typed.iter().map(|(name, value)| (*name, value.as_str())).collect();
        visitor.send(request.header("X-Forwarded-For", forwarded).form(&typed)).await
    };
    assert_eq!(book(0, "192.0.2.7").await?.status, 303);
    let visits = (0..20).map(|n| format!("10.0.0.{n}, 192.0.2.{}", n % 2 + 7));
    let visits: Vec<_> = visits.collect();
    let answers = join_all(visits.iter().map(|forwarded| book(0, forwarded))).await;
    for answer in answers {
        assert!(matches!(answer?.status, 409 | 429));
    }
    assert_eq!(book(0, "192.0.2.7").await?.status, 409, "what was refused does not count");
    assert_eq!(book(4, "192.0.2.8").await?.status, 303);
    Ok(())
}

#[tokio::test]
async fn a_code_is_in_no_path() -> Result<()> {
    let world = World::open().await?;
    let zoe = world.visitor(CLINIC);
    let page = times(&zoe, &world).await?;
    let answer = send(&zoe, &form(&page, 0)).await?;
    let code = bookings::Entity::find().one(&world.clinic).await?.expect("one").confirmation_code;
    assert_eq!((answer.status, answer.location()), (303, "/booked"));
    assert_eq!(world.visitor(CLINIC).get("/booked").await?.status, 404, "another browser has no code");
    let max = world.visitor(CLINIC);
    assert_eq!(max.get("/booking").await?.status, 200);
    assert_eq!(max.post("/booking", &[("code", "WRONGONE")]).await?.status, 404);
    let (start, end) = code.split_at(4);
    let typed = format!(" {}-{end} ", start.to_lowercase());
    let found = max.post("/booking", &[("code", &typed)]).await?;
    assert_eq!((found.status, found.location()), (303, "/booked"));
    let [cookie] = found.cookies()[..] else { panic!("{found:?}") };
    assert!(cookie.starts_with("__Host-booking=") && !cookie.contains(&code), "{cookie}");
    assert!(cookie.ends_with("; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=3600"), "{cookie}");
    assert!(max.get("/booked").await?.text.contains(&code));
    assert_eq!(world.visitor(STUDIO).post("/booking", &[("code", &code)]).await?.status, 404);
    Ok(())
}

#[tokio::test]
async fn anonymous_failures_lock_no_owner_out() -> Result<()> {
    let world = World::open().await?;
    let jess = world.known(CLINIC, OWNER).await?;
    assert_eq!(jess.post("/logout", &[]).await?.status, 303);
    let eve = world.visitor(CLINIC);
    for _ in 0..3 {
        for _ in 0..5 {
            assert_eq!(eve.log_in(("jess", "000000")).await?.status, 403);
        }
        assert_eq!(eve.log_in(OWNER).await?.status, 403, "locked");
        let answer = jess.log_in(OWNER).await?;
        assert_eq!((answer.status, answer.location()), (303, "/day"));
    }
    // A right password is not called wrong: one answer everywhere.
    let off = jess.post("/account/second-factor/off", &[("password", OWNER.1)]).await?;
    let login = eve.log_in(OWNER).await?;
    for answer in [&off, &login] {
        assert_eq!(answer.status, 403);
        assert!(answer.text.contains("or the account is locked"), "{}", answer.text);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logins_at_one_business_do_not_delay_another() -> Result<()> {
    let settings = settings().bcrypt_cost(10).concurrent_hashes(1).hashing_queue(30);
    let world = World::with(settings).await?;
    let visitors: Vec<_> = (0..100).map(|_| world.visitor(CLINIC)).collect();
    let flood = join_all(visitors.iter().map(|visitor| visitor.log_in(("nobody", "000000"))));
    let owner = async {
        while world.water.hashing_metrics().waiting < 20 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let before = world.water.hashing_metrics().done;
        let answer = world.visitor(STUDIO).log_in(OWNER).await?;
        anyhow::Ok((answer, world.water.hashing_metrics().done - before))
    };
    let (answers, owner) = tokio::join!(flood, owner);
    let (owner, hashes) = owner?;
    assert_eq!((owner.status, owner.location()), (303, "/day"));
    assert!(hashes <= 10, "{hashes} hashes until the owner is in");
    let mut refused = 0;
    for answer in answers {
        let answer = answer?;
        match answer.status {
            403 => {}
            503 => {
                refused += 1;
                assert_eq!(answer.headers["retry-after"], "5");
                assert!(answer.text.contains("We are busy"), "{}", answer.text);
            }
            other => panic!("{other}: {}", answer.text),
        }
    }
    assert!(refused >= 40, "{refused}");
    Ok(())
}
