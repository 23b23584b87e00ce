//! Secrets do not print.

use anyhow::Result;
use secrecy::ExposeSecret;
use watertight::auth::{NewInvitation, Role, SecondFactor};

use super::{PASSWORD, World, enroll, password, request, settings, user};

#[tokio::test]
async fn no_input_or_output_of_an_operation_prints_a_secret() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    let jess = user(&world.clinic, "jess").await?;
    let (secret, codes) = enroll(&world.clinic, "jess").await?;
    let request = watertight::auth::LoginRequest {
        second_factor: Some(SecondFactor::BackupCode(codes[0].as_str().into())),
        ..request("jess", PASSWORD)
    };
    let login = auth.login(request.clone()).await?;
    let enrollment = auth.totp().enroll(login.session.id).await?;
    let invited = auth
        .invitations()
        .create(NewInvitation::new("kai@example.com".parse()?, Role::Editor, jess.id))
        .await?;
    let hash = auth.hash_password(password()).await?;
    let new = super::new_user("ana");
    let stored = auth.totp().find(&jess.handle).await?;
    let printed = format!(
        "{request:?} {login:?} {enrollment:?} {invited:?} {hash:?} {new:?} {stored:?} {secret:?} {:?} {:?} {:?}",
        settings(),
        auth,
        world.clinic,
    );
    let json = serde_json::to_string(&(&login.user, &login.session, &invited.invitation))?;
    let base32 = [secret.expose_base32(), enrollment.secret().expose_base32()];
    let [uri, svg] = [enrollment.uri().clone(), enrollment.qr_svg()?];
    let secrets = [
        PASSWORD,
        "a passphrase for tests",
        login.token.expose_secret(),
        invited.token.expose_secret(),
        hash.expose_secret(),
        &codes[0],
        base32[0].expose_secret(),
        base32[1].expose_secret(),
        uri.expose_secret(),
        svg.expose_secret(),
        "[7, 7, 7",
    ];
    for secret in secrets {
        assert!(!printed.contains(secret) && !json.contains(secret), "{secret} is printed");
    }
    assert!(json.contains("jess@example.com") && !json.contains("hash"), "{json}");
    Ok(())
}
