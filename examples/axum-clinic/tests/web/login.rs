//! Logging in with passwords, second factors and backup codes, and the life of cookies.

use std::time::Duration;

use anyhow::Result;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use watertight::auth::TotpSecret;
use watertight::entity::auth::{sessions, users};

use crate::visitor::Visitor;
use crate::world::{CLINIC, OWNER, STUDIO, VIEWER, World, code, settings};

/// Enrolls a second factor through the pages. The current code stays unused.
async fn enroll(world: &World, jess: &Visitor) -> Result<(TotpSecret, Vec<String>)> {
    let page = jess.post("/account/second-factor", &[]).await?;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("data:image/svg+xml;base64,"));
    let inner = |text: &str| text.split_once('<').map(|(inner, _)| inner.to_owned()).expect("an element");
    let key = page.text.split(r#"<code class="key">"#).nth(1).map(inner).expect("the key");
    let secret = TotpSecret::from_base32(&key)?;
    assert_eq!(jess.post("/account/second-factor/confirm", &[("code", "000000")]).await?.status, 422);
    let before = code(&world.clinic, &secret, -1).await?;
    let page = jess.post("/account/second-factor/confirm", &[("code", &before)]).await?;
    assert_eq!(page.status, 200);
    let codes: Vec<_> = page.text.split("<code>").skip(1).map(inner).collect();
    assert_eq!(codes.len(), 10, "{}", page.text);
    Ok((secret, codes))
}

