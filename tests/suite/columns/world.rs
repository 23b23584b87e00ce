//! A tenant with two rows of each table: a good one, and one to spoil.

use anyhow::{Context, Result};
use chrono::Days;
use sea_orm::DatabaseConnection;
use serde_json::json;
use uuid::Uuid;
use watertight::auth::{
    BackupCodes, GeoLocation, InvitationMetadata, NewAuditEvent, NewInvitation, NewUser, Permissions, Role,
    SessionMetadata, SessionUpdate, SessionUser, TotpSecret,
};
use watertight::certificates::{NewCertificate, NewPackage, Purchase};
use watertight::content::{BlockType, NewReview};
use watertight::history::{
    ImportedAppointment, ImportedBooking, ImportedClient, ImportedPayment, PaymentStatus,
};
use watertight::intake::NewSubmission;
use watertight::scheduling::{Hold, NewBooking, NewClient};
use watertight::{Email, Handle, TenantConnection};

use crate::auth::{World, new_user};
use crate::scheduling::{Shop, at, client};

/// The rows that operations are asked for.
pub(super) struct Place {
    pub(super) user: Uuid,
    pub(super) handle: Handle,
    pub(super) email: Email,
    pub(super) session: Uuid,
    pub(super) token: String,
    pub(super) backup_code: String,
    pub(super) invitation: Uuid,
    pub(super) invitation_token: String,
    pub(super) event: Uuid,
    pub(super) service: Uuid,
    pub(super) practitioner: Uuid,
    pub(super) review: Uuid,
    pub(super) client: Uuid,
    pub(super) booking: Uuid,
    pub(super) confirmation: String,
    pub(super) block: Uuid,
    pub(super) hold: Uuid,
    pub(super) certificate: (Uuid, String),
    pub(super) package: (Uuid, String),
    pub(super) redemption: Uuid,
    pub(super) template: Uuid,
    pub(super) form: String,
    pub(super) draft: Uuid,
    pub(super) submitted: Uuid,
    /// Distinguishes the names of the place.
    pub(super) n: u32,
}

pub(super) struct Scene {
    pub(super) world: World,
    pub(super) good: Place,
    pub(super) bad: Place,
}

const NAMES: [&str; 2] = ["maya", "tomas"];

impl Scene {
    pub(super) async fn new() -> Result<Self> {
        let world = World::new().await?;
        let shop = Shop::open(world.clinic.clone(), &NAMES).await?;
        let (good, bad) = (Box::pin(Place::new(&shop, 0)).await?, Box::pin(Place::new(&shop, 1)).await?);
        Ok(Self { world, good, bad })
    }

    pub(super) async fn superuser(&self) -> Result<DatabaseConnection> {
        self.world.database.superuser().await
    }

    /// The condition of the row to spoil.
    pub(super) fn bad_row(&self, table: &str) -> Result<String> {
        let bad = &self.bad;
        let by = |id: Uuid| format!("id = '{id}'");
        Ok(match table {
            "auth.users" => by(bad.user),
            "auth.sessions" => by(bad.session),
            "auth.totp_secrets" => format!("handle = '{}'", bad.handle),
            "auth.backup_codes" => format!("user_id = '{}'", bad.user),
            "auth.invitations" => by(bad.invitation),
            "auth.audit_events" => by(bad.event),
            "public.business_profile" => "true".to_owned(),
            "public.services" => by(bad.service),
            "public.business_hours" => "day_of_week = 3".to_owned(),
            "public.reviews" => by(bad.review),
            "public.practitioners" => by(bad.practitioner),
            "public.clients" => by(bad.client),
            "public.bookings" => by(bad.booking),
            "public.booking_payments" => format!("redemption_id = '{}'", bad.redemption),
            "public.time_blocks" => by(bad.block),
            "public.business_hours_overrides" => "reason = '1'".to_owned(),
            "public.slot_reservations" => by(bad.hold),
            "public.gift_certificates" => by(bad.certificate.0),
            "public.packages" => by(bad.package.0),
            "public.gift_certificate_redemptions" => by(bad.redemption),
            "public.intake_form_templates" => by(bad.template),
            "public.intake_submissions" => by(bad.submitted),
            "public.appointments" => "client_name = '1'".to_owned(),
            "public.payments" => "processor_ref = '1'".to_owned(),
            "public.local_bookings" => "service_name = '1'".to_owned(),
            _ => anyhow::bail!("{table} has no row to spoil: add one"),
        })
    }
}

