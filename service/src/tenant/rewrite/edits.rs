//! Edits of a statement's text.

use super::super::refusal::Reason;

/// Insertions and replacements, collected in any order and applied in one pass.
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

    /// Applies every edit to the text. Edits at the same position are applied in the order in which they were
    /// added.
    pub(super) fn apply(mut self, text: &str) -> Result<String, Reason> {
        self.0.sort_by_key(|edit| edit.start);
        let grown: usize = self.0.iter().map(|edit| edit.text.len()).sum();
        let mut result = String::with_capacity(text.len() + grown);
        let mut done = 0;
        for edit in &self.0 {
            let kept = text
                .get(done..edit.start)
                .ok_or_else(|| Reason::NotUnderstood("two edits of the statement overlap".to_owned()))?;
            push_apart(&mut result, kept);
            push_apart(&mut result, &edit.text);
            done = edit.end;
        }
        push_apart(&mut result, text.get(done..).unwrap_or_default());
        Ok(result)
    }
}

/// Appends to a text, with a space where two words would merge: `uuidFROM` is one token.
fn push_apart(result: &mut String, text: &str) {
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$' || !c.is_ascii();
    if result.ends_with(is_word) && text.starts_with(is_word) {
        result.push(' ');
    }
    result.push_str(text);
}
