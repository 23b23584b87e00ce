//! Conditions on invitations.

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, Condition};
use watertight_entity::auth::invitations;

use crate::auth::invitations::token::token_hash;

/// The condition that an invitation has not expired.
pub(in crate::auth) fn not_expired() -> Expr {
    invitations::Column::ExpiresAt.into_expr().gt(Expr::current_timestamp())
}

/// The condition that the inviter backs an invitation: active, not locked by an administrator, and in the
/// role of the time of creation. The application decided then what that role may grant; the decision does not
/// cover another role.
pub(in crate::auth) const STANDING: &str = r#"("users"."is_active" AND NOT ("users"."is_locked" AND "users"."locked_until" IS NULL)
    AND ("invitations"."created_by_role" IS NULL OR "invitations"."created_by_role" = "users"."role"))"#;

/// The condition that an invitation has a token.
pub(in crate::auth) fn of_token(token: &str) -> Expr {
    invitations::Column::Token.eq(token_hash(token))
}

/// The condition of an invitation that can be accepted, over invitations joined with their inviters.
pub(in crate::auth) fn pending() -> Condition {
    Condition::all()
        .add(invitations::Column::IsActive.eq(true))
        .add(invitations::Column::UsedAt.is_null())
        .add(not_expired())
        .add(Expr::cust(STANDING))
}
