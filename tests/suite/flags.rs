//! Every flag of a row binds every operation that uses the row, also a flag that another program has set.
//!
//! The flags come from the catalog: a new column that looks like a flag fails until it is listed here.

use std::collections::BTreeSet;

use anyhow::Result;
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel, Set};
use serde_json::json;
use watertight::auth::{
    AuthError, BackupCodes, InvitedUser, LoginRefusal, NewInvitation, NewUser, Password, Role,
    SessionMetadata, TotpSecret,
};
use watertight::certificates::{NewCertificate, NewPackage, Purchase};
use watertight::entity::auth::{invitations, users};
use watertight::entity::public::{gift_certificates, packages, services, slot_reservations};
use watertight::intake::NewSubmission;
use watertight::scheduling::{Hold, NewBooking, Reschedule, SlotQuery};
use watertight::{BookingError, TenantConnection};
use watertight_tests::TestDatabase;

use crate::adopt::texts;
use crate::auth::{PASSWORD, World, new_user, password, request, user};
use crate::scheduling::{Shop, at};

/// The flags that bind operations. The tests of this file and of the named suites cover them.
const BINDING: &[&str] = &[
    "auth.users.is_active",
    "auth.users.is_locked",
    "auth.users.locked_until",
    "auth.users.totp_enabled",            // auth::second_factor
    "auth.sessions.expires_at",           // auth::sessions
    "auth.sessions.temp_totp_expires_at", // auth::clock
    "auth.invitations.is_active",
    "auth.invitations.expires_at", // auth::clock
    "auth.invitations.used_at",
    "public.services.active",
    "public.slot_reservations.expires_at",
    "public.slot_reservations.released_at",
    "public.bookings.status",         // scheduling::bookings
    "public.bookings.payment_status", // certificates
    "public.gift_certificates.status",
    "public.gift_certificate_redemptions.refunded_at", // final_rows
    "public.packages.status",
    "public.packages.expires_at",
    "public.intake_form_templates.active",
    "public.intake_submissions.status",            // final_rows
    "public.local_bookings.reconciliation_status", // final_rows, history
    "public.reviews.featured",                     // content
];

/// The columns that inform and bind nothing.
const INFORMING: &[&str] = &[
    "auth.users.locked_at",
    "auth.users.needs_onboarding",
    "auth.users.first_login",
    "auth.users.email_notifications",
    "auth.users.last_failed_login_at",
    "auth.users.last_login_at",
    "auth.users.password_changed_at",
    "auth.totp_secrets.backup_codes_generated",
    "auth.totp_secrets.last_used_at",
    "auth.backup_codes.generated_at",
    "auth.backup_codes.last_used_at",
    "public.bookings.cancelled_at",
    "public.gift_certificates.redeemed_at",
    "public.intake_submissions.consented_at",
    "public.intake_submissions.reviewed_at",
    "public.reviews.published_at",
    "public.appointments.paid",
    "public.payments.status",
    "public.local_bookings.payment_status",
    "public.local_bookings.reconciled_at",
];

#[tokio::test]
async fn every_flag_is_listed() -> Result<()> {
    let database = TestDatabase::create().await?;
    let flags = "SELECT n.nspname || '.' || c.relname || '.' || a.attname FROM pg_attribute a \
                 JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
                 JOIN pg_policy p ON p.polrelid = c.oid AND p.polname = 'tenant_isolation' \
                 WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attname NOT IN ('created_at', 'updated_at') \
                 AND (a.atttypid = 'bool'::regtype OR a.attname ~ '(_at|_until|status)$')";
    let found: BTreeSet<String> = texts(&database.owner().await?, flags).await?.into_iter().collect();
    let listed = BINDING.iter().chain(INFORMING).map(|flag| (*flag).to_owned()).collect();
    assert_eq!(found, listed);
    Ok(())
}

type Change = fn(&mut users::ActiveModel);

