//! The result of a command.

use std::io::Write;
use std::process::ExitCode;

use serde::Serialize;
use serde_json::Value;

use crate::Format;
use crate::failure::Failure;

/// The result of a command, as text and as JSON.
#[derive(Debug)]
pub(crate) struct Outcome {
    text: String,
    json: Value,
    sound: bool,
    beside: bool,
}

impl Outcome {
    pub(crate) fn new(text: impl Into<String>, json: &impl Serialize) -> Result<Self, Failure> {
        let json = serde_json::to_value(json).map_err(|error| Failure::Refused(error.to_string()))?;
        Ok(Self { text: text.into(), json, sound: true, beside: false })
    }

    /// Makes the command fail unless the result is sound.
    pub(crate) const fn unsound_unless(mut self, sound: bool) -> Self {
        self.sound = sound;
        self
    }

    /// Prints the result on standard error, because standard output carries data.
    pub(crate) const fn beside_data(mut self) -> Self {
        self.beside = true;
        self
    }

    pub(crate) fn print(&self, format: Format) -> ExitCode {
        let line = match format {
            Format::Text => self.text.clone(),
            Format::Json => self.json.to_string(),
        };
        let printed = if self.beside {
            writeln!(std::io::stderr(), "{line}")
        } else {
            writeln!(std::io::stdout(), "{line}")
        };
        // A closed output does not change the result of the command.
        drop(printed);
        if self.sound { ExitCode::SUCCESS } else { ExitCode::from(Failure::REFUSED) }
    }
}
