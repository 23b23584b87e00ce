//! Content is saved, changed and ordered. Invalid content is refused by the types and by the database.

use anyhow::Result;
use futures_util::future::join_all;
use rust_decimal::Decimal;
use sea_orm::EntityTrait;
use uuid::Uuid;
use watertight::BookingError;
use watertight::InvalidInput;
use watertight::auth::Change;
use watertight::content::{NewReview, NewService, OpeningHours, Profile, ServiceUpdate};
use watertight::entity::public::business_hours;

use crate::auth::World;
use crate::scheduling::{practitioner, time};

fn invalid<T: std::fmt::Debug>(result: &Result<T, BookingError>) -> bool {
    matches!(result, Err(BookingError::InvalidInput(InvalidInput { .. })))
}

#[tokio::test]
async fn a_business_has_one_profile() -> Result<()> {
    let world = World::new().await?;
    let content = world.clinic.content();
    assert_eq!(content.get_profile().await?, None);
    let profile =
        Profile { city: "Ithaca".into(), ..Profile::new("Clinic", "1", chrono_tz::Tz::America__New_York) };
    content.save_profile(&profile).await?;
    let changed = Profile { name: "Harbor Clinic".into(), ..profile.clone() };
    let saved = content.save_profile(&changed).await?;
    assert_eq!((saved.name.as_str(), saved.time_zone.as_str()), ("Harbor Clinic", "America/New_York"));
    assert_eq!(content.get_profile().await?, Some(saved));
    let coordinates = Some((Decimal::new(4_244, 2), Decimal::new(-765, 1)));
    let placed = content.save_profile(&Profile { coordinates, ..changed.clone() }).await?;
    assert_eq!(placed.latitude.zip(placed.longitude), coordinates);
    world.studio.content().save_profile(&profile).await?;
    assert_eq!(world.studio.content().get_profile().await?.expect("it").name, "Clinic");
    for bad in [
        Profile { country: "USA".into(), ..profile.clone() },
        Profile { country: "us".into(), ..profile.clone() },
        Profile { state: "New York".into(), ..profile.clone() },
        Profile { name: "x".repeat(256), ..profile.clone() },
        Profile { coordinates: Some((Decimal::from(91), Decimal::ZERO)), ..profile.clone() },
    ] {
        assert!(invalid(&content.save_profile(&bad).await), "{bad:?}");
    }
    Ok(())
}

#[tokio::test]
async fn services_are_offered_in_their_order() -> Result<()> {
    let world = World::new().await?;
    let content = world.clinic.content();
    for (name, order, active) in
        [("Yoga", 2, true), ("Massage", 1, true), ("Sauna", 0, false), ("Bath", 2, true)]
    {
        let new = NewService { display_order: order, active, ..NewService::new(name, 60, 9_000) };
        content.create_service(new).await?;
    }
    let names = |services: Vec<watertight::entity::public::services::Model>| -> Vec<String> {
        services.into_iter().map(|service| service.name).collect()
    };
    assert_eq!(names(content.get_services().await?), ["Massage", "Bath", "Yoga"]);
    let all = content.get_all_services().await?;
    assert_eq!(names(all.clone()), ["Sauna", "Massage", "Bath", "Yoga"]);
    let update = ServiceUpdate {
        price_cents: 9_500.into(),
        description: Some("Hot".to_owned()).into(),
        active: true.into(),
        ..Default::default()
    };
    let sauna = content.update_service(all[0].id, update).await?;
    assert_eq!((sauna.price_cents, sauna.active, sauna.duration_minutes), (9_500, true, 60));
    let cleared = ServiceUpdate { description: Change::Set(None), ..Default::default() };
    assert_eq!(content.update_service(sauna.id, cleared).await?.description, None);
    let nothing = content.update_service(Uuid::new_v4(), ServiceUpdate::default()).await;
    assert!(matches!(nothing, Err(BookingError::NotFound { what: "service", .. })));
    for bad in [
        NewService::new("x".repeat(256), 60, 1),
        NewService::new("Massage", 0, 1),
        NewService::new("Massage", 1441, 1),
        NewService::new("Massage", 60, u32::MAX),
        NewService { currency: "dollars".into(), ..NewService::new("Massage", 60, 1) },
        NewService { description: Some("\0".into()), ..NewService::new("Massage", 60, 1) },
    ] {
        assert!(invalid(&content.create_service(bad.clone()).await), "{bad:?}");
    }
    assert_eq!(content.get_all_services().await?.len(), 4);
    Ok(())
}

