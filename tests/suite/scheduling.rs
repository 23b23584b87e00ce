//! Scheduling: availability, holds and bookings.

mod availability;
mod bookings;
mod contacts;
mod distance;
mod earlier;
mod extremes;
mod ledger;
mod midnight;
mod migrated;
mod offered;
mod repeats;
mod stress;
mod whole;

use anyhow::Result;
use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use watertight::TenantConnection;
use watertight::content::{NewPractitioner, NewService, OpeningHours, Profile};
use watertight::entity::public::{clients, practitioners, services};
use watertight::scheduling::{NewBooking, NewClient};

pub(crate) fn time(text: &str) -> NaiveTime {
    NaiveTime::parse_from_str(text, "%H:%M").expect("a time")
}

/// A time on a Monday in the future.
pub(crate) fn at(text: &str) -> DateTime<Utc> {
    "2098-03-03".parse::<chrono::NaiveDate>().expect("a date").and_time(time(text)).and_utc()
}

/// A business in UTC that is open from 09:00 to 17:00 every day, with a service of an hour for $90.
pub(crate) struct Shop {
    pub(crate) tenant: TenantConnection,
    pub(crate) service: services::Model,
    pub(crate) practitioners: Vec<practitioners::Model>,
    pub(crate) client: clients::Model,
}

impl Shop {
    pub(crate) async fn open(tenant: TenantConnection, practitioners: &[&str]) -> Result<Self> {
        let content = tenant.content();
        content.save_profile(&Profile::new("Shop", "+1 607 555 0100", chrono_tz::Tz::UTC)).await?;
        let hours = (0..7).map(|day_of_week| OpeningHours {
            day_of_week,
            opens: time("09:00"),
            closes: time("17:00"),
            label: None,
        });
        content.save_hours(&hours.collect::<Vec<_>>()).await?;
        let service = content.create_service(NewService::new("Massage", 60, 9_000)).await?;
        let mut saved = Vec::new();
        for handle in practitioners {
            saved.push(content.save_practitioner(&practitioner(handle)).await?);
        }
        let client = tenant.scheduling().save_client(&client("ann")).await?;
        Ok(Self { service, practitioners: saved, client, tenant })
    }

    pub(crate) fn booking(&self, start: &str) -> NewBooking {
        let practitioner = self.practitioners.first().map(|practitioner| practitioner.id);
        NewBooking::new(self.service.id, practitioner, self.client.id, at(start))
    }
}

pub(crate) fn practitioner(handle: &str) -> NewPractitioner {
    NewPractitioner {
        handle: handle.parse().expect("a handle"),
        name: handle.to_uppercase(),
        title: None,
        bio: None,
        credentials: vec!["LMT".into()],
        specializations: Vec::new(),
        license_number: Some("NY-17".into()),
        photo_url: None,
    }
}

pub(crate) fn client(name: &str) -> NewClient {
    NewClient::new(name, "Doe", format!("{name}@example.com").parse().expect("an email"))
}

pub(crate) fn hours(count: i64) -> TimeDelta {
    TimeDelta::hours(count)
}
