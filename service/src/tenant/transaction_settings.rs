use std::time::Duration;

use sea_orm::{AccessMode, IsolationLevel, TransactionOptions};
use watertight_schema::sql;

use super::refusal::{Reason, Refusal, StatementKind};
use super::timeouts::milliseconds;
use crate::vocabulary::InvalidInput;

/// The settings of a transaction: time limits, memory, time zone, deferred constraints.
///
/// They end with the transaction, so the next tenant on the pooled connection has the defaults. They are sent together
/// with the begin of the transaction, which saves a round trip. Setters do not fail: a value out of range is reported
/// when the transaction begins, as [`Reason::InvalidSetting`].
///
/// ```no_run
/// use std::time::Duration;
/// use watertight::TransactionSettings;
///
/// # async fn example(tenant: watertight::TenantConnection) -> Result<(), sea_orm::DbErr> {
/// let settings = TransactionSettings::new()
///     .statement_timeout(Duration::from_secs(30))
///     .work_mem(256 << 20)
///     .time_zone("America/New_York")
///     .defer_all_constraints();
/// let transaction = tenant.begin_with_settings(&settings).await?;
/// transaction.execute_unprepared("DELETE FROM reviews").await?;
/// transaction.commit().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct TransactionSettings {
    isolation_level: Option<IsolationLevel>,
    access_mode: Option<AccessMode>,
    values: Vec<(&'static str, Value)>,
    deferred: Deferred,
    fixed: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Time(Duration),
    Memory(u64),
    TimeZone(String),
    Name(String),
}

/// The constraints that are checked at the commit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Deferred {
    #[default]
    None,
    Named(Vec<String>),
    All,
}

impl TransactionSettings {
    /// Settings that leave every default.
    ///
    /// ```
    /// let settings = watertight::TransactionSettings::new().application_name("nightly report");
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the isolation level.
    ///
    /// ```
    /// use sea_orm::IsolationLevel;
    ///
    /// let snapshot = watertight::TransactionSettings::new().isolation_level(IsolationLevel::RepeatableRead);
    /// ```
    #[must_use]
    pub const fn isolation_level(mut self, level: IsolationLevel) -> Self {
        self.isolation_level = Some(level);
        self
    }

    /// Sets the access mode.
    ///
    /// ```
    /// use sea_orm::AccessMode;
    ///
    /// let reading = watertight::TransactionSettings::new().access_mode(AccessMode::ReadOnly);
    /// ```
    #[must_use]
    pub const fn access_mode(mut self, mode: AccessMode) -> Self {
        self.access_mode = Some(mode);
        self
    }

    /// Limits the time of each statement (`statement_timeout`); zero means no limit.
    ///
    /// Times are rounded up to whole milliseconds, and can be at most 2,147,483,647 milliseconds, about 24 days.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let settings = watertight::TransactionSettings::new().statement_timeout(Duration::from_secs(5));
    /// ```
    #[must_use]
    pub fn statement_timeout(self, limit: Duration) -> Self {
        self.with("statement_timeout", Value::Time(limit))
    }

    /// Limits the wait for each lock (`lock_timeout`), as [`statement_timeout`](Self::statement_timeout) does.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let settings = watertight::TransactionSettings::new().lock_timeout(Duration::from_millis(200));
    /// ```
    #[must_use]
    pub fn lock_timeout(self, limit: Duration) -> Self {
        self.with("lock_timeout", Value::Time(limit))
    }

    /// Limits the pause between two statements (`idle_in_transaction_session_timeout`).
    ///
    /// After a longer pause the server closes the connection, and the transaction is rolled back.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let settings = watertight::TransactionSettings::new().idle_timeout(Duration::from_secs(60));
    /// ```
    #[must_use]
    pub fn idle_timeout(self, limit: Duration) -> Self {
        self.with("idle_in_transaction_session_timeout", Value::Time(limit))
    }

    /// Limits the time of the whole transaction (`transaction_timeout`), on PostgreSQL 17 or later.
    ///
    /// After a longer time the server closes the connection, and the transaction is rolled back.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let settings = watertight::TransactionSettings::new().transaction_timeout(Duration::from_secs(120));
    /// ```
    #[must_use]
    pub fn transaction_timeout(self, limit: Duration) -> Self {
        self.with(TRANSACTION_TIMEOUT, Value::Time(limit))
    }

