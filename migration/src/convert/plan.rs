//! The phases of a conversion or of an undo, as they would run now.

use std::fmt;

use serde::Serialize;
use watertight_schema::printable::one_line;

use super::problem::{ConversionNote, ConversionProblem};
use super::step::{Phase, Step};
use super::survey::Survey;
use super::undo::Undo;
use super::{Conversion, column, foreign_keys, isolation, journal, keys, old_keys};
use crate::script;

/// The steps that are not done yet, by phase. Printing it gives a script for `psql`.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ConversionPlan {
    /// The tables with their estimated numbers of rows and their sizes.
    pub tables: Vec<TableSize>,
    /// The problems. Tables can be converted when there are none.
    pub problems: Vec<ConversionProblem>,
    /// The notes.
    pub notes: Vec<ConversionNote>,
    /// The phases in the order in which they run, without those that are complete.
    pub phases: Vec<PhasePlan>,
    #[serde(skip)]
    undo: bool,
}

/// A table to convert.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct TableSize {
    /// The table, as `schema.table`.
    pub table: String,
    /// The estimated number of rows.
    pub rows: i64,
    /// The size with indexes, in bytes.
    pub bytes: i64,
}

/// The steps of a phase.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct PhasePlan {
    /// The phase.
    pub phase: Phase,
    /// The steps in order.
    pub steps: Vec<Step>,
}

impl ConversionPlan {
    /// The plan of a conversion.
    pub(super) fn forward(
        survey: &mut Survey,
        conversion: &Conversion,
        problems: Vec<ConversionProblem>,
        notes: Vec<ConversionNote>,
    ) -> Self {
        let tables = sizes(survey);
        // The others have problems.
        survey.tables.retain(|table| table.kind == "r" && !table.inherits);
        let settings = &conversion.settings;
        let name = settings.tenant_column();
        let mut phases: Vec<PhasePlan> = Phase::ALL
            .into_iter()
            .map(|phase| PhasePlan {
                phase,
                steps: match phase {
                    Phase::Column => column::steps(survey, name),
                    Phase::Keys => keys::steps(survey, conversion),
                    Phase::ForeignKeys => foreign_keys::steps(survey, name),
                    Phase::Isolation => isolation::steps(survey, settings),
                    Phase::OldKeys => old_keys::steps(survey, conversion),
                },
            })
            .filter(|phase| !phase.steps.is_empty())
            .collect();
        if let Some(first) = phases.first_mut().filter(|_| !survey.has_journal) {
            first.steps.insert(0, journal::create());
        }
        Self { tables, problems, notes, phases, undo: false }
    }

    /// The plan of an undo.
    pub(super) fn backward(survey: &Survey, undo: &Undo<'_>) -> Self {
        let phases = Phase::ALL.into_iter().rev().map(|phase| PhasePlan { phase, steps: undo.steps(phase) });
        Self {
            tables: sizes(survey),
            problems: undo.problems(),
            notes: Vec::new(),
            phases: phases.filter(|phase| !phase.steps.is_empty()).collect(),
            undo: true,
        }
    }

    /// Whether every phase is complete.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.phases.is_empty()
    }

    /// The steps of a phase that are not done. None when the phase is complete.
    #[must_use]
    pub fn steps(&self, phase: Phase) -> &[Step] {
        self.phases.iter().find(|plan| plan.phase == phase).map_or(&[], |plan| plan.steps.as_slice())
    }
}

fn sizes(survey: &Survey) -> Vec<TableSize> {
    let size = |table: &super::catalog::Table| TableSize {
        table: table.id().to_string(),
        rows: table.rows,
        bytes: table.bytes,
    };
    survey.tables.iter().map(size).collect()
}

impl fmt::Display for ConversionPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for TableSize { table, rows, bytes } in &self.tables {
            script::comment(f, &format!("{table}: about {rows} rows, {} kB", bytes / 1024))?;
        }
        self.problems.iter().try_for_each(|problem| script::comment(f, &format!("problem: {problem}")))?;
        self.notes.iter().try_for_each(|note| script::comment(f, &format!("note: {note}")))?;
        for PhasePlan { phase, steps } in &self.phases {
            let verb = if self.undo { "undo of phase" } else { "phase" };
            writeln!(f, "\n-- {verb} {phase}: {}", purpose(*phase, self.undo))?;
            for step in steps {
                write_step(f, step)?;
            }
        }
        if self.is_done() {
            write!(
                f,
                "-- {}",
                if self.undo { "there is nothing to undo" } else { "every phase is complete" }
            )?;
        }
        Ok(())
    }
}

fn write_step(f: &mut fmt::Formatter<'_>, step: &Step) -> fmt::Result {
    writeln!(f, "\n-- {}: {}", one_line(&step.object), one_line(&step.title))?;
    step.locks.iter().try_for_each(|lock| writeln!(f, "--   lock on {}", one_line(&lock.to_string())))?;
    if step.in_transaction {
        writeln!(f, "BEGIN;")?;
    }
    step.statements.iter().try_for_each(|sql| writeln!(f, "{sql};"))?;
    if step.in_transaction {
        writeln!(f, "COMMIT;")?;
    }
    Ok(())
}

const fn purpose(phase: Phase, undo: bool) -> &'static str {
    match (phase, undo) {
        (Phase::Column, false) => "add and fill the tenant column; the present application continues to work",
        (Phase::Keys, false) => {
            "build keys that begin with the tenant, beside the old ones; the present application continues to work"
        }
        (Phase::ForeignKeys, false) => {
            "add foreign keys that contain the tenant; the present application continues to work"
        }
        (Phase::Isolation, false) => {
            "row-level security and rights; deploy the application with watertight before"
        }
        (Phase::OldKeys, false) => "drop the old keys; there can be a second tenant afterwards",
        (Phase::OldKeys, true) => "build the old keys again",
        (Phase::Isolation, true) => "remove row-level security, and restore rights",
        (Phase::ForeignKeys, true) => "swap the keys and foreign keys",
        (Phase::Keys, true) => "drop the new keys",
        (Phase::Column, true) => "drop the columns that the conversion has added",
    }
}
