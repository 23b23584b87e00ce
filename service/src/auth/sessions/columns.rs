//! Columns of sessions, and the condition of a live session.

use std::sync::LazyLock;

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, DbErr};
use watertight_entity::auth::sessions;

use crate::auth::columns::Columns;
use crate::tenant::sql::columns;

/// The columns that [`read_session`] reads, in its order.
pub(in crate::auth) static SESSION_COLUMNS: LazyLock<String> = LazyLock::new(columns::<sessions::Entity>);

pub(in crate::auth) fn read_session(columns: &mut Columns<'_>) -> Result<sessions::Model, DbErr> {
    Ok(sessions::Model {
        tenant_id: columns.take()?,
        id: columns.take()?,
        user_id: columns.take()?,
        expires_at: columns.take()?,
        created_at: columns.take()?,
        user_data: columns.take()?,
        client_ip: columns.take()?,
        client_ip_masked: columns.take()?,
        user_agent: columns.take()?,
        device_type: columns.take()?,
        browser_fingerprint: columns.take()?,
        geo_location: columns.take()?,
        temp_totp_secret: columns.take()?,
        temp_totp_expires_at: columns.take()?,
    })
}

/// The condition that a session is live, by the database's clock.
pub(in crate::auth) fn live_session() -> Expr {
    sessions::Column::ExpiresAt.into_expr().gt(Expr::current_timestamp())
}
