//! The identity of a payment or a refund, by which a repeat is found.

use sea_orm::{ColumnTrait, Condition, DbErr, EntityTrait, QueryFilter};
use watertight_entity::public::booking_payments;

use crate::booking::BookingError;
use crate::booking::scheduling::Reference;
use crate::tenant::TenantExecutor;
use crate::tenant::constraint::constraint;

/// The identity of an entry, and the digest of its request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Identity<'a> {
    pub(crate) reference: Option<&'a Reference>,
    pub(crate) key: Option<&'a str>,
    pub(crate) digest: Option<Vec<u8>>,
}

impl Identity<'_> {
    /// The error for an identity that belongs to another request.
    pub(crate) fn error(&self) -> BookingError {
        let identity = match (self.key, self.reference) {
            (Some(key), _) => format!("the idempotency key {key:?}"),
            (None, Some(reference)) => reference.to_string(),
            (None, None) => "the identity".to_owned(),
        };
        BookingError::IdentityReused { what: "payment or refund", identity }
    }

    /// Turns the violation of a unique key into the error for the identity.
    pub(super) fn reused(&self, error: DbErr) -> BookingError {
        match constraint(&error) {
            Some("booking_payments_idempotency_key_key") => {
                Self { reference: None, key: self.key, digest: None }.error()
            }
            Some("booking_payments_processor_reference_item_key") => {
                Self { reference: self.reference, key: None, digest: None }.error()
            }
            _ => error.into(),
        }
    }
}

/// The entry that an earlier request with the identity made.
///
/// `is_same` compares the entry, which does not change, with a request that states the same reference in another form.
pub(crate) async fn find_made(
    db: &impl TenantExecutor,
    identity: &Identity<'_>,
    is_same: impl FnOnce(&booking_payments::Model) -> bool,
) -> Result<Option<booking_payments::Model>, BookingError> {
    let by_reference = identity.reference.map(|reference| {
        Condition::all()
            .add(booking_payments::Column::Processor.eq(&reference.processor))
            .add(booking_payments::Column::Reference.eq(&reference.id))
            .add(booking_payments::Column::Item.eq(i32::from(reference.item)))
    });
    let by_key = identity.key.map(|key| booking_payments::Column::IdempotencyKey.eq(key));
    if by_reference.is_none() && by_key.is_none() {
        return Ok(None);
    }
    let either = Condition::any().add_option(by_reference).add_option(by_key);
    let made = booking_payments::Entity::find().filter(either).all(db).await?;
    match made.as_slice() {
        [] => Ok(None),
        [one] => {
            let repeats = one.request_digest.is_some() && one.request_digest == identity.digest;
            if repeats || identity.key.is_none() && is_same(one) {
                Ok(Some(one.clone()))
            } else {
                Err(identity.error())
            }
        }
        _ => Err(identity.error()),
    }
}
