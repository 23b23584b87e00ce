//! The entities, and the operations by the tables that they read.

use anyhow::Result;
use futures_util::TryStreamExt;
use futures_util::future::BoxFuture;
use sea_orm::{DbErr, EntityTrait};
use serde_json::json;
use watertight::auth::{
    AuditFilter, InvitationUpdate, InvitedUser, LoginRequest, NewAuditEvent, NewInvitation, Password, Role,
    SecondFactor, SessionMetadata, SessionUpdate, UserUpdate,
};
use watertight::content::{BlockType, OpeningHours, Profile, ServiceUpdate};
use watertight::entity::{auth as of_auth, public};
use watertight::scheduling::{Hold, NewBooking, NewPayment, PaymentMethod, Reschedule, SlotQuery};
use watertight::{Change, Error, TenantConnection, TenantTransaction};

use super::world::{Place, appointment, booking, payment};
use crate::auth::{PASSWORD, password};
use crate::scheduling::{at, client, practitioner, time};

pub(super) type Reader = for<'a> fn(&'a TenantTransaction, &'a Place) -> BoxFuture<'a, Result<String, Error>>;

macro_rules! entities {
    ($($table:literal: $entity:path),+ $(,)?) => {
        /// The number of rows that the entity reads; `None` if there is no such entity.
        pub(super) async fn read_entity(tenant: &TenantConnection, table: &str) -> Result<Option<usize>, DbErr> {
            Ok(match table {
                $($table => { use $entity as entity; Some(entity::Entity::find().all(tenant).await?.len()) })+
                _ => None,
            })
        }
    };
}

entities! {
    "auth.users": of_auth::users, "auth.sessions": of_auth::sessions, "auth.totp_secrets": of_auth::totp_secrets,
    "auth.backup_codes": of_auth::backup_codes, "auth.invitations": of_auth::invitations,
    "auth.audit_events": of_auth::audit_events,
    "public.business_profile": public::business_profile, "public.services": public::services,
    "public.business_hours": public::business_hours, "public.reviews": public::reviews,
    "public.practitioners": public::practitioners, "public.clients": public::clients,
    "public.bookings": public::bookings, "public.booking_payments": public::booking_payments, "public.time_blocks": public::time_blocks,
    "public.business_hours_overrides": public::business_hours_overrides,
    "public.slot_reservations": public::slot_reservations,
    "public.gift_certificates": public::gift_certificates, "public.packages": public::packages,
    "public.gift_certificate_redemptions": public::gift_certificate_redemptions,
    "public.intake_form_templates": public::intake_form_templates,
    "public.intake_submissions": public::intake_submissions, "public.appointments": public::appointments,
    "public.payments": public::payments, "public.local_bookings": public::local_bookings,
}

/// Operations by name, each with the tables that it reads. Every one succeeds for the rows of a good place.
macro_rules! readers {
    ($([$($table:ident.$name:ident)+] $operation:literal: |$db:ident, $place:ident| $result:expr;)+) => {
        pub(super) const READERS: &[(&[&str], &str, Reader)] = &[$((
            &[$(concat!(stringify!($table), ".", stringify!($name))),+],
            $operation,
            |$db, $place| Box::pin(async move { Ok(format!("{:?}", $result)) }),
        )),+];
    };
}

fn login(place: &Place, second_factor: Option<SecondFactor>) -> Result<LoginRequest, Error> {
    Ok(LoginRequest {
        second_factor,
        ..LoginRequest::new(place.handle.clone().into(), Password::new(PASSWORD)?)
    })
}

fn day() -> chrono::NaiveDate {
    at("10:00").date_naive()
}

