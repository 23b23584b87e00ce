//! Addresses of clients are stored whole, masked or hashed, and every stored address is read.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::Result;
use watertight::auth::{
    AddressKey, AddressStorage, AuditEventType, AuditLogOptions, ClientAddress, LoginRequest, NewAuditEvent,
    SessionMetadata, SessionUpdate, UserUpdate,
};

use super::{PASSWORD, World, request, settings, user};

const IP: &str = "192.0.2.7";

fn key() -> Result<AddressKey> {
    Ok(AddressKey::new(vec![9; 32])?)
}

fn client(address: &ClientAddress) -> SessionMetadata {
    SessionMetadata { client_ip: Some(address.clone()), ..Default::default() }
}

/// Every address of the tenant that the database stores.
async fn stored(world: &World) -> Result<Vec<String>> {
    let auth = world.clinic.auth();
    let mut all = Vec::new();
    for user in auth.users().all().await? {
        all.extend(user.ip_address.map(String::from));
    }
    all.extend(auth.sessions().all().await?.into_iter().map(|session| session.client_ip.into()));
    for event in auth.audit().recent(Some(1000)).await? {
        all.extend(event.ip_address.map(String::from));
    }
    Ok(all)
}

#[tokio::test]
async fn the_setting_decides_how_every_operation_stores_an_address() -> Result<()> {
    let ip: IpAddr = IP.parse()?;
    for (storage, expected) in [
        (AddressStorage::Full, ClientAddress::from(ip)),
        (AddressStorage::Masked, ClientAddress::mask_ip(ip)),
        (AddressStorage::Hashed(key()?), ClientAddress::hash_ip(ip, &key()?)),
    ] {
        let world = World::with(settings().address_storage(storage)).await?;
        let auth = world.clinic.auth();
        let jess = user(&world.clinic, "jess").await?;
        let metadata = client(&ip.into());
        let login =
            auth.login(LoginRequest { metadata: metadata.clone(), ..request("jess", PASSWORD) }).await?;
        let wrong = LoginRequest { metadata: metadata.clone(), ..request("jess", "wrong") };
        auth.login(wrong).await.expect_err("a wrong password");
        auth.users().record_login(jess.id, &metadata).await?;
        auth.users().record_failed_login(jess.id, &metadata).await?;
        let update = UserUpdate { ip_address: Some(ip.into()).into(), ..Default::default() };
        auth.users().update(jess.id, update).await?;
        let update = SessionUpdate { client_ip: Some(ip.into()).into(), ..Default::default() };
        auth.sessions().update(login.session.id, update).await?;
        let event = || NewAuditEvent {
            ip_address: Some(ip.into()),
            ..NewAuditEvent::new(AuditEventType::SecurityScan)
        };
        auth.audit().log(event()).await?;
        let options = AuditLogOptions { close_timeout: Duration::from_secs(30), ..Default::default() };
        let log = world.water.spawn_audit_log(options);
        log.log(world.clinic.tenant_id(), event()).await?;
        log.close().await?;

        let stored = stored(&world).await?;
        assert_eq!(stored.len(), 1 + 1 + 7, "{stored:?}");
        assert!(stored.iter().all(|address| address == expected.as_str()), "{stored:?}");
    }
    Ok(())
}

#[tokio::test]
async fn an_address_that_is_hashed_or_masked_already_is_kept() -> Result<()> {
    let given: Vec<ClientAddress> = vec![
        ClientAddress::mask_ip("2001:db8::7".parse()?),
        ClientAddress::hash_ip(IP.parse()?, &key()?),
        // The first 16 digits of a SHA-256, as the peer package of the original shortens it.
        "9f86d081884c7d65".parse()?,
        "f".repeat(45).parse()?,
    ];
    for storage in [AddressStorage::Full, AddressStorage::Masked, AddressStorage::Hashed(key()?)] {
        let world = World::with(settings().address_storage(storage)).await?;
        let auth = world.clinic.auth();
        user(&world.clinic, "jess").await?;
        for address in &given {
            let metadata = client(address);
            let login = auth.login(LoginRequest { metadata, ..request("jess", PASSWORD) }).await?;
            assert_eq!((&login.session.client_ip, login.user.ip_address.as_ref()), (address, Some(address)));
            assert_eq!(auth.audit().recent(Some(1)).await?[0].ip_address.as_ref(), Some(address));
        }
    }
    Ok(())
}

#[tokio::test]
async fn any_stored_address_is_read_and_hides_no_other_row() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    let owner = world.owner().await?;
    let odd = ["", " ", "not an address", "999.1.1.1", "::ffff:192.0.2.7", "a\u{202e}b", "10.0.0.1/99"];
    for (n, text) in odd.iter().enumerate() {
        let user = user(&world.clinic, &format!("user{n}")).await?;
        let session = auth.sessions().create(user.id, &SessionMetadata::default()).await?;
        let id = auth.audit().log(NewAuditEvent::new(AuditEventType::SecurityScan)).await?.id;
        let values = || [(*text).into(), user.id.into()];
        owner.run("UPDATE auth.users SET ip_address = $1 WHERE id = $2", values()).await?;
        let values = [(*text).into(), session.id.into()];
        owner.run("UPDATE auth.sessions SET client_ip = $1 WHERE id = $2", values).await?;
        let insert = "INSERT INTO auth.audit_events (tenant_id, id, type, details, ip_address) \
                      SELECT tenant_id, gen_random_uuid(), type, details, $1 FROM auth.audit_events WHERE id = $2";
        owner.run(insert, [(*text).into(), id.into()]).await?;
    }
    let mut read = stored(&world).await?;
    read.sort_unstable();
    let mut expected: Vec<_> = odd.iter().chain(&odd).chain(&odd).map(ToString::to_string).collect();
    expected.sort_unstable();
    assert_eq!(read, expected);
    let token = auth.sessions().issue_token(auth.sessions().all().await?[0].id).await?;
    assert!(auth.authenticate(token.expose_secret()).await?.is_some());
    Ok(())
}