fn purchase(n: u32) -> Result<Purchase> {
    Ok(Purchase {
        stripe_session_id: Some(format!("cs_{n}")),
        stripe_payment_id: Some(format!("pi_{n}")),
        issued_by: Some("maya".into()),
        ..Purchase::new("Olivia".into(), "olivia@example.com".parse()?)
    })
}

impl Place {
    async fn new(shop: &Shop, n: u32) -> Result<Self> {
        let tenant = &shop.tenant;
        let auth = Self::accounts(tenant, n).await?;
        Box::pin(Self::business(shop, n, auth)).await
    }

    async fn accounts(tenant: &TenantConnection, n: u32) -> Result<Accounts> {
        let auth = tenant.auth();
        let user = auth
            .users()
            .create(NewUser {
                role: Role::Admin,
                permissions: Some(Permissions(vec!["print".into()])),
                ..new_user(&format!("user{n}"))
            })
            .await?;
        let metadata = SessionMetadata {
            geo_location: Some(GeoLocation { country: "US".into(), city: Some("Ithaca".into()) }),
            ..Default::default()
        };
        let session = auth.sessions().create(user.id, &metadata).await?;
        let data = SessionUser {
            id: user.id,
            username: "jess".into(),
            name: "Jess".into(),
            role: Role::Admin,
            needs_onboarding: Some(true),
            onboarding_step: Some(1),
        };
        auth.sessions()
            .update(session.id, SessionUpdate { user_data: Some(data).into(), ..Default::default() })
            .await?;
        let enrollment = auth.totp().enroll(session.id).await?;
        auth.totp().save(&user.handle, enrollment.secret()).await?;
        let codes = BackupCodes::generate(2)?;
        auth.backup_codes().save(user.id, &codes).await?;
        let codes: Vec<String> = codes.expose_secrets().map(str::to_owned).collect();
        auth.backup_codes().consume(user.id, &codes[1]).await?;
        let invitation = auth
            .invitations()
            .create(NewInvitation {
                temporary_totp_secret: Some(TotpSecret::generate()?),
                metadata: Some(InvitationMetadata {
                    inviter_handle: "jess".into(),
                    inviter_display_name: Some("Jess".into()),
                    message: Some("Welcome".into()),
                    custom_instructions: Some("Ring twice".into()),
                }),
                ..NewInvitation::new(format!("invited{n}@example.com").parse()?, Role::Editor, user.id)
            })
            .await?;
        let event = NewAuditEvent {
            user_id: Some(user.id),
            details: json!({"a": [1, {"b": "c"}]}),
            ..NewAuditEvent::new("WALKED".parse()?)
        };
        Ok(Accounts {
            event: auth.audit().log(event).await?.id,
            token: auth.sessions().issue_token(session.id).await?.expose_secret().to_owned(),
            invitation_token: invitation.token.expose_secret().to_owned(),
            invitation: invitation.invitation.id,
            backup_code: codes.into_iter().next().context("a code")?,
            session: session.id,
            user,
        })
    }