/// Changes the user's row as an application's own code does, without an operation.
async fn change(tenant: &TenantConnection, change: impl Fn(&mut users::ActiveModel)) -> Result<()> {
    let row = users::Entity::find().one(tenant).await?.expect("a user");
    let mut row = row.into_active_model();
    change(&mut row);
    row.update(tenant).await?;
    Ok(())
}

async fn token(tenant: &TenantConnection, id: uuid::Uuid) -> Result<String> {
    let sessions = tenant.auth().sessions();
    let session = sessions.create(id, &SessionMetadata::default()).await?;
    Ok(sessions.issue_token(session.id).await?.expose_secret().to_owned())
}

#[tokio::test]
async fn sessions_end_with_the_standing_of_their_user() -> Result<()> {
    let world = World::new().await?;
    let tenant = &world.clinic;
    let auth = tenant.auth();
    let jess = user(tenant, "jess").await?;
    let changes: [(&str, Change, Change); 5] = [
        ("deactivated", |row| row.is_active = Set(false), |row| row.is_active = Set(true)),
        ("locked", |row| row.is_locked = Set(true), |row| row.is_locked = Set(false)),
        ("another role", |row| row.role = Set("admin".into()), |row| row.role = Set("viewer".into())),
        (
            "permissions",
            |row| row.permissions = Set(Some(json!(["print"]))),
            |row| row.permissions = Set(None),
        ),
        ("password", |row| row.password_hash = Set("$2b$04$x".into()), |_| {}),
    ];
    for (what, to, back) in changes {
        let cookie = token(tenant, jess.id).await?;
        assert!(auth.authenticate(&cookie).await?.is_some());
        change(tenant, to).await?;
        change(tenant, back).await?;
        assert!(auth.authenticate(&cookie).await?.is_none(), "{what}, by the entity");
        assert!(auth.sessions().all().await?.is_empty(), "{what}, by the entity");
    }
    let cookie = token(tenant, jess.id).await?;
    let owner = world.owner().await?;
    owner.run("UPDATE auth.users SET is_active = false", []).await?;
    owner.run("UPDATE auth.users SET is_active = true", []).await?;
    assert!(auth.authenticate(&cookie).await?.is_none(), "by SQL");
    // The largest step is part of a session's user in short.
    change(tenant, |row| row.onboarding_step = Set(i32::MAX)).await?;
    // What says nothing about the standing ends no session.
    let cookie = token(tenant, jess.id).await?;
    change(tenant, |row| {
        (row.bio, row.theme, row.totp_enabled) = (Set(Some("x".into())), Set(Some("dark".into())), Set(true));
    })
    .await?;
    assert!(auth.authenticate(&cookie).await?.is_some());
    Ok(())
}

