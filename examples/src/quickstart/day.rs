//! A day of business: availability, a hold, a booking, a race with one winner, a gift certificate that pays
//! in two parts, and an intake form that is refused and then accepted.

use anyhow::{Context, Result};
use chrono::{Days, NaiveDate, Utc};
use chrono_tz::Tz;
use futures_util::future::join_all;
use serde_json::json;
use watertight::BookingError;
use watertight::TenantConnection;
use watertight::certificates::{NewCertificate, Purchase};
use watertight::entity::public::{bookings, clients};
use watertight::intake::NewSubmission;
use watertight::scheduling::{Hold, NewBooking, Slot, SlotQuery};

use crate::claims::Claims;
use crate::show::{headline, table};

/// A tenant's service and calendar at the beginning of the day.
struct Calendar<'a> {
    tenant: &'a TenantConnection,
    title: String,
    zone: Tz,
    query: SlotQuery,
}

impl<'a> Calendar<'a> {
    /// The first service that the tenant offers, with its first practitioner, on five days of next week.
    async fn open(tenant: &'a TenantConnection, from: NaiveDate) -> Result<Self> {
        let content = tenant.content();
        let zone = content.get_profile().await?.context("no profile")?.time_zone.parse()?;
        let service = content.get_services().await?.into_iter().next().context("no service")?;
        let practitioner =
            content.get_practitioners().await?.into_iter().next().context("no practitioner")?;
        let query = SlotQuery {
            practitioner: Some(practitioner.id),
            step: std::time::Duration::from_mins(30),
            ..SlotQuery::new(service.id, from, from + Days::new(4))
        };
        let title = format!("{} with {}", service.name, practitioner.name);
        Ok(Self { tenant, title, zone, query })
    }

    async fn free(&self) -> Result<Vec<Slot>> {
        Ok(self.tenant.scheduling().free_slots(&self.query).await?)
    }

    async fn show(&self) -> Result<Vec<Slot>> {
        let slots = self.free().await?;
        let mut listed = table(&["day", "free starts, in local time"]);
        for date in self.query.from.iter_days().take_while(|date| *date <= self.query.to) {
            let local = slots.iter().map(|slot| slot.start.with_timezone(&self.zone));
            let starts: Vec<_> = local.filter(|start| start.date_naive() == date).collect();
            let times: Vec<_> =
                starts.iter().take(12).map(|start| start.format("%H:%M").to_string()).collect();
            let more = starts.len().saturating_sub(12);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            listed.add_row([date.format("%a %F").to_string(), times.join(" ") + &more]);
        }
        println!("{}\n{listed}", self.title);
        Ok(slots)
    }
}

pub(crate) async fn of_business(
    claims: &mut Claims,
    clinic: &TenantConnection,
    studio: &TenantConnection,
) -> Result<()> {
    headline(7, "A day of business", "The clinic and the studio keep their calendars in the same tables.");
    // A Monday that has not begun in any time zone.
    let today = Utc::now().date_naive();
    let monday =
        today.iter_days().skip(3).find(|date| date.format("%u").to_string() == "1").context("no Monday")?;
    let (at_clinic, at_studio) =
        (Calendar::open(clinic, monday).await?, Calendar::open(studio, monday).await?);
    let slots = at_clinic.show().await?;
    let studios = at_studio.show().await?;

    let (olivia, hers) = (olivia(clinic).await?, olivia(studio).await?);
    let slot = slots.first().context("nothing is free")?;
    let booking = held_and_booked(claims, &at_clinic, slot, &olivia).await?;
    claims.check("the studio's calendar is unchanged", &at_studio.free().await?, &studios);
    race(claims, &at_studio, &hers).await?;
    paid_in_two_parts(claims, clinic, studio, &booking).await?;
    asked(claims, clinic, &olivia, &booking).await
}

/// A client of both businesses: one person, and two rows.
async fn olivia(tenant: &TenantConnection) -> Result<clients::Model> {
    let olivia = tenant.scheduling().get_client_by_email(&"olivia.hart@example.com".parse()?).await?;
    olivia.context("no Olivia")
}

async fn held_and_booked(
    claims: &mut Claims,
    calendar: &Calendar<'_>,
    slot: &Slot,
    client: &clients::Model,
) -> Result<bookings::Model> {
    let scheduling = calendar.tenant.scheduling();
    let hold = scheduling.hold(&Hold::new(calendar.query.service, slot.practitioner, slot.start)).await?;
    claims.check("a slot with a hold is not offered", &calendar.free().await?.contains(slot), &false);
    let new = NewBooking {
        hold: Some(hold.id),
        idempotency_key: Some(format!("checkout-{}", hold.id)),
        ..NewBooking::new(calendar.query.service, slot.practitioner, client.id, slot.start)
    };
    let booking = scheduling.book(&new).await?;
    println!(
        "{} has booked {}, code {}",
        client.first_name,
        slot.start.with_timezone(&calendar.zone),
        booking.confirmation_code
    );
    let again = scheduling.book(&new).await?;
    claims.check("the same request sent twice makes one booking", &again.id, &booking.id);
    Ok(booking)
}