#[tokio::test]
async fn hours_are_replaced_all_or_none() -> Result<()> {
    let world = World::new().await?;
    let content = world.clinic.content();
    let hours = |day_of_week, opens, closes| OpeningHours {
        day_of_week,
        opens: time(opens),
        closes: time(closes),
        label: Some("open".into()),
    };
    content
        .save_hours(&[hours(1, "13:00", "17:00"), hours(1, "09:00", "12:00"), hours(0, "10:00", "11:00")])
        .await?;
    let saved = content.get_hours().await?;
    assert_eq!(
        saved.iter().map(|row| (row.day_of_week, row.opens)).collect::<Vec<_>>(),
        [(0, time("10:00")), (1, time("09:00")), (1, time("13:00")),]
    );
    for bad in [hours(7, "09:00", "10:00"), hours(1, "10:00", "10:00"), hours(8, "18:00", "02:00")] {
        assert!(invalid(&content.save_hours(&[hours(2, "09:00", "10:00"), bad.clone()]).await), "{bad:?}");
    }
    assert_eq!(content.get_hours().await?, saved);
    content.save_hours(&[]).await?;
    assert!(content.get_hours().await?.is_empty());

    let date = "2098-12-24".parse()?;
    let short = content.save_override(date, Some((time("09:00"), time("12:00"))), Some("eve")).await?;
    let closed = content.save_override(date, None, None).await?;
    assert_eq!((closed.id, closed.opens, closed.reason), (short.id, None, None));
    assert!(invalid(&content.save_override(date, Some((time("12:00"), time("12:00"))), None).await));
    assert!(content.delete_override(date).await?);
    assert!(!content.delete_override(date).await?);
    Ok(())
}

/// Each of several concurrent calls either replaces the hours of another, or is replaced.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_hours_are_those_of_one_call() -> Result<()> {
    let world = World::new().await?;
    let elsewhere = world.clinic_elsewhere().await?;
    for round in 0..50_usize {
        let sets = (1..5_u8).map(|call| -> Vec<OpeningHours> {
            let spans = if (round + usize::from(call)).is_multiple_of(5) { 0 } else { call };
            let span = |n: u8| OpeningHours {
                day_of_week: n,
                opens: time("09:00"),
                closes: time(&format!("1{call}:00")),
                label: Some(call.to_string()),
            };
            (0..spans).map(span).collect()
        });
        let sets: Vec<Vec<OpeningHours>> = sets.collect();
        let calls = sets.iter().enumerate().map(|(n, set)| {
            let tenant = if n % 2 == 0 { &world.clinic } else { &elsewhere };
            tenant.content().save_hours(set)
        });
        join_all(calls).await.into_iter().collect::<Result<Vec<_>, _>>()?;
        let saved = world.clinic.content().get_hours().await?.into_iter().map(|row| OpeningHours {
            day_of_week: u8::try_from(row.day_of_week).expect("a day"),
            opens: row.opens,
            closes: row.closes,
            label: row.label,
        });
        let saved: Vec<_> = saved.collect();
        assert!(sets.contains(&saved), "round {round}: {saved:?}");
    }
    Ok(())
}

