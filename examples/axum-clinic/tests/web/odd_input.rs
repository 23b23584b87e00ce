//! Malformed requests are refused, and none causes an internal error.

use anyhow::Result;
use reqwest::Method;
use sea_orm::{EntityTrait, PaginatorTrait};
use watertight::entity::public::{bookings, clients};

use crate::world::{CLINIC, OWNER, World};

const ODD: [&str; 24] = [
    "",
    " ",
    "%00",
    "a%00b",
    "%ff",
    "%F0%9F%92%A9",
    "%e2%80%ae",
    "%0d%0aSet-Cookie:a=b",
    "'",
    "%27--",
    "%22%3E",
    "%5c",
    "..%2f..%2fetc%2fpasswd",
    "-1",
    "0",
    "999999999999999999999",
    "2026-13-45",
    "+262142-12-31",
    "-262143-01-01",
    "9999-12-31",
    "0001-01-01",
    "00000000-0000-0000-0000-000000000000",
    "%7B%7B7*7%7D%7D",
    "null",
];

#[tokio::test]
async fn no_input_causes_an_internal_error() -> Result<()> {
    let world = World::open().await?;
    world.fill_today().await?;
    let visitor = world.known(CLINIC, OWNER).await?;
    let service = world.clinic.content().get_services().await?.swap_remove(0).id;
    let booking = bookings::Entity::find().one(&world.clinic).await?.expect("one").id;
    let before = bookings::Entity::find().count(&world.clinic).await?;
    let clients = clients::Entity::find().count(&world.clinic).await?;
    let long = "9".repeat(2_000);
    for odd in ODD.into_iter().chain([long.as_str()]) {
        for path in [
            format!("/book?service={odd}"),
            format!("/book?service={service}&day={odd}"),
            format!("/book?service={service}&with={odd}"),
            format!("/book?service={service}&service={odd}"),
            format!("/booked?{odd}"),
            format!("/day?date={odd}"),
            format!("/day?{odd}"),
            format!("/{odd}"),
        ] {
            let answer = visitor.get(&path).await?;
            assert!(answer.status < 500, "GET {path}: {answer:?}");
        }
        for (path, body) in [
            ("/login".to_owned(), format!("name={odd}&password={odd}")),
            ("/booking".to_owned(), format!("code={odd}")),
            ("/login/code".to_owned(), format!("login={odd}&code={odd}")),
            ("/account/second-factor/confirm".to_owned(), format!("code={odd}")),
            ("/book".to_owned(), format!("service={service}&slot={odd}")),
            ("/book".to_owned(), format!("service={service}&slot={odd}/{odd}&first_name={odd}&email={odd}")),
            ("/book".to_owned(), format!("service={service}&day={odd}&with={odd}&key={odd}")),
            ("/book".to_owned(), odd.to_owned()),
            (format!("/day/{odd}"), "to=completed&date=2026-11-24".to_owned()),
            (format!("/day/{booking}"), format!("to={odd}&date=2026-11-24")),
            (format!("/day/{booking}"), format!("to=completed&date={odd}&x=1")),
        ] {
            let request = visitor.request(Method::POST, &path).header("Sec-Fetch-Site", "same-origin");
            let request =
                request.header("Content-Type", "application/x-www-form-urlencoded").body(body.clone());
            let answer = visitor.send(request).await?;
            assert!((400..500).contains(&answer.status), "POST {path} {body}: {answer:?}");
        }
    }
    assert_eq!(bookings::Entity::find().count(&world.clinic).await?, before);
    assert_eq!(clients::Entity::find().count(&world.clinic).await?, clients);
    Ok(())
}

#[tokio::test]
async fn a_body_that_is_no_form_or_too_long_is_refused() -> Result<()> {
    let world = World::open().await?;
    let visitor = world.visitor(CLINIC);
    let send = async |kind: &str, body: String| {
        let request = visitor.request(Method::POST, "/book").header("Sec-Fetch-Site", "same-origin");
        visitor.send(request.header("Content-Type", kind).body(body)).await
    };
    assert_eq!(send("application/json", "{}".to_owned()).await?.status, 415);
    assert_eq!(send("multipart/form-data", "x".to_owned()).await?.status, 415);
    let long = format!("service={}", "x".repeat(100_000));
    assert_eq!(send("application/x-www-form-urlencoded", long).await?.status, 413);
    Ok(())
}

#[tokio::test]
async fn an_odd_cookie_is_no_session() -> Result<()> {
    let world = World::open().await?;
    let right = world.known(CLINIC, OWNER).await?.session().expect("a session");
    for odd in
        [".", "a.b", "=", &right[1..], &format!("{right}x"), &right.replace('.', ""), &"x".repeat(4_000)]
    {
        let visitor = world.visitor(CLINIC);
        visitor.set_session(odd);
        let answer = visitor.get("/day").await?;
        assert_eq!((answer.status, answer.location()), (303, "/login"), "{odd}");
    }
    let visitor = world.visitor(CLINIC);
    visitor.set_session(&format!("{right}; __Host-session={right}"));
    assert_eq!(visitor.get("/day").await?.location(), "/login", "twice is not once");
    Ok(())
}
