//! TOTP secrets and backup codes are stored encrypted or hashed, enrolled, replaced, disabled and deleted.

use anyhow::Result;
use sea_orm::EntityTrait;
use secrecy::ExposeSecret;
use uuid::Uuid;
use watertight::auth::AuthError;
use watertight::auth::{
    BackupCodes, EncryptionKeys, LoginRefusal, Password, SealVersion, SecondFactor, SessionMetadata,
    TotpSecret, UserRecord,
};
use watertight::entity::auth::{backup_codes, sessions, totp_secrets};

use super::{PASSWORD, World, code, enroll, password, request, settings, trail, user, with_code};

#[tokio::test]
async fn a_secret_is_stored_replaced_and_deleted() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    let jess = user(&world.clinic, "jess").await?;
    let handle = &jess.handle;
    assert!(auth.totp().find(handle).await?.is_none());
    for _ in 0..2 {
        let secret = TotpSecret::generate()?;
        auth.totp().save(handle, &secret).await?;
        let stored = auth.totp().find(handle).await?.expect("the secret");
        assert_eq!(stored.secret.code_at(0)?, secret.code_at(0)?);
        assert_eq!((stored.user_id, stored.version), (jess.id, SealVersion::SharedKey));
    }
    assert!(auth.totp().delete(handle).await?);
    assert!(!auth.totp().delete(handle).await?);
    let nobody = auth.totp().save(&"nobody".parse()?, &TotpSecret::generate()?).await;
    assert!(matches!(nobody, Err(AuthError::UserNotFound { .. })));
    Ok(())
}

#[tokio::test]
async fn no_row_contains_a_secret_in_plain_text() -> Result<()> {
    let world = World::new().await?;
    let jess = user(&world.clinic, "jess").await?;
    let auth = world.clinic.auth();
    let session = auth.sessions().create(jess.id, &SessionMetadata::default()).await?;
    let pending = auth.totp().enroll(session.id).await?;
    auth.totp().save(&jess.handle, pending.secret()).await?;
    let codes = auth.backup_codes().regenerate(jess.id).await?;
    let rows = format!(
        "{:?} {:?} {:?}",
        totp_secrets::Entity::find().all(&world.clinic).await?,
        sessions::Entity::find().all(&world.clinic).await?,
        backup_codes::Entity::find().all(&world.clinic).await?,
    );
    let secret = pending.secret().expose_base32();
    assert!(!rows.contains(secret.expose_secret()), "{rows}");
    for code in codes.expose_secrets() {
        assert!(!rows.contains(code) && !rows.contains(&code.replace('-', "")), "{rows}");
    }
    Ok(())
}

#[tokio::test]
async fn a_row_copied_over_another_cannot_be_decrypted() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    let (jess, ana) = (user(&world.clinic, "jess").await?, user(&world.clinic, "ana").await?);
    auth.totp().save(&jess.handle, &TotpSecret::generate()?).await?;
    auth.totp().save(&ana.handle, &TotpSecret::generate()?).await?;
    let swap = "UPDATE auth.totp_secrets AS a SET encrypted_secret = j.encrypted_secret, iv = j.iv,
        auth_tag = j.auth_tag, salt = j.salt FROM auth.totp_secrets AS j WHERE a.handle = 'ana' AND j.handle = 'jess'";
    world.owner().await?.run(swap, []).await?;
    assert!(auth.totp().find(&jess.handle).await?.is_some());
    assert!(matches!(auth.totp().find(&ana.handle).await, Err(AuthError::Undecryptable { .. })));
    Ok(())
}

#[tokio::test]
async fn saving_again_replaces_the_passphrase() -> Result<()> {
    let world = World::with(settings().encryption_keys(EncryptionKeys::new(["old"])?)).await?;
    let jess = user(&world.clinic, "jess").await?;
    let secret = TotpSecret::generate()?;
    world.clinic.auth().totp().save(&jess.handle, &secret).await?;
    let with = async |passphrases: &[&str]| -> Result<_> {
        let keys = EncryptionKeys::new(passphrases.iter().copied())?;
        let builder = watertight::Watertight::builder().auth(settings().encryption_keys(keys));
        Ok(world.database.water_with(builder).await?.tenant(world.clinic.tenant_id()))
    };
    let (both, new) = (with(&["new", "old"]).await?, with(&["new"]).await?);
    assert!(matches!(new.auth().totp().find(&jess.handle).await, Err(AuthError::Undecryptable { .. })));
    let stored = both.auth().totp().find(&jess.handle).await?.expect("the secret");
    both.auth().totp().save(&jess.handle, &stored.secret).await?;
    let stored = new.auth().totp().find(&jess.handle).await?.expect("the secret");
    assert_eq!(stored.secret.code_at(0)?, secret.code_at(0)?);
    Ok(())
}

