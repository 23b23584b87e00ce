//! Every operation, run by one tenant with the IDs and secrets of another: it sees nothing, changes nothing,
//! and gets the same answer as for missing rows.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use futures_util::TryStreamExt;
use futures_util::future::BoxFuture;
use sea_orm::{ConnectionTrait, TransactionTrait};
use sea_orm::{DatabaseConnection, DbBackend, FromQueryResult, JsonValue, Statement};
use uuid::Uuid;
use watertight::auth::AuthError;
use watertight::auth::{
    AuditEventType, AuditFilter, Auth, BackupCodes, BootstrapUser, Change, Email, Handle, InvitationUpdate,
    InvitedUser, LoginOrigin, LoginRequest, NewAuditEvent, NewInvitation, NewUser, Password, Role,
    SecondFactor, SessionMetadata, SessionUpdate, TotpSecret, UserUpdate,
};
use watertight::{TenantConnection, TenantId};

use super::{PASSWORD, World, code, enroll, password, user};
use crate::operations;

/// The targets of the operations: rows of a tenant, or of none.
#[derive(Clone)]
struct Target {
    user: Uuid,
    handle: Handle,
    email: Email,
    session: Uuid,
    token: String,
    invitation: Uuid,
    invitation_token: String,
    totp_code: String,
    backup_code: String,
}

impl Target {
    /// Targets of a tenant, none of them expired.
    async fn of(tenant: &TenantConnection) -> Result<Self> {
        let auth = tenant.auth();
        let jess = user(tenant, "jess").await?;
        let (secret, codes) = enroll(tenant, "jess").await?;
        let session = auth.sessions().create(jess.id, &SessionMetadata::default()).await?;
        let enrollment = auth.totp().enroll(session.id).await?;
        auth.totp().save(&jess.handle, enrollment.secret()).await?;
        drop(secret);
        let invitation = auth
            .invitations()
            .create(NewInvitation {
                temporary_totp_secret: Some(TotpSecret::generate()?),
                ..NewInvitation::new("kai@example.com".parse()?, Role::Admin, jess.id)
            })
            .await?;
        Ok(Self {
            user: jess.id,
            handle: jess.handle,
            email: jess.email,
            session: session.id,
            token: auth.sessions().issue_token(session.id).await?.expose_secret().to_owned(),
            invitation: invitation.invitation.id,
            invitation_token: invitation.token.expose_secret().to_owned(),
            totp_code: code(tenant, enrollment.secret(), 0).await?,
            backup_code: codes[0].clone(),
        })
    }

    /// Targets that look the same and do not exist.
    fn of_no_one(like: &Self) -> Result<Self> {
        let session = Uuid::new_v4();
        let (_, mac) = like.token.split_once('.').context("a token")?;
        Ok(Self {
            user: Uuid::new_v4(),
            handle: "jill".parse()?,
            email: "jill@example.com".parse()?,
            session,
            token: format!("{session}.{mac}"),
            invitation: Uuid::new_v4(),
            invitation_token: like.invitation_token.chars().rev().collect(),
            totp_code: "000000".into(),
            backup_code: "AAAA-AAAA".into(),
        })
    }

    /// An outcome without the given values.
    fn without_given(&self, outcome: &str) -> String {
        let given = [
            (self.user.to_string(), "<user>"),
            (self.email.to_string(), "<email>"),
            (self.handle.to_string(), "<handle>"),
            (self.session.to_string(), "<session>"),
            (self.invitation.to_string(), "<invitation>"),
        ];
        given.iter().fold(outcome.to_owned(), |text, (value, name)| text.replace(value, name))
    }

    fn login(&self, second_factor: Option<SecondFactor>) -> LoginRequest {
        let mut request = LoginRequest::new(self.handle.clone().into(), password());
        request.second_factor = second_factor;
        request
    }
}

