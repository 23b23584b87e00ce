//! What a command has to say when it is done.

use std::io::Write;
use std::process::ExitCode;

use serde::Serialize;
use serde_json::Value;

use crate::Format;
use crate::failure::Failure;

/// What a command has to say when it is done, for people and for machines.
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

    /// Something was found that must not be there.
    pub(crate) const fn unsound_unless(mut self, sound: bool) -> Self {
        self.sound = sound;
        self
    }

    /// The standard output carries data, so this goes to the standard error.
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
        // Whoever reads may have gone: what was done is done.
        drop(printed);
        if self.sound { ExitCode::SUCCESS } else { ExitCode::from(Failure::REFUSED) }
    }
}
