//! A request that another site makes a browser send is refused, and changes nothing.

use anyhow::Result;
use reqwest::Method;
use sea_orm::{EntityTrait, PaginatorTrait};
use watertight::entity::auth::sessions;
use watertight::entity::public::bookings;

use crate::world::{CLINIC, OWNER, World};

#[tokio::test]
async fn a_request_of_another_site_changes_nothing() -> Result<()> {
    let world = World::open().await?;
    world.fill_today().await?;
    let jess = world.known(CLINIC, OWNER).await?;
    let before = bookings::Entity::find().all(&world.clinic).await?;
    let (move_to, day) = (format!("/day/{}", before[0].id), "2026-11-24");
    let evil = [
        vec![("Sec-Fetch-Site", "cross-site")],
        vec![("Sec-Fetch-Site", "same-site")],
        vec![("Sec-Fetch-Site", "cross-site"), ("Origin", jess.origin.as_str())],
        vec![("Origin", "https://evil.example")],
        vec![("Origin", "http://studio.localhost")],
        vec![("Origin", "null")],
        vec![],
    ];
    for headers in &evil {
        for path in [
            "/logout",
            "/login",
            "/login/code",
            "/book",
            "/account/second-factor",
            "/account/second-factor/confirm",
            "/account/second-factor/off",
            &move_to,
        ] {
            let form = [("to", "cancelled"), ("date", day), ("password", OWNER.1), ("name", OWNER.0)];
            let request = jess.request(Method::POST, path).form(&form);
            let request =
                headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
            let answer = jess.send(request).await?;
            assert_eq!(answer.status, 403, "{path} {headers:?}");
            assert!(answer.cookies().is_empty());
        }
    }
    assert_eq!(bookings::Entity::find().all(&world.clinic).await?, before);
    assert_eq!(sessions::Entity::find().count(&world.clinic).await?, 1);
    assert_eq!(jess.get("/day").await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn a_request_of_the_site_itself_is_let_through() -> Result<()> {
    let world = World::open().await?;
    for (name, value) in [("Sec-Fetch-Site", "same-origin"), ("Origin", "")] {
        let jess = world.known(CLINIC, OWNER).await?;
        let value = if value.is_empty() { jess.origin.clone() } else { value.to_owned() };
        let answer = jess.send(jess.request(Method::POST, "/logout").header(name, value)).await?;
        assert_eq!(answer.status, 303, "{name}");
        assert_eq!(jess.session(), None);
    }
    Ok(())
}
