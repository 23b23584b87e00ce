//! After an adoption users keep their passwords, second factors, sessions and invitations.

use anyhow::Result;
use sea_orm::EntityTrait;
use secrecy::ExposeSecret;
use watertight::auth::AuthError;
use watertight::auth::{
    AuditFilter, Credential, EncryptionKeys, InvitedUser, LoginRefusal, LoginRequest, Password, SecondFactor,
    TotpSecret,
};
use watertight::entity::public::{bookings, gift_certificates};
use watertight::{TenantConnection, Watertight};

use super::{CLINIC, STUDIO, adoption, with_rows};
use crate::auth::{code, request, settings};

const THIRD: &str = "e0000000-0000-4000-8000-000000000000";

async fn adopted() -> Result<(watertight_tests::TestDatabase, Watertight)> {
    let (database, owner) = with_rows().await?;
    adoption().run(&owner).await?;
    let settings = settings().encryption_keys(EncryptionKeys::new(["a passphrase"])?);
    let water = database.water_with(Watertight::builder().auth(settings)).await?;
    Ok((database, water))
}

fn with(factor: SecondFactor, request: LoginRequest) -> LoginRequest {
    LoginRequest { second_factor: Some(factor), ..request }
}

fn tenant(water: &Watertight, tenant: &str) -> Result<TenantConnection> {
    Ok(water.tenant(tenant.parse()?))
}

#[tokio::test]
async fn users_log_in_with_their_old_password() -> Result<()> {
    let (_database, water) = adopted().await?;
    for (business, name) in [(STUDIO, "jess"), (STUDIO, "jess@example.com"), (THIRD, "JESS")] {
        let tenant = tenant(&water, business)?;
        tenant.auth().login(request(name, "123456")).await?;
        assert!(tenant.auth().login(request(name, "1234567")).await.is_err());
    }
    Ok(())
}

#[tokio::test]
async fn users_log_in_with_their_old_second_factor_and_backup_codes() -> Result<()> {
    let (_database, water) = adopted().await?;
    let clinic = tenant(&water, CLINIC)?;
    let auth = clinic.auth();
    let jess = || request("jess", "correct horse battery staple");
    let mona = || request("mona", "pässwörd – 鍵");
    for (person, secret, backup) in [
        ("jess", "PAQQDMKYXMI2RKEJ4PYNEB4S2Q", "wxyz-6789"),
        ("mona", "BQ5MSI64TZCWJFQPJC4JZDNWV6KKIL4X", "123456"),
    ] {
        let plain = || if person == "jess" { jess() } else { mona() };
        match auth.login(plain()).await {
            Err(AuthError::LoginRefused(LoginRefusal::SecondFactorRequired)) => {}
            other => panic!("{other:?}"),
        }
        let secret = TotpSecret::from_base32(secret)?;
        let stored = auth.totp().find(&person.parse()?).await?.expect("a secret");
        assert_eq!(stored.secret.expose_base32().expose_secret(), secret.expose_base32().expose_secret());
        let shown = code(&clinic, &secret, 0).await?;
        auth.login(with(SecondFactor::Totp(shown.as_str().into()), plain())).await?;
        assert!(auth.login(with(SecondFactor::Totp(shown.as_str().into()), plain())).await.is_err(), "used");
        let login = auth.login(with(SecondFactor::BackupCode(backup.into()), plain())).await?;
        assert_eq!(login.backup_codes_remaining, Some(0));
    }
    Ok(())
}

#[tokio::test]
async fn sessions_continue_and_ended_sessions_stay_ended() -> Result<()> {
    let (_database, water) = adopted().await?;
    let (clinic, studio) = (tenant(&water, CLINIC)?, tenant(&water, STUDIO)?);
    let id = "c0000000-0000-4000-8000-000000000011".parse()?;
    let session = clinic.auth().sessions().find(id).await?.expect("a live session");
    assert_eq!(session.user_data.expect("data").onboarding_step, Some(3));
    assert_eq!(session.created_at.to_rfc3339(), "2025-01-02T03:04:05.678901+00:00");
    let token = clinic.auth().sessions().issue_token(id).await?;
    let known = clinic.auth().authenticate(token.expose_secret()).await?.expect("known");
    assert_eq!(known.user.handle.as_str(), "jess");
    assert!(studio.auth().sessions().all().await?.is_empty());
    assert!(studio.auth().authenticate(token.expose_secret()).await?.is_none());
    Ok(())
}

#[tokio::test]
async fn an_outstanding_invitation_is_accepted_with_its_old_token() -> Result<()> {
    let (_database, water) = adopted().await?;
    let (clinic, studio) = (tenant(&water, CLINIC)?, tenant(&water, STUDIO)?);
    let token = "a token – in clear";
    let credential: Credential = Password::new("another password")?.into();
    let new = || InvitedUser::new("new".parse().expect("a handle"), credential.clone());
    assert!(studio.auth().invitations().accept(token, new()).await.is_err(), "used before");
    let invitation = clinic.auth().invitations().find_by_token(token).await?.expect("an invitation");
    assert_eq!(invitation.metadata.and_then(|metadata| metadata.message).as_deref(), Some("Grüß Gott"));
    let user = clinic.auth().invitations().accept(token, new()).await?;
    assert_eq!((user.email.as_str(), user.role.as_str()), ("new@example.com", "editor"));
    clinic.auth().login(request("new", "another password")).await?;
    Ok(())
}

#[tokio::test]
async fn every_adopted_row_can_be_read() -> Result<()> {
    let (_database, water) = adopted().await?;
    let clinic = tenant(&water, CLINIC)?;
    let auth = clinic.auth();
    assert_eq!(auth.users().all().await?.len(), 3);
    assert_eq!(auth.invitations().all().await?.len(), 1);
    let events = auth.audit().page(&AuditFilter::default()).await?.events;
    let types: Vec<_> = events.iter().map(|event| event.event_type.to_string()).collect();
    assert_eq!(types, ["SOMETHING_OWN", "LOGIN_SUCCESS"], "newest first");
    for id in 1..=2 {
        let user = format!("c0000000-0000-4000-8000-00000000000{id}").parse()?;
        assert!(auth.backup_codes().find(user).await?.is_some());
    }
    assert_eq!(bookings::Entity::find().all(&clinic).await?.len(), 3);
    assert_eq!(gift_certificates::Entity::find().all(&clinic).await?.len(), 2);
    for typed in ["CERT-ABCD2345", "cert abcd 2345", "gc-2024-7"] {
        assert!(clinic.certificates().get(typed).await?.is_some(), "{typed}");
    }
    for typed in ["abcd-2345", "ABCD2345", "bk-old-1"] {
        assert!(clinic.scheduling().get_booking_by_code(typed).await?.is_some(), "{typed}");
    }
    Ok(())
}