#[tokio::test]
async fn enrollment_is_confirmed_by_a_code_and_then_requires_one() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    let jess = user(&world.clinic, "jess").await?;
    let login = auth.login(request("jess", PASSWORD)).await?;
    assert!(matches!(auth.totp().confirm(login.session.id, "123456").await, Err(AuthError::NotEnrolled)));
    let enrollment = auth.totp().enroll(login.session.id).await?;
    assert!(enrollment.uri().expose_secret().starts_with("otpauth://totp/watertight:jess?secret="));
    let wrong = code(&world.clinic, enrollment.secret(), 5).await?;
    assert!(matches!(auth.totp().confirm(login.session.id, &wrong).await, Err(AuthError::WrongTotpCode)));
    assert!(!auth.users().find(jess.id).await?.expect("jess").totp_enabled);

    let right = code(&world.clinic, enrollment.secret(), -1).await?;
    let codes = auth.totp().confirm(login.session.id, &right).await?;
    assert_eq!(codes.expose_secrets().len(), 10);
    assert!(auth.users().find(jess.id).await?.expect("jess").totp_enabled);
    assert!(matches!(auth.totp().confirm(login.session.id, &right).await, Err(AuthError::NotEnrolled)));
    let stored = auth.totp().find(&jess.handle).await?.expect("the secret");
    assert!(stored.backup_codes_generated);

    let refusal = |result| match result {
        Err(AuthError::LoginRefused(refusal)) => refusal,
        other => panic!("{other:?}"),
    };
    assert_eq!(refusal(auth.login(request("jess", PASSWORD)).await), LoginRefusal::SecondFactorRequired);
    let replayed = auth.login(with_code("jess", &right)).await;
    assert_eq!(refusal(replayed), LoginRefusal::SecondFactorWrong, "the code that confirmed is used");
    let next = code(&world.clinic, enrollment.secret(), 0).await?;
    auth.login(with_code("jess", &next)).await?;
    assert_eq!(refusal(auth.login(with_code("jess", &next)).await), LoginRefusal::SecondFactorWrong);
    Ok(())
}

#[tokio::test]
async fn an_enrollment_expires() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    user(&world.clinic, "jess").await?;
    let login = auth.login(request("jess", PASSWORD)).await?;
    let enrollment = auth.totp().enroll(login.session.id).await?;
    world.owner().await?.run("UPDATE auth.sessions SET temp_totp_expires_at = now()", []).await?;
    let right = code(&world.clinic, enrollment.secret(), 0).await?;
    assert!(matches!(auth.totp().confirm(login.session.id, &right).await, Err(AuthError::NotEnrolled)));
    Ok(())
}

#[tokio::test]
async fn a_backup_code_logs_in_once_and_the_remaining_number_is_reported() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    let jess = user(&world.clinic, "jess").await?;
    let (_, codes) = enroll(&world.clinic, "jess").await?;
    let with = |code: &str| watertight::auth::LoginRequest {
        second_factor: Some(SecondFactor::BackupCode(code.into())),
        ..request("jess", PASSWORD)
    };
    let login = auth.login(with(&codes[3].to_lowercase().replace('-', " "))).await?;
    assert_eq!(login.backup_codes_remaining, Some(9));
    assert!(auth.login(with(&codes[3])).await.is_err());
    assert_eq!(auth.backup_codes().consume(jess.id, &codes[0]).await?, Some(8));
    assert_eq!(auth.backup_codes().consume(jess.id, &codes[0]).await?, None);
    let set = jess.backup_codes(&world.clinic).await?.expect("the set");
    assert_eq!((set.remaining(), set.codes.len()), (8, 10));
    assert!(set.codes[3].used && set.codes[3].used_at.is_some() && set.last_used_at.is_some());

    let replaced = auth.backup_codes().regenerate(jess.id).await?;
    assert_eq!(auth.backup_codes().consume(jess.id, &codes[1]).await?, None, "the old ones are void");
    let first = replaced.expose_secrets().next().expect("a code");
    assert_eq!(auth.backup_codes().consume(jess.id, first).await?, Some(9));
    assert!(auth.backup_codes().delete(jess.id).await?);
    assert!(!auth.backup_codes().delete(jess.id).await?);
    assert_eq!(auth.backup_codes().find(jess.id).await?, None);
    assert_eq!(auth.backup_codes().consume(jess.id, first).await?, None);
    let nobody = auth.backup_codes().save(Uuid::new_v4(), &BackupCodes::generate(10)?).await;
    assert!(matches!(nobody, Err(AuthError::UserNotFound { .. })));
    Ok(())
}

#[tokio::test]
async fn disabling_requires_the_password_and_deletes_all_data() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    let jess = user(&world.clinic, "jess").await?;
    enroll(&world.clinic, "jess").await?;
    let refused = auth.totp().disable(jess.id, &Password::new("wrong")?).await;
    assert!(matches!(refused, Err(AuthError::LoginRefused(LoginRefusal::BadCredentials))));
    assert!(auth.totp().find(&jess.handle).await?.is_some());
    auth.totp().disable(jess.id, &password()).await?;
    assert!(auth.totp().find(&jess.handle).await?.is_none());
    assert!(auth.backup_codes().find(jess.id).await?.is_none());
    auth.login(request("jess", PASSWORD)).await?;
    assert!(trail(&world.clinic).await?.contains(&"TOTP_DISABLED".to_owned()));
    Ok(())
}

#[tokio::test]
async fn without_passphrases_there_is_no_second_factor() -> Result<()> {
    let bare = watertight::auth::AuthSettings::default().bcrypt_cost(4);
    let world = World::with(bare).await?;
    let jess = user(&world.clinic, "jess").await?;
    let auth = world.clinic.auth();
    let session = auth.sessions().create(jess.id, &SessionMetadata::default()).await?;
    let missing = auth.totp().enroll(session.id).await;
    assert!(matches!(missing, Err(AuthError::NotConfigured { what: "encryption_keys" })));
    let missing = auth.login(request("jess", PASSWORD)).await;
    assert!(matches!(missing, Err(AuthError::NotConfigured { what: "signing_keys" })));
    Ok(())
}
