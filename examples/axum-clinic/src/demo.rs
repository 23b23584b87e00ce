//! The two demonstration businesses in `examples/data`.

use chrono::{NaiveTime, TimeZone, Utc};
use sea_orm::{EntityTrait, PaginatorTrait};
use serde::{Deserialize, Deserializer};
use uuid::Uuid;
use watertight::TenantIdError;
use watertight::auth::{BootstrapUser, Email, Handle, Password};
use watertight::chrono_tz::Tz;
use watertight::content::{NewPractitioner, NewService, OpeningHours, Profile};
use watertight::entity::public::{bookings, services};
use watertight::scheduling::{NewBooking, NewClient};
use watertight::{Error, TenantConnection, TenantId};

/// A demonstration business and its host.
#[derive(Debug, Deserialize)]
pub struct Demo {
    #[serde(skip)]
    host: &'static str,
    tenant_id: Uuid,
    profile: DemoProfile,
    hours: Vec<Hours>,
    users: Vec<DemoUser>,
    services: Vec<DemoService>,
    practitioners: Vec<DemoPractitioner>,
    clients: Vec<DemoClient>,
}

#[derive(Debug, Deserialize)]
struct DemoProfile {
    name: String,
    phone: String,
    street_address: String,
    city: String,
    state: String,
    postal_code: String,
    #[serde(deserialize_with = "time_zone")]
    time_zone: Tz,
}

#[derive(Debug, Deserialize)]
struct Hours {
    days: Vec<u8>,
    #[serde(deserialize_with = "hours_and_minutes")]
    opens: NaiveTime,
    #[serde(deserialize_with = "hours_and_minutes")]
    closes: NaiveTime,
}

#[derive(Debug, Deserialize)]
struct DemoUser {
    handle: String,
    email: String,
    display_name: String,
    role: String,
    pin: String,
}

#[derive(Debug, Deserialize)]
struct DemoService {
    name: String,
    duration_minutes: u16,
    price_cents: u32,
}

#[derive(Debug, Deserialize)]
struct DemoPractitioner {
    handle: Handle,
    name: String,
    title: String,
}

#[derive(Debug, Deserialize)]
struct DemoClient {
    first_name: String,
    last_name: String,
    email: Email,
    phone: String,
}

fn time_zone<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Tz, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

fn hours_and_minutes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NaiveTime, D::Error> {
    let text = String::deserialize(deserializer)?;
    NaiveTime::parse_from_str(&text, "%H:%M").map_err(serde::de::Error::custom)
}

/// The clinic, at `clinic.localhost`, and the studio, at `studio.localhost`.
///
/// # Errors
/// When a file is malformed.
pub fn businesses() -> Result<[Demo; 2], serde_json::Error> {
    let read = |host, text| serde_json::from_str(text).map(|demo| Demo { host, ..demo });
    Ok([
        read("clinic.localhost", include_str!("../../data/clinic.json"))?,
        read("studio.localhost", include_str!("../../data/studio.json"))?,
    ])
}

impl Demo {
    /// The host of the business.
    #[must_use]
    pub const fn host(&self) -> &'static str {
        self.host
    }

    /// The tenant.
    ///
    /// # Errors
    /// [`TenantIdError::Nil`] if the file contains the nil UUID.
    pub fn tenant(&self) -> Result<TenantId, TenantIdError> {
        TenantId::new(self.tenant_id)
    }

    /// The handle and the PIN of the owner.
    #[must_use]
    pub fn owner(&self) -> Option<(&str, &str)> {
        let owner = self.users.iter().find(|user| user.role == "business_owner")?;
        Some((&owner.handle, &owner.pin))
    }

    /// Saves everything except the bookings, unless the tenant already has it.
    ///
    /// # Errors
    /// The error of the failed operation.
    pub async fn open(&self, tenant: &TenantConnection) -> Result<(), Error> {
        if services::Entity::find().count(tenant).await? > 0 {
            return Ok(());
        }
        let content = tenant.content();
        let profile = Profile {
            street_address: self.profile.street_address.clone(),
            city: self.profile.city.clone(),
            state: self.profile.state.clone(),
            postal_code: self.profile.postal_code.clone(),
            slogan: Some("Choose what you need, and when it suits you.".to_owned()),
            ..Profile::new(&self.profile.name, &self.profile.phone, self.profile.time_zone)
        };
        content.save_profile(&profile).await?;
        let hours = self.hours.iter().flat_map(|hours| {
            let (opens, closes) = (hours.opens, hours.closes);
            hours.days.iter().map(move |day_of_week| OpeningHours {
                day_of_week: *day_of_week,
                opens,
                closes,
                label: None,
            })
        });
        content.save_hours(&hours.collect::<Vec<_>>()).await?;
        for (service, display_order) in self.services.iter().zip(1..) {
            let new = NewService::new(&service.name, service.duration_minutes, service.price_cents);
            content.create_service(NewService { display_order, ..new }).await?;
        }
        for one in &self.practitioners {
            let new = NewPractitioner {
                handle: one.handle.clone(),
                name: one.name.clone(),
                title: Some(one.title.clone()),
                bio: None,
                credentials: Vec::new(),
                specializations: Vec::new(),
                license_number: None,
                photo_url: None,
            };
            content.save_practitioner(&new).await?;
        }
        let users = self.users.iter().map(|user| {
            Ok(BootstrapUser {
                handle: user.handle.clone(),
                email: user.email.clone(),
                role: user.role.clone(),
                credential: Some(Password::new(user.pin.as_str())?.into()),
                display_name: Some(user.display_name.clone()),
                ..Default::default()
            })
        });
        tenant.auth().bootstrap_users(users.collect::<Result<_, Error>>()?, false).await?;
        Ok(())
    }

    /// Books the clients for today, unless the tenant has bookings.
    ///
    /// # Errors
    /// The error of the failed operation.
    pub async fn fill_today(&self, tenant: &TenantConnection) -> Result<(), Error> {
        if bookings::Entity::find().count(tenant).await? > 0 {
            return Ok(());
        }
        let (services, staff) =
            (tenant.content().get_services().await?, tenant.content().get_practitioners().await?);
        let zone = self.profile.time_zone;
        let today = Utc::now().with_timezone(&zone).date_naive();
        let comings = self.clients.iter().zip(services.iter().cycle()).zip(staff.iter().cycle()).zip(9..17);
        for (((client, service), practitioner), hour) in comings {
            let new = NewClient {
                phone: Some(client.phone.clone()),
                ..NewClient::new(&client.first_name, &client.last_name, client.email.clone())
            };
            let client = tenant.scheduling().save_client(&new).await?;
            let time = NaiveTime::from_hms_opt(hour, 0, 0).unwrap_or_default();
            let Some(start) = zone.from_local_datetime(&today.and_time(time)).earliest() else { continue };
            // The demonstration shows bookings even if the business is closed today or the hour has passed.
            let booking = NewBooking {
                outside_hours: true,
                ..NewBooking::new(service.id, Some(practitioner.id), client.id, start.to_utc())
            };
            tenant.scheduling().book(&booking).await?;
        }
        Ok(())
    }
}
