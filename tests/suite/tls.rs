//! Encrypted connections to a PgBouncer that accepts no others.

use std::fs::write;
use std::path::Path;

use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use sea_orm::{ConnectOptions, EntityTrait, PaginatorTrait};
use std::time::Duration;
use watertight::ConnectError;
use watertight::entity::public::services;
use watertight::{Error, Watertight};
use watertight_tests::{TestDatabase, new_tenant};

use crate::pooler::{PgBouncer, is_installed};

/// Writes a certificate authority, its certificate for `localhost`, and another authority.
fn certificates(folder: &Path) -> Result<String> {
    let authority = |name: &str| -> Result<(CertificateParams, KeyPair)> {
        let mut params = CertificateParams::new(Vec::<String>::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let key = KeyPair::generate()?;
        write(folder.join(format!("{name}.pem")), params.self_signed(&key)?.pem())?;
        Ok((params, key))
    };
    let (params, key) = authority("authority")?;
    authority("stranger")?;
    let server = KeyPair::generate()?;
    let certificate = CertificateParams::new(vec!["localhost".to_owned()])?;
    let certificate = certificate.signed_by(&server, &Issuer::new(params, key))?;
    write(folder.join("server.pem"), certificate.pem())?;
    write(folder.join("server.key"), server.serialize_pem())?;
    let path = folder.display();
    Ok(format!(
        "listen_addr = 127.0.0.1\nclient_tls_sslmode = require\nclient_tls_key_file = {path}/server.key\n\
         client_tls_cert_file = {path}/server.pem\n"
    ))
}

#[tokio::test]
async fn sslmode_decides_which_servers_are_accepted() -> Result<()> {
    if !is_installed() {
        println!("skipped: pgbouncer is not installed");
        return Ok(());
    }
    let database = TestDatabase::create().await?;
    let pgbouncer = PgBouncer::start_with(&database.app_url(), certificates).await?;
    let connect = async |host: &str, query: &str| {
        let mut options = ConnectOptions::new(pgbouncer.tcp_url(&database.app_url(), host, query)?);
        options.connect_timeout(Duration::from_secs(2)).acquire_timeout(Duration::from_secs(2));
        anyhow::Ok(Watertight::builder().transaction_pooler(true).connect(options).await)
    };
    let root = |name: &str| format!("sslrootcert={}/{name}.pem", pgbouncer.folder().display());
    let (authority, stranger) = (root("authority"), root("stranger"));
    for (host, query) in [
        ("localhost", "sslmode=require".to_owned()),
        ("localhost", format!("sslmode=verify-ca&{authority}")),
        ("127.0.0.1", format!("sslmode=verify-ca&{authority}")),
        ("localhost", format!("sslmode=verify-full&{authority}")),
        ("localhost", format!("sslmode=require&channel_binding=require&{authority}")),
    ] {
        let water =
            connect(host, &query).await?.map_err(|error| anyhow::anyhow!("{host} {query}: {error}"))?;
        assert_eq!(services::Entity::find().count(&water.tenant(new_tenant()?)).await?, 0);
    }
    for (host, query) in [
        ("localhost", "sslmode=disable".to_owned()),
        ("localhost", format!("sslmode=verify-ca&{stranger}")),
        ("localhost", format!("sslmode=verify-full&{stranger}")),
        ("127.0.0.1", format!("sslmode=verify-full&{authority}")),
    ] {
        match connect(host, &query).await? {
            Err(error @ Error::Connect(ConnectError::Unreachable { .. })) => {
                assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
            }
            other => panic!("{host} {query}: {other:?}"),
        }
    }
    Ok(())
}