type Operation =
    for<'a> fn(Auth<'a, TenantConnection>, &'a Target) -> BoxFuture<'a, Result<String, AuthError>>;

/// The operations by name. Results are printed, without the parts that differ from run to run.
macro_rules! operations {
    ($($part:ident::$name:ident: |$auth:ident, $target:ident| $result:expr;)+) => {
        &[$((concat!(stringify!($part), "::", stringify!($name)), |$auth, $target| Box::pin(async move {
            let result = $result;
            Ok(format!("{:?}", result?))
        })),)+]
    };
}

const OPERATIONS: &[(&str, Operation)] = operations! {
    Users::find: |auth, them| auth.users().find(them.user).await;
    Users::find_by_handle: |auth, them| auth.users().find_by_handle(&them.handle).await;
    Users::find_by_email: |auth, them| auth.users().find_by_email(&them.email).await;
    Users::all: |auth, _them| auth.users().all().await;
    Users::page: |auth, them| auth.users().page(Some(&them.handle), 10).await;
    Users::stream: |auth, _them| auth.users().stream().await?.try_collect::<Vec<_>>().await;
    Users::any: |auth, _them| auth.users().any().await;
    Users::update: |auth, them| auth.users().update(them.user, UserUpdate { role: Role::Viewer.into(), ..Default::default() }).await;
    Users::set_password: |auth, them| auth.users().set_password(them.user, password()).await;
    Users::lock: |auth, them| auth.users().lock(them.user, "reason").await;
    Users::unlock: |auth, them| auth.users().unlock(them.user).await;
    Users::delete: |auth, them| auth.users().delete(them.user).await;
    Users::record_login: |auth, them| auth.users().record_login(them.user, &SessionMetadata::default()).await;
    Users::record_failed_login: |auth, them| auth.users().record_failed_login(them.user, &SessionMetadata::default()).await;
    Users::begin_onboarding: |auth, them| auth.users().begin_onboarding(them.user).await;
    Users::complete_onboarding_step: |auth, them| auth.users().complete_onboarding_step(them.user, 1).await;
    Users::complete_onboarding: |auth, them| auth.users().complete_onboarding(them.user).await;
    Users::skip_onboarding: |auth, them| auth.users().skip_onboarding(them.user).await;
    Users::create_first_owner: |auth, them| {
        let new = NewUser::new(them.handle.clone(), them.email.clone(), password());
        let owner = auth.users().create_first_owner(new).await?;
        auth.users().delete(owner.id).await
    };
    Sessions::create: |auth, them| auth.sessions().create(them.user, &SessionMetadata::default()).await;
    Sessions::find: |auth, them| auth.sessions().find(them.session).await;
    Sessions::all_of: |auth, them| auth.sessions().all_of(them.user).await;
    Sessions::all: |auth, _them| auth.sessions().all().await;
    Sessions::update: |auth, them| auth.sessions().update(them.session, SessionUpdate { user_data: Change::Set(None), ..Default::default() }).await;
    Totp::find_pending: |auth, them| auth.totp().find_pending(them.session).await;
    Sessions::renew: |auth, them| auth.sessions().renew(them.session).await;
    Sessions::end: |auth, them| auth.sessions().end(them.session).await;
    Sessions::end_all_of: |auth, them| auth.sessions().end_all_of(them.user).await;
    Sessions::delete_expired: |auth, _them| auth.sessions().delete_expired().await;
    Auth::login: |auth, them| {
        let mut outcomes = Vec::new();
        for factor in [
            None,
            Some(SecondFactor::Totp(them.totp_code.as_str().into())),
            Some(SecondFactor::BackupCode(them.backup_code.as_str().into())),
        ] {
            outcomes.push(auth.login(them.login(factor)).await.map(drop).map_err(|error| error.to_string()));
        }
        Ok::<_, AuthError>(outcomes)
    };
    Auth::authenticate: |auth, them| auth.authenticate(&them.token).await;
    Sessions::issue_token: |auth, them| auth.sessions().issue_token(them.session).await;
    Auth::logout: |auth, them| auth.logout(&them.token).await;
    Users::change_password: |auth, them| auth.users().change_password(them.user, &password(), Password::new("new")?, Some(them.session)).await;
    Auth::hash_password: |auth, _them| auth.hash_password(password()).await;
    Auth::verify_password: |auth, _them| auth.verify_password(password(), auth.hash_password(password()).await?).await;
    Auth::needs_rehash: |auth, _them| Ok::<_, AuthError>(auth.needs_rehash(&auth.hash_password(password()).await?));
    Totp::save: |auth, them| auth.totp().save(&them.handle, &TotpSecret::generate()?).await;
    Totp::find: |auth, them| auth.totp().find(&them.handle).await;
    Totp::delete: |auth, them| auth.totp().delete(&them.handle).await;
    Totp::enroll: |auth, them| auth.totp().enroll(them.session).await;
    Totp::confirm: |auth, them| auth.totp().confirm(them.session, &them.totp_code).await;
    Totp::confirm_with: |auth, them| auth.totp().confirm_with(them.session, &them.totp_code, &BackupCodes::generate(2)?).await;
    Totp::disable: |auth, them| auth.totp().disable(them.user, &password()).await;
    StoredBackupCodes::save: |auth, them| auth.backup_codes().save(them.user, &BackupCodes::generate(2)?).await;
    StoredBackupCodes::regenerate: |auth, them| auth.backup_codes().regenerate(them.user).await;
    StoredBackupCodes::find: |auth, them| auth.backup_codes().find(them.user).await;
    StoredBackupCodes::delete: |auth, them| auth.backup_codes().delete(them.user).await;
    StoredBackupCodes::consume: |auth, them| auth.backup_codes().consume(them.user, &them.backup_code).await;
    StoredBackupCodes::used_at: |auth, them| auth.backup_codes().used_at(them.user, &them.backup_code).await;
    Invitations::create: |auth, them| auth.invitations().create(NewInvitation::new(them.email.clone(), Role::Admin, them.user)).await;
    Invitations::find_by_token: |auth, them| auth.invitations().find_by_token(&them.invitation_token).await;
    Invitations::find: |auth, them| auth.invitations().find(them.invitation).await;
    Invitations::find_totp_secret: |auth, them| auth.invitations().find_totp_secret(&them.invitation_token).await;
    Invitations::all: |auth, _them| auth.invitations().all().await;
    Invitations::all_pending: |auth, _them| auth.invitations().all_pending().await;
    Invitations::all_of: |auth, them| auth.invitations().all_of(them.user).await;
    Invitations::update: |auth, them| auth.invitations().update(them.invitation, InvitationUpdate { is_active: false.into(), ..Default::default() }).await;
    Invitations::delete: |auth, them| auth.invitations().delete(them.invitation).await;
    Invitations::delete_expired: |auth, _them| auth.invitations().delete_expired().await;
    Invitations::accept: |auth, them| auth.invitations().accept(&them.invitation_token, InvitedUser::new(them.handle.clone(), password())).await;
    AuditTrail::log: |auth, them| auth.audit().log(NewAuditEvent { user_id: Some(them.user), ..NewAuditEvent::new(AuditEventType::SystemConfigured) }).await.map(drop);
    AuditTrail::log_all: |auth, them| auth.audit().log_all(vec![NewAuditEvent { target_user_id: Some(them.user), ..NewAuditEvent::new(AuditEventType::SystemConfigured) }]).await.map(drop);
    AuditTrail::page: |auth, them| auth.audit().page(&AuditFilter { user_id: Some(them.user), event_type: Some(AuditEventType::LoginSuccess), ..Default::default() }).await;
    AuditTrail::recent: |auth, _them| auth.audit().recent(Some(1000)).await.map(|events| {
        events.into_iter().filter(|event| event.event_type == AuditEventType::LoginSuccess).collect::<Vec<_>>()
    });
    AuditTrail::failed_logins: |auth, them| auth.audit().failed_logins(&LoginOrigin::Handle(them.handle.clone()), std::time::Duration::from_hours(1)).await;
    AuditTrail::purge: |auth, _them| auth.audit().purge(chrono::Utc::now()).await;
    // Last, because from here on the tenant has users with these names.
    Users::create: |auth, them| auth.users().create(NewUser::new(them.handle.clone(), them.email.clone(), password())).await.map(drop);
    Auth::bootstrap_users: |auth, them| auth.bootstrap_users(vec![BootstrapUser {
        handle: format!("{}2", them.handle), email: format!("2{}", them.email), role: "admin".into(), credential: Some(password().into()), ..Default::default()
    }], true).await.map(|report| (report.created.len(), report.updated.len(), report.unchanged.len()));
};

