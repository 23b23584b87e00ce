//! A database with the rules of Turkish: its lower case of `I` is `ı`, and the application's is `i`.

use super::{CLINIC, adoption, plant, texts, with_rows};
use crate::auth::{request, settings};
use anyhow::Result;
use sea_orm::ConnectionTrait;
use watertight::Watertight;

/// The default collation's letters as in Turkish, on a server that need not have the locale.
const TURKISH: &str = r#"
CREATE SCHEMA turkish;
CREATE FUNCTION turkish.lower(typed text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN pg_catalog.lower(CASE WHEN pg_collation_for(typed) = '"default"' THEN translate(typed, 'Iİ', 'ıi') ELSE typed END);
END $$;
CREATE FUNCTION turkish.upper(typed text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN pg_catalog.upper(CASE WHEN pg_collation_for(typed) = '"default"' THEN translate(typed, 'iı', 'İI') ELSE typed END);
END $$;
DO $$ BEGIN
    EXECUTE format('ALTER DATABASE %I SET search_path = turkish, pg_catalog, public', current_database());
END $$;
"#;

#[tokio::test]
async fn names_and_codes_are_converted_by_the_rules_of_no_language() -> Result<()> {
    let (database, owner) = with_rows().await?;
    owner.execute_unprepared(TURKISH).await?;
    drop(owner);
    let owner = database.owner().await?;
    assert_eq!(texts(&owner, "SELECT lower('IRIS')").await?, ["ırıs"]);
    assert_eq!(texts(&owner, "SELECT upper('iris')").await?, ["İRİS"]);
    let rename = format!(
        "UPDATE auth.users SET handle = 'IRIS', email = 'IRIS@EXAMPLE.COM' WHERE tenant_id = '{CLINIC}' \
             AND handle = 'locked'; \
         UPDATE auth.users SET is_active = true, is_locked = false, \
             password_hash = (SELECT password_hash FROM auth.users WHERE handle = ' Jess ') WHERE handle = 'IRIS'; \
         UPDATE bookings SET confirmation_code = 'in-i1' WHERE tenant_id = '{CLINIC}' \
             AND id = (SELECT id FROM bookings WHERE tenant_id = '{CLINIC}' ORDER BY id LIMIT 1)"
    );
    plant(&owner, &rename).await?;
    adoption().run(&owner).await?;

    let water = database.water_with(Watertight::builder().auth(settings())).await?;
    let clinic = water.tenant(CLINIC.parse()?);
    for name in ["iris", "IRIS", "Iris@Example.com"] {
        let login = clinic.auth().login(request(name, "correct horse battery staple")).await?;
        assert_eq!(login.user.handle.as_str(), "iris");
    }
    let booking = clinic.scheduling().get_booking_by_code("IN-I1").await?.expect("a booking");
    assert_eq!(booking.confirmation_code, "IN-I1");
    Ok(())
}
