//! The result of a command.

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use serde::Serialize;
use serde_json::Value;
use watertight_schema::printable;

use crate::Format;
use crate::failure::Failure;

/// The result of a command, as text and as JSON.
///
/// Values from a database or a file are printed so that they cannot act on the terminal.
#[derive(Debug)]
pub(crate) struct Outcome {
    text: String,
    json: Value,
    sarif: Option<Value>,
    sound: bool,
    beside: bool,
}

impl Outcome {
    /// The text can have several lines; a value within a line is made of one line by the caller.
    pub(crate) fn new(text: impl Into<String>, json: &impl Serialize) -> Result<Self, Failure> {
        let json = serde_json::to_value(json).map_err(|error| Failure::Refused(error.to_string()))?;
        Ok(Self { text: text.into(), json, sarif: None, sound: true, beside: false })
    }

    /// Adds the result in SARIF.
    pub(crate) fn with_sarif(mut self, sarif: Value) -> Self {
        self.sarif = Some(sarif);
        self
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
            Format::Text => printable::text(&self.text),
            Format::Json => printable::json(&self.json.to_string()),
            Format::Sarif => printable::json(&self.sarif.as_ref().unwrap_or(&self.json).to_string()),
        };
        let printed = if self.beside {
            writeln!(std::io::stderr(), "{line}")
        } else {
            let mut out = std::io::stdout().lock();
            writeln!(out, "{line}").and_then(|()| out.flush())
        };
        match printed {
            Ok(()) if self.sound => ExitCode::SUCCESS,
            Ok(()) => ExitCode::from(Failure::REFUSED),
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Failure::OutputClosed.print(format),
            Err(error) => Failure::Io(format!("the result could not be written: {error}")).print(format),
        }
    }
}
