//! The life of a user: bootstrap, login, second factor, sessions, a stolen token, the audit trail.

use anyhow::{Context, Result};
use chrono::Utc;
use secrecy::ExposeSecret;
use watertight::auth::AuthError;
use watertight::auth::{
    AuditFilter, Login, LoginRefusal, LoginRequest, Password, SecondFactor, SessionMetadata, TotpSecret,
    UserEntity, UserRecord,
};
use watertight::entity::auth::users;
use watertight::{TenantConnection, Watertight};

use crate::claims::Claims;
use crate::data::{Business, User};
use crate::show::{headline, table};

/// A login request: the user, the second factor and the client.
fn request(user: &User, second_factor: Option<SecondFactor>) -> Result<LoginRequest> {
    let metadata = SessionMetadata {
        client_ip: Some("192.0.2.17".parse()?),
        user_agent: Some("Mozilla/5.0 (quickstart)".to_owned()),
        ..Default::default()
    };
    Ok(LoginRequest { second_factor, metadata, ..LoginRequest::new(user.handle.parse()?, user.password()?) })
}

/// The refusal of a login; `None` for a successful one.
fn refusal(login: Result<Login, AuthError>) -> Result<Option<LoginRefusal>> {
    match login {
        Ok(_) => Ok(None),
        Err(AuthError::LoginRefused(refusal)) => Ok(Some(refusal)),
        Err(error) => Err(error.into()),
    }
}

/// The code that the authenticator app shows after a number of steps of 30 seconds.
fn shown(secret: &TotpSecret, steps: u64) -> Result<String> {
    let now = u64::try_from(Utc::now().timestamp())?;
    Ok(secret.code_at(now + 30 * steps)?)
}

pub(crate) async fn of_a_user(
    claims: &mut Claims,
    water: &Watertight,
    clinic: &TenantConnection,
    studio: &TenantConnection,
    business: &Business,
) -> Result<()> {
    headline(
        6,
        "The life of a user",
        "Jess of the clinic logs in and enrolls a second factor, and an attacker steals her session token.",
    );
    let (auth, jess) = (clinic.auth(), business.jess()?);
    bootstrapped_again(claims, clinic, business).await?;

    let wrong = LoginRequest::new(jess.handle.parse()?, Password::to_verify("000000")?);
    let nobody = LoginRequest::new("nobody".parse()?, Password::to_verify("000000")?);
    let bad = Some(LoginRefusal::BadCredentials);
    claims.check("a wrong PIN is refused", &refusal(auth.login(wrong).await)?, &bad);
    claims.check("an unknown user gets the same refusal", &refusal(auth.login(nobody).await)?, &bad);

    let first = auth.login(request(jess, None)?).await?;
    claims.check("the right PIN logs jess in", &first.user.handle.as_str(), &"jess");
    let codes = enroll(claims, clinic, &first).await?;

    let secret = auth.totp().find(&first.user.handle).await?.context("no secret")?.secret;
    let wanted = refusal(auth.login(request(jess, None)?).await)?;
    claims.check(
        "the right PIN without a code is refused",
        &wanted,
        &Some(LoginRefusal::SecondFactorRequired),
    );
    let code = SecondFactor::Totp(shown(&secret, 1)?.into());
    let second = auth.login(request(jess, Some(code.clone()))?).await?;
    let again = refusal(auth.login(request(jess, Some(code))?).await)?;
    claims.check("a code works once", &again, &Some(LoginRefusal::SecondFactorWrong));
    let backup = SecondFactor::BackupCode(codes.first().context("no codes")?.as_str().into());
    let third = auth.login(request(jess, Some(backup.clone()))?).await?;
    claims.check("a backup code works, and 9 remain", &third.backup_codes_remaining, &Some(9));
    let again = refusal(auth.login(request(jess, Some(backup))?).await)?;
    claims.check("a used backup code is refused", &again, &Some(LoginRefusal::SecondFactorWrong));

    sessions(claims, clinic).await?;
    stolen(claims, water, clinic, studio, &second).await?;
    trail(claims, clinic, studio).await?;
    let busy = water.hashing_metrics();
    println!("{} hashes were computed, at most {} at a time.", busy.done, busy.peak);
    Ok(())
}

async fn bootstrapped_again(
    claims: &mut Claims,
    clinic: &TenantConnection,
    business: &Business,
) -> Result<()> {
    let report = clinic.auth().bootstrap_users(business.bootstrap_users()?, true).await?;
    let counts = (report.created.len(), report.updated.len(), report.unchanged.len());
    claims.check("bootstrapping the users again changes nothing", &counts, &(0, 0, business.users.len()));
    Ok(())
}

