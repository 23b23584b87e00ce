//! An appointment is booked once, for the first client.

use anyhow::Result;
use chrono::{Days, Utc};
use sea_orm::{EntityTrait, PaginatorTrait};
use watertight::chrono_tz::Tz;
use watertight::entity::public::{bookings, clients, services};
use watertight::scheduling::SlotQuery;

use crate::visitor::{Answer, Visitor};
use crate::world::{CLINIC, OWNER, STUDIO, World};

/// The page of times of the clinic's first service on the first open day after today.
pub(crate) async fn times(visitor: &Visitor, world: &World) -> Result<Answer> {
    let service = world.clinic.content().get_services().await?.swap_remove(0).id;
    let tomorrow = Utc::now().with_timezone(&Tz::America__New_York).date_naive() + Days::new(1);
    let query = SlotQuery::new(service, tomorrow, tomorrow + Days::new(6));
    let first = world.clinic.scheduling().free_slots(&query).await?.swap_remove(0);
    let day = first.start.with_timezone(&Tz::America__New_York).date_naive();
    visitor.get(&format!("/book?service={service}&day={day}")).await
}

/// The form that books one of a page's times.
pub(crate) fn form(page: &Answer, slot: usize) -> Vec<(&'static str, String)> {
    let (slots, text) = (page.values("slot"), |text: &str| text.to_owned());
    vec![
        ("service", page.value("service")),
        ("with", String::new()),
        ("day", page.value("day")),
        ("key", page.value("key")),
        ("slot", slots[slot].clone()),
        ("first_name", text("Zoe")),
        ("last_name", text("Novak")),
        ("email", text("zoe@example.com")),
        ("phone", text("+1 607 555 0199")),
    ]
}

