//! Saves the profile, services, hours and reviews of a business. Run it with `cargo run --example content` on a migrated database.

use chrono::NaiveTime;
use watertight::content::{NewReview, NewService, OpeningHours, Profile};
use watertight::{TenantId, Watertight};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let water = Watertight::connect_from_env().await?;
    let tenant = water.tenant(TenantId::new(uuid::Uuid::new_v4())?);
    let content = tenant.content();

    let zone = chrono_tz::Tz::America__New_York;
    content.save_profile(&Profile::new("Harbor Street Clinic", "+1 607 555 0142", zone)).await?;
    content.create_service(NewService::new("Deep tissue massage", 75, 12_000)).await?;
    content.create_service(NewService { active: false, ..NewService::new("Sauna", 30, 2_500) }).await?;

    let hour = |hour| NaiveTime::from_hms_opt(hour, 0, 0).unwrap_or_default();
    let weekdays = (1..=5).map(|day_of_week| OpeningHours {
        day_of_week,
        opens: hour(9),
        closes: hour(17),
        label: None,
    });
    content.save_hours(&weekdays.collect::<Vec<_>>()).await?;
    content.save_override("2026-12-25".parse()?, None, Some("Christmas")).await?;

    for (reviewer, rating) in [("Olivia", 5), ("Noah", 4)] {
        let review = NewReview {
            reviewer_name: reviewer.into(),
            rating,
            text: "I sleep again.".into(),
            source: "google".into(),
            published_at: None,
            tags: Vec::new(),
        };
        content.create_review(review).await?;
    }

    let offered: Vec<_> = content.get_services().await?.into_iter().map(|service| service.name).collect();
    assert_eq!(offered, ["Deep tissue massage"]);
    let ratings = content.rating_summary().await?;
    assert_eq!((ratings.average, ratings.count), (Some(4.5), 2));
    Ok(())
}