/// A race of many clients for one slot, over all connections of the pool.
async fn race(claims: &mut Claims, calendar: &Calendar<'_>, client: &clients::Model) -> Result<()> {
    let slot = calendar.free().await?.into_iter().next().context("nothing is free")?;
    let new = NewBooking::new(calendar.query.service, slot.practitioner, client.id, slot.start);
    let booked = join_all((0..50).map(|_| calendar.tenant.scheduling().book(&new))).await;
    let won = booked.iter().filter(|outcome| outcome.is_ok()).count();
    let lost = booked.iter().filter(|outcome| matches!(outcome, Err(BookingError::SlotTaken { .. }))).count();
    claims.check(
        "of fifty parallel attempts to book one slot of the studio, one succeeds and the others are refused",
        &(won, lost),
        &(1, 49),
    );
    claims.check("the booked slot is no longer offered", &calendar.free().await?.contains(&slot), &false);
    Ok(())
}

async fn paid_in_two_parts(
    claims: &mut Claims,
    clinic: &TenantConnection,
    studio: &TenantConnection,
    booking: &bookings::Model,
) -> Result<()> {
    let certificates = clinic.certificates();
    let purchase = Purchase::new("Grace Okafor".to_owned(), "grace.okafor@example.com".parse()?);
    let gift = certificates.issue(&NewCertificate::new(20_000, purchase)).await?;
    println!("Grace has bought the gift certificate {} of $200", gift.code);
    let part = certificates.redeem(&gift.code.to_lowercase(), booking.id, Some(5_000), None).await?;
    let rest = certificates.redeem(&gift.code, booking.id, None, None).await?;
    let due = booking.amount_cents - 5_000;
    let paid = (part.amount_cents, rest.amount_cents);
    claims.check(
        "the certificate pays $50, and then the rest of the amount due",
        &paid,
        &(Some(5_000), Some(due)),
    );
    let state = clinic.scheduling().get_booking(booking.id).await?.map(|booking| booking.payment_status);
    claims.check("the booking is paid", &state.as_deref(), &Some("paid"));
    let left = certificates.get(&gift.code).await?.map(|gift| gift.balance_cents);
    claims.check("the balance is the amount that was not spent", &left, &Some(20_000 - booking.amount_cents));
    claims.check(
        "each certificate equals its balance and its redemptions",
        &certificates.find_imbalances().await?.len(),
        &0,
    );
    claims.check(
        "the studio does not find the clinic's certificate",
        &studio.certificates().get(&gift.code).await?,
        &None,
    );
    Ok(())
}

async fn asked(
    claims: &mut Claims,
    clinic: &TenantConnection,
    client: &clients::Model,
    booking: &bookings::Model,
) -> Result<()> {
    let intake = clinic.intake();
    let schema = json!({
        "type": "object",
        "required": ["allergies", "pregnant"],
        "properties": {"allergies": {"type": "array", "items": {"type": "string"}}, "pregnant": {"type": "boolean"}},
    });
    let form = intake.create_template("massage", "Before your massage", &schema).await?;
    let answers = NewSubmission {
        template: form.id,
        client: client.id,
        booking: Some(booking.id),
        responses: json!({"allergies": "nuts"}),
        pain_areas: Some(json!({"neck": 3})),
        consent_text: "I agree to be treated.".to_owned(),
    };
    let draft = intake.save_draft(&answers).await?;
    let violations = match intake.submit(draft.id, None).await {
        Err(BookingError::InvalidResponses { violations }) => violations,
        Ok(_) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    for violation in &violations {
        println!("{} answers: {violation}", client.first_name);
    }
    let places: Vec<_> = violations.iter().map(|violation| violation.path.as_str()).collect();
    claims.check(
        "invalid answers are refused, each violation with its path",
        &places,
        &vec!["", "/allergies"],
    );
    intake.update_draft(draft.id, json!({"allergies": ["nuts"], "pregnant": false}), None).await?;
    let submitted = intake.submit(draft.id, Some("192.0.2.17".parse()?)).await?;
    claims.check("valid answers are accepted, with the consent", &submitted.consented_at.is_some(), &true);
    let changed = intake.update_draft(draft.id, json!({}), None).await;
    claims.check(
        "submitted answers cannot change",
        &matches!(changed, Err(BookingError::InvalidTransition { .. })),
        &true,
    );
    Ok(())
}
