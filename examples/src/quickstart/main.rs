//! A clinic and a studio in one database. Each sees its own rows, and every attempt to reach the other's rows
//! is stopped.
//!
//! Then a user of the clinic logs in and enrolls a second factor, an attacker tries stolen credentials, and
//! both businesses go through a day.
//!
//! Run it with `cargo xtask quickstart`. It exits with an error when a printed claim does not hold.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

mod claims;
mod crossing;
mod data;
mod day;
mod life;
mod load;
mod show;

use std::process::ExitCode;

use anyhow::{Context, Result};
use sea_orm::Database;
use sea_orm_migration::MigratorTrait;
use uuid::Uuid;
use watertight::Watertight;
use watertight::auth::{AuthSettings, EncryptionKeys, SigningKeys};
use watertight_migration::Migrator;

use crate::claims::Claims;
use crate::data::Business;

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let (owner_url, app_url) = (url("DATABASE_OWNER_URL")?, url("DATABASE_URL")?);
    let owner = Database::connect(&owner_url).await.context("the owner's role cannot connect")?;
    Migrator::up(&owner, None).await?;

    let (clinic, studio) = (Business::read("clinic.json")?, Business::read("studio.json")?);
    // The rows of an earlier run. The application itself cannot delete a payment.
    let maintenance = Watertight::builder().maintenance(&owner).await?;
    for business in [&clinic, &studio] {
        maintenance.erase_without_rehearsal(business.tenant_id()?, |_| ()).await?;
    }
    owner.close().await?;

    let water = Watertight::builder().auth(settings()?).connect(app_url.as_str()).await?;
    let (at_clinic, at_studio) = (water.tenant(clinic.tenant_id()?), water.tenant(studio.tenant_id()?));
    load::load(&at_clinic, &clinic).await?;
    load::load(&at_studio, &studio).await?;

    let mut claims = Claims::default();
    show::own_rows(&mut claims, [(&at_clinic, &clinic), (&at_studio, &studio)]).await?;
    show::same_query(&mut claims, [(&at_clinic, &clinic), (&at_studio, &studio)]).await?;
    crossing::rewriting(&mut claims, &water, &at_studio, &at_clinic).await?;
    crossing::row_level_security(&mut claims, &app_url, &at_studio, &at_clinic).await?;
    crossing::keys(&mut claims, &at_studio, &at_clinic).await?;
    life::of_a_user(&mut claims, &water, &at_clinic, &at_studio, &clinic).await?;
    day::of_business(&mut claims, &at_clinic, &at_studio).await?;
    Ok(claims.conclude())
}

/// Settings with new keys for each run.
///
/// An application reads its keys from its secret store: with other keys earlier sessions are rejected, and
/// second factors cannot be verified.
fn settings() -> Result<AuthSettings> {
    let secret = || [Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()].concat();
    Ok(AuthSettings::default()
        .signing_keys(SigningKeys::new([secret()])?)
        .encryption_keys(EncryptionKeys::new([Uuid::new_v4().to_string()])?)
        .issuer("Harbor Street Clinic"))
}

fn url(variable: &str) -> Result<String> {
    std::env::var(variable).with_context(|| {
        format!("{variable} is not set; `cargo xtask quickstart` sets it and starts a PostgreSQL")
    })
}
