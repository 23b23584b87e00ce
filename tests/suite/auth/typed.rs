//! Text that people type is the same text on every keyboard, and limits of new values do not bind stored ones.

use anyhow::Result;
use watertight::auth::{
    AuthError, AuthSettings, Email, Handle, Identifier, LoginRequest, NewUser, Password, PasswordHash, User,
};

use super::{PASSWORD, World, new_user, request, settings};

/// The hash of 100 times `x`, by libxcrypt.
const LONG: &str = "$2y$06$abcdefghijklmnopqrstuueHLWckpI7Ut91D6aWthlKy4VKsT9yUG";
/// The hash of `123 ` and U+00E9, by libxcrypt.
const COMPOSED: &str = "$2b$06$abcdefghijklmnopqrstuu6COUPQrKzeQZastgQwoKAuoNN03vmHe";
/// The hash of `123 e` and U+0301, by libxcrypt.
const DECOMPOSED: &str = "$2b$06$abcdefghijklmnopqrstuurbBavPWCqrAEQlI4flyVPRiapfwupMe";

async fn user_with(world: &World, handle: &str, hash: &str) -> Result<User> {
    let hash: PasswordHash = hash.parse()?;
    let new = NewUser { credential: hash.into(), ..new_user(handle) };
    Ok(world.clinic.auth().users().create(new).await?)
}

fn login(name: &str, password: &str) -> Result<LoginRequest> {
    Ok(LoginRequest::new(name.parse()?, Password::to_verify(password)?))
}

#[tokio::test]
async fn a_long_password_of_another_system_logs_in_and_cannot_be_set() -> Result<()> {
    // The cost of the settings is higher, so that the first login replaces the hash.
    for settings in [settings(), AuthSettings::bcrypt_cost(settings(), 7)] {
        let world = World::with(settings).await?;
        let auth = world.clinic.auth();
        let jess = user_with(&world, "jess", LONG).await?;
        let long = "x".repeat(100);
        for _ in 0..2 {
            auth.login(login("jess", &long)?).await?;
            assert!(auth.login(login("jess", &format!("y{long}"))?).await.is_err());
        }
        let too_long = || Password::to_verify(long.clone());
        match auth.users().set_password(jess.id, too_long()?).await {
            Err(AuthError::InvalidSecret { what: "password", .. }) => {}
            other => panic!("{other:?}"),
        }
        assert!(auth.users().change_password(jess.id, &too_long()?, too_long()?, None).await.is_err());
        auth.users().change_password(jess.id, &too_long()?, Password::new(PASSWORD)?, None).await?;
        auth.login(request("jess", PASSWORD)).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_password_is_right_on_every_keyboard() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    user_with(&world, "composed", COMPOSED).await?;
    user_with(&world, "decomposed", DECOMPOSED).await?;
    for handle in ["composed", "decomposed"] {
        for typed in ["123 \u{e9}", "123 e\u{301}"] {
            auth.login(login(handle, typed)?).await?;
        }
        assert!(auth.login(login(handle, "123 e")?).await.is_err());
    }
    Ok(())
}

#[tokio::test]
async fn a_name_is_found_on_every_keyboard_also_one_that_was_stored_before() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    let zoe = super::user(&world.clinic, "ZOE\u{308}").await?;
    assert_eq!(zoe.handle.as_str(), "zo\u{eb}");
    let mine = auth.users().find_by_handle(&"zoe\u{308}".parse()?).await?;
    assert_eq!(mine.map(|user| user.id), Some(zoe.id));

    let owner = world.owner().await?;
    for stored in ["zoe\u{308}", "z\u{200b}oe"] {
        owner.run("UPDATE auth.users SET handle = $1", [stored.into()]).await?;
        let typed = if stored.contains('\u{308}') { "Zo\u{eb}" } else { "Z\u{200b}OE" };
        assert_eq!(auth.login(request(typed, PASSWORD)).await?.user.id, zoe.id, "{stored:?}");
    }
    assert!(auth.login(request("zoe", PASSWORD)).await.is_err());
    Ok(())
}

#[test]
fn new_names_have_no_invisible_characters() {
    for hidden in ["\u{200b}", "\u{202e}", "\u{2066}", "\u{ad}", "\u{feff}", "\u{e0041}", "\u{3164}"] {
        let handle = format!("ad{hidden}min");
        assert!(handle.parse::<Handle>().is_err(), "{handle:?}");
        assert!(format!("{handle}@example.com").parse::<Email>().is_err(), "{handle:?}");
        assert!(handle.parse::<Identifier>().is_ok(), "{handle:?}");
    }
}