pub(crate) fn with(
    mut form: Vec<(&'static str, String)>,
    name: &str,
    value: &str,
) -> Vec<(&'static str, String)> {
    form.iter_mut().filter(|(other, _)| *other == name).for_each(|(_, other)| value.clone_into(other));
    form
}

pub(crate) async fn send(visitor: &Visitor, form: &[(&'static str, String)]) -> Result<Answer> {
    let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    visitor.post("/book", &form).await
}

#[tokio::test]
async fn a_free_time_is_booked_and_no_longer_free() -> Result<()> {
    let world = World::open().await?;
    let zoe = world.visitor(CLINIC);
    let page = times(&zoe, &world).await?;
    let taken = form(&page, 0);
    let answer = send(&zoe, &taken).await?;
    assert_eq!(answer.status, 303, "{}", answer.text);
    let confirmation = zoe.get(answer.location()).await?;
    assert!(confirmation.text.contains("Your appointment is booked"));
    for personal in ["Zoe", "Novak", "zoe@example.com"] {
        assert!(!confirmation.text.contains(personal), "everyone with the code sees the page");
    }
    let booking = bookings::Entity::find().one(&world.clinic).await?.expect("one");
    assert!(confirmation.text.contains(&booking.confirmation_code));
    assert_eq!(world.visitor(STUDIO).get(answer.location()).await?.status, 404, "the other tenant has none");
    assert_eq!(bookings::Entity::find().count(&world.studio).await?, 0);
    assert!(!times(&zoe, &world).await?.values("slot").contains(&taken[4].1), "that practitioner is taken");
    Ok(())
}

#[tokio::test]
async fn a_form_that_is_sent_twice_books_once() -> Result<()> {
    let world = World::open().await?;
    let zoe = world.visitor(CLINIC);
    let sent = form(&times(&zoe, &world).await?, 2);
    let (one, two, three) = tokio::try_join!(send(&zoe, &sent), send(&zoe, &sent), send(&zoe, &sent))?;
    assert_eq!([one.status, two.status, three.status], [303; 3], "{}{}{}", one.text, two.text, three.text);
    assert_eq!(one.location(), two.location());
    assert_eq!(send(&zoe, &sent).await?.location(), three.location());
    assert_eq!(bookings::Entity::find().count(&world.clinic).await?, 1);

    let page = times(&zoe, &world).await?;
    let other = send(&zoe, &with(form(&page, 5), "key", &sent[3].1)).await?;
    assert_eq!(other.status, 409, "the same page, gone back to, for another time");
    assert_ne!(other.value("key"), sent[3].1);
    assert_eq!(send(&zoe, &with(form(&page, 5), "key", &other.value("key"))).await?.status, 303);
    Ok(())
}

#[tokio::test]
async fn a_late_client_is_told_and_chooses_again() -> Result<()> {
    let world = World::open().await?;
    let (zoe, max) = (world.visitor(CLINIC), world.visitor(CLINIC));
    let (first, late) = (form(&times(&zoe, &world).await?, 1), form(&times(&max, &world).await?, 1));
    let late = with(with(late, "email", "max@example.com"), "first_name", "Max");
    let (one, two) = tokio::try_join!(send(&zoe, &first), send(&max, &late))?;
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 409]);
    let (loser, name) = if one.status == 409 { (one, "Zoe") } else { (two, "Max") };
    assert!(loser.text.contains("Someone was quicker"));
    assert_eq!(loser.value("day"), first[2].1, "the same day is shown");
    let typed = format!(r#"value="{}@example.com""#, name.to_lowercase());
    assert!(loser.text.contains(&typed), "what was typed stays: {}", loser.text);
    assert!(!loser.values("slot").contains(&first[4].1));
    let again = with(with(form(&loser, 1), "email", "late@example.com"), "first_name", name);
    assert_eq!(send(&max, &again).await?.status, 303);
    Ok(())
}

#[tokio::test]
async fn errors_are_shown_at_their_fields() -> Result<()> {
    let world = World::open().await?;
    let zoe = world.visitor(CLINIC);
    let good = form(&times(&zoe, &world).await?, 0);
    for (field, bad) in [
        ("first_name", ""),
        ("first_name", "a\0b"),
        ("last_name", "   "),
        ("last_name", &"x".repeat(129)),
        ("email", "zoe"),
        ("phone", &"1".repeat(33)),
        ("slot", ""),
        ("slot", "tomorrow/"),
    ] {
        let answer = send(&zoe, &with(good.clone(), field, bad)).await?;
        assert_eq!(answer.status, 422, "{field} {bad:?}");
        assert!(answer.text.contains(&format!(r##"href="#{field}""##)), "{field}: {}", answer.text);
        assert!(answer.text.contains(&format!(r#"id="{field}-fault""#)), "{field}: {}", answer.text);
    }
    let past = format!("2020-01-06T15:00:00Z/{}", good[4].1.rsplit_once('/').expect("with").1);
    let far = past.replace("2020", "2020000");
    assert_eq!(send(&zoe, &with(good.clone(), "slot", &past)).await?.status, 409, "it is over");
    assert_eq!(send(&zoe, &with(good.clone(), "slot", &far)).await?.status, 422);
    assert_eq!(bookings::Entity::find().count(&world.clinic).await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_service_of_another_tenant_or_not_offered_is_not_found() -> Result<()> {
    let world = World::open().await?;
    let (zoe, theirs) =
        (world.visitor(CLINIC), services::Entity::find().one(&world.studio).await?.expect("one"));
    assert_eq!(zoe.get(&format!("/book?service={}", theirs.id)).await?.status, 404);
    let good = form(&times(&zoe, &world).await?, 0);
    assert_eq!(send(&zoe, &with(good.clone(), "service", &theirs.id.to_string())).await?.status, 404);
    let update = watertight::content::ServiceUpdate { active: false.into(), ..Default::default() };
    world.clinic.content().update_service(good[0].1.parse()?, update).await?;
    assert_eq!(send(&zoe, &good).await?.status, 404);
    Ok(())
}

#[tokio::test]
async fn typing_an_address_does_not_rename_its_client() -> Result<()> {
    let world = World::open().await?;
    let zoe = world.visitor(CLINIC);
    let page = times(&zoe, &world).await?;
    assert_eq!(send(&zoe, &form(&page, 0)).await?.status, 303);
    let page = times(&zoe, &world).await?;
    let other = with(with(form(&page, 3), "first_name", "Eve"), "phone", "666");
    assert_eq!(send(&zoe, &other).await?.status, 303);
    let clients = clients::Entity::find().all(&world.clinic).await?;
    let [client] = &clients[..] else { panic!("{clients:?}") };
    assert_eq!(
        (client.first_name.as_str(), client.phone.as_deref()),
        ("Zoe", None),
        "the number is the booking's"
    );
    Ok(())
}

#[tokio::test]
async fn typed_text_is_never_markup() -> Result<()> {
    const EVIL: &str = r#""><script>alert(1)</script><img src=x onerror=alert(1)>'"#;
    let world = World::open().await?;
    let zoe = world.visitor(CLINIC);
    let page = times(&zoe, &world).await?;
    let mut evil = form(&page, 0);
    for name in ["first_name", "last_name"] {
        evil = with(evil, name, EVIL);
    }
    let shown = send(&zoe, &with(with(evil.clone(), "email", EVIL), "phone", "<script>")).await?;
    assert_eq!(shown.status, 422);
    let evil = with(with(evil, "email", "\"><script>@example.com"), "phone", "<script>");
    assert_eq!(send(&zoe, &evil).await?.status, 303);
    let day = evil[2].1.clone();
    let seen = world.known(CLINIC, OWNER).await?.get(&format!("/day?date={day}")).await?;
    let login = zoe.log_in((EVIL, "x")).await?;
    for answer in [shown, seen, login] {
        assert!(answer.text.contains("&lt;script&gt;"), "{}", answer.text);
        for markup in ["<script", "<img src=x"] {
            assert!(!answer.text.contains(markup), "{markup} in {}", answer.text);
        }
    }
    Ok(())
}
