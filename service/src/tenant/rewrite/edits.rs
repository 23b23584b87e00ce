//! The edits that turn a statement's text into the text that is sent.

use super::super::refusal::Reason;

/// Insertions and replacements, gathered in any order and applied in one pass.
#[derive(Debug, Default)]
pub(super) struct Edits(Vec<Edit>);

#[derive(Debug)]
struct Edit {
    start: usize,
    end: usize,
    text: String,
}

impl Edits {
    pub(super) fn insert(&mut self, at: usize, text: impl Into<String>) {
        self.replace(at, at, text);
    }

    pub(super) fn replace(&mut self, start: usize, end: usize, text: impl Into<String>) {
        self.0.push(Edit { start, end, text: text.into() });
    }

    /// The text with every edit made. Edits at the same place keep the order they were given in.
    pub(super) fn apply(mut self, text: &str) -> Result<String, Reason> {
        self.0.sort_by_key(|edit| edit.start);
        let grown: usize = self.0.iter().map(|edit| edit.text.len()).sum();
        let mut result = String::with_capacity(text.len() + grown);
        let mut done = 0;
        for edit in &self.0 {
            let kept = text
                .get(done..edit.start)
                .ok_or_else(|| Reason::NotUnderstood("two parts of the statement overlap".to_owned()))?;
            push_apart(&mut result, kept);
            push_apart(&mut result, &edit.text);
            done = edit.end;
        }
        push_apart(&mut result, text.get(done..).unwrap_or_default());
        Ok(result)
    }
}

/// Adds to a text, with a space between two words that would become one: `1FROM` is two tokens, `uuidFROM` is not.
fn push_apart(result: &mut String, text: &str) {
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$' || !c.is_ascii();
    if result.ends_with(is_word) && text.starts_with(is_word) {
        result.push(' ');
    }
    result.push_str(text);
}
