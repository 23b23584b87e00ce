//! Notifications on the channels of a tenant.

use sea_orm::DbErr;

use super::error::NotificationError;
use super::id::TenantId;
use super::refusal::{Reason, Refusal, StatementKind};
use super::sealing::Purpose;
use super::signing::TenantSigner;
use super::transaction::TenantTransaction;
use crate::vocabulary::InvalidInput;

/// The longest payload of a notification in bytes, which PostgreSQL sets.
const LONGEST_PAYLOAD: usize = 7_999;

/// The bytes of a code in the name of a channel. A name has at most 63 bytes.
const CODE_BYTES: usize = 24;

impl TenantTransaction {
    /// Sends a notification to the [listeners](crate::TenantListener) on a channel of the tenant, when the transaction
    /// commits.
    ///
    /// A rollback sends nothing, and listeners that are not connected at the commit miss it: use it to announce rows
    /// that listeners then read, and an [outbox](crate::guide::jobs#an-outbox-table) for work that must not be lost.
    /// The server delivers equal notifications of one transaction once. It commits transactions with notifications one
    /// after the other.
    ///
    /// The name of the channel on the server is a code of tenant and channel under the tenant key. Other tenants and
    /// programs without the key cannot compute it, so they can neither listen nor send.
    ///
    /// ```no_run
    /// # async fn example(tenant: watertight::TenantConnection) -> Result<(), watertight::Error> {
    /// let transaction = tenant.begin().await?;
    /// // Insert the message of a chat here.
    /// transaction.notify("chat", "room 12").await?;
    /// transaction.commit().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`NotificationError::PayloadTooLong`] for more than 7,999 bytes. [`NotificationError::InvalidInput`] for an empty
    /// channel and for a payload with a zero byte.
    pub async fn notify(&self, channel: &str, payload: &str) -> Result<(), NotificationError> {
        let shared = &self.scope().shared;
        let names = channel_names(&shared.signer, self.tenant_id(), channel)?;
        if payload.len() > LONGEST_PAYLOAD {
            return Err(NotificationError::PayloadTooLong { bytes: payload.len(), limit: LONGEST_PAYLOAD });
        }
        if payload.contains('\0') {
            let reason = "contains a zero byte, which PostgreSQL cannot store as text; encode the payload";
            return Err(InvalidInput::new("payload", payload, reason).into());
        }
        if shared.read_only {
            return Err(DbErr::from(Refusal::new(StatementKind::Notification, Reason::ReadOnly)).into());
        }
        let Some(name) = names.into_iter().next() else { return Ok(()) };
        // Bound values, because sessions of one role read each other's texts.
        let sql = "SELECT pg_catalog.pg_notify($1, $2)";
        self.own_query(sql, vec![name.into(), payload.into()]).await?;
        Ok(())
    }
}

/// The names of a channel on the server under every tenant key. Notifications are sent to the first.
pub(super) fn channel_names(
    signer: &TenantSigner,
    tenant: TenantId,
    channel: &str,
) -> Result<Vec<String>, NotificationError> {
    if channel.is_empty() {
        return Err(InvalidInput::new("channel", channel, "is empty; name the channel").into());
    }
    let codes = signer.codes(Purpose::Channel, &[&tenant.to_string(), channel])?;
    let name = |code: [u8; 32]| format!("wt_{}", hex::encode(code.get(..CODE_BYTES).unwrap_or(&code)));
    Ok(codes.into_iter().map(name).collect())
}