readers! {
    [auth.users] "users.find": |db, of| db.auth().users().find(of.user).await?.map(|user| user.id);
    [auth.users] "users.find_by_handle": |db, of| db.auth().users().find_by_handle(&of.handle).await?;
    [auth.users] "users.find_by_email": |db, of| db.auth().users().find_by_email(&of.email).await?;
    [auth.users] "users.all": |db, _of| db.auth().users().all().await?;
    [auth.users] "users.page": |db, _of| db.auth().users().page(None, 10).await?;
    [auth.users] "users.stream": |db, _of| db.auth().users().stream().await?.try_collect::<Vec<_>>().await?;
    [auth.users] "users.update": |db, of| {
        db.auth().users().update(of.user, UserUpdate { role: Role::Viewer.into(), ..Default::default() }).await?
    };
    [auth.users] "users.set_password": |db, of| db.auth().users().set_password(of.user, password()).await?;
    [auth.users] "users.lock": |db, of| (
        db.auth().users().lock(of.user, "reason").await?, db.auth().users().unlock(of.user).await?
    );
    [auth.users] "users.delete": |db, of| db.auth().users().delete(of.user).await?;
    [auth.users auth.sessions] "login": |db, of| db.auth().login(login(of, None)?).await?.user;
    [auth.users auth.sessions] "authenticate": |db, of| db.auth().authenticate(&of.token).await?;
    [auth.users auth.sessions] "sessions.create": |db, of| {
        db.auth().sessions().create(of.user, &SessionMetadata::default()).await?
    };
    [auth.sessions] "sessions.find": |db, of| db.auth().sessions().find(of.session).await?;
    [auth.sessions] "sessions.all": |db, of| (
        db.auth().sessions().all().await?, db.auth().sessions().all_of(of.user).await?
    );
    [auth.sessions] "sessions.update": |db, of| {
        db.auth().sessions().update(of.session, SessionUpdate { user_data: Change::Set(None), ..Default::default() }).await?
    };
    [auth.sessions] "sessions.renew": |db, of| db.auth().sessions().renew(of.session).await?;
    [auth.sessions] "sessions.end": |db, of| (
        db.auth().sessions().end(of.session).await?, db.auth().sessions().end_all_of(of.user).await?,
        db.auth().sessions().delete_expired().await?
    );
    [auth.sessions] "logout": |db, of| db.auth().logout(&of.token).await?;
    [auth.sessions] "totp.find_pending": |db, of| db.auth().totp().find_pending(of.session).await?;
    [auth.sessions auth.users] "totp.enroll": |db, of| db.auth().totp().enroll(of.session).await?;
    [auth.totp_secrets] "totp.find": |db, of| db.auth().totp().find(&of.handle).await?;
    [auth.totp_secrets] "totp.save": |db, of| {
        let secret = watertight::auth::TotpSecret::generate()?;
        db.auth().totp().save(&of.handle, &secret).await.map(|()| "saved")?
    };
    [auth.totp_secrets auth.users] "totp.disable": |db, of| db.auth().totp().disable(of.user, &password()).await?;
    [auth.backup_codes] "backup_codes.find": |db, of| db.auth().backup_codes().find(of.user).await?;
    [auth.backup_codes] "backup_codes.consume": |db, of| {
        db.auth().backup_codes().consume(of.user, &of.backup_code).await?
    };
    [auth.backup_codes] "backup_codes.regenerate": |db, of| {
        db.auth().backup_codes().regenerate(of.user).await?.expose_secrets().len()
    };
    [auth.invitations] "invitations.find": |db, of| db.auth().invitations().find(of.invitation).await?;
    [auth.invitations] "invitations.find_by_token": |db, of| {
        db.auth().invitations().find_by_token(&of.invitation_token).await?
    };
    [auth.invitations] "invitations.find_totp_secret": |db, of| {
        db.auth().invitations().find_totp_secret(&of.invitation_token).await?
    };
    [auth.invitations auth.users] "invitations.all": |db, of| (
        db.auth().invitations().all().await?, db.auth().invitations().all_pending().await?,
        db.auth().invitations().all_of(of.user).await?
    );
    [auth.invitations] "invitations.update": |db, of| {
        let update = InvitationUpdate { is_active: false.into(), ..Default::default() };
        db.auth().invitations().update(of.invitation, update).await?
    };
    [auth.invitations] "invitations.delete": |db, of| (
        db.auth().invitations().delete(of.invitation).await?, db.auth().invitations().delete_expired().await?
    );
    [auth.invitations auth.users] "invitations.create": |db, of| {
        db.auth().invitations().create(NewInvitation::new(of.email.clone(), Role::Admin, of.user)).await?
    };
    [auth.invitations auth.users] "invitations.accept": |db, of| {
        let invited = InvitedUser::new(format!("new{}", of.n).parse()?, password());
        db.auth().invitations().accept(&of.invitation_token, invited).await?
    };
    [auth.audit_events] "audit.page": |db, of| (
        db.auth().audit().page(&AuditFilter::default()).await?,
        db.auth().audit().page(&AuditFilter { user_id: Some(of.user), ..Default::default() }).await?
    );
    [auth.audit_events] "audit.recent": |db, _of| db.auth().audit().recent(Some(1_000)).await?;
    [auth.audit_events] "audit.log": |db, of| {
        db.auth().audit().log(NewAuditEvent { user_id: Some(of.user), ..NewAuditEvent::new("A".parse()?) }).await?
    };

    [public.business_profile] "get_profile": |db, _of| db.content().get_profile().await?;
    [public.business_profile] "save_profile": |db, _of| {
        db.content().save_profile(&Profile::new("Shop", "1", chrono_tz::Tz::UTC)).await?
    };
    [public.services] "get_services": |db, _of| (
        db.content().get_services().await?, db.content().get_all_services().await?
    );
    [public.services] "update_service": |db, of| {
        db.content().update_service(of.service, ServiceUpdate { active: false.into(), ..Default::default() }).await?
    };
    [public.business_hours] "get_hours": |db, _of| db.content().get_hours().await?;
    [public.business_hours] "save_hours": |db, _of| db.content().save_hours(&[OpeningHours {
        day_of_week: 1, opens: time("09:00"), closes: time("10:00"), label: None
    }]).await?;
    [public.reviews] "get_featured_reviews": |db, _of| db.content().get_featured_reviews().await?;
    [public.reviews] "rating_summary": |db, _of| db.content().rating_summary().await?;
    [public.reviews] "feature_review": |db, of| db.content().feature_review(of.review, true).await?;
    [public.practitioners] "get_practitioners": |db, _of| db.content().get_practitioners().await?;
    [public.practitioners] "get_practitioner": |db, of| {
        db.content().get_practitioner(&["maya", "tomas"][of.n as usize].parse()?).await?
    };
    [public.practitioners] "save_practitioner": |db, of| {
        db.content().save_practitioner(&practitioner(["maya", "tomas"][of.n as usize])).await?
    };
    [public.time_blocks public.practitioners] "create_time_block": |db, of| {
        db.content().create_time_block(of.practitioner, at("15:00"), at("16:00"), BlockType::Hold, None).await?
    };
    [public.time_blocks] "delete_time_block": |db, of| db.content().delete_time_block(of.block).await?;
    [public.business_hours_overrides] "get_overrides": |db, _of| {
        db.content().get_overrides(day(), day() + chrono::Days::new(30)).await?
    };
    [public.business_hours_overrides] "get_overrides of all time": |db, _of| {
        db.content().get_overrides("0001-01-01".parse().unwrap(), "9999-12-31".parse().unwrap()).await?
    };
    [public.business_hours_overrides] "save_override_spans": |db, of| {
        let hours = [(time("09:00"), time("10:00"))];
        db.content().save_override_spans(day() + chrono::Days::new(7 + u64::from(of.n)), &hours, None).await?
    };

    [public.services public.business_profile public.business_hours public.business_hours_overrides public.practitioners
     public.bookings public.time_blocks public.slot_reservations] "free_slots": |db, of| (
        db.scheduling().free_slots(&SlotQuery::new(of.service, day(), day() + chrono::Days::new(14))).await?.len(),
        db.scheduling().free_slots(&SlotQuery {
            practitioner: Some(of.practitioner), buffer: std::time::Duration::from_hours(24), ..SlotQuery::new(of.service, day(), day())
        }).await?.len()
    );
    [public.services public.business_profile public.business_hours public.business_hours_overrides public.practitioners
     public.bookings public.time_blocks public.slot_reservations] "hold": |db, of| {
        db.scheduling().hold(&Hold::new(of.service, Some(of.practitioner), at("16:00"))).await?
    };
    [public.services public.business_profile public.business_hours public.business_hours_overrides public.practitioners
     public.bookings public.time_blocks public.slot_reservations public.clients] "book": |db, of| {
        db.scheduling().book(&NewBooking::new(of.service, Some(of.practitioner), of.client, at("16:00"))).await?
    };
    [public.slot_reservations] "book a hold": |db, of| {
        let new = NewBooking::new(of.service, Some(of.practitioner), of.client, at("14:00"));
        db.scheduling().book(&NewBooking { hold: Some(of.hold), ..new }).await?
    };
    [public.bookings public.services public.business_hours public.time_blocks public.slot_reservations] "reschedule": |db, of| {
        db.scheduling().reschedule(of.booking, Reschedule::to(at("16:00"))).await?
    };
    [public.bookings] "book again": |db, of| {
        let new = NewBooking { idempotency_key: Some(format!("key{}", of.n)), notes: Some("notes".into()),
            ..NewBooking::new(of.service, Some(of.practitioner), of.client, at("10:00")) };
        db.scheduling().book(&new).await?
    };
    [public.slot_reservations] "release_hold": |db, of| (
        db.scheduling().release_hold(of.hold).await?, db.scheduling().cleanup_holds().await?
    );
    [public.bookings] "get_booking": |db, of| (
        db.scheduling().get_booking(of.booking).await?, db.scheduling().get_booking_by_code(&of.confirmation).await?
    );
    [public.bookings] "get_bookings": |db, of| (
        db.scheduling().get_bookings("0001-01-01T00:00:00Z".parse().unwrap(), "9999-12-31T00:00:00Z".parse().unwrap(), None).await?,
        db.scheduling().get_bookings(at("00:00"), at("23:59"), Some(of.practitioner)).await?,
        db.scheduling().get_bookings_by_client(of.client).await?
    );
    [public.bookings public.gift_certificate_redemptions public.gift_certificates public.packages] "cancel": |db, of| {
        db.scheduling().cancel(of.booking, "ill").await?
    };
    [public.bookings] "complete": |db, of| db.scheduling().complete(of.booking).await?;
    [public.bookings] "mark_no_show": |db, of| db.scheduling().mark_no_show(of.booking).await?;
    [public.clients] "save_client": |db, of| db.scheduling().save_client(&client(&format!("client{}", of.n))).await?;
    [public.clients] "get_client_by_email": |db, of| {
        db.scheduling().get_client_by_email(&format!("client{}@example.com", of.n).parse()?).await?
    };

    [public.gift_certificates] "certificates.get": |db, of| db.certificates().get(&of.certificate.1).await?;
    [public.packages] "certificates.get_package": |db, of| db.certificates().get_package(&of.package.1).await?;
    [public.gift_certificates public.gift_certificate_redemptions public.bookings public.services] "redeem": |db, of| {
        db.certificates().redeem(&of.certificate.1, of.booking, Some(100), None).await?
    };
    [public.packages public.gift_certificate_redemptions public.bookings] "redeem_session": |db, of| {
        let new = NewBooking::new(of.service, Some(of.practitioner), of.client, at("16:00"));
        let made = db.scheduling().book(&new).await?;
        db.certificates().redeem_session(&of.package.1, made.id).await?
    };
    [public.booking_payments public.bookings] "get_payments": |db, of| (
        db.scheduling().get_payments(of.booking).await?, db.scheduling().get_refunds_due().await?
    );
    [public.booking_payments public.bookings] "record_payment": |db, of| {
        let part = NewPayment { amount_cents: Some(1), ..NewPayment::new(PaymentMethod::Cash) };
        db.scheduling().record_payment(of.booking, &part).await?
    };
    [public.gift_certificate_redemptions] "get_redemptions": |db, of| db.certificates().get_redemptions(of.booking).await?;
    [public.gift_certificates public.packages public.gift_certificate_redemptions] "find_imbalances": |db, _of| {
        db.certificates().find_imbalances().await?
    };

    [public.intake_form_templates] "get_template": |db, of| (
        db.intake().get_template(&of.form).await?, db.intake().get_template_versions(&of.form).await?
    );
    [public.intake_form_templates] "create_template": |db, of| {
        db.intake().create_template(&of.form, "next", &json!({})).await?
    };
    [public.intake_form_templates] "set_template_active": |db, of| {
        db.intake().set_template_active(of.template, false).await?
    };
    [public.intake_submissions public.intake_form_templates] "submit": |db, of| db.intake().submit(of.draft, None).await?;
    [public.intake_submissions] "update_draft": |db, of| {
        db.intake().update_draft(of.draft, json!({"a": "c"}), None).await?
    };
    [public.intake_submissions] "get_submission": |db, of| (
        db.intake().get_submission(of.submitted).await?, db.intake().get_submissions_by_client(of.client).await?,
        db.intake().get_unreviewed().await?
    );
    [public.intake_submissions] "review": |db, of| db.intake().review(of.submitted, "maya", None).await?;

    [public.appointments] "import_appointments": |db, of| db.history().import_appointments(&[appointment(of.n)]).await?;
    [public.payments public.appointments] "import_payments": |db, of| {
        db.history().import_payments(&[payment(of.n)]).await?
    };
    [public.local_bookings] "import_bookings": |db, of| db.history().import_bookings(&[booking(of.n)]).await?;
    [public.local_bookings] "get_unreconciled": |db, _of| db.history().get_unreconciled().await?;
}
