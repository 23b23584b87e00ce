//! Every operation on content, scheduling, certificates, intake and history, run by one tenant with the IDs
//! and codes of another: it sees nothing, changes nothing, and gets the same answer as for missing rows.
//!
//! The operations of authentication are in `auth::isolation`.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use futures_util::future::BoxFuture;
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DatabaseConnection, DbBackend, FromQueryResult, JsonValue, Set,
    Statement, TransactionTrait,
};
use serde_json::json;
use uuid::Uuid;
use watertight::auth::{Change, Email, Handle};
use watertight::certificates::{NewCertificate, NewPackage, Purchase};
use watertight::content::{BlockType, NewReview, NewService, OpeningHours, Profile, ServiceUpdate};
use watertight::entity::public::local_bookings;
use watertight::history::{
    ImportedAppointment, ImportedBooking, ImportedClient, ImportedPayment, PaymentStatus,
};
use watertight::intake::NewSubmission;
use watertight::scheduling::{
    Hold, NewBooking, NewPayment, NewRefund, PaymentMethod, Reference, Reschedule, SlotQuery,
};
use watertight::{Error, TenantConnection, TenantId};

use crate::auth::World;
use crate::operations;
use crate::scheduling::{Shop, at, client, practitioner, time};

/// The targets of the operations: rows of a tenant, or of none.
#[derive(Clone)]
struct Target {
    service: Uuid,
    practitioner: Uuid,
    handle: Handle,
    client: Uuid,
    email: Email,
    booking: Uuid,
    payment: Uuid,
    confirmation: String,
    hold: Uuid,
    block: Uuid,
    review: Uuid,
    certificate: String,
    package: String,
    template: Uuid,
    form_type: String,
    draft: Uuid,
    submitted: Uuid,
    local: Uuid,
    /// The attacker's own rows, to combine with the targets.
    own: Own,
}

#[derive(Clone, Copy)]
struct Own {
    service: Uuid,
    practitioner: Uuid,
    client: Uuid,
}

fn purchase() -> Purchase {
    Purchase::new("Olivia".into(), "olivia@example.com".parse().expect("an email"))
}

impl Target {
    /// Targets of a tenant, none of them expired.
    async fn of(shop: &Shop, own: &Shop) -> Result<Self> {
        let tenant = &shop.tenant;
        let (content, scheduling) = (tenant.content(), tenant.scheduling());
        let practitioner = shop.practitioners[0].id;
        let booking = scheduling.book(&shop.booking("10:00")).await?;
        let hold = scheduling.hold(&Hold::new(shop.service.id, Some(practitioner), at("14:00"))).await?;
        let block =
            content.create_time_block(practitioner, at("12:00"), at("13:00"), BlockType::Break, None).await?;
        content.save_override(at("10:00").date_naive() + chrono::Days::new(7), None, None).await?;
        let review = content.create_review(review()).await?;
        let certificate = tenant.certificates().issue(&NewCertificate::new(5_000, purchase())).await?;
        tenant.certificates().redeem(&certificate.code, booking.id, Some(1_000), None).await?;
        let charge = NewPayment {
            amount_cents: Some(1_000),
            reference: Some(Reference::new("stripe", "pi_1")),
            ..NewPayment::new(PaymentMethod::Card)
        };
        let charged = scheduling.record_payment(booking.id, &charge).await?;
        let package = tenant.certificates().issue_package(&package(None)).await?;
        let template = tenant.intake().create_template("massage", "Massage", &json!({})).await?;
        let answers = NewSubmission {
            template: template.id,
            client: shop.client.id,
            booking: Some(booking.id),
            responses: json!({}),
            pain_areas: None,
            consent_text: "I agree".into(),
        };
        let (draft, submitted) =
            (tenant.intake().save_draft(&answers).await?, tenant.intake().save_draft(&answers).await?);
        tenant.intake().submit(submitted.id, None).await?;
        tenant.history().import_appointments(&[appointment()]).await?;
        tenant.history().import_payments(&[payment()]).await?;
        let local = local_bookings::ActiveModel {
            service_id: Set("s1".into()),
            service_name: Set("Massage".into()),
            datetime: Set(at("10:00").into()),
            duration: Set(60),
            client: Set(json!({})),
            payment_method: Set("card".into()),
            amount_cents: Set(1),
            ..Default::default()
        };
        let local = local.insert(tenant).await?;
        Ok(Self {
            service: shop.service.id,
            practitioner,
            handle: shop.practitioners[0].handle.parse()?,
            client: shop.client.id,
            email: shop.client.email.parse()?,
            booking: booking.id,
            payment: charged.id,
            confirmation: booking.confirmation_code,
            hold: hold.id,
            block: block.id,
            review: review.id,
            certificate: certificate.code,
            package: package.code,
            template: template.id,
            form_type: "massage".into(),
            draft: draft.id,
            submitted: submitted.id,
            local: local.id,
            own: Own {
                service: own.service.id,
                practitioner: own.practitioners[0].id,
                client: own.client.id,
            },
        })
    }