#[tokio::test]
async fn a_changed_password_keeps_the_session_that_changed_it() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    let jess = user(&world.clinic, "jess").await?;
    let other = token(&world.clinic, jess.id).await?;
    let here = auth.login(request("jess", PASSWORD)).await?;
    let before = auth.sessions().find(here.session.id).await?;
    auth.users()
        .change_password(jess.id, &password(), Password::new("another good one")?, Some(here.session.id))
        .await?;
    assert_eq!(auth.sessions().find(here.session.id).await?, before);
    assert!(auth.authenticate(&other).await?.is_none());
    assert_eq!(auth.sessions().all().await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn inactive_and_locked_users_can_do_nothing() -> Result<()> {
    let world = World::new().await?;
    let tenant = &world.clinic;
    let auth = tenant.auth();
    let jess = auth.users().create(NewUser { role: Role::Admin, ..new_user("jess") }).await?;
    let codes = BackupCodes::generate(2)?;
    let code = codes.expose_secrets().next().expect("a code").to_owned();
    let invite = || NewInvitation {
        temporary_totp_secret: TotpSecret::generate().ok(),
        ..NewInvitation::new("kai@example.com".parse().expect("an email"), Role::Editor, jess.id)
    };
    let made = auth.invitations().create(invite()).await?;
    let invitation = made.token.expose_secret();
    for (flag, to, back) in [
        (
            "inactive",
            (|row| row.is_active = Set(false)) as Change,
            (|row| row.is_active = Set(true)) as Change,
        ),
        ("locked", |row| row.is_locked = Set(true), |row| row.is_locked = Set(false)),
    ] {
        auth.backup_codes().save(jess.id, &codes).await?;
        let session = auth.sessions().create(jess.id, &SessionMetadata::default()).await?;
        auth.totp().enroll(session.id).await?;
        let cookie = auth.sessions().issue_token(session.id).await?;
        change(tenant, to).await?;
        let barred = |error: Option<AuthError>, what: &str| {
            assert!(
                matches!(
                    error,
                    Some(AuthError::LoginRefused(LoginRefusal::Inactive | LoginRefusal::Locked { .. }))
                ),
                "{what} {flag}: {error:?}"
            );
        };
        barred(auth.login(request("jess", PASSWORD)).await.err(), "login");
        barred(auth.sessions().create(jess.id, &SessionMetadata::default()).await.err(), "session");
        barred(auth.backup_codes().consume(jess.id, &code).await.err(), "backup code");
        barred(auth.totp().disable(jess.id, &password()).await.err(), "disable");
        barred(auth.users().change_password(jess.id, &password(), password(), None).await.err(), "password");
        barred(auth.invitations().create(invite()).await.err(), "invite");
        assert!(auth.authenticate(cookie.expose_secret()).await?.is_none(), "{flag}");
        assert!(auth.sessions().find(session.id).await?.is_none(), "{flag}");
        assert!(auth.sessions().renew(session.id).await?.is_none(), "{flag}");
        assert!(auth.totp().find_pending(session.id).await?.is_none(), "{flag}");
        let no_session = |error: Option<AuthError>| matches!(error, Some(AuthError::SessionNotFound { .. }));
        assert!(no_session(auth.totp().enroll(session.id).await.err()), "{flag}");
        assert!(no_session(auth.totp().confirm(session.id, "123456").await.err()), "{flag}");
        assert!(no_session(auth.sessions().issue_token(session.id).await.err()), "{flag}");
        assert!(auth.invitations().find_totp_secret(invitation).await?.is_none(), "{flag}");
        let accepted =
            auth.invitations().accept(invitation, InvitedUser::new("kai".parse()?, password())).await;
        assert!(matches!(accepted, Err(AuthError::InvitationClosed { .. })), "{flag}: {accepted:?}");
        change(tenant, back).await?;
    }
    assert!(auth.invitations().find_totp_secret(invitation).await?.is_some());
    Ok(())
}

#[tokio::test]
async fn a_revoked_or_used_invitation_gives_no_secret() -> Result<()> {
    let world = World::new().await?;
    let (tenant, auth) = (&world.clinic, world.clinic.auth());
    let jess = auth.users().create(NewUser { role: Role::Admin, ..new_user("jess") }).await?;
    for used in [false, true] {
        let made = auth
            .invitations()
            .create(NewInvitation {
                temporary_totp_secret: Some(TotpSecret::generate()?),
                ..NewInvitation::new("kai@example.com".parse()?, Role::Editor, jess.id)
            })
            .await?;
        let invitation = made.token.expose_secret();
        assert!(auth.invitations().find_totp_secret(invitation).await?.is_some());
        if used {
            auth.invitations().accept(invitation, InvitedUser::new("kai".parse()?, password())).await?;
        } else {
            let row = invitations::Entity::find().one(tenant).await?.expect("an invitation");
            let mut row = row.into_active_model();
            row.is_active = Set(false);
            row.update(tenant).await?;
            let accepted =
                auth.invitations().accept(invitation, InvitedUser::new("kai".parse()?, password())).await;
            assert!(matches!(accepted, Err(AuthError::InvitationClosed { .. })), "{accepted:?}");
        }
        assert!(auth.invitations().find_totp_secret(invitation).await?.is_none(), "used: {used}");
        assert!(auth.invitations().all_pending().await?.is_empty());
    }
    Ok(())
}

#[tokio::test]
async fn an_inactive_service_and_a_released_hold_bind_scheduling() -> Result<()> {
    let world = World::new().await?;
    let shop = Shop::open(world.clinic.clone(), &["maya"]).await?;
    let (tenant, scheduling) = (&shop.tenant, shop.tenant.scheduling());
    let maya = Some(shop.practitioners[0].id);
    let booked = scheduling.book(&shop.booking("10:00")).await?;
    for (time, release) in [("12:00", true), ("13:00", false)] {
        let held = scheduling.hold(&Hold::new(shop.service.id, maya, at(time))).await?;
        let rows = slot_reservations::Entity::find().all(tenant).await?;
        let row = rows.into_iter().find(|row| row.id == held.id).expect("the hold");
        let mut row = row.into_active_model();
        let past = chrono::Utc::now() - chrono::TimeDelta::hours(1);
        if release {
            row.released_at = Set(Some(past.into()));
        } else {
            row.expires_at = Set(past.into());
        }
        row.update(tenant).await?;
        let used = scheduling.book(&NewBooking { hold: Some(held.id), ..shop.booking(time) }).await;
        assert!(matches!(used, Err(BookingError::HoldExpired { .. })), "{used:?}");
    }
    let mut row = shop.service.clone().into_active_model();
    row.active = Set(false);
    services::ActiveModel::update(row, tenant).await?;
    let day = at("10:00").date_naive();
    assert_eq!(scheduling.free_slots(&SlotQuery::new(shop.service.id, day, day)).await?, []);
    let inactive = |error: Option<BookingError>| matches!(error, Some(BookingError::ServiceInactive { .. }));
    assert!(inactive(scheduling.hold(&Hold::new(shop.service.id, maya, at("15:00"))).await.err()));
    assert!(inactive(scheduling.book(&shop.booking("15:00")).await.err()));
    assert!(inactive(scheduling.reschedule(booked.id, Reschedule::to(at("15:00"))).await.err()));
    assert!(tenant.content().get_services().await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn void_and_expired_certificates_and_inactive_forms_are_refused() -> Result<()> {
    let world = World::new().await?;
    let shop = Shop::open(world.clinic.clone(), &["maya"]).await?;
    let (tenant, certificates) = (&shop.tenant, shop.tenant.certificates());
    let booking = tenant.scheduling().book(&shop.booking("10:00")).await?;
    let purchase = || Purchase::new("Olivia".into(), "o@example.com".parse().expect("an email"));
    let gift = certificates.issue(&NewCertificate::new(20_000, purchase())).await?;
    let void = certificates.issue_package(&NewPackage::new("five", 5, 1, purchase())).await?;
    let expired = certificates.issue_package(&NewPackage::new("five", 5, 1, purchase())).await?;
    let mut row = gift.clone().into_active_model();
    row.status = Set("void".into());
    gift_certificates::ActiveModel::update(row, tenant).await?;
    let mut row = void.clone().into_active_model();
    row.status = Set("void".into());
    packages::ActiveModel::update(row, tenant).await?;
    let mut row = expired.clone().into_active_model();
    row.expires_at = Set(Some((chrono::Utc::now() - chrono::TimeDelta::hours(1)).into()));
    packages::ActiveModel::update(row, tenant).await?;
    let refused = |error: Option<BookingError>| matches!(error, Some(BookingError::NotRedeemable { .. }));
    assert!(refused(certificates.redeem(&gift.code, booking.id, None, None).await.err()));
    assert!(refused(certificates.redeem_session(&void.code, booking.id).await.err()));
    assert!(refused(certificates.redeem_session(&expired.code, booking.id).await.err()));

    let form = tenant.intake().create_template("massage", "Massage", &json!({})).await?;
    tenant.intake().set_template_active(form.id, false).await?;
    assert!(tenant.intake().get_template("massage").await?.is_none());
    let draft =
        tenant.intake().save_draft(&NewSubmission::new(form.id, shop.client.id, json!({}), "I agree")).await;
    assert!(matches!(draft, Err(BookingError::FormInactive { .. })), "{draft:?}");
    Ok(())
}
