//! Valid rows for tests, the same for every tenant.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ActiveModelTrait, ConnectionTrait, DbErr, Set};
use watertight::entity::auth::users;
use watertight::entity::public::{bookings, clients, services};

pub(crate) fn user(handle: &str) -> users::ActiveModel {
    users::ActiveModel {
        handle: Set(handle.to_owned()),
        email: Set(format!("{handle}@example.com")),
        password_hash: Set("$2b$04$not.a.real.hash".to_owned()),
        ..Default::default()
    }
}

pub(crate) fn service(name: &str) -> services::ActiveModel {
    services::ActiveModel {
        name: Set(name.to_owned()),
        duration_minutes: Set(60),
        price_cents: Set(9_000),
        ..Default::default()
    }
}

pub(crate) fn client(name: &str) -> clients::ActiveModel {
    clients::ActiveModel {
        first_name: Set(name.to_owned()),
        last_name: Set("Doe".to_owned()),
        email: Set(format!("{}@example.com", name.to_lowercase())),
        ..Default::default()
    }
}

pub(crate) fn booking(
    code: &str,
    service: &services::Model,
    client: &clients::Model,
    start: DateTime<Utc>,
) -> bookings::ActiveModel {
    bookings::ActiveModel {
        confirmation_code: Set(code.to_owned()),
        service_id: Set(service.id),
        client_id: Set(client.id),
        datetime: Set(start.into()),
        end_time: Set((start + TimeDelta::minutes(60)).into()),
        duration: Set(60),
        amount_cents: Set(9_000),
        ..Default::default()
    }
}

/// A small business: two services, two clients, a booking of the first by the first.
#[derive(Debug)]
pub(crate) struct Business {
    pub(crate) services: [services::Model; 2],
    pub(crate) clients: [clients::Model; 2],
    pub(crate) booking: bookings::Model,
}

pub(crate) async fn business(db: &impl ConnectionTrait) -> Result<Business, DbErr> {
    let services = [service("Massage").insert(db).await?, service("Pilates").insert(db).await?];
    let clients = [client("Ann").insert(db).await?, client("Bob").insert(db).await?];
    let booking = booking("CODE-1", &services[0], &clients[0], Utc::now()).insert(db).await?;
    Ok(Business { services, clients, booking })
}
