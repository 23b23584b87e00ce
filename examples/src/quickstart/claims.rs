//! What the program claims, each held against what was seen.

use std::fmt::Debug;
use std::process::ExitCode;

/// Counts the claims, and those that do not hold.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    made: usize,
    broken: usize,
}

impl Claims {
    /// Prints a claim with whether it holds.
    pub(crate) fn check<T: PartialEq + Debug>(&mut self, claim: &str, seen: &T, expected: &T) {
        self.made += 1;
        if seen == expected {
            println!("  ✓ {claim}");
        } else {
            self.broken += 1;
            println!("  ✗ {claim}: expected {expected:?}, saw {seen:?}");
        }
    }

    /// Prints how many claims hold; the exit code of the program says whether all do.
    pub(crate) fn conclude(&self) -> ExitCode {
        if self.broken == 0 {
            println!("\n{} claims checked, all hold.", self.made);
            ExitCode::SUCCESS
        } else {
            println!("\n{} of {} claims do NOT hold.", self.broken, self.made);
            ExitCode::FAILURE
        }
    }
}
