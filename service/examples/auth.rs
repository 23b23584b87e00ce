//! Bootstraps a user, logs the user in, authenticates a token and enrolls a second factor. Run it with
//! `cargo run --example auth` on a migrated database.

use chrono::Utc;
use watertight::auth::AuthError;
use watertight::auth::{
    AuthSettings, BootstrapUser, EncryptionKeys, LoginRefusal, LoginRequest, Password, SecondFactor,
    SigningKeys,
};
use watertight::{TenantId, Watertight};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // An application reads these from its secret store.
    let (cookie_key, passphrase) = (vec![7; 32], "long and random");
    let settings = AuthSettings::default()
        .signing_keys(SigningKeys::new([cookie_key])?)
        .encryption_keys(EncryptionKeys::new([passphrase])?)
        .issuer("Harbor Clinic");
    let water = Watertight::builder().auth(settings).connect_from_env().await?;
    let clinic = water.tenant(TenantId::new(uuid::Uuid::new_v4())?);
    let studio = water.tenant(TenantId::new(uuid::Uuid::new_v4())?);
    let auth = clinic.auth();

    let jess = BootstrapUser {
        handle: "jess".into(),
        email: "jess@example.com".into(),
        role: "business_owner".into(),
        credential: Some(Password::new("123456")?.into()),
        ..Default::default()
    };
    let report = auth.bootstrap_users(vec![jess], true).await?;
    assert_eq!(report.created.len(), 1);

    let request = LoginRequest::new("jess".parse()?, Password::to_verify("123456")?);
    let login = auth.login(request.clone()).await?;
    let token = login.token.expose_secret();
    assert!(auth.authenticate(token).await?.is_some());
    assert!(studio.auth().authenticate(token).await?.is_none());

    let enrollment = auth.totp().enroll(login.session.id).await?;
    let now = u64::try_from(Utc::now().timestamp())?;
    let codes = auth.totp().confirm(login.session.id, &enrollment.secret().code_at(now)?).await?;
    assert_eq!(codes.expose_secrets().count(), 10);

    let refused = auth.login(request.clone()).await;
    assert!(matches!(refused, Err(AuthError::LoginRefused(LoginRefusal::SecondFactorRequired))));
    let next = enrollment.secret().code_at(now + 30)?;
    let second_factor = Some(SecondFactor::Totp(next.into()));
    auth.login(LoginRequest { second_factor, ..request }).await?;
    Ok(())
}
