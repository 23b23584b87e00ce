//! The report: JSON, tables for the terminal and the guide, and the comparison with the targets.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::measure::{Measured, Pace, Ratio};
use crate::operation::{Operation, Way};
use crate::pgbench::Pgbench;
use crate::round_trips::RoundTrips;

/// The results of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) server: String,
    pub(crate) processors: usize,
    pub(crate) pace: Pace,
    pub(crate) measured: Vec<Measured>,
    pub(crate) pgbench: Vec<Pgbench>,
    pub(crate) round_trips: Vec<RoundTrips>,
}

/// A target and the measured value.
pub(crate) struct Target {
    pub(crate) what: String,
    pub(crate) seen: String,
    pub(crate) met: bool,
}

impl Measured {
    pub(crate) fn ratio(&self, of: Way, to: Way) -> Option<Ratio> {
        self.ratios.iter().copied().find(|ratio| (ratio.of, ratio.to) == (of, to))
    }

    fn throughput(&self, way: Way) -> f64 {
        self.costs.iter().find(|cost| cost.way == way).map_or(f64::NAN, |cost| cost.throughput)
    }
}

impl Report {
    fn round_trips(&self, operation: Operation, way: Way) -> Option<f64> {
        let found = self.round_trips.iter().find(|found| found.operation == operation && found.way == way);
        found.map(|found| found.number)
    }

    fn measured(&self, operation: Operation, concurrency: usize) -> Option<&Measured> {
        self.measured.iter().find(|found| found.operation == operation && found.concurrency == concurrency)
    }

    /// The targets, each with the worst measured value.
    pub(crate) fn targets(&self) -> Vec<Target> {
        let worst = |of: Way, to: Way, which: &dyn Fn(Operation) -> bool| {
            let ratios = self.measured.iter().filter(|found| which(found.operation)).filter_map(|found| {
                found.ratio(of, to).map(|ratio| (ratio.median, found.operation, found.concurrency))
            });
            ratios.min_by(|one, other| one.0.total_cmp(&other.0))
        };
        let mut targets = Vec::new();
        let mut at_least = |what: &str, bound: f64, worst: Option<(f64, Operation, usize)>| {
            if let Some((ratio, operation, concurrency)) = worst {
                targets.push(Target {
                    what: what.to_owned(),
                    seen: format!("{ratio:.2} at worst: {}, {concurrency} at once", operation.title()),
                    met: ratio >= bound,
                });
            }
        };
        at_least(
            "rewriting alone has at least 0.95 of the throughput of SeaORM by hand",
            0.95,
            worst(Way::Rewriting, Way::SeaOrm, &|_| true),
        );
        at_least(
            "reads of one row have at least 0.85 of the throughput of sqlx",
            0.85,
            worst(Way::Watertight, Way::Sqlx, &Operation::reads_one_row),
        );
        at_least(
            "in a transaction, with row-level security, at least 0.90 of the throughput of SeaORM by hand",
            0.90,
            worst(Way::Watertight, Way::SeaOrm, &|operation| operation == Operation::Transaction),
        );
        if let (Some(own), Some(by_hand)) = (
            self.round_trips(Operation::Transaction, Way::Watertight),
            self.round_trips(Operation::Transaction, Way::SeaOrm),
        ) {
            targets.push(Target {
                what: "row-level security in a transaction takes no round trip of its own".to_owned(),
                seen: format!("{own} round trips, {by_hand} by hand"),
                met: own <= by_hand,
            });
        }
        if let Some(number) = self.round_trips(Operation::Authenticate, Way::Watertight) {
            targets.push(Target {
                what: "`authenticate` is one round trip".to_owned(),
                seen: number.to_string(),
                met: number <= 1.0,
            });
        }
        if let (Some(single), Some(batched)) =
            (self.measured(Operation::LogAuditEvent, 1), self.measured(Operation::LogAuditEvents, 1))
        {
            let ratio = batched.throughput(Way::Watertight) * 1_000.0 / single.throughput(Way::Watertight);
            targets.push(Target {
                what: "audit events in batches are written at least 20 times as fast".to_owned(),
                seen: format!("{ratio:.0} times"),
                met: ratio >= 20.0,
            });
        }
        targets
    }

    /// The tables of the guide.
    pub(crate) fn markdown(&self) -> String {
        let mut text = format!(
            "{}, {} processors for client and server together; {} rounds of {} ms for each way by turns. Ratios are of\n\
             throughput, round by round: the median, and the least and the most in parentheses.\n\n\
             | operation | at once | watertight to sqlx | SeaORM by hand to sqlx | watertight to SeaORM by hand | rewriting alone to SeaORM by hand |\n\
             |---|---|---|---|---|---|\n",
            self.server, self.processors, self.pace.rounds, self.pace.slice_ms
        );
        for found in &self.measured {
            let ratio = |of, to| {
                found.ratio(of, to).map_or_else(String::new, |ratio| {
                    format!("{:.2} ({:.2} to {:.2})", ratio.median, ratio.least, ratio.most)
                })
            };
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} |",
                found.operation.title(),
                found.concurrency,
                ratio(Way::Watertight, Way::Sqlx),
                ratio(Way::SeaOrm, Way::Sqlx),
                ratio(Way::Watertight, Way::SeaOrm),
                ratio(Way::Rewriting, Way::SeaOrm),
            );
        }
        text.push_str(
            "\nWhat an operation takes, one at a time:\n\n\
             | operation | way | operations a second | p50, µs | p99, µs | processor time of the client, µs | allocations | round trips |\n\
             |---|---|---|---|---|---|---|---|\n",
        );
        for found in self.measured.iter().filter(|found| found.concurrency == 1) {
            for cost in &found.costs {
                let trips = self.round_trips(found.operation, cost.way);
                let _ = writeln!(
                    text,
                    "| {} | {} | {:.0} | {:.0} | {:.0} | {:.1} | {:.0} | {} |",
                    found.operation.title(),
                    cost.way.title(),
                    cost.throughput,
                    cost.p50_us,
                    cost.p99_us,
                    cost.cpu_us,
                    cost.allocations,
                    trips.map_or_else(String::new, |trips| trips.to_string()),
                );
            }
            for pgbench in
                self.pgbench.iter().filter(|run| run.operation == found.operation && run.concurrency == 1)
            {
                let _ = writeln!(
                    text,
                    "| {} | pgbench | {:.0} | {:.0} | {:.0} | | | |",
                    found.operation.title(),
                    pgbench.throughput,
                    pgbench.p50_us,
                    pgbench.p99_us,
                );
            }
        }
        text.push_str("\n| target | seen | met |\n|---|---|---|\n");
        for Target { what, seen, met } in self.targets() {
            let _ = writeln!(text, "| {what} | {seen} | {} |", if met { "yes" } else { "no" });
        }
        text
    }
}
