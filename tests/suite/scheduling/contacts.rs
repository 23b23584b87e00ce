//! What a visitor types belongs to the booking. The client who has the email address stays as they are.

use anyhow::Result;
use futures_util::future::join_all;
use sea_orm::{EntityTrait, PaginatorTrait};
use watertight::BookingError;
use watertight::entity::public::{bookings, clients};
use watertight::scheduling::{BookingClient, Contact, NewBooking};

use super::{Shop, at, time};
use crate::auth::World;

fn typed(first_name: &str, phone: &str) -> Contact {
    let email = "zoe@example.com".parse().expect("an email");
    Contact { phone: Some(phone.to_owned()), ..Contact::new(first_name, "Novak", email) }
}

/// A booking of a visitor, at the time of a test that is decades ahead.
fn by(shop: &Shop, contact: Contact, start: &str) -> NewBooking {
    NewBooking { client: contact.into(), ..shop.booking(start) }
}

async fn only_client(shop: &Shop) -> Result<clients::Model> {
    let mut all = clients::Entity::find().all(&shop.tenant).await?;
    all.retain(|client| client.id != shop.client.id);
    anyhow::ensure!(all.len() == 1, "{all:?}");
    Ok(all.remove(0))
}

#[tokio::test]
async fn a_visitor_names_the_booking_and_not_the_client() -> Result<()> {
    let world = World::new().await?;
    let shop = Shop::open(world.clinic.clone(), &["maya"]).await?;
    let scheduling = shop.tenant.scheduling();
    let first = scheduling.book(&by(&shop, typed("Eve", "666"), "10:00")).await?;
    let second = scheduling.book(&by(&shop, typed("Zoe", "+1 607 555 0199"), "12:00")).await?;
    assert_eq!(first.contact_name.as_deref(), Some("Eve Novak"));
    assert_eq!(second.contact_name.as_deref(), Some("Zoe Novak"));
    assert_eq!(second.contact_phone.as_deref(), Some("+1 607 555 0199"));
    let record = only_client(&shop).await?;
    assert_eq!((first.client_id, second.client_id), (record.id, record.id));
    assert_eq!(
        (record.first_name.as_str(), record.phone.as_deref()),
        ("Eve", None),
        "a number is the booking's"
    );
    // What the staff saves stays.
    let known = watertight::scheduling::NewClient {
        phone: Some("+1 607 555 0123".into()),
        ..watertight::scheduling::NewClient::new("Zoë", "Novák", "zoe@example.com".parse()?)
    };
    let saved = scheduling.save_client(&known).await?;
    scheduling.book(&by(&shop, typed("Mallory", "666"), "14:00")).await?;
    assert_eq!(only_client(&shop).await?, saved);
    let staff = scheduling.book(&NewBooking { client: saved.id.into(), ..shop.booking("16:00") }).await?;
    assert_eq!((staff.contact_name, staff.contact_phone), (None, None));
    Ok(())
}

#[tokio::test]
async fn a_refused_booking_creates_no_client() -> Result<()> {
    let world = World::new().await?;
    let shop = Shop::open(world.clinic.clone(), &["maya"]).await?;
    let scheduling = shop.tenant.scheduling();
    scheduling.book(&shop.booking("10:00")).await?;
    let taken = scheduling.book(&by(&shop, typed("Zoe", "1"), "10:00")).await;
    assert!(matches!(taken, Err(BookingError::SlotTaken { .. })), "{taken:?}");
    let closed = scheduling.book(&by(&shop, typed("Zoe", "1"), "18:00")).await;
    assert!(matches!(closed, Err(BookingError::OutsideHours { .. })), "{closed:?}");
    let unknown = NewBooking { hold: Some(uuid::Uuid::new_v4()), ..by(&shop, typed("Zoe", "1"), "12:00") };
    let unknown = scheduling.book(&unknown).await;
    assert!(matches!(unknown, Err(BookingError::HoldExpired { .. })), "{unknown:?}");
    for contact in [typed("a\0b", "1"), typed("Zoe", &"1".repeat(33)), typed(&"x".repeat(129), "1")] {
        let invalid = scheduling.book(&by(&shop, contact, "12:00")).await;
        assert!(matches!(invalid, Err(BookingError::InvalidInput(_))), "{invalid:?}");
    }
    assert_eq!(clients::Entity::find().count(&shop.tenant).await?, 1, "the shop's own");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_first_bookings_make_one_client_and_keep_their_names() -> Result<()> {
    let world = World::new().await?;
    let shop = Shop::open(world.clinic.clone(), &["maya", "tomas", "kai", "lee"]).await?;
    let new: Vec<_> = (0..16)
        .map(|n: usize| {
            let practitioner = Some(shop.practitioners[n % 4].id);
            let start = at(["09:00", "10:00", "11:00", "12:00"][n / 4]);
            let contact = typed(&format!("Name{n}"), &n.to_string());
            NewBooking { practitioner, start, ..by(&shop, contact, "09:00") }
        })
        .collect();
    let booked = join_all(new.iter().map(|new| shop.tenant.scheduling().book(new))).await;
    let record = only_client(&shop).await?;
    for (n, booking) in booked.into_iter().enumerate() {
        let booking = booking?;
        assert_eq!(booking.client_id, record.id);
        assert_eq!(booking.contact_name, Some(format!("Name{n} Novak")));
        assert_eq!(booking.contact_phone, Some(n.to_string()));
    }
    assert!(record.first_name.starts_with("Name"), "{record:?}");
    Ok(())
}

#[tokio::test]
async fn a_repeated_form_is_the_same_booking_and_another_contact_is_not() -> Result<()> {
    let world = World::new().await?;
    let shop = Shop::open(world.clinic.clone(), &["maya"]).await?;
    let scheduling = shop.tenant.scheduling();
    let key = Some("form-1".to_owned());
    let new = NewBooking { idempotency_key: key.clone(), ..by(&shop, typed("Zoe", "1"), "10:00") };
    let booking = scheduling.book(&new).await?;
    assert_eq!(scheduling.book(&new).await?, booking);
    let known = BookingClient::Known(booking.client_id);
    for client in [typed("Zoe", "2").into(), typed("Eve", "1").into(), known] {
        let other = scheduling.book(&NewBooking { client, ..new.clone() }).await;
        assert!(matches!(other, Err(BookingError::IdempotencyKeyReused { .. })), "{other:?}");
    }
    assert_eq!(bookings::Entity::find().count(&shop.tenant).await?, 1);
    Ok(())
}

#[tokio::test]
async fn earlier_bookings_have_no_contact() -> Result<()> {
    use watertight_migration::sea_orm_migration::SchemaManager;
    use watertight_migration::{Settings, migrations};

    let world = World::new().await?;
    let shop = Shop::open(world.clinic.clone(), &[]).await?;
    let before = shop.tenant.scheduling().book(&shop.booking("10:00")).await?;
    let owner = world.database.owner().await?;
    let manager = SchemaManager::new(&owner);
    let all = migrations(&Settings::from_env()).into_iter();
    let ours: Vec<_> = all.filter(|migration| migration.name().ends_with("_booking_contacts")).collect();
    let [migration] = &ours[..] else { panic!("one migration") };
    migration.down(&manager).await?;
    migration.up(&manager).await?;
    assert_eq!(time("10:00"), before.datetime.time());
    // A new pool, because the prepared statements of the first know the columns as they were.
    let elsewhere = world.clinic_elsewhere().await?;
    let after = bookings::Entity::find().one(&elsewhere).await?.expect("the booking");
    assert_eq!(after, before);
    Ok(())
}