#[tokio::test]
async fn a_password_is_right_or_wrong() -> Result<()> {
    let world = World::open().await?;
    let visitor = world.visitor(CLINIC);
    for wrong in
        [("jess", "428914"), ("nobody", "428913"), ("", ""), ("two words", "x"), ("jess", &"x".repeat(80))]
    {
        let answer = visitor.log_in(wrong).await?;
        assert_eq!(answer.status, 403, "{wrong:?}");
        assert!(answer.text.contains(r#"role="alert""#) && answer.cookies().is_empty());
        assert!(!answer.text.contains("428914"), "no password is in a page");
    }
    for (name, password) in [OWNER, (" Jess@Example.com ", OWNER.1)] {
        let answer = visitor.log_in((name, password)).await?;
        assert_eq!((answer.status, answer.location()), (303, "/day"));
    }
    let answer = world.visitor(CLINIC).log_in(VIEWER).await?;
    assert_eq!((answer.status, answer.location()), (303, "/account"), "who does not run it has no day");
    assert_eq!(world.visitor(STUDIO).log_in(VIEWER).await?.status, 403, "and is no one at the other");
    Ok(())
}

#[tokio::test]
async fn the_session_cookie_has_every_protective_attribute() -> Result<()> {
    let world = World::open().await?;
    let visitor = world.visitor(CLINIC);
    let answer = visitor.log_in(OWNER).await?;
    let token = visitor.session().expect("a session");
    let device = visitor.cookie("__Host-session-device").expect("a device");
    assert_eq!(
        answer.cookies(),
        [
            format!("__Host-session={token}; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=604800"),
            format!(
                "__Host-session-device={device}; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=34560000"
            ),
        ]
    );
    assert!(visitor.get("/day").await?.cookies().is_empty());
    Ok(())
}

#[tokio::test]
async fn logging_out_ends_the_session_itself() -> Result<()> {
    let world = World::open().await?;
    let jess = world.known(CLINIC, OWNER).await?;
    let token = jess.session().expect("a session");
    let answer = jess.post("/logout", &[]).await?;
    assert_eq!((answer.status, answer.location()), (303, "/"));
    assert_eq!(answer.cookies(), ["__Host-session=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0"]);
    jess.set_session(&token);
    assert_eq!(jess.get("/day").await?.location(), "/login", "the cookie, kept, is worth nothing");
    assert_eq!(sessions::Entity::find().count(&world.clinic).await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_second_factor_is_required_and_valid_once() -> Result<()> {
    let world = World::open().await?;
    let jess = world.known(CLINIC, OWNER).await?;
    let (secret, backup) = enroll(&world, &jess).await?;
    assert_eq!(jess.post("/account/second-factor", &[]).await?.status, 409, "there is one already");

    let again = world.visitor(CLINIC);
    let second = again.log_in(OWNER).await?;
    assert_eq!(second.status, 200);
    assert!(second.cookies().is_empty() && !second.text.contains(OWNER.1));
    let wrong = again.post("/login/code", &[("login", &second.value("login")), ("code", "000000")]).await?;
    assert_eq!(wrong.status, 403);
    let right = code(&world.clinic, &secret, 0).await?;
    let used = again.post("/login/code", &[("login", &second.value("login")), ("code", &right)]).await?;
    assert_eq!(used.status, 403, "a login that was tried is over");
    let key = wrong.value("login");
    let other = world.visitor(STUDIO);
    let elsewhere = other.post("/login/code", &[("login", &key), ("code", &right)]).await?;
    assert_eq!(elsewhere.status, 403, "and it is of one tenant");
    let let_in = again.post("/login/code", &[("login", &key), ("code", &right)]).await?;
    assert_eq!((let_in.status, let_in.location()), (303, "/day"), "{}", let_in.text);
    assert_eq!(again.get("/day").await?.status, 200);

    let third = world.visitor(CLINIC);
    let second = third.log_in(OWNER).await?;
    let replayed = third.post("/login/code", &[("login", &second.value("login")), ("code", &right)]).await?;
    assert_eq!(replayed.status, 403, "a code is good once");
    let typed = backup[3].to_lowercase();
    let form = [("login", &*replayed.value("login")), ("code", &typed)];
    assert_eq!(third.post("/login/code", &form).await?.status, 303, "a backup code is good too");
    let second = third.log_in(OWNER).await?;
    let form = [("login", &*second.value("login")), ("code", &typed)];
    assert_eq!(third.post("/login/code", &form).await?.status, 403, "once");
    Ok(())
}

#[tokio::test]
async fn a_second_factor_is_disabled_only_with_the_password() -> Result<()> {
    let world = World::open().await?;
    let jess = world.known(CLINIC, OWNER).await?;
    enroll(&world, &jess).await?;
    let wrong = jess.post("/account/second-factor/off", &[("password", "000000")]).await?;
    assert_eq!(wrong.status, 403);
    assert_eq!(world.visitor(CLINIC).log_in(OWNER).await?.status, 200, "still asked for");
    assert_eq!(jess.post("/account/second-factor/off", &[("password", OWNER.1)]).await?.status, 303);
    assert_eq!(world.visitor(CLINIC).log_in(OWNER).await?.status, 303);
    Ok(())
}

#[tokio::test]
async fn a_lock_is_reported_like_a_wrong_password() -> Result<()> {
    let world = World::open().await?;
    let visitor = world.visitor(CLINIC);
    let nobody = visitor.log_in(("nobody", "000000")).await?;
    for _ in 0..5 {
        visitor.log_in(("jess", "000000")).await?;
    }
    let locked = visitor.log_in(OWNER).await?;
    assert_eq!(locked.status, 403);
    assert_eq!(locked.text.replace("jess", "nobody"), nobody.text);
    let jess = users::Entity::find().filter(users::Column::Handle.eq("jess"));
    assert!(jess.one(&world.clinic).await?.expect("jess").is_locked);
    assert_eq!(world.visitor(STUDIO).log_in(OWNER).await?.status, 303, "of the one tenant alone");
    Ok(())
}

#[tokio::test]
async fn sessions_in_use_are_renewed() -> Result<()> {
    let hour = Duration::from_hours(1);
    let world = World::with(settings().session_age(hour).renewal_threshold(hour)).await?;
    let jess = world.known(CLINIC, OWNER).await?;
    let token = jess.session().expect("a session");
    let before = sessions::Entity::find().one(&world.clinic).await?.expect("one").expires_at;
    let answer = jess.get("/day").await?;
    let [cookie] = answer.cookies()[..] else { panic!("{answer:?}") };
    assert!(
        cookie.starts_with(&format!(
            "__Host-session={token}; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age="
        ))
    );
    assert!(sessions::Entity::find().one(&world.clinic).await?.expect("one").expires_at > before);
    assert_eq!(
        jess.post("/logout", &[]).await?.cookies(),
        ["__Host-session=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0"],
        "a session that is logged out is not renewed"
    );
    Ok(())
}
