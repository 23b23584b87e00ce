//! Importing rows.

use serde::Serialize;

use super::History;
use super::checks::Imported;
use super::imported::{ImportedAppointment, ImportedBooking, ImportedPayment};
use super::upserts::{APPOINTMENTS, BOOKINGS, PAYMENTS};
use crate::booking::BookingError;
use crate::tenant::TenantExecutor;
use crate::tenant::sql::statement;
use crate::vocabulary::calendar::check_time;
use crate::vocabulary::currency::check_currency;
use crate::vocabulary::{InvalidInput, json, limits, text};

/// The numbers of rows that an import inserted and updated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct ImportReport {
    /// The number of new rows.
    pub inserted: u64,
    /// The number of rows that existed and were updated.
    pub updated: u64,
}

impl ImportReport {
    /// A report with the numbers of inserted and updated rows.
    ///
    /// ```
    /// use watertight::history::ImportReport;
    ///
    /// /// The total of an import in several calls.
    /// fn total(reports: &[ImportReport]) -> ImportReport {
    ///     let inserted = reports.iter().map(|report| report.inserted).sum();
    ///     ImportReport::new(inserted, reports.iter().map(|report| report.updated).sum())
    /// }
    ///
    /// let calls = [ImportReport::new(2_000, 0), ImportReport::new(150, 1_850)];
    /// assert_eq!(total(&calls), ImportReport::new(2_150, 1_850));
    /// ```
    #[must_use]
    pub const fn new(inserted: u64, updated: u64) -> Self {
        Self { inserted, updated }
    }
}

/// Imports.
impl<C: TenantExecutor> History<'_, C> {
    /// Imports appointments in one statement. Updates those that the tenant already has, by their foreign id.
    ///
    /// # Errors
    /// [`BookingError::InvalidInput`], before anything is written.
    pub async fn import_appointments(
        self,
        rows: &[ImportedAppointment],
    ) -> Result<ImportReport, BookingError> {
        self.import(APPOINTMENTS, rows).await
    }

    /// Imports payments, as [`import_appointments`](Self::import_appointments) does. Their key is processor and reference.
    ///
    /// # Errors
    /// [`BookingError::InvalidInput`], before anything is written.
    pub async fn import_payments(self, rows: &[ImportedPayment]) -> Result<ImportReport, BookingError> {
        text::check_items("imported rows", rows.len(), limits::ROWS)?;
        for row in rows {
            json::check_optional("metadata", row.metadata.as_ref())?;
        }
        self.import(PAYMENTS, rows).await
    }

    /// Imports reconciled bookings, as [`import_appointments`](Self::import_appointments) does.
    ///
    /// # Errors
    /// [`BookingError::InvalidInput`], before anything is written.
    pub async fn import_bookings(self, rows: &[ImportedBooking]) -> Result<ImportReport, BookingError> {
        self.import(BOOKINGS, rows).await
    }

    async fn import<T: Imported + Sync>(
        self,
        upsert: &str,
        rows: &[T],
    ) -> Result<ImportReport, BookingError> {
        text::check_items("imported rows", rows.len(), limits::ROWS)?;
        let mut keys = std::collections::HashSet::new();
        for row in rows {
            let invalid = |reason: &str| Err(InvalidInput::new(T::WHAT, row.key(), reason).into());
            for (what, value, most) in row.texts() {
                text::check(what, value, most)?;
            }
            check_currency(row.currency())?;
            row.time().map_or(Ok(()), |time| check_time("time", time))?;
            if i32::try_from(row.cents()).is_err() {
                return invalid("has an amount of more than 2147483647 cents");
            }
            if !keys.insert(row.key()) {
                return invalid("occurs twice; pass each row once");
            }
        }
        if rows.is_empty() {
            return Ok(ImportReport::default());
        }
        let json = serde_json::to_value(rows).map_err(|error| sea_orm::DbErr::Json(error.to_string()))?;
        // An inserted row has no `xmax`.
        let counted = format!(
            r#"WITH "written" AS ({upsert} RETURNING ("xmax" = 0) AS "inserted")
               SELECT count(*) FILTER (WHERE "inserted") AS "inserted",
                      count(*) FILTER (WHERE NOT "inserted") AS "updated" FROM "written""#
        );
        let row = self.db.query_one_raw(statement(counted, [json.into()])).await?;
        let Some(row) = row else { return Ok(ImportReport::default()) };
        let count = |column| -> Result<u64, BookingError> {
            Ok(u64::try_from(row.try_get::<i64>("", column)?).unwrap_or_default())
        };
        Ok(ImportReport::new(count("inserted")?, count("updated")?))
    }
}
