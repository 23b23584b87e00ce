//! Every response has the security headers.

use anyhow::Result;
use reqwest::Method;

use crate::visitor::{Answer, Visitor};
use crate::world::{CLINIC, OWNER, World};

const HEADERS: [(&str, &str); 8] = [
    (
        "content-security-policy",
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; \
         base-uri 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    ("cache-control", "no-store"),
    ("strict-transport-security", "max-age=63072000"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];

fn check(what: &str, answer: &Answer) {
    for (name, expected) in HEADERS {
        let expected = if what.contains("/style.css") && name == "cache-control" && answer.status == 200 {
            "public, max-age=3600"
        } else {
            expected
        };
        let values: Vec<_> = answer.headers.get_all(name).iter().collect();
        assert_eq!(values, [expected], "{name} of {what}");
    }
    // The policy forbids inline code, so the pages must not contain any.
    for inline in ["<script", "<style", " style=", " onclick=", "javascript:"] {
        assert!(!answer.text.contains(inline), "{inline} in {what}");
    }
}

#[tokio::test]
async fn every_response_has_the_security_headers() -> Result<()> {
    let world = World::open().await?;
    let service = world.clinic.content().get_services().await?.swap_remove(0).id;
    let book = format!("/book?service={service}");
    let long = format!("/book?service={}", "x".repeat(9_000));
    let paths = [
        "/",
        "/book",
        &book,
        &long,
        "/booked",
        "/booking",
        "/login",
        "/login/code",
        "/logout",
        "/account",
        "/account/second-factor",
        "/account/second-factor/confirm",
        "/account/second-factor/off",
        "/day",
        "/day?date=x",
        "/day/x",
        "/style.css",
        "/nowhere",
        "/%ff",
    ];
    let visitors: [Visitor; 3] =
        [world.visitor(CLINIC), world.known(CLINIC, OWNER).await?, world.visitor("nobody.localhost")];
    for visitor in &visitors {
        for path in paths {
            for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::POST, Method::DELETE] {
                let what = format!("{method} {path}");
                let request = visitor.request(method, path).header("Sec-Fetch-Site", "same-origin");
                let answer = visitor.send(request).await?;
                assert!(answer.status < 500, "{what}: {answer:?}");
                check(&what, &answer);
            }
            let refused = visitor.send(visitor.request(Method::POST, path)).await?;
            assert_eq!(refused.status, 403);
            check(&format!("forged {path}"), &refused);
        }
    }
    Ok(())
}
