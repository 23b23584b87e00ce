//! The owner of a sealed secret.

use uuid::Uuid;

use crate::tenant::TenantId;

/// The owner that a sealed secret is bound to.
#[derive(Debug, Clone, Copy)]
pub(in crate::auth) struct Owner {
    pub(in crate::auth) kind: OwnerKind,
    pub(in crate::auth) tenant: TenantId,
    pub(in crate::auth) id: Uuid,
}

/// The kind of row that contains a sealed secret.
#[derive(Debug, Clone, Copy)]
pub(in crate::auth) enum OwnerKind {
    /// A user's second factor.
    User,
    /// A session in which a second factor is being enrolled.
    Session,
    /// An invitation.
    Invitation,
}

impl Owner {
    /// The associated data of version 2: parts of fixed length, and the key's name.
    pub(in crate::auth) fn bound_to(self, key_id: &str) -> Vec<u8> {
        let kind: &[u8] = match self.kind {
            OwnerKind::User => b"user\0",
            OwnerKind::Session => b"sess\0",
            OwnerKind::Invitation => b"invi\0",
        };
        [kind, self.tenant.own_uuid().as_bytes(), self.id.as_bytes(), key_id.as_bytes()].concat()
    }
}
