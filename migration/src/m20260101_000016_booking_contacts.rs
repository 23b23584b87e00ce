//! The contact of a booking: the name and the telephone number as a visitor typed them.
//!
//! Nobody has proved them, so they belong to the booking and not to the client who has the email address.

use async_trait::async_trait;
use sea_orm_migration::prelude::*;

use crate::migration::TenantMigration;
use crate::{Settings, TableError, TableSet};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait]
impl TenantMigration for Migration {
    async fn down(&self, manager: &SchemaManager, settings: &Settings) -> Result<(), DbErr> {
        let schema = settings.schema_sql(TableSet::Booking);
        let sql =
            format!("ALTER TABLE {schema}.bookings DROP COLUMN contact_name, DROP COLUMN contact_phone");
        manager.get_connection().execute_unprepared(&sql).await.map(drop)
    }

    /// Earlier bookings have no contact: their clients' records say what was typed.
    fn statements(&self, settings: &Settings) -> Result<Option<Vec<String>>, TableError> {
        let schema = settings.schema_sql(TableSet::Booking);
        Ok(Some(vec![format!(
            "ALTER TABLE {schema}.bookings ADD COLUMN contact_name varchar(257), ADD COLUMN contact_phone varchar(32)"
        )]))
    }
}
