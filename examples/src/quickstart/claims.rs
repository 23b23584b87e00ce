//! The program's claims, each checked against the observed value.

use std::fmt::Debug;
use std::process::ExitCode;

/// The numbers of claims and of broken claims.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    made: usize,
    broken: usize,
}

impl Claims {
    /// Checks a claim and prints the result.
    pub(crate) fn check<T: PartialEq + Debug>(&mut self, claim: &str, seen: &T, expected: &T) {
        self.made += 1;
        if seen == expected {
            println!("  ✓ {claim}");
        } else {
            self.broken += 1;
            println!("  ✗ {claim}: expected {expected:?}, saw {seen:?}");
        }
    }

    /// Prints the number of claims that hold. Returns the exit code of the program, which is 0 if all hold.
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
