//! Every operation on an entity or a row has an Active Record form, or a reason for having none.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};
use watertight::auth::{
    AuditEventEntity, AuditEventType, InvitationEntity, InvitationRecord, NewAuditEvent, NewInvitation, Role,
    SessionEntity, SessionMetadata, SessionRecord, UserEntity, UserRecord,
};
use watertight::entity::auth::{audit_events, invitations, sessions, users};

use super::{World, new_user};
use crate::operations;

/// Operations without an Active Record form, each with the reason.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("Auth::login", "a login concerns a user, a session and the audit trail"),
    ("Auth::bootstrap_users", "a bootstrap concerns many users"),
    ("Auth::hash_password", "a hash belongs to no row"),
    ("Auth::verify_password", "a hash belongs to no row"),
    ("Auth::needs_rehash", "a hash belongs to no row"),
    ("Users::stream", "a stream borrows the handle"),
];

/// The operations that the Active Record forms call, as `Type::function`.
fn forwarded() -> Result<BTreeSet<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../service/src/auth/active_record");
    let mut called = BTreeSet::new();
    for entry in std::fs::read_dir(folder)? {
        let source = std::fs::read_to_string(entry?.path())?;
        for form in source.split("        fn ").skip(1) {
            let form = form.split(';').next().context("a form ends with a semicolon")?;
            let Some((_, call)) = form.split_once(" =") else { continue };
            let (operation, rest) = call.trim().split_once('(').context("a form calls an operation")?;
            let part = rest.rsplit_once(" in ").map_or("auth", |(_, part)| part.trim());
            let of = match part {
                "auth" => "Auth",
                "users" => "Users",
                "sessions" => "Sessions",
                "totp" => "Totp",
                "backup_codes" => "StoredBackupCodes",
                "invitations" => "Invitations",
                "audit" => "AuditTrail",
                _ => anyhow::bail!("the part {part} is unknown"),
            };
            called.insert(format!("{of}::{operation}"));
        }
    }
    Ok(called)
}

/// An operation that is added without a form fails here, and so does an exception that has one.
#[test]
fn every_operation_has_a_form_or_a_reason() -> Result<()> {
    let exceptions: BTreeSet<_> = EXCEPTIONS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let forwarded = forwarded()?;
    assert_eq!(forwarded.intersection(&exceptions).collect::<Vec<_>>(), Vec::<&String>::new());
    let covered: BTreeSet<_> = forwarded.union(&exceptions).cloned().collect();
    assert_eq!(covered, operations::of_auth()?);
    assert!(forwarded.len() > 40);
    Ok(())
}

/// The forms reach the same rows as the operations, on entities and on rows of either type.
#[tokio::test]
async fn forms_have_the_effects_of_the_operations() -> Result<()> {
    let World { clinic, studio, .. } = &World::new().await?;
    let jess = users::Entity::create(clinic, new_user("jess")).await?;
    assert_eq!(users::Entity::find_one(clinic, jess.id).await?.as_ref(), Some(&jess));
    assert_eq!(users::Entity::find_one(studio, jess.id).await?, None);
    assert!(users::Entity::any(clinic).await?);

    let session = jess.create_session(clinic, &SessionMetadata::default()).await?;
    let token = session.issue_token(clinic).await?;
    let known = sessions::Entity::authenticate(clinic, token.expose_secret()).await?;
    assert_eq!(known.map(|known| known.session.id), Some(session.id));
    assert!(session.pending_totp_secret(clinic).await?.is_none());
    let enrollment = session.enroll_totp(clinic).await?;
    assert!(session.pending_totp_secret(clinic).await?.is_some());
    jess.save_totp_secret(clinic, enrollment.secret()).await?;
    assert!(jess.totp_secret(clinic).await?.is_some());
    assert!(jess.lock(clinic, "left").await?.is_locked);
    assert_eq!(sessions::Entity::find_all(clinic).await?, []);
    assert!(!jess.unlock(clinic).await?.is_locked);

    let new = NewInvitation::new("kai@example.com".parse()?, Role::Editor, jess.id);
    let created = invitations::Entity::create(clinic, new).await?;
    let of_jess = jess.invitations(clinic).await?;
    assert_eq!(of_jess.iter().map(|invitation| invitation.id).collect::<Vec<_>>(), [created.invitation.id]);
    created.invitation.revoke(clinic).await?;
    assert_eq!(invitations::Entity::find_pending(clinic).await?, []);
    assert!(created.invitation.remove(clinic).await?);

    let event = NewAuditEvent { user_id: Some(jess.id), ..NewAuditEvent::new(AuditEventType::SecurityScan) };
    let id = audit_events::Entity::log(clinic, event).await?.id;
    let events = jess.audit_events(clinic).await?.events;
    assert!(events.iter().any(|event| event.id == id));

    assert!(jess.remove(clinic).await?);
    assert!(!users::Entity::any(clinic).await?);
    Ok(())
}
