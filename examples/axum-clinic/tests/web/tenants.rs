//! A request has the tenant of its host, and no other.

use anyhow::Result;
use axum::http::request::Parts;
use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use uuid::Uuid;
use watertight::ConnectError;
use watertight::web::{ResolveTenant, Tenancy, TenantRejection};
use watertight::{Error, TenantId};
use watertight_axum_clinic::router;

use crate::visitor::Visitor;
use crate::world::{CLINIC, OWNER, STUDIO, Served, World};

#[tokio::test]
async fn each_host_is_a_business_of_its_own() -> Result<()> {
    let world = World::open().await?;
    let (clinic, studio) = (world.visitor(CLINIC).get("/").await?, world.visitor(STUDIO).get("/").await?);
    assert!(clinic.text.contains("Harbor Street Clinic") && !clinic.text.contains("Northlight"));
    assert!(studio.text.contains("Northlight") && !studio.text.contains("Harbor"));
    for host in ["CLINIC.localhost", "clinic.localhost.", "clinic.localhost:1", "Clinic.Localhost.:65535"] {
        let visitor = world.visitor(CLINIC);
        let answer = visitor.send(visitor.request(Method::GET, "/").header("Host", host)).await?;
        assert!(answer.status == 200 && answer.text.contains("Harbor"), "{host}");
    }
    Ok(())
}

#[tokio::test]
async fn an_unknown_host_is_not_found() -> Result<()> {
    let world = World::open().await?;
    for host in ["nobody.localhost", "localhost", "127.0.0.1", "a.clinic.localhost", "xclinic.localhost"] {
        let visitor = world.visitor(CLINIC);
        let answer = visitor.send(visitor.request(Method::GET, "/").header("Host", host)).await?;
        assert_eq!((answer.status, answer.text.as_str()), (404, "not found"), "{host}");
    }
    Ok(())
}

#[tokio::test]
async fn a_request_that_names_no_host_or_two_is_refused() -> Result<()> {
    let world = World::open().await?;
    for head in [
        "GET / HTTP/1.0",
        "GET / HTTP/1.1\r\nHost: clinic.localhost\r\nHost: studio.localhost",
        "GET / HTTP/1.1\r\nHost: clinic.localhost, studio.localhost",
        "GET / HTTP/1.1\r\nHost:",
        "GET http://clinic.localhost/ HTTP/1.1\r\nHost: studio.localhost",
    ] {
        let mut stream = TcpStream::connect(world.served.address).await?;
        stream.write_all(format!("{head}\r\nConnection: close\r\n\r\n").as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        assert!(answer.split(' ').nth(1) == Some("400"), "{head}: {answer}");
        assert!(!answer.contains("Harbor") && !answer.contains("Northlight"), "{head}: {answer}");
    }
    Ok(())
}

#[tokio::test]
async fn a_header_names_the_tenant_where_the_application_says_so() -> Result<()> {
    let world = World::open().await?;
    let served =
        Served::new(router(Tenancy::dangerous_by_header(world.water.clone(), "x-tenant".parse()?))).await?;
    let visitor = Visitor::new("any.localhost", served.address);
    let get = async |tenants: &[&str]| {
        let request = visitor.request(Method::GET, "/");
        visitor
            .send(tenants.iter().fold(request, |request, tenant| request.header("X-Tenant", *tenant)))
            .await
    };
    let (clinic, studio) = (world.clinic.tenant_id().to_string(), world.studio.tenant_id().to_string());
    assert!(get(&[&clinic]).await?.text.contains("Harbor"));
    assert!(get(&[&studio]).await?.text.contains("Northlight"));
    assert_eq!(get(&[&Uuid::new_v4().to_string()]).await?.status, 404);
    let nil = Uuid::nil().to_string();
    let both = format!("{clinic}, {studio}");
    let (clinic, studio, nil, both) = (clinic.as_str(), studio.as_str(), nil.as_str(), both.as_str());
    for refused in [&[][..], &[clinic, studio], &[clinic, clinic], &[nil], &[""], &["1"], &[both]] {
        assert_eq!(get(refused).await?.status, 400, "{refused:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_cookie_is_valid_only_for_its_tenant() -> Result<()> {
    let world = World::open().await?;
    let jess = world.known(CLINIC, OWNER).await?;
    assert_eq!(jess.get("/day").await?.status, 200);
    let carried = world.visitor(STUDIO);
    carried.set_session(&jess.session().expect("a session"));
    for path in ["/day", "/account"] {
        let answer = carried.get(path).await?;
        assert_eq!((answer.status, answer.location()), (303, "/login"), "{path}");
    }
    assert_eq!(jess.get("/day").await?.status, 200, "and the session lives on");
    Ok(())
}

#[tokio::test]
async fn internal_errors_are_not_shown() -> Result<()> {
    struct Broken;

    #[async_trait::async_trait]
    impl ResolveTenant for Broken {
        async fn resolve(&self, _: &Parts) -> Result<Option<TenantId>, TenantRejection> {
            Err(Error::Connect(ConnectError::EmptyUrl).into())
        }
    }

    let world = World::open().await?;
    let served = Served::new(router(Tenancy::new(world.water.clone(), Broken))).await?;
    let answer = Visitor::new(CLINIC, served.address).get("/").await?;
    assert_eq!(answer.status, 500);
    assert!(!answer.text.contains("DATABASE"), "{}", answer.text);

    let clinic = world.visitor(CLINIC);
    world.water.clone().close().await?;
    let answer = clinic.get("/").await?;
    assert!(matches!(answer.status, 500 | 503), "{answer:?}");
    for inner in ["pool", "sqlx", "connection", "SELECT", "Error"] {
        assert!(!answer.text.contains(inner), "{inner} in {}", answer.text);
    }
    Ok(())
}