    async fn business(shop: &Shop, n: u32, accounts: Accounts) -> Result<Self> {
        let tenant = &shop.tenant;
        let (content, scheduling) = (tenant.content(), tenant.scheduling());
        let service =
            content.create_service(watertight::content::NewService::new(format!("{n}"), 60, 9_000)).await?;
        let maya = &shop.practitioners[usize::try_from(n)?];
        let known = NewClient { custom_fields: Some(json!({"a": [1]})), ..client(&format!("client{n}")) };
        let client = scheduling.save_client(&known).await?;
        let new = NewBooking {
            notes: Some("notes".into()),
            idempotency_key: Some(format!("key{n}")),
            ..NewBooking::new(service.id, Some(maya.id), client.id, at("10:00"))
        };
        let booking = scheduling.book(&new).await?;
        let hold = scheduling.hold(&Hold::new(service.id, Some(maya.id), at("14:00"))).await?;
        let block = content
            .create_time_block(maya.id, at("12:00"), at("13:00"), BlockType::Break, Some("lunch"))
            .await?;
        let day = at("10:00").date_naive() + Days::new(7 + u64::from(n));
        let hours = Some((crate::scheduling::time("09:00"), crate::scheduling::time("12:00")));
        content.save_override(day, hours, Some(&n.to_string())).await?;
        let review = NewReview {
            reviewer_name: "Ann".into(),
            rating: 5,
            text: "Lovely".into(),
            source: "google".into(),
            published_at: Some(at("10:00")),
            tags: vec!["kind".into()],
        };
        let review = content.create_review(review).await?;
        content.feature_review(review.id, true).await?;
        let certificates = tenant.certificates();
        let certificate = certificates.issue(&NewCertificate::new(5_000, purchase(n)?)).await?;
        let redemption = certificates.redeem(&certificate.code, booking.id, Some(1_000), None).await?;
        let package = NewPackage { client: Some(client.id), ..NewPackage::new("five", 5, 1, purchase(n)?) };
        let package = certificates.issue_package(&package).await?;
        let form = format!("form{n}");
        let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}});
        let template = tenant.intake().create_template(&form, "Massage", &schema).await?;
        let answers = NewSubmission {
            booking: Some(booking.id),
            pain_areas: Some(json!(["neck"])),
            ..NewSubmission::new(template.id, client.id, json!({"a": "b"}), "I agree")
        };
        let draft = tenant.intake().save_draft(&answers).await?;
        let submitted = tenant.intake().save_draft(&answers).await?;
        tenant.intake().submit(submitted.id, None).await?;
        Self::history(tenant, n).await?;
        Ok(Self {
            handle: accounts.user.handle,
            email: accounts.user.email,
            user: accounts.user.id,
            session: accounts.session,
            token: accounts.token,
            backup_code: accounts.backup_code,
            invitation: accounts.invitation,
            invitation_token: accounts.invitation_token,
            event: accounts.event,
            service: service.id,
            practitioner: maya.id,
            review: review.id,
            client: client.id,
            booking: booking.id,
            confirmation: booking.confirmation_code,
            block: block.id,
            hold: hold.id,
            certificate: (certificate.id, certificate.code),
            package: (package.id, package.code),
            redemption: redemption.id,
            template: template.id,
            form,
            draft: draft.id,
            submitted: submitted.id,
            n,
        })
    }

    async fn history(tenant: &TenantConnection, n: u32) -> Result<()> {
        let history = tenant.history();
        history.import_appointments(&[appointment(n)]).await?;
        history.import_payments(&[payment(n)]).await?;
        history.import_bookings(&[booking(n)]).await?;
        Ok(())
    }
}

struct Accounts {
    user: watertight::auth::User,
    session: Uuid,
    token: String,
    backup_code: String,
    invitation: Uuid,
    invitation_token: String,
    event: Uuid,
}

pub(super) fn appointment(n: u32) -> ImportedAppointment {
    ImportedAppointment {
        acuity_id: i32::try_from(n).unwrap() + 10,
        client_name: n.to_string(),
        client_email: Some("a@example.com".into()),
        client_phone: Some("1".into()),
        service: "Massage".into(),
        duration: 60,
        price_cents: 9_000,
        currency: "USD".into(),
        paid: true,
        payment_method: Some("card".into()),
        appointment_date: at("10:00"),
        notes: Some("x".into()),
    }
}

pub(super) fn payment(n: u32) -> ImportedPayment {
    crate::history::payment(&n.to_string(), Some(i32::try_from(n).unwrap() + 10))
}

pub(super) fn booking(n: u32) -> ImportedBooking {
    ImportedBooking {
        acuity_appointment_id: format!("x{n}"),
        service_id: "s1".into(),
        service_name: n.to_string(),
        provider_id: Some("p".into()),
        provider_name: Some("P".into()),
        datetime: at("10:00"),
        duration: 60,
        client: ImportedClient {
            first_name: "A".into(),
            last_name: "B".into(),
            email: "a@b.c".into(),
            phone: Some("1".into()),
        },
        payment_method: "card".into(),
        payment_transaction_id: Some("t".into()),
        amount_cents: 1,
        currency: "USD".into(),
        payment_status: PaymentStatus::Paid,
    }
}
