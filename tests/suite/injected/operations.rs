//! The callers of the workload. Each has a user, a password and bookings of its own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Result, bail};
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, QueryFilter, Set};
use uuid::Uuid;
use watertight::auth::{
    AuditEventType, AuditLog, InvitedUser, LoginRequest, NewAuditEvent, NewInvitation, NewUser, Password,
    Role,
};
use watertight::certificates::{NewCertificate, Purchase};
use watertight::content::{NewService, Profile};
use watertight::entity::public::{bookings, clients, practitioners, services};
use watertight::scheduling::{Hold, NewBooking, NewPayment, PaymentMethod, Reference, Reschedule};
use watertight::{Error, TenantConnection};

use super::history::{Record, Told};
use crate::auth::{new_user, request};
use crate::rows;
use crate::scheduling::{at, client, practitioner};

/// The most attempts of an operation that is safe to repeat.
const ATTEMPTS: usize = 40;

/// A caller with its record.
pub(super) struct Caller {
    number: u64,
    tenant: TenantConnection,
    log: AuditLog,
    random: fastrand::Rng,
    user: Uuid,
    /// The passwords that the user may have: one, unless the outcome of a change is unknown.
    password: String,
    service: services::Model,
    practitioner: practitioners::Model,
    client: clients::Model,
    certificate: String,
    /// The keys of bookings that nothing has paid.
    booked: Vec<Uuid>,
    /// The keys of bookings that a certificate or a card has paid.
    paid: Vec<Uuid>,
    records: Vec<Record>,
}

impl Caller {
    /// Creates the rows of a caller, before the first fault.
    pub(super) async fn prepare(
        number: u64,
        tenant: TenantConnection,
        log: AuditLog,
        seed: u64,
    ) -> Result<Self> {
        let name = format!("caller{number}");
        let content = tenant.content();
        content.save_profile(&Profile::new("Shop", "+1 607 555 0100", chrono_tz::Tz::UTC)).await?;
        let service = content.create_service(NewService::new(&*name, 60, 9_000)).await?;
        // Two callers of a tenant share a practitioner and compete for the slots.
        let practitioner = content.save_practitioner(&practitioner(&format!("maya{}", number / 4))).await?;
        let purchase = Purchase::new("Olivia Hart".into(), "olivia@example.com".parse()?);
        let certificate = tenant.certificates().issue(&NewCertificate::new(1_000_000, purchase)).await?.code;
        Ok(Self {
            user: tenant.auth().users().create(new_user(&name)).await?.id,
            password: crate::auth::PASSWORD.to_owned(),
            client: tenant.scheduling().save_client(&client(&name)).await?,
            random: fastrand::Rng::with_seed(seed.wrapping_add(number)),
            booked: Vec::new(),
            paid: Vec::new(),
            records: Vec::new(),
            number,
            tenant,
            log,
            service,
            practitioner,
            certificate,
        })
    }

    pub(super) async fn run(mut self, ends: &AtomicBool) -> Result<Vec<Record>> {
        while !ends.load(Ordering::SeqCst) {
            self.operate().await?;
        }
        // The user logs in with the last password, without faults.
        for _ in 0..ATTEMPTS {
            let login =
                self.tenant.auth().login(request(&format!("caller{}", self.number), &self.password)).await;
            match Told::of(&login.map_err(Error::from)) {
                Told::Done => return Ok(self.records),
                Told::Refused => bail!("the last password of caller {} is refused", self.number),
                Told::Failed | Told::Unknown => tokio::time::sleep(Duration::from_millis(200)).await,
            }
        }
        bail!("the database did not recover")
    }

    /// Runs one operation until its outcome is known, or gives up.
    async fn repeat(
        &mut self,
        kind: &'static str,
        id: Uuid,
        attempt: impl AsyncFn(&Self) -> Result<(), Error>,
    ) -> Told {
        let patience = if self.random.u8(..5) == 0 { 1 } else { ATTEMPTS };
        let mut told = Vec::new();
        while told.len() < patience {
            let result = attempt(self).await;
            told.push(Told::of(&result));
            match told.last() {
                Some(Told::Failed | Told::Unknown) => tokio::time::sleep(Duration::from_millis(100)).await,
                _ => break,
            }
        }
        let last = told.last().copied().unwrap_or(Told::Failed);
        self.records.push(Record { kind, tenant: self.tenant.tenant_id(), id, told });
        last
    }

