//! Every value of every row, by table, key and column, to compare the original's values with the new ones.

use std::collections::BTreeMap;

use anyhow::Result;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement, TransactionTrait};

use super::texts;

pub(crate) struct Values {
    pub(crate) rows: u64,
    values: BTreeMap<(String, String, String), Option<String>>,
}

impl Values {
    /// The values of a database of the original.
    pub(crate) async fn of_the_original(owner: &DatabaseConnection) -> Result<Self> {
        let select = "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' \
                      AND relnamespace IN ('auth'::regnamespace, 'public'::regnamespace) ORDER BY 1";
        let tables = texts(owner, select).await?;
        Self::read(owner, &tables).await
    }

    /// The values of an adopted database.
    pub(crate) async fn adopted(owner: &DatabaseConnection) -> Result<Self> {
        let mut tables = crate::business::tables();
        tables.retain(|table| table != "public.booking_payments");
        Self::read(owner, &tables).await
    }

    async fn read(owner: &DatabaseConnection, tables: &[String]) -> Result<Self> {
        let transaction = owner.begin().await?;
        transaction.execute_unprepared("SET LOCAL TIME ZONE 'UTC'").await?;
        let (mut values, mut rows) = (BTreeMap::new(), 0);
        for table in tables {
            let name = if table.contains('.') { table.clone() } else { format!("public.{table}") };
            let (name, key) = match name.as_str() {
                "public.redemptions" => ("public.gift_certificate_redemptions".to_owned(), "id"),
                "public.intake_form_responses" => ("public.intake_submissions".to_owned(), "id"),
                "auth.totp_secrets" => (name, "lower(handle)"),
                "auth.backup_codes" => (name, "user_id"),
                "public.business_profile" => (name, "''"),
                "auth.audit_events" => (name, "to_jsonb(timestamp::timestamptz)->>0"),
                _ => (name, "id"),
            };
            transaction
                .execute_unprepared(&format!("ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY"))
                .await?;
            let select = format!(
                "SELECT concat(t.tenant_id, '/', {key}), f.key, f.value FROM {table} AS t, \
                 LATERAL jsonb_each_text(to_jsonb(t)) AS f"
            );
            for row in transaction.query_all_raw(Statement::from_string(DbBackend::Postgres, select)).await? {
                let (key, column, value): (String, String, Option<String>) = row.try_get_many_by_index()?;
                rows += u64::from(column == "tenant_id");
                values.insert((name.clone(), key, column), value);
            }
        }
        transaction.rollback().await?;
        Ok(Self { rows, values })
    }

    pub(crate) fn get(&self, table: &str, key: &str, column: &str) -> Option<&str> {
        let key = (table.to_owned(), key.to_owned(), column.to_owned());
        self.values.get(&key).unwrap_or_else(|| panic!("no {key:?}")).as_deref()
    }
}

/// The converted columns, which other tests check.
const CONVERTED: [(&str, &str); 19] = [
    ("auth.users", "handle"),
    ("auth.users", "email"),
    ("auth.sessions", "expires"),
    ("auth.sessions", "temp_totp_secret"),
    ("auth.sessions", "temp_totp_expires_at"),
    ("auth.totp_secrets", "handle"),
    ("auth.totp_secrets", "user_id"),
    ("auth.invitations", "token"),
    ("auth.invitations", "email"),
    ("auth.invitations", "temporary_totp_secret"),
    ("auth.audit_events", "id"),
    ("public.business_profile", "id"),
    ("public.practitioners", "handle"),
    ("public.clients", "email"),
    ("public.bookings", "confirmation_code"),
    ("public.bookings", "payment_status"),
    ("public.gift_certificates", "code"),
    ("public.packages", "code"),
    ("public.slot_reservations", "released_at"),
];

pub(crate) fn assert_carried(before: &Values, after: &Values) {
    assert_eq!(before.rows, after.rows);
    let mut compared = 0;
    for ((table, key, column), value) in &before.values {
        if CONVERTED.contains(&(table.as_str(), column.as_str())) {
            continue;
        }
        let now = after.get(table, key, column).map(|value| value.trim_end_matches("+00:00"));
        let then = value.as_deref().map(|value| value.trim_end_matches("+00:00"));
        assert_eq!(now, then, "{table} {key} {column}");
        compared += 1;
    }
    assert!(compared > before.rows);
}