/// Enrolls a second factor and returns the backup codes.
async fn enroll(claims: &mut Claims, clinic: &TenantConnection, login: &Login) -> Result<Vec<String>> {
    let auth = clinic.auth();
    let enrollment = auth.totp().enroll(login.session.id).await?;
    println!(
        "\nScan this with an authenticator app, or type {}:\n",
        enrollment.secret().expose_base32().expose_secret()
    );
    println!("{}\n", enrollment.qr_text()?.expose_secret());
    let wrong = auth.totp().confirm(login.session.id, "000 000").await;
    claims.check("a wrong code does not enroll", &matches!(wrong, Err(AuthError::WrongTotpCode)), &true);
    let code = shown(enrollment.secret(), 0)?;
    let codes = auth.totp().confirm(login.session.id, &code).await?;
    let codes: Vec<_> = codes.expose_secrets().map(str::to_owned).collect();
    println!("Backup codes, shown once: {}", codes.join(" "));
    let jess = users::Entity::find_by_handle(clinic, &login.user.handle).await?.context("no jess")?;
    claims.check("the code of the authenticator app enrolls", &jess.totp_enabled, &true);
    Ok(codes)
}

async fn sessions(claims: &mut Claims, clinic: &TenantConnection) -> Result<()> {
    let jess = users::Entity::find_by_handle(clinic, &"jess".parse()?).await?.context("no jess")?;
    let live = jess.sessions(clinic).await?;
    println!("\njess.sessions(&clinic)");
    let mut listed = table(&["session", "from", "begun", "ends"]);
    for session in &live {
        listed.add_row([
            session.id.to_string(),
            session.client_ip.to_string(),
            session.created_at.format("%F %T").to_string(),
            session.expires_at.format("%F %T").to_string(),
        ]);
    }
    println!("{listed}");
    claims.check("three logins are three sessions", &live.len(), &3);
    Ok(())
}

async fn stolen(
    claims: &mut Claims,
    water: &Watertight,
    clinic: &TenantConnection,
    studio: &TenantConnection,
    login: &Login,
) -> Result<()> {
    let token = login.token.expose_secret();
    let known = clinic.auth().authenticate(token).await?.map(|known| known.user.handle.to_string());
    claims.check("the clinic authenticates jess by the token", &known.as_deref(), &Some("jess"));
    let before = water.rewrite_metrics();
    let elsewhere = studio.auth().authenticate(token).await?;
    claims.check("the studio refuses the stolen token", &elsewhere, &None);
    claims.check("the studio sends no query for the stolen token", &water.rewrite_metrics(), &before);
    let (session, signature) = token.split_once('.').context("a token has two parts")?;
    let forged = format!("{}.{signature}", session.chars().rev().collect::<String>());
    claims.check("a forged token is refused", &clinic.auth().authenticate(&forged).await?, &None);
    claims.check("logging out ends the session", &clinic.auth().logout(token).await?, &true);
    claims.check(
        "the token of the ended session is refused",
        &clinic.auth().authenticate(token).await?,
        &None,
    );
    Ok(())
}

async fn trail(claims: &mut Claims, clinic: &TenantConnection, studio: &TenantConnection) -> Result<()> {
    let jess = users::Entity::find_by_handle(clinic, &"jess".parse()?).await?.context("no jess")?;
    let events = jess.audit_events(clinic).await?.events;
    println!("\njess.audit_events(&clinic), newest first");
    let mut listed = table(&["when", "what", "severity", "from", "details"]);
    for event in &events {
        listed.add_row([
            event.timestamp.format("%T%.3f").to_string(),
            event.event_type.to_string(),
            event.severity.to_string(),
            event.ip_address.clone().map_or_else(String::new, String::from),
            event.details.to_string(),
        ]);
    }
    println!("{listed}");
    let count = |name: &str| events.iter().filter(|event| event.event_type.as_str() == name).count();
    claims.check("three logins are in the audit trail", &count("LOGIN_SUCCESS"), &3);
    claims.check(
        "four failed logins of jess are in it, one of them without a code",
        &count("LOGIN_FAILURE"),
        &4,
    );
    let theirs = AuditFilter { user_id: Some(jess.id), ..Default::default() };
    let seen = studio.auth().audit().page(&theirs).await?.events;
    claims.check("the studio sees none of these events", &seen.as_slice(), &[].as_slice());
    Ok(())
}