/// Every row of a tenant in the schema.
async fn snapshot(owner: &DatabaseConnection, tenant: TenantId) -> Result<Vec<JsonValue>> {
    let transaction = owner.begin().await?;
    transaction.execute_unprepared(&format!("SELECT watertight.enter('{tenant}')")).await?;
    let mut rows = Vec::new();
    for table in ["users", "sessions", "totp_secrets", "backup_codes", "invitations", "audit_events"] {
        let sql = format!("SELECT to_jsonb(t) AS row FROM auth.{table} AS t ORDER BY to_jsonb(t)::text");
        let select = Statement::from_string(DbBackend::Postgres, sql);
        let of_table = JsonValue::find_by_statement(select).all(&transaction).await?;
        anyhow::ensure!(!of_table.is_empty(), "the tenant has nothing in {table} to be found");
        rows.extend(of_table);
    }
    Ok(rows)
}

#[tokio::test]
async fn no_operation_reaches_another_tenant() -> Result<()> {
    let world = World::with(super::settings().lockout(None)).await?;
    let owner = world.database.owner().await?;
    let theirs = Target::of(&world.clinic).await?;
    let of_no_one = Target::of_no_one(&theirs)?;
    let victim = world.clinic.tenant_id();
    let before = snapshot(&owner, victim).await?;
    for (name, operation) in OPERATIONS {
        let mut outcomes = Vec::new();
        for target in [&theirs, &of_no_one] {
            let outcome = match operation(world.studio.auth(), target).await {
                Ok(outcome) => format!("Ok({outcome})"),
                Err(error) => format!("Err({error})"),
            };
            outcomes.push(target.without_given(&outcome));
        }
        assert_eq!(outcomes[0], outcomes[1], "{name} tells what exists from what does not");
        assert_eq!(snapshot(&owner, victim).await?, before, "{name} changes another tenant's rows");
    }
    // The same operations succeed for their own tenant, so the targets were valid.
    let auth = world.clinic.auth();
    assert!(auth.authenticate(&theirs.token).await?.is_some());
    assert!(auth.invitations().find_by_token(&theirs.invitation_token).await?.is_some());
    assert!(auth.invitations().find_totp_secret(&theirs.invitation_token).await?.is_some());
    assert!(auth.totp().find_pending(theirs.session).await?.is_some());
    assert_eq!(auth.backup_codes().consume(theirs.user, &theirs.backup_code).await?, Some(9));
    auth.login(LoginRequest {
        second_factor: Some(SecondFactor::Totp(theirs.totp_code.as_str().into())),
        ..super::request("jess", PASSWORD)
    })
    .await?;
    Ok(())
}

/// A new operation that is not tried above fails this test.
#[test]
fn no_operation_is_left_out() -> Result<()> {
    let tried: BTreeSet<_> = OPERATIONS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(tried, operations::of_auth()?);
    assert!(tried.len() > 50);
    Ok(())
}
