//! Every operation, run by one tenant with what belongs to another: it sees nothing, changes nothing, and learns no
//! more than it learns from what does not exist.

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
    InvitedUser, LoginRequest, NewAuditEvent, NewInvitation, NewUser, Password, Role, SecondFactor,
    SessionMetadata, SessionUpdate, TotpSecret, UserUpdate,
};
use watertight::{TenantConnection, TenantId};

use super::{PASSWORD, World, code, enrol, password, user};
use crate::operations;

/// What belongs to someone, or to no one.
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
    /// Things of a tenant, all of them live.
    async fn of(tenant: &TenantConnection) -> Result<Self> {
        let auth = tenant.auth();
        let jess = user(tenant, "jess").await?;
        let (secret, codes) = enrol(tenant, "jess").await?;
        let session = auth.create_session(jess.id, &SessionMetadata::default()).await?;
        let enrolment = auth.enrol_totp(session.id).await?;
        auth.save_totp_secret(&jess.handle, enrolment.secret()).await?;
        drop(secret);
        let invitation = auth
            .create_invitation(NewInvitation {
                temporary_totp_secret: Some(TotpSecret::generate()?),
                ..NewInvitation::new("kai@example.com".parse()?, Role::Admin, jess.id)
            })
            .await?;
        Ok(Self {
            user: jess.id,
            handle: jess.handle,
            email: jess.email,
            session: session.id,
            token: auth.issue_token(session.id).await?.expose_secret().to_owned(),
            invitation: invitation.invitation.id,
            invitation_token: invitation.token.expose_secret().to_owned(),
            totp_code: code(tenant, enrolment.secret(), 0).await?,
            backup_code: codes[0].clone(),
        })
    }

    /// The same as far as it can be told from outside, of no one.
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

    /// An outcome with what was given taken out of it.
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

/// The operations by name. What they give is printed; where it differs from run to run, without that.
macro_rules! operations {
    ($($name:ident: |$auth:ident, $target:ident| $result:expr;)+) => {
        &[$((stringify!($name), |$auth, $target| Box::pin(async move {
            let result = $result;
            Ok(format!("{:?}", result?))
        })),)+]
    };
}