    async fn operate(&mut self) -> Result<()> {
        let id = Uuid::new_v4();
        match self.random.u8(..15) {
            0 => {
                self.repeat("user", id, async |it| it.create_user(id).await).await;
            }
            1 => {
                self.repeat("login", id, async |it| it.log_in(id).await).await;
            }
            2 => {
                self.repeat("event", id, async |it| it.log_event(id).await).await;
            }
            3 => {
                self.repeat("logged", id, async |it| {
                    it.log.log(it.tenant.tenant_id(), event(id)).await.map_err(Into::into)
                })
                .await;
            }
            4 => {
                let start = self.slot();
                self.repeat("hold", id, async |it| it.hold(id, start).await).await;
            }
            5 | 6 => {
                let start = self.slot();
                if self.repeat("booking", id, async |it| it.book(id, start).await).await == Told::Done {
                    self.booked.push(id);
                }
            }
            7 => {
                if let Some(key) = self.booked.pop() {
                    let told = if self.random.bool() {
                        self.repeat("redemption", key, async |it| it.redeem(key).await).await
                    } else {
                        self.repeat("payment", key, async |it| it.pay(key).await).await
                    };
                    if told == Told::Done {
                        self.paid.push(key);
                    }
                }
            }
            8 => {
                self.repeat("invitation", id, async |it| it.invite(id).await).await;
            }
            9 => {
                self.repeat("pair", id, async |it| it.insert_pair(id).await).await;
            }
            10 => {
                self.repeat("row", id, async |it| it.insert_row(id).await).await;
            }
            11 => {
                self.repeat("certificate", id, async |it| it.issue(id).await).await;
            }
            12 => {
                if let Some(key) = self.paid.pop() {
                    self.repeat("cancellation", key, async |it| it.cancel(key).await).await;
                }
            }
            13 => {
                let to = self.slot() + TimeDelta::minutes(30);
                if let Some(key) = self.booked.pop() {
                    self.repeat("move", key, async |it| it.reschedule(key, to).await).await;
                }
            }
            _ => self.change_password(id).await?,
        }
        Ok(())
    }

    /// A random hour of a hundred days.
    fn slot(&mut self) -> DateTime<Utc> {
        at("00:00") + TimeDelta::hours(self.random.i64(0..24 * 100))
    }

    async fn create_user(&self, id: Uuid) -> Result<(), Error> {
        let new = NewUser { id: Some(id), ..new_user(&format!("u{}", id.simple())) };
        Ok(self.tenant.auth().users().create(new).await.map(drop)?)
    }

    async fn log_in(&self, attempt: Uuid) -> Result<(), Error> {
        let request = request(&format!("caller{}", self.number), &self.password);
        let login = self.tenant.auth().login(LoginRequest { attempt: Some(attempt), ..request }).await?;
        self.tenant.auth().authenticate(login.token.expose_secret()).await?;
        Ok(())
    }

    async fn log_event(&self, id: Uuid) -> Result<(), Error> {
        Ok(self.tenant.auth().audit().log(event(id)).await.map(drop)?)
    }

    async fn hold(&self, id: Uuid, start: DateTime<Utc>) -> Result<(), Error> {
        let hold = Hold { id: Some(id), ..Hold::new(self.service.id, Some(self.practitioner.id), start) };
        Ok(self.tenant.scheduling().hold(&hold).await.map(drop)?)
    }

    async fn book(&self, id: Uuid, start: DateTime<Utc>) -> Result<(), Error> {
        let booking = NewBooking {
            idempotency_key: Some(id.to_string()),
            outside_hours: true,
            ..NewBooking::new(self.service.id, Some(self.practitioner.id), self.client.id, start)
        };
        Ok(self.tenant.scheduling().book(&booking).await.map(drop)?)
    }