    /// Sets the memory in bytes that each sort and hash may use (`work_mem`); at least 64 KiB.
    ///
    /// It is rounded up to whole kibibytes.
    ///
    /// ```
    /// let settings = watertight::TransactionSettings::new().work_mem(256 << 20);
    /// ```
    #[must_use]
    pub fn work_mem(self, bytes: u64) -> Self {
        self.with("work_mem", Value::Memory(bytes))
    }

    /// Sets the time zone by its name, such as `America/New_York`.
    ///
    /// `now()::date` and the text of a `timestamptz` depend on it. A name that the server does not know fails the begin
    /// of the transaction, with SQLSTATE `22023`.
    ///
    /// ```
    /// let settings = watertight::TransactionSettings::new().time_zone("Europe/Berlin");
    /// ```
    #[must_use]
    pub fn time_zone(self, name: impl Into<String>) -> Self {
        self.with("timezone", Value::TimeZone(name.into()))
    }

    /// Sets the name that `pg_stat_activity` and the server's log show for the transaction.
    ///
    /// It can have up to 63 printable ASCII characters. Other sessions of the same role can read it.
    ///
    /// ```
    /// let settings = watertight::TransactionSettings::new().application_name("invoice run");
    /// ```
    #[must_use]
    pub fn application_name(self, name: impl Into<String>) -> Self {
        self.with("application_name", Value::Name(name.into()))
    }

    /// Defers the check of every deferrable constraint to the commit.
    ///
    /// ```
    /// let settings = watertight::TransactionSettings::new().defer_all_constraints();
    /// ```
    #[must_use]
    pub fn defer_all_constraints(mut self) -> Self {
        self.deferred = Deferred::All;
        self
    }

    /// Defers the check of a deferrable constraint to the commit; give the name as PostgreSQL stores it.
    ///
    /// The name can contain the schema: `invoicing.lines_invoice_fkey`. Without a schema, the search path of the
    /// application's role decides.
    ///
    /// ```
    /// let settings = watertight::TransactionSettings::new().defer_constraint("lines_invoice_fkey");
    /// ```
    #[must_use]
    pub fn defer_constraint(mut self, name: impl Into<String>) -> Self {
        match &mut self.deferred {
            Deferred::All => {}
            Deferred::Named(names) => names.push(name.into()),
            Deferred::None => self.deferred = Deferred::Named(vec![name.into()]),
        }
        self
    }

    /// Refuses `SET LOCAL`, `RESET` and `SET CONSTRAINTS` in the SQL of the transaction.
    ///
    /// Use it where tenants write the SQL, because a statement could remove a time limit:
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use sea_orm::AccessMode;
    /// use watertight::{Reason, Refusal, TransactionSettings};
    ///
    /// # async fn example(tenant: watertight::TenantConnection, sql: &str) -> Result<(), sea_orm::DbErr> {
    /// let limits = TransactionSettings::new()
    ///     .access_mode(AccessMode::ReadOnly)
    ///     .statement_timeout(Duration::from_secs(5))
    ///     .fixed();
    /// let console = tenant.begin_with_settings(&limits).await?;
    /// let endless = console.execute_unprepared("SET LOCAL statement_timeout = 0").await.err();
    /// let refusal = endless.as_ref().and_then(Refusal::of);
    /// assert_eq!(refusal.map(|refusal| &refusal.reason), Some(&Reason::FixedSettings));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub const fn fixed(mut self) -> Self {
        self.fixed = true;
        self
    }

    fn with(mut self, name: &'static str, value: Value) -> Self {
        self.values.retain(|(known, _)| *known != name);
        self.values.push((name, value));
        self
    }

    pub(super) const fn is_fixed(&self) -> bool {
        self.fixed
    }

    pub(super) fn options(&self) -> TransactionOptions {
        TransactionOptions {
            isolation_level: self.isolation_level,
            access_mode: self.access_mode,
            ..TransactionOptions::default()
        }
    }

    /// The statements that change the settings, without the isolation level and the access mode.
    pub(super) fn statements(&self, server_version: Option<u32>) -> Result<Vec<String>, Refusal> {
        let mut statements = Vec::new();
        for (name, value) in &self.values {
            let text = value.text(name, server_version);
            let text =
                text.map_err(|input| Refusal::new(StatementKind::Session, Reason::InvalidSetting(input)))?;
            statements.push(format!("SET LOCAL {name} = {text}"));
        }
        match &self.deferred {
            Deferred::None => {}
            Deferred::All => statements.push("SET CONSTRAINTS ALL DEFERRED".to_owned()),
            Deferred::Named(names) => {
                let names: Vec<_> = names.iter().map(|name| constraint(name)).collect();
                statements.push(format!("SET CONSTRAINTS {} DEFERRED", names.join(", ")));
            }
        }
        Ok(statements)
    }
}