const OPERATIONS: &[(&str, Operation)] = operations! {
    get_user: |auth, them| auth.get_user(them.user).await;
    get_user_by_handle: |auth, them| auth.get_user_by_handle(&them.handle).await;
    get_user_by_email: |auth, them| auth.get_user_by_email(&them.email).await;
    get_all_users: |auth, _them| auth.get_all_users().await;
    get_users_page: |auth, them| auth.get_users_page(Some(&them.handle), 10).await;
    stream_users: |auth, _them| auth.stream_users().await?.try_collect::<Vec<_>>().await;
    has_users: |auth, _them| auth.has_users().await;
    update_user: |auth, them| auth.update_user(them.user, UserUpdate { role: Role::Viewer.into(), ..Default::default() }).await;
    set_password: |auth, them| auth.set_password(them.user, password()).await;
    lock_user: |auth, them| auth.lock_user(them.user, "reason").await;
    unlock_user: |auth, them| auth.unlock_user(them.user).await;
    delete_user: |auth, them| auth.delete_user(them.user).await;
    create_session: |auth, them| auth.create_session(them.user, &SessionMetadata::default()).await;
    get_session: |auth, them| auth.get_session(them.session).await;
    get_sessions_by_user: |auth, them| auth.get_sessions_by_user(them.user).await;
    get_all_sessions: |auth, _them| auth.get_all_sessions().await;
    update_session: |auth, them| auth.update_session(them.session, SessionUpdate { user_data: Change::Set(None), ..Default::default() }).await;
    get_session_totp_secret: |auth, them| auth.get_session_totp_secret(them.session).await;
    renew_session: |auth, them| auth.renew_session(them.session).await;
    delete_session: |auth, them| auth.delete_session(them.session).await;
    delete_user_sessions: |auth, them| auth.delete_user_sessions(them.user).await;
    cleanup_expired_sessions: |auth, _them| auth.cleanup_expired_sessions().await;
    login: |auth, them| {
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
    authenticate: |auth, them| auth.authenticate(&them.token).await;
    issue_token: |auth, them| auth.issue_token(them.session).await;
    logout: |auth, them| auth.logout(&them.token).await;
    change_password: |auth, them| auth.change_password(them.user, &password(), Password::new("new")?, Some(them.session)).await;
    hash_password: |auth, _them| auth.hash_password(password()).await;
    verify_password: |auth, _them| auth.verify_password(password(), auth.hash_password(password()).await?).await;
    needs_rehash: |auth, _them| Ok::<_, AuthError>(auth.needs_rehash(&auth.hash_password(password()).await?));
    save_totp_secret: |auth, them| auth.save_totp_secret(&them.handle, &TotpSecret::generate()?).await;
    get_totp_secret: |auth, them| auth.get_totp_secret(&them.handle).await;
    delete_totp_secret: |auth, them| auth.delete_totp_secret(&them.handle).await;
    enrol_totp: |auth, them| auth.enrol_totp(them.session).await;
    confirm_totp: |auth, them| auth.confirm_totp(them.session, &them.totp_code).await;
    disable_totp: |auth, them| auth.disable_totp(them.user, &password()).await;
    save_backup_codes: |auth, them| auth.save_backup_codes(them.user, &BackupCodes::generate(2)?).await;
    regenerate_backup_codes: |auth, them| auth.regenerate_backup_codes(them.user).await;
    get_backup_codes: |auth, them| auth.get_backup_codes(them.user).await;
    delete_backup_codes: |auth, them| auth.delete_backup_codes(them.user).await;
    consume_backup_code: |auth, them| auth.consume_backup_code(them.user, &them.backup_code).await;
    create_invitation: |auth, them| auth.create_invitation(NewInvitation::new(them.email.clone(), Role::Admin, them.user)).await;
    get_invitation: |auth, them| auth.get_invitation(&them.invitation_token).await;
    get_invitation_by_id: |auth, them| auth.get_invitation_by_id(them.invitation).await;
    get_invitation_totp_secret: |auth, them| auth.get_invitation_totp_secret(&them.invitation_token).await;
    get_all_invitations: |auth, _them| auth.get_all_invitations().await;
    get_pending_invitations: |auth, _them| auth.get_pending_invitations().await;
    get_invitations_by_user: |auth, them| auth.get_invitations_by_user(them.user).await;
    update_invitation: |auth, them| auth.update_invitation(them.invitation, InvitationUpdate { is_active: false.into(), ..Default::default() }).await;
    delete_invitation: |auth, them| auth.delete_invitation(them.invitation).await;
    cleanup_expired_invitations: |auth, _them| auth.cleanup_expired_invitations().await;
    accept_invitation: |auth, them| auth.accept_invitation(&them.invitation_token, InvitedUser::new(them.handle.clone(), password())).await;
    log_audit_event: |auth, them| auth.log_audit_event(NewAuditEvent { user_id: Some(them.user), ..NewAuditEvent::new(AuditEventType::SystemConfigured) }).await.map(drop);
    log_audit_events: |auth, them| auth.log_audit_events(vec![NewAuditEvent { target_user_id: Some(them.user), ..NewAuditEvent::new(AuditEventType::SystemConfigured) }]).await.map(drop);
    get_audit_events: |auth, them| auth.get_audit_events(&AuditFilter { user_id: Some(them.user), event_type: Some(AuditEventType::LoginSuccess), ..Default::default() }).await;
    get_recent_audit_events: |auth, _them| auth.get_recent_audit_events(Some(1000)).await.map(|events| {
        events.into_iter().filter(|event| event.event_type == AuditEventType::LoginSuccess).collect::<Vec<_>>()
    });
    purge_audit_events: |auth, _them| auth.purge_audit_events(chrono::Utc::now()).await;
    // Last: from here on the tenant has users of these names itself.
    create_user: |auth, them| auth.create_user(NewUser::new(them.handle.clone(), them.email.clone(), password())).await.map(drop);
    bootstrap_users: |auth, them| auth.bootstrap_users(vec![BootstrapUser {
        handle: format!("{}2", them.handle), email: format!("2{}", them.email), role: "admin".into(), credential: Some(password().into()), ..Default::default()
    }], true).await.map(|report| (report.created.len(), report.updated.len(), report.unchanged.len()));
};

/// Every row that a tenant has in the schema.
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
async fn every_operation_of_one_tenant_is_blind_to_another() -> Result<()> {
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
    // What was tried in vain works at home: the targets were good ones.
    let auth = world.clinic.auth();
    assert!(auth.authenticate(&theirs.token).await?.is_some());
    assert!(auth.get_invitation(&theirs.invitation_token).await?.is_some());
    assert!(auth.get_invitation_totp_secret(&theirs.invitation_token).await?.is_some());
    assert!(auth.get_session_totp_secret(theirs.session).await?.is_some());
    assert_eq!(auth.consume_backup_code(theirs.user, &theirs.backup_code).await?, Some(9));
    auth.login(LoginRequest {
        second_factor: Some(SecondFactor::Totp(theirs.totp_code.as_str().into())),
        ..super::request("jess", PASSWORD)
    })
    .await?;
    Ok(())
}

/// One that is added and not tried above fails here.
#[test]
fn no_operation_is_left_out() -> Result<()> {
    let tried: BTreeSet<_> = OPERATIONS.iter().map(|(name, _)| format!("Auth::{name}")).collect();
    let mut in_source = operations::in_source()?;
    in_source.retain(|name| name.starts_with("Auth::"));
    assert_eq!(tried, in_source);
    assert!(tried.len() > 50);
    Ok(())
}
