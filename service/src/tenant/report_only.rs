//! Report-only mode: refused statements are logged, counted, and sent unchanged.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use tracing::warn;

use super::id::TenantId;
use super::refusal::{Refusal, StatementKind};
use super::rewrite::describe;

/// The maximum number of remembered statements.
const STATEMENTS: usize = 1_000;

/// A statement that was sent in report-only mode, although it would be refused.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReportedStatement {
    /// The kind of the statement.
    pub kind: StatementKind,
    /// The name of the reason; see [`Reason::name`](crate::Reason::name).
    pub reason: &'static str,
    /// The table, function, type, operator or column that the reason names, if it names one.
    pub object: Option<String>,
    /// The fingerprint, which is the same for statements that differ in values only.
    pub fingerprint: String,
    /// The text without comments and values.
    pub text: String,
    /// The number of times that it was sent.
    pub count: u64,
}

/// The refusals that report-only mode did not carry out.
///
/// ```no_run
/// # fn example(water: &watertight::Watertight) {
/// let reported = water.refused_in_report_only();
/// println!("{} statements would be refused", reported.total());
/// for statement in reported.statements {
///     println!("{:>6} {} {}: {}", statement.count, statement.reason, statement.kind, statement.text);
/// }
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReportedRefusals {
    /// The number of statements that were sent, by the name of the reason.
    pub by_reason: BTreeMap<&'static str, u64>,
    /// The first 1,000 different statements, the most frequent first.
    pub statements: Vec<ReportedStatement>,
}

impl ReportedRefusals {
    /// The number of statements that were sent.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.by_reason.values().sum()
    }
}

/// The state of report-only mode.
#[derive(Debug, Default)]
pub(crate) struct ReportOnly(Mutex<Reported>);

#[derive(Debug, Default)]
struct Reported {
    by_reason: BTreeMap<&'static str, u64>,
    statements: HashMap<(String, &'static str), ReportedStatement>,
}

impl ReportOnly {
    /// Reports a refused statement. Returns whether it may be sent: row-level security alone must isolate it.
    pub(super) fn reports(&self, tenant: TenantId, text: &str, values: usize, refusal: &Refusal) -> bool {
        if !refusal.reason.is_of_proof() {
            return false;
        }
        let Some(described) = describe(text, values) else { return false };
        let (kind, reason, object) = (refusal.statement, refusal.reason.name(), refusal.reason.object());
        warn!(
            tenant_id = %tenant,
            statement = kind.name(),
            reason,
            object,
            fingerprint = described.fingerprint,
            text = described.text,
            "report only: the statement would be refused, and is sent"
        );
        let mut reported = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *reported.by_reason.entry(reason).or_default() += 1;
        let is_full = reported.statements.len() >= STATEMENTS;
        let key = (described.fingerprint.clone(), reason);
        match reported.statements.get_mut(&key) {
            Some(known) => known.count += 1,
            None if is_full => {}
            None => {
                let statement = ReportedStatement {
                    kind,
                    reason,
                    object: object.map(str::to_owned),
                    fingerprint: described.fingerprint,
                    text: described.text,
                    count: 1,
                };
                reported.statements.insert(key, statement);
            }
        }
        true
    }

    pub(crate) fn refusals(&self) -> ReportedRefusals {
        let reported = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut statements: Vec<_> = reported.statements.values().cloned().collect();
        statements.sort_by(|one, other| {
            other.count.cmp(&one.count).then_with(|| one.fingerprint.cmp(&other.fingerprint))
        });
        ReportedRefusals { by_reason: reported.by_reason.clone(), statements }
    }
}
