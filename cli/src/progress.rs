//! A progress bar on standard error.

use indicatif::{ProgressBar, ProgressStyle};
use watertight::maintenance::Progress;
use watertight_schema::printable;

/// A progress bar on standard error, if that is a terminal. Dropping it clears it.
pub(crate) struct Bar(ProgressBar);

impl Bar {
    pub(crate) fn new(verb: &'static str) -> Self {
        let bar = ProgressBar::no_length();
        bar.set_prefix(verb);
        Self(bar)
    }

    pub(crate) fn show(&self, step: Progress<'_>) {
        if step.total > 0 && self.0.length().is_none() {
            self.0.set_length(step.total);
            let style = "{prefix} {bar:30} {human_pos} of {human_len} rows, {eta} left  {msg}";
            self.0.set_style(
                ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()),
            );
        } else if self.0.length().is_none() {
            let style = "{prefix} {spinner} {human_pos} rows, {elapsed}  {msg}";
            self.0.set_style(
                ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_spinner()),
            );
        }
        let table = printable::one_line(step.table);
        if self.0.message() != table {
            self.0.set_message(table);
        }
        self.0.set_position(step.done);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