    fn of_no_one(own: Own) -> Result<Self> {
        Ok(Self {
            service: Uuid::new_v4(),
            practitioner: Uuid::new_v4(),
            handle: "nobody".parse()?,
            client: Uuid::new_v4(),
            email: "nobody@example.com".parse()?,
            booking: Uuid::new_v4(),
            payment: Uuid::new_v4(),
            confirmation: "AAAAAAAA".into(),
            hold: Uuid::new_v4(),
            block: Uuid::new_v4(),
            review: Uuid::new_v4(),
            certificate: "AAAA-AAAA-AAAA".into(),
            package: "BBBB-BBBB-BBBB".into(),
            template: Uuid::new_v4(),
            form_type: "nothing".into(),
            draft: Uuid::new_v4(),
            submitted: Uuid::new_v4(),
            local: Uuid::new_v4(),
            own,
        })
    }

    /// An outcome without the given values.
    fn without_given(&self, outcome: &str) -> String {
        let ids = [
            self.service,
            self.practitioner,
            self.client,
            self.booking,
            self.payment,
            self.hold,
            self.block,
            self.review,
            self.template,
            self.draft,
            self.submitted,
            self.local,
        ];
        let texts = [self.certificate.as_str(), &self.package, &self.confirmation];
        let given = ids.iter().map(ToString::to_string).chain(texts.map(str::to_owned));
        given.fold(outcome.to_owned(), |text, value| text.replace(&value, "<given>"))
    }
}

fn attempt(service: Uuid, practitioner: Uuid, client: Uuid) -> NewBooking {
    NewBooking::new(service, Some(practitioner), client, at("15:00"))
}

fn review() -> NewReview {
    NewReview {
        reviewer_name: "Ann".into(),
        rating: 5,
        text: "Lovely".into(),
        source: "google".into(),
        published_at: None,
        tags: Vec::new(),
    }
}

fn package(client: Option<Uuid>) -> NewPackage {
    NewPackage {
        package_type: "five".into(),
        sessions: 5,
        price_cents: 1,
        currency: "USD".into(),
        purchase: purchase(),
        client,
        expires_at: None,
    }
}

fn appointment() -> ImportedAppointment {
    ImportedAppointment {
        acuity_id: 1,
        client_name: "Ann".into(),
        client_email: None,
        client_phone: None,
        service: "Massage".into(),
        duration: 60,
        price_cents: 1,
        currency: "USD".into(),
        paid: true,
        payment_method: None,
        appointment_date: at("10:00"),
        notes: None,
    }
}

fn payment() -> ImportedPayment {
    ImportedPayment {
        acuity_id: Some(1),
        amount_cents: 1,
        currency: "USD".into(),
        processor: "stripe".into(),
        processor_ref: "a".into(),
        status: PaymentStatus::Paid,
        metadata: None,
    }
}

fn imported_booking() -> ImportedBooking {
    ImportedBooking {
        acuity_appointment_id: "x".into(),
        service_id: "s1".into(),
        service_name: "Massage".into(),
        provider_id: None,
        provider_name: None,
        datetime: at("10:00"),
        duration: 60,
        client: ImportedClient {
            first_name: "A".into(),
            last_name: "B".into(),
            email: "a@b.c".into(),
            phone: None,
        },
        payment_method: "card".into(),
        payment_transaction_id: None,
        amount_cents: 1,
        currency: "USD".into(),
        payment_status: PaymentStatus::Paid,
    }
}

type Operation = for<'a> fn(&'a TenantConnection, &'a Target) -> BoxFuture<'a, Vec<String>>;