#[tokio::test]
async fn practitioners_are_known_by_their_handles() -> Result<()> {
    let world = World::new().await?;
    let content = world.clinic.content();
    content.save_practitioner(&practitioner("tomas")).await?;
    let maya = content.save_practitioner(&practitioner("maya")).await?;
    assert_eq!(maya.credentials, Some(vec!["LMT".to_owned()]));
    let mut renamed = practitioner("maya");
    (renamed.name, renamed.specializations) = ("Maya Lin".into(), vec!["Back".into(), "Neck".into()]);
    let again = content.save_practitioner(&renamed).await?;
    assert_eq!((again.id, again.name.as_str()), (maya.id, "Maya Lin"));
    assert_eq!(content.get_practitioner(&"MAYA".parse()?).await?, Some(again));
    assert_eq!(content.get_practitioner(&"ruth".parse()?).await?, None);
    let handles: Vec<_> = content.get_practitioners().await?.into_iter().map(|row| row.handle).collect();
    assert_eq!(handles, ["maya", "tomas"]);
    Ok(())
}

#[tokio::test]
async fn reviews_are_summed_up_by_the_database() -> Result<()> {
    let world = World::new().await?;
    let content = world.clinic.content();
    let none = content.rating_summary().await?;
    assert_eq!((none.average, none.count), (None, 0));
    let review = |rating| NewReview {
        reviewer_name: "Ann".into(),
        rating,
        text: "Lovely".into(),
        source: "google".into(),
        tags: vec!["back".into()],
        published_at: Some("2026-01-05T10:00:00Z".parse().expect("a time")),
    };
    let mut made = Vec::new();
    for rating in [5, 4, 4, 2] {
        made.push(content.create_review(review(rating)).await?);
    }
    world.studio.content().create_review(review(1)).await?;
    let summary = content.rating_summary().await?;
    assert_eq!((summary.average, summary.count), (Some(3.75), 4));
    assert!(content.get_featured_reviews().await?.is_empty());
    let shown = content.feature_review(made[0].id, true).await?;
    assert_eq!(content.get_featured_reviews().await?, [shown]);
    content.feature_review(made[0].id, false).await?;
    assert!(content.get_featured_reviews().await?.is_empty());
    assert!(matches!(content.feature_review(Uuid::new_v4(), true).await, Err(BookingError::NotFound { .. })));
    for rating in [0, 6] {
        assert!(invalid(&content.create_review(review(rating)).await));
    }
    Ok(())
}

/// The tables refuse the values that the types refuse, from any program.
#[tokio::test]
async fn the_database_refuses_invalid_content() -> Result<()> {
    let world = World::new().await?;
    let owner = world.owner().await?;
    let service = "INSERT INTO services (tenant_id, name, duration_minutes, price_cents, currency) \
                   SELECT watertight.tenant(), 'x', ";
    let hours = "INSERT INTO business_hours (tenant_id, day_of_week, opens, closes) \
                 SELECT watertight.tenant(), ";
    let review = "INSERT INTO reviews (tenant_id, reviewer_name, text, rating) \
                  SELECT watertight.tenant(), 'x', 'x', ";
    let profile = "INSERT INTO business_profile (tenant_id, name, phone, street_address, city, state, postal_code, \
                   country) SELECT watertight.tenant(), 'x', 'x', 'x', 'x', 'x', 'x', ";
    for (insert, good, bad) in [
        (service, "60, 1, 'USD'", vec!["0, 1, 'USD'", "60, -1, 'USD'", "60, 1, 'usd'", "60, 1, 'US'"]),
        (
            hours,
            "1, '09:00', '10:00'",
            vec!["7, '09:00', '10:00'", "-1, '09:00', '10:00'", "1, '10:00', '10:00'"],
        ),
        (review, "5", vec!["0", "6"]),
        (profile, "'US'", vec!["'us'", "'U'"]),
    ] {
        for values in bad {
            assert!(owner.run(&format!("{insert}{values}"), []).await.is_err(), "{insert}{values}");
        }
        owner.run(&format!("{insert}{good}"), []).await?;
    }
    assert_eq!(business_hours::Entity::find().all(&world.clinic).await?.len(), 1);
    Ok(())
}