const TRANSACTION_TIMEOUT: &str = "transaction_timeout";

/// The first release with `transaction_timeout`.
const HAS_TRANSACTION_TIMEOUT: u32 = 170_000;

impl Value {
    /// The value as a literal.
    fn text(&self, name: &'static str, server_version: Option<u32>) -> Result<String, InvalidInput> {
        match self {
            Self::Time(limit) => {
                if let Some(version) = server_version.filter(|version| *version < HAS_TRANSACTION_TIMEOUT)
                    && name == TRANSACTION_TIMEOUT
                {
                    let reason = format!(
                        "needs PostgreSQL 17, but the server is PostgreSQL {}; limit the statements instead \
                         (`TransactionSettings::statement_timeout`)",
                        version / 10_000
                    );
                    return Err(InvalidInput::new(name, format!("{limit:?}"), reason));
                }
                milliseconds(name, *limit).map(|limit| limit.to_string())
            }
            Self::Memory(bytes) => kibibytes(name, *bytes),
            Self::TimeZone(zone) => {
                let allowed = |c: char| c.is_ascii_alphanumeric() || "_+-/:<>,.".contains(c);
                if zone.is_empty() || zone.len() > 63 || !zone.chars().all(allowed) {
                    let reason = "is not the name of a time zone; give a name such as America/New_York";
                    return Err(InvalidInput::new(name, zone, reason));
                }
                Ok(sql::literal(zone))
            }
            Self::Name(text) => {
                if text.len() > 63 || !text.chars().all(|c| (' '..='~').contains(&c)) {
                    let reason = "is not 63 printable ASCII characters or fewer; give a shorter name";
                    return Err(InvalidInput::new(name, text, reason));
                }
                Ok(sql::literal(text))
            }
        }
    }
}

/// Converts bytes to the kibibytes of PostgreSQL, rounded up.
fn kibibytes(name: &'static str, bytes: u64) -> Result<String, InvalidInput> {
    /// The limits of the server.
    const LEAST: u64 = 64;
    const MOST: u64 = i32::MAX as u64;
    let rounded = bytes.div_ceil(1024);
    if (LEAST..=MOST).contains(&rounded) {
        return Ok(rounded.to_string());
    }
    let reason = "is not between 64 KiB and 2 TiB; give the number of bytes";
    Err(InvalidInput::new(name, bytes.to_string(), reason))
}

/// The name of a constraint in SQL syntax.
fn constraint(name: &str) -> String {
    match sql::split(name) {
        (Some(schema), name) => sql::qualified(schema, name),
        (None, name) => sql::identifier(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statements(settings: &TransactionSettings) -> Result<Vec<String>, String> {
        settings.statements(Some(170_005)).map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn values_are_literals() {
        let settings = TransactionSettings::new()
            .work_mem(65_537)
            .work_mem(1 << 20)
            .lock_timeout(Duration::from_micros(1))
            .time_zone("Etc/GMT+3")
            .application_name(r"it's a \ test")
            .defer_constraint("a\"b")
            .defer_constraint("s.c");
        assert_eq!(
            statements(&settings).unwrap(),
            [
                "SET LOCAL work_mem = 1024",
                "SET LOCAL lock_timeout = 1",
                "SET LOCAL timezone = 'Etc/GMT+3'",
                r"SET LOCAL application_name = E'it''s a \\ test'",
                r#"SET CONSTRAINTS "a""b", "s"."c" DEFERRED"#,
            ]
        );
        let all = TransactionSettings::new().defer_all_constraints().defer_constraint("x");
        assert_eq!(statements(&all).unwrap(), ["SET CONSTRAINTS ALL DEFERRED"]);
    }

    #[test]
    fn values_out_of_range_are_refused() {
        let new = TransactionSettings::new;
        for settings in [
            new().work_mem(63 << 10),
            new().work_mem(u64::MAX),
            new().statement_timeout(Duration::MAX),
            new().time_zone(""),
            new().time_zone("UTC'; DROP TABLE x; --"),
            new().time_zone("x".repeat(64)),
            new().application_name("x".repeat(64)),
            new().application_name("a\nb"),
            new().application_name("Straße"),
        ] {
            assert!(statements(&settings).is_err(), "{settings:?}");
        }
        let limited = new().transaction_timeout(Duration::from_secs(1));
        assert!(limited.statements(Some(160_000)).is_err());
        assert!(limited.statements(Some(170_000)).is_ok() && limited.statements(None).is_ok());
    }
}
