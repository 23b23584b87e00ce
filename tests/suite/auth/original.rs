//! Rows of the original system are readable: users log in with their passwords, codes and backup codes.
//!
//! `original/vectors.json` was made by `original/vectors.mjs` with Node's crypto. The bcrypt hashes were made with
//! bcryptjs 3 (`$2a$`, `$2b$`) and libxcrypt (`$2y$`).

use anyhow::Result;
use sea_orm::{ActiveModelTrait, Set};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::json;
use watertight::Watertight;
use watertight::auth::{
    EncryptionKeys, LoginRequest, NewUser, PasswordHash, SealVersion, SecondFactor, SigningKeys, TotpSecret,
};
use watertight::entity::auth::{backup_codes, sessions, totp_secrets};

use super::{World, code, new_user, request, settings, user};

#[derive(Deserialize)]
struct Vectors {
    totp_secrets: Vec<SealedVector>,
    totp_codes: Vec<CodeVector>,
    backup_codes: Vec<BackupVector>,
    session_tokens: Vec<TokenVector>,
}

#[derive(Deserialize, Clone)]
struct SealedVector {
    passphrase: String,
    secret: String,
    encrypted_secret: String,
    iv: String,
    auth_tag: String,
    salt: String,
}

#[derive(Deserialize)]
struct CodeVector {
    secret: String,
    time: u64,
    code: String,
}

#[derive(Deserialize)]
struct BackupVector {
    code: String,
    hash: String,
}

#[derive(Deserialize)]
struct TokenVector {
    key: String,
    tenant: String,
    session: String,
    token: String,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("original/vectors.json")).expect("the vectors")
}

const HASHES: [(&str, &str); 4] = [
    ("correct horse battery staple", "$2a$06$abcdefghijklmnopqrstuu10cNU3mXRamSUZYs8I8M/Szu..qXq5K"),
    ("pässwörd – 鍵", "$2b$06$ABCDEFGHIJKLMNOPQRSTUORFG5lJdDdEAs0F5GdiUk6fbRkvxj4d2"),
    ("123456", "$2b$04$zyxwvutsrqponmlkjihgfecKV29yPOsR5TZ12bq3Rs..1zVghAvle"),
    ("123456", "$2y$06$abcdefghijklmnopqrstuuLef0uu6zZZbg/pRtkAWa8/qYlyl0DtG"),
];

#[tokio::test]
async fn passwords() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    for (n, (typed, hash)) in HASHES.into_iter().enumerate() {
        let handle = format!("user{n}");
        let hash: PasswordHash = hash.parse()?;
        auth.users().create(NewUser { credential: hash.into(), ..new_user(&handle) }).await?;
        auth.login(request(&handle, typed)).await?;
        assert!(
            auth.login(request(&handle, &format!("{typed}x"))).await.is_err(),
            "{hash:?}",
            hash = HASHES[n]
        );
    }
    Ok(())
}

#[tokio::test]
async fn totp_secrets_and_codes() -> Result<()> {
    let passphrases: Vec<_> = vectors().totp_secrets.into_iter().map(|vector| vector.passphrase).collect();
    let world = World::with(settings().encryption_keys(EncryptionKeys::new(passphrases)?)).await?;
    let auth = world.clinic.auth();
    for (n, vector) in vectors().totp_secrets.into_iter().enumerate() {
        let user = user(&world.clinic, &format!("user{n}")).await?;
        totp_secrets::ActiveModel {
            handle: Set(user.handle.to_string()),
            user_id: Set(user.id),
            encrypted_secret: Set(vector.encrypted_secret),
            iv: Set(vector.iv),
            auth_tag: Set(vector.auth_tag),
            salt: Set(vector.salt),
            ..Default::default()
        }
        .insert(&world.clinic)
        .await?;
        let stored = auth.totp().find(&user.handle).await?.expect("the secret");
        assert_eq!(stored.secret.expose_base32().expose_secret(), vector.secret);
        assert_eq!(stored.version, SealVersion::PerRowKey);

        let enabled = watertight::auth::UserUpdate { totp_enabled: true.into(), ..Default::default() };
        auth.users().update(user.id, enabled).await?;
        let shown = code(&world.clinic, &stored.secret, 0).await?;
        auth.login(super::with_code(user.handle.as_str(), &shown)).await?;
        assert!(auth.login(super::with_code(user.handle.as_str(), &shown)).await.is_err(), "used");
    }
    for CodeVector { secret, time, code } in vectors().totp_codes {
        assert_eq!(TotpSecret::from_base32(&secret)?.code_at(time)?, code, "{secret} {time}");
    }
    Ok(())
}

#[tokio::test]
async fn backup_codes_hashed_with_sha_256() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    let jess = user(&world.clinic, "jess").await?;
    let enabled = watertight::auth::UserUpdate { totp_enabled: true.into(), ..Default::default() };
    auth.users().update(jess.id, enabled).await?;
    let codes = vectors().backup_codes;
    let stored = codes.iter().enumerate().map(|(n, vector)| {
        json!({"id": format!("code-{n}"), "hash": vector.hash, "used": n == 0,
               "usedAt": (n == 0).then_some("2025-01-01T00:00:00.000Z")})
    });
    backup_codes::ActiveModel { user_id: Set(jess.id), codes: Set(stored.collect()), ..Default::default() }
        .insert(&world.clinic)
        .await?;
    assert_eq!(auth.backup_codes().consume(jess.id, &codes[0].code).await?, None, "used before");
    assert_eq!(auth.backup_codes().consume(jess.id, &codes[1].code).await?, Some(1));
    let second_factor = Some(SecondFactor::BackupCode(codes[2].code.as_str().into()));
    let login = auth.login(LoginRequest { second_factor, ..request("jess", super::PASSWORD) }).await?;
    assert_eq!(login.backup_codes_remaining, Some(0));
    let set = auth.backup_codes().find(jess.id).await?.expect("the set");
    assert_eq!(set.codes[0].used_at.map(|at| at.to_rfc3339()), Some("2025-01-01T00:00:00+00:00".to_owned()));
    Ok(())
}

#[tokio::test]
async fn session_tokens() -> Result<()> {
    let world = World::new().await?;
    for vector in vectors().session_tokens {
        let key = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, &vector.key)?;
        let settings = settings().signing_keys(SigningKeys::new([key])?);
        let water = world.database.water_with(Watertight::builder().auth(settings)).await?;
        let tenant = water.tenant(vector.tenant.parse()?);
        let jess = user(&tenant, "jess").await?;
        let session = sessions::ActiveModel {
            id: Set(vector.session.parse()?),
            user_id: Set(jess.id),
            expires_at: Set((chrono::Utc::now() + chrono::TimeDelta::hours(1)).into()),
            ..Default::default()
        };
        let session = session.insert(&tenant).await?;
        assert_eq!(tenant.auth().sessions().issue_token(session.id).await?.expose_secret(), vector.token);
        assert!(tenant.auth().authenticate(&vector.token).await?.is_some());
    }
    Ok(())
}
