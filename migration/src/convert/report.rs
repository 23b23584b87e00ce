//! The report of a run.

use std::fmt;

use serde::Serialize;

use super::Phase;

/// The steps that a run has completed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ConversionReport {
    /// The phases with at least one step, in order.
    pub phases: Vec<CompletedPhase>,
}

/// A phase that a run has completed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CompletedPhase {
    /// The phase.
    pub phase: Phase,
    /// The number of steps that this run has completed.
    pub steps: usize,
}

impl fmt::Display for ConversionReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.phases.is_empty() {
            return f.write_str("everything was complete before");
        }
        for (place, CompletedPhase { phase, steps }) in self.phases.iter().enumerate() {
            let end = if place == 0 { "" } else { "\n" };
            write!(f, "{end}phase {phase}: {steps} steps completed")?;
        }
        Ok(())
    }
}