/// The operations by name, each with one or more attempts. Results are printed without newly generated
/// values.
macro_rules! operations {
    ($($of:ident::$name:ident: |$tenant:ident, $them:ident| [$($result:expr),+ $(,)?];)+) => {
        &[$((concat!(stringify!($of), "::", stringify!($name)), |$tenant, $them| Box::pin(async move {
            vec![$(match $result.await {
                Ok(outcome) => format!("Ok({outcome:?})"),
                Err(error) => { let error = Error::from(error); format!("Err({error})") }
            }),+]
        })),)+]
    };
}

/// An outcome without its value.
async fn done<T, E: Into<Error>>(result: impl Future<Output = Result<T, E>>) -> Result<(), Error> {
    result.await.map(drop).map_err(Into::into)
}

const OPERATIONS: &[(&str, Operation)] = operations! {
    Content::get_profile: |tenant, _them| [tenant.content().get_profile()];
    Content::update_service: |tenant, them| [tenant.content().update_service(them.service, ServiceUpdate { active: false.into(), ..Default::default() })];
    Content::get_services: |tenant, _them| [tenant.content().get_services()];
    Content::get_all_services: |tenant, _them| [tenant.content().get_all_services()];
    Content::get_hours: |tenant, _them| [tenant.content().get_hours()];
    Content::get_overrides: |tenant, _them| [tenant.content().get_overrides(at("10:00").date_naive(), at("10:00").date_naive() + chrono::Days::new(7))];
    Content::delete_override: |tenant, _them| [tenant.content().delete_override(at("10:00").date_naive() + chrono::Days::new(7))];
    Content::create_time_block: |tenant, them| [tenant.content().create_time_block(them.practitioner, at("09:00"), at("10:00"), BlockType::Hold, None)];
    Content::delete_time_block: |tenant, them| [tenant.content().delete_time_block(them.block)];
    Content::get_practitioner: |tenant, them| [tenant.content().get_practitioner(&them.handle)];
    Content::get_practitioners: |tenant, _them| [tenant.content().get_practitioners()];
    Content::feature_review: |tenant, them| [tenant.content().feature_review(them.review, true)];
    Content::get_featured_reviews: |tenant, _them| [tenant.content().get_featured_reviews()];
    Content::rating_summary: |tenant, _them| [tenant.content().rating_summary()];
    Scheduling::free_slots: |tenant, them| [
        tenant.scheduling().free_slots(&SlotQuery::new(them.service, at("10:00").date_naive(), at("10:00").date_naive())),
        tenant.scheduling().free_slots(&SlotQuery {
            practitioner: Some(them.practitioner),
            ..SlotQuery::new(them.own.service, at("10:00").date_naive(), at("10:00").date_naive())
        }),
        tenant.scheduling().free_slots(&SlotQuery::new(them.own.service, at("10:00").date_naive(), at("10:00").date_naive())),
    ];
    Scheduling::hold: |tenant, them| [
        tenant.scheduling().hold(&Hold::new(them.service, Some(them.own.practitioner), at("15:00"))),
        tenant.scheduling().hold(&Hold::new(them.own.service, Some(them.practitioner), at("15:00"))),
    ];
    Scheduling::release_hold: |tenant, them| [tenant.scheduling().release_hold(them.hold)];
    Scheduling::cleanup_holds: |tenant, _them| [tenant.scheduling().cleanup_holds()];
    Scheduling::book: |tenant, them| [
        tenant.scheduling().book(&attempt(them.service, them.own.practitioner, them.own.client)),
        tenant.scheduling().book(&attempt(them.own.service, them.practitioner, them.own.client)),
        tenant.scheduling().book(&attempt(them.own.service, them.own.practitioner, them.client)),
        tenant.scheduling().book(&NewBooking {
            hold: Some(them.hold),
            ..attempt(them.own.service, them.own.practitioner, them.own.client)
        }),
    ];
    Scheduling::get_booking: |tenant, them| [tenant.scheduling().get_booking(them.booking)];
    Scheduling::get_booking_by_code: |tenant, them| [tenant.scheduling().get_booking_by_code(&them.confirmation)];
    Scheduling::get_bookings: |tenant, them| [
        tenant.scheduling().get_bookings(at("00:00"), at("23:59"), None),
        tenant.scheduling().get_bookings(at("00:00"), at("23:59"), Some(them.practitioner)),
    ];
    Scheduling::get_bookings_by_client: |tenant, them| [tenant.scheduling().get_bookings_by_client(them.client)];
    Scheduling::reschedule: |tenant, them| [tenant.scheduling().reschedule(them.booking, Reschedule { practitioner: Change::Keep, ..Reschedule::to(at("16:00")) })];
    Scheduling::cancel: |tenant, them| [tenant.scheduling().cancel(them.booking, "")];
    Scheduling::complete: |tenant, them| [tenant.scheduling().complete(them.booking)];
    Scheduling::record_payment: |tenant, them| [
        tenant.scheduling().record_payment(them.booking, &NewPayment::new(PaymentMethod::Cash)),
        tenant.scheduling().record_payment(them.booking, &NewPayment {
            reference: Some(Reference::new("stripe", "pi_1")), ..NewPayment::new(PaymentMethod::Card)
        }),
    ];
    Scheduling::record_refund: |tenant, them| [tenant.scheduling().record_refund(them.payment, &NewRefund::default())];
    Scheduling::get_payments: |tenant, them| [tenant.scheduling().get_payments(them.booking)];
    Scheduling::get_refunds_due: |tenant, _them| [tenant.scheduling().get_refunds_due()];
    Scheduling::mark_no_show: |tenant, them| [tenant.scheduling().mark_no_show(them.booking)];
    Scheduling::get_client_by_email: |tenant, them| [async {
        Ok::<_, Error>(tenant.scheduling().get_client_by_email(&them.email).await?.filter(|client| client.id != them.own.client))
    }];
    Certificates::get: |tenant, them| [tenant.certificates().get(&them.certificate)];
    Certificates::get_package: |tenant, them| [tenant.certificates().get_package(&them.package)];
    Certificates::redeem: |tenant, them| [tenant.certificates().redeem(&them.certificate, them.booking, None, None)];
    Certificates::redeem_session: |tenant, them| [tenant.certificates().redeem_session(&them.package, them.booking)];
    Certificates::get_redemptions: |tenant, them| [tenant.certificates().get_redemptions(them.booking)];
    Certificates::find_imbalances: |tenant, _them| [tenant.certificates().find_imbalances()];
    Intake::get_template: |tenant, them| [tenant.intake().get_template(&them.form_type)];
    Intake::get_template_versions: |tenant, them| [tenant.intake().get_template_versions(&them.form_type)];
    Intake::set_template_active: |tenant, them| [tenant.intake().set_template_active(them.template, false)];
    Intake::save_draft: |tenant, them| [tenant.intake().save_draft(&NewSubmission {
        template: them.template, client: them.own.client, booking: None, responses: json!({}), pain_areas: None, consent_text: String::new(),
    })];
    Intake::update_draft: |tenant, them| [tenant.intake().update_draft(them.draft, json!({"a": 1}), None)];
    Intake::submit: |tenant, them| [tenant.intake().submit(them.draft, None)];
    Intake::review: |tenant, them| [tenant.intake().review(them.submitted, "maya", None)];
    Intake::get_submission: |tenant, them| [tenant.intake().get_submission(them.submitted)];
    Intake::get_submissions_by_client: |tenant, them| [tenant.intake().get_submissions_by_client(them.client)];
    Intake::get_unreviewed: |tenant, _them| [tenant.intake().get_unreviewed()];
    History::reconcile: |tenant, them| [tenant.history().reconcile(them.local, "x")];
    History::mark_reconciliation_failed: |tenant, them| [tenant.history().mark_reconciliation_failed(them.local)];
    History::get_unreconciled: |tenant, _them| [tenant.history().get_unreconciled()];
    // From here on the tenant gets its own rows, with names that the other tenant also has.
    Content::save_profile: |tenant, _them| [done(tenant.content().save_profile(&Profile::new("Shop", "1", chrono_tz::Tz::UTC)))];
    Content::create_service: |tenant, _them| [done(tenant.content().create_service(NewService::new("Massage", 60, 1)))];
    Content::save_hours: |tenant, _them| [done(tenant.content().save_hours(&[OpeningHours { day_of_week: 1, opens: time("09:00"), closes: time("10:00"), label: None }]))];
    Content::save_override: |tenant, _them| [done(tenant.content().save_override(at("10:00").date_naive() + chrono::Days::new(7), None, Some("x")))];
    Content::save_override_spans: |tenant, _them| [done(tenant.content().save_override_spans(at("10:00").date_naive() + chrono::Days::new(7), &[(time("09:00"), time("10:00"))], None))];
    Content::save_practitioner: |tenant, them| [done(async { tenant.content().save_practitioner(&practitioner(them.handle.as_str())).await })];
    Content::create_review: |tenant, _them| [done(tenant.content().create_review(review()))];
    Scheduling::save_client: |tenant, _them| [done(async { tenant.scheduling().save_client(&client("ann")).await })];
    Certificates::issue: |tenant, _them| [done(async { tenant.certificates().issue(&NewCertificate::new(1, purchase())).await })];
    Certificates::issue_package: |tenant, them| [async { tenant.certificates().issue_package(&package(Some(them.client))).await }];
    Intake::create_template: |tenant, them| [async { Ok::<_, Error>(tenant.intake().create_template(&them.form_type, "x", &json!({})).await?.version) }];
    History::import_appointments: |tenant, _them| [done(async { tenant.history().import_appointments(&[appointment()]).await })];
    History::import_payments: |tenant, _them| [done(async { tenant.history().import_payments(&[payment()]).await })];
    History::import_bookings: |tenant, _them| [done(async { tenant.history().import_bookings(&[imported_booking()]).await })];
};

