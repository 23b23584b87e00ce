//! The businesses, as the files in `examples/data` describe them.

use std::path::Path;

use anyhow::{Context, Result};
use chrono::NaiveTime;
use chrono_tz::Tz;
use serde::Deserialize;
use uuid::Uuid;
use watertight::TenantId;
use watertight::auth::{BootstrapUser, Password};
use watertight::content::OpeningHours;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Business {
    tenant_id: Uuid,
    pub(crate) profile: Profile,
    hours: Vec<Hours>,
    pub(crate) users: Vec<User>,
    pub(crate) services: Vec<Service>,
    pub(crate) practitioners: Vec<Practitioner>,
    pub(crate) clients: Vec<Client>,
    pub(crate) bookings: Vec<Booking>,
}

impl Business {
    /// Reads a file of `examples/data`.
    pub(crate) fn read(name: &str) -> Result<Self> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(name);
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        serde_json::from_str(&text).with_context(|| path.display().to_string())
    }

    /// The first users.
    pub(crate) fn bootstrap_users(&self) -> Result<Vec<BootstrapUser>> {
        let user = |user: &User| {
            Ok(BootstrapUser {
                handle: user.handle.clone(),
                email: user.email.clone(),
                role: user.role.clone(),
                credential: Some(user.password()?.into()),
                display_name: Some(user.display_name.clone()),
                ..Default::default()
            })
        };
        self.users.iter().map(user).collect()
    }

    /// The weekly hours.
    pub(crate) fn hours(&self) -> Vec<OpeningHours> {
        let of_day = |hours: &Hours, day_of_week| OpeningHours {
            day_of_week,
            opens: hours.opens,
            closes: hours.closes,
            label: None,
        };
        self.hours.iter().flat_map(|hours| hours.days.iter().map(move |day| of_day(hours, *day))).collect()
    }

    /// The owner, whose login the program shows.
    pub(crate) fn jess(&self) -> Result<&User> {
        self.users.iter().find(|user| user.handle == "jess").context("the file has no jess")
    }

    pub(crate) fn tenant_id(&self) -> Result<TenantId> {
        Ok(TenantId::new(self.tenant_id)?)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    pub(crate) name: String,
    pub(crate) phone: String,
    pub(crate) street_address: String,
    pub(crate) city: String,
    pub(crate) state: String,
    pub(crate) postal_code: String,
    #[serde(deserialize_with = "time_zone")]
    pub(crate) time_zone: Tz,
}

fn time_zone<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Tz, D::Error> {
    let name = String::deserialize(deserializer)?;
    name.parse().map_err(|_| serde::de::Error::custom(format!("{name:?} is not an IANA time zone")))
}

/// The opening hours of a business on some days of the week, from 0 for Sunday.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Hours {
    days: Vec<u8>,
    #[serde(with = "hours_and_minutes")]
    opens: NaiveTime,
    #[serde(with = "hours_and_minutes")]
    closes: NaiveTime,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct User {
    pub(crate) handle: String,
    pub(crate) email: String,
    pub(crate) display_name: String,
    pub(crate) role: String,
    /// The PIN for the demonstration. Read a real PIN from a prompt or the environment, and never from a
    /// file.
    pub(crate) pin: String,
}

impl User {
    pub(crate) fn password(&self) -> Result<Password> {
        Ok(Password::new(self.pin.as_str())?)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) category: String,
    pub(crate) duration_minutes: i32,
    pub(crate) price_cents: i32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Practitioner {
    pub(crate) handle: String,
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) specializations: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Client {
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) email: String,
    pub(crate) phone: String,
}

/// A booking, with the names of its service, practitioner and client.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Booking {
    pub(crate) code: String,
    pub(crate) service: String,
    pub(crate) practitioner: String,
    pub(crate) client: String,
    /// The number of days after the Monday of the shown week.
    pub(crate) day: u64,
    #[serde(with = "hours_and_minutes")]
    pub(crate) time: NaiveTime,
    pub(crate) status: String,
    pub(crate) payment_status: String,
}

mod hours_and_minutes {
    use chrono::NaiveTime;
    use serde::{Deserialize, Deserializer, de::Error};

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NaiveTime, D::Error> {
        let text = String::deserialize(deserializer)?;
        NaiveTime::parse_from_str(&text, "%H:%M")
            .map_err(|error| D::Error::custom(format!("{text:?}: {error}")))
    }
}