    async fn booking(&self, key: Uuid) -> Result<Uuid, Error> {
        let select = bookings::Entity::find().filter(bookings::Column::IdempotencyKey.eq(key.to_string()));
        let found = select.one(&self.tenant).await?;
        Ok(found.ok_or_else(|| DbErr::RecordNotFound(key.to_string()))?.id)
    }

    /// Pays a booking in full by certificate, which it can be once.
    async fn redeem(&self, key: Uuid) -> Result<(), Error> {
        let (booking, repeat) = (self.booking(key).await?, key.to_string());
        let certificates = self.tenant.certificates();
        Ok(certificates.redeem(&self.certificate, booking, None, Some(&repeat)).await.map(drop)?)
    }

    async fn pay(&self, key: Uuid) -> Result<(), Error> {
        let reference = Some(Reference::new("stripe", key.to_string()));
        let payment = NewPayment { reference, ..NewPayment::new(PaymentMethod::Card) };
        let booking = self.booking(key).await?;
        Ok(self.tenant.scheduling().record_payment(booking, &payment).await.map(drop)?)
    }

    async fn issue(&self, session: Uuid) -> Result<(), Error> {
        let purchaser = Purchase::new("Olivia Hart".into(), "olivia@example.com".parse()?);
        let purchase = Purchase { stripe_session_id: Some(session.to_string()), ..purchaser };
        Ok(self.tenant.certificates().issue(&NewCertificate::new(5_000, purchase)).await.map(drop)?)
    }

    async fn cancel(&self, key: Uuid) -> Result<(), Error> {
        let booking = self.booking(key).await?;
        Ok(self.tenant.scheduling().cancel(booking, "ill").await.map(drop)?)
    }

    async fn reschedule(&self, key: Uuid, to: DateTime<Utc>) -> Result<(), Error> {
        let booking = self.booking(key).await?;
        let to = Reschedule { outside_hours: true, ..Reschedule::to(to) };
        Ok(self.tenant.scheduling().reschedule(booking, to).await.map(drop)?)
    }

    /// Invites a user, who accepts.
    async fn invite(&self, id: Uuid) -> Result<(), Error> {
        let invitations = self.tenant.auth().invitations();
        let email = format!("i{}@example.com", id.simple()).parse()?;
        let new = NewInvitation { id: Some(id), ..NewInvitation::new(email, Role::Viewer, self.user) };
        let created = invitations.create(new).await?;
        let invited = InvitedUser::new(format!("i{}", id.simple()).parse()?, crate::auth::password());
        Ok(invitations.accept(created.token.expose_secret(), invited).await.map(drop)?)
    }

    /// Inserts two rows in one transaction, which fails for the second attempt with a duplicate key.
    async fn insert_pair(&self, id: Uuid) -> Result<(), Error> {
        let transaction = self.tenant.begin().await?;
        for half in ["first half", "second half"] {
            let key = Uuid::from_u128(id.as_u128() ^ u128::from(half == "second half"));
            services::ActiveModel { id: Set(key), ..rows::service(half) }.insert(&transaction).await?;
        }
        Ok(transaction.commit().await?)
    }

    async fn insert_row(&self, id: Uuid) -> Result<(), Error> {
        services::ActiveModel { id: Set(id), ..rows::service("row") }.insert(&self.tenant).await?;
        Ok(())
    }

    async fn change_password(&mut self, id: Uuid) -> Result<()> {
        let next = id.to_string();
        let user = self.user;
        let mut rounds = 0..ATTEMPTS;
        let told = loop {
            if rounds.next().is_none() {
                bail!("the database did not recover");
            }
            let told = self
                .repeat("password", id, async |it| {
                    let (current, new) = (Password::new(&*it.password)?, Password::new(&*next)?);
                    Ok(it.tenant.auth().users().change_password(user, &current, new, None).await?)
                })
                .await;
            // Repeated until it is known, so that the caller knows its password.
            if !matches!(told, Told::Failed | Told::Unknown) {
                break told;
            }
        };
        if told == Told::Refused {
            bail!("the password of caller {} was refused", self.number);
        }
        self.password = next;
        Ok(())
    }
}

fn event(id: Uuid) -> NewAuditEvent {
    NewAuditEvent { id: Some(id), ..NewAuditEvent::new(AuditEventType::SystemConfigured) }
}