/// Every row of a tenant in the schema.
async fn snapshot(owner: &DatabaseConnection, tenant: TenantId) -> Result<Vec<JsonValue>> {
    let transaction = owner.begin().await?;
    transaction.execute_unprepared(&format!("SELECT watertight.enter('{tenant}')")).await?;
    let mut rows = Vec::new();
    let tables: Vec<String> = watertight_migration::tables(&watertight_migration::Settings::default())
        .into_iter()
        .filter(|table| table.schema() == "public")
        .map(|table| table.name().to_owned())
        .collect();
    for table in tables {
        let sql = format!("SELECT to_jsonb(t) AS row FROM public.{table} AS t ORDER BY to_jsonb(t)::text");
        let select = Statement::from_string(DbBackend::Postgres, sql);
        rows.extend(JsonValue::find_by_statement(select).all(&transaction).await?);
    }
    Ok(rows)
}

#[tokio::test]
async fn no_operation_reaches_another_tenant() -> Result<()> {
    let world = World::new().await?;
    let owner = world.database.owner().await?;
    let theirs = Shop::open(world.clinic.clone(), &["maya"]).await?;
    let own = Shop::open(world.studio.clone(), &["tomas"]).await?;
    let target = Target::of(&theirs, &own).await?;
    let of_no_one = Target::of_no_one(target.own)?;
    let victim = world.clinic.tenant_id();
    let before = snapshot(&owner, victim).await?;
    assert!(before.len() > 20, "there is something to be found");
    for (name, operation) in OPERATIONS {
        let mut outcomes = Vec::new();
        for target in [&target, &of_no_one] {
            // The attacker's own rows are restored for the next attempt.
            let outcome = operation(&world.studio, target).await;
            release(&own).await.context(*name)?;
            outcomes.push(outcome.iter().map(|text| target.without_given(text)).collect::<Vec<_>>());
        }
        assert_eq!(outcomes[0], outcomes[1], "{name} tells what exists from what does not");
        assert_eq!(snapshot(&owner, victim).await?, before, "{name} changes another tenant's rows");
    }
    // The same operations succeed for their own tenant, so the targets were valid.
    let home = &world.clinic;
    assert!(home.scheduling().release_hold(target.hold).await?);
    home.certificates().redeem(&target.certificate, target.booking, None, None).await?;
    home.intake().submit(target.draft, None).await?;
    home.intake().review(target.submitted, "maya", None).await?;
    home.history().reconcile(target.local, "x").await?;
    home.scheduling().cancel(target.booking, "").await?;
    assert!(home.content().delete_time_block(target.block).await?);
    Ok(())
}

/// Cancels the attacker's own bookings.
async fn release(own: &Shop) -> Result<()> {
    for booking in own.tenant.scheduling().get_bookings(at("00:00"), at("23:59"), None).await? {
        if booking.status == "confirmed" {
            own.tenant.scheduling().cancel(booking.id, "").await?;
        }
    }
    Ok(())
}

/// A new operation that is not tried above fails this test.
#[test]
fn no_operation_is_left_out() -> Result<()> {
    let tried: BTreeSet<_> = OPERATIONS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let of_auth = operations::of_auth()?;
    let mut in_source = operations::in_source()?;
    in_source.retain(|name| !of_auth.contains(name));
    assert_eq!(tried, in_source);
    assert!(tried.len() > 50);
    Ok(())
}
