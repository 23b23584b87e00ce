//! Loading a business through its tenant's connection. No line here names the tenant.

use std::collections::HashMap;
use std::hash::Hash;

use anyhow::{Context, Result};
use chrono::{Days, NaiveDate, TimeDelta, TimeZone};
use sea_orm::{ActiveModelTrait, EntityTrait, Set};
use watertight::TenantConnection;
use watertight::content::Profile;
use watertight::entity::public::{bookings, clients, practitioners, services};
use watertight::scheduling::{NewPayment, PaymentMethod, PaymentStatus};

use crate::data::Business;

/// Loads the contents of the file for a tenant without rows, or changes nothing.
pub(crate) async fn load(tenant: &TenantConnection, business: &Business) -> Result<()> {
    let transaction = tenant.begin().await?;
    let db = &transaction;
    let profile = &business.profile;
    let profile = Profile {
        street_address: profile.street_address.clone(),
        city: profile.city.clone(),
        state: profile.state.clone(),
        postal_code: profile.postal_code.clone(),
        ..Profile::new(&profile.name, &profile.phone, profile.time_zone)
    };
    db.content().save_profile(&profile).await?;
    db.content().save_hours(&business.hours()).await?;

    // The passwords are hashed in parallel on blocking threads.
    db.auth().bootstrap_users(business.bootstrap_users()?, true).await?;

    let offered = business.services.iter().zip(1..).map(|(service, order)| services::ActiveModel {
        name: Set(service.name.clone()),
        category: Set(Some(service.category.clone())),
        duration_minutes: Set(service.duration_minutes),
        price_cents: Set(service.price_cents),
        display_order: Set(order),
        ..Default::default()
    });
    let offered = services::Entity::insert_many(offered).exec_with_returning(db).await?;
    let offered = by(offered, |service| service.name.clone());

    let staff = business.practitioners.iter().map(|practitioner| practitioners::ActiveModel {
        handle: Set(practitioner.handle.clone()),
        name: Set(practitioner.name.clone()),
        title: Set(Some(practitioner.title.clone())),
        specializations: Set(Some(practitioner.specializations.clone())),
        ..Default::default()
    });
    let staff = practitioners::Entity::insert_many(staff).exec_with_returning(db).await?;
    let staff = by(staff, |practitioner| practitioner.handle.clone());

    let guests = business.clients.iter().map(|client| clients::ActiveModel {
        first_name: Set(client.first_name.clone()),
        last_name: Set(client.last_name.clone()),
        email: Set(client.email.clone()),
        phone: Set(Some(client.phone.clone())),
        ..Default::default()
    });
    let guests = clients::Entity::insert_many(guests).exec_with_returning(db).await?;
    let guests = by(guests, |client| client.email.clone());

    let monday = NaiveDate::from_ymd_opt(2026, 1, 5).context("a Monday")?;
    for booking in &business.bookings {
        let unknown = |what: &str, name: &str| format!("booking {}: no {what} {name:?}", booking.code);
        let service = offered.get(&booking.service).with_context(|| unknown("service", &booking.service))?;
        let practitioner = staff
            .get(&booking.practitioner)
            .with_context(|| unknown("practitioner", &booking.practitioner))?;
        let client = guests.get(&booking.client).with_context(|| unknown("client", &booking.client))?;
        let day =
            monday.checked_add_days(Days::new(booking.day)).with_context(|| unknown("day", "that far"))?;
        // The file has the local times of the business.
        let local = business.profile.time_zone.from_local_datetime(&day.and_time(booking.time));
        let start = local.earliest().with_context(|| unknown("time", &booking.time.to_string()))?;
        let end = start + TimeDelta::minutes(service.duration_minutes.into());
        let made = bookings::ActiveModel {
            confirmation_code: Set(booking.code.clone()),
            service_id: Set(service.id),
            practitioner_id: Set(Some(practitioner.id)),
            client_id: Set(client.id),
            datetime: Set(start.fixed_offset()),
            end_time: Set(end.fixed_offset()),
            duration: Set(service.duration_minutes),
            amount_cents: Set(service.price_cents),
            status: Set(booking.status.clone()),
            ..Default::default()
        }
        .insert(db)
        .await?;
        if booking.payment_status == PaymentStatus::Paid.as_str() {
            db.scheduling().record_payment(made.id, &NewPayment::new(PaymentMethod::Cash)).await?;
        }
    }
    transaction.commit().await?;
    Ok(())
}

fn by<M, K: Eq + Hash>(models: Vec<M>, key: impl Fn(&M) -> K) -> HashMap<K, M> {
    models.into_iter().map(|model| (key(&model), model)).collect()
}
