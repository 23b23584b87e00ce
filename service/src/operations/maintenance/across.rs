//! Access to the rows of all tenants, with a recorded reason.

use std::sync::Arc;

use sea_orm::{DbErr, FromQueryResult};

use super::Maintenance;
use crate::operations::MaintenanceError;
use crate::tenant::{AcrossTenants, Inspection, record_access};
use crate::vocabulary::InvalidInput;

/// The longest reason, in characters.
const LONGEST_REASON: usize = 500;

impl Maintenance {
    /// Opens a read-only connection across all tenants, for a reason that is recorded.
    ///
    /// The reason is written to the table `watertight.cross_tenant_access` first, together with the time, the role, its
    /// address and its application name. If it cannot be written, there is no connection. The role must bypass
    /// row-level security, and needs the right to execute `watertight.record_access(text)`, which the owner has.
    ///
    /// ```no_run
    /// use sea_orm::{EntityTrait, PaginatorTrait};
    /// use watertight::entity::public::bookings;
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use watertight::Watertight;
    ///
    /// let pool = Watertight::open_pool("postgres://watertight_maintenance@localhost/clinic").await?;
    /// let maintenance = Watertight::builder().maintenance(&pool).await?;
    /// let all = maintenance.dangerous_across_tenants("quarterly figures, asked for by the board").await?;
    /// println!("{} bookings", bookings::Entity::find().count(&all).await?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// - [`MaintenanceError::InvalidInput`] for an empty reason, or one of more than 500 characters.
    /// - [`MaintenanceError::RowsHidden`] for a role that does not see the rows of all tenants.
    /// - [`MaintenanceError::AccessNotRecorded`] if the reason cannot be written.
    pub async fn dangerous_across_tenants(&self, reason: &str) -> Result<AcrossTenants, MaintenanceError> {
        #[derive(FromQueryResult)]
        struct Role {
            role: String,
            sees_all: bool,
        }
        let reason = reason.trim();
        if reason.is_empty() || reason.chars().count() > LONGEST_REASON || reason.contains('\0') {
            let rule = "is not between 1 and 500 characters; say who needs the rows of all tenants, and why";
            let shown: String = reason.chars().take(LONGEST_REASON).collect();
            return Err(InvalidInput::new("reason", shown, rule).into());
        }
        let sql = "SELECT rolname::text AS role, rolsuper OR rolbypassrls AS sees_all \
                   FROM pg_catalog.pg_roles WHERE rolname = current_user";
        let Role { role, sees_all } = Inspection::begin(&self.plain.pool).await?.ask_one(sql, []).await?;
        if !sees_all {
            return Err(MaintenanceError::RowsHidden { role });
        }
        let recorded = record_access(&self.plain, reason).await;
        let not_recorded = |source: DbErr| MaintenanceError::AccessNotRecorded { role, source };
        let access_id = recorded.map_err(not_recorded)?;
        tracing::info!(access_id, reason, "access across tenants");
        Ok(AcrossTenants::new(Arc::clone(&self.scoped), access_id, reason))
    }
}
