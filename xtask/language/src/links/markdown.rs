//! The links of a Markdown file: references to labels, definitions of labels, and targets in parentheses.

use std::ops::Range;

use crate::prose::Prose;

/// The links of a file, in its order.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) references: Vec<Reference>,
    pub(super) definitions: Vec<Definition>,
    /// The places and the targets of `[text](target)`.
    pub(super) inline: Vec<(usize, String)>,
}

/// `[text][label]`, `[label][]` or `[label]`.
#[derive(Debug)]
pub(super) struct Reference {
    pub(super) at: usize,
    pub(super) label: String,
    /// True for `[label]` alone, which is plain text if the label is not defined.
    pub(super) is_short: bool,
}

/// `[label]: target`
#[derive(Debug, Clone)]
pub(super) struct Definition {
    pub(super) at: usize,
    pub(super) label: String,
    pub(super) target: String,
}

/// A label as Markdown compares it.
pub(super) fn normal(label: &str) -> String {
    label.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

impl Page {
    pub(super) fn read(text: &str) -> Self {
        let prose = Prose::of_markdown(text);
        let (mut page, mut at) = (Self::default(), 0);
        // Neither a link nor code goes on over an empty line.
        let mut paragraph = 0..0;
        for line in prose.text().split_inclusive('\n') {
            let definition = definition(line);
            if definition.is_some() || line.trim().is_empty() {
                page.read_paragraph(prose.text(), &paragraph);
                paragraph = at + line.len()..at + line.len();
            } else {
                paragraph.end = at + line.len();
            }
            page.definitions.extend(definition.map(|(label, target)| Definition {
                at,
                label: label.to_owned(),
                target: target.to_owned(),
            }));
            at += line.len();
        }
        page.read_paragraph(prose.text(), &paragraph);
        page
    }

    fn read_paragraph(&mut self, text: &str, paragraph: &Range<usize>) {
        let text = text.get(..paragraph.end).unwrap_or_default();
        let (mut at, mut opened) = (paragraph.start, Vec::new());
        while let Some(next) = text.get(at..).and_then(|rest| rest.chars().next()) {
            match next {
                '\\' => {
                    let escaped = text.get(at + 1..).and_then(|rest| rest.chars().next());
                    at += 1 + escaped.map_or(0, char::len_utf8);
                }
                '`' => at = end_of_code(text, at),
                ']' => {
                    let start = opened.pop();
                    at += 1;
                    if let Some(start) = start {
                        at = self.read_link(text, start, at);
                    }
                }
                _ => {
                    if next == '[' {
                        opened.push(at);
                    }
                    at += next.len_utf8();
                }
            }
        }
    }

    /// Reads a link from its first bracket, with the place after its closing bracket. Returns the end of the link.
    fn read_link(&mut self, text: &str, start: usize, end: usize) -> usize {
        let shown = text.get(start + 1..end - 1).unwrap_or_default();
        let rest = text.get(end..).unwrap_or_default();
        if let Some(rest) = rest.strip_prefix('(') {
            let target = rest.split([')', ' ', '\n']).next().unwrap_or_default();
            self.inline.push((start, target.to_owned()));
            return end + 1 + target.len();
        }
        let label = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(label, _)| label);
        let (label, is_short) = match label {
            Some("") => (shown, false),
            Some(label) => (label, false),
            None => (shown, true),
        };
        self.references.push(Reference { at: start, label: label.to_owned(), is_short });
        let length = rest.starts_with('[').then(|| rest.find(']').map_or(0, |closing| closing + 1));
        end + length.unwrap_or_default()
    }
}

/// The label and the target of a line that defines a label. More words than one after a label are a sentence.
fn definition(line: &str) -> Option<(&str, &str)> {
    let (label, target) = line.strip_prefix('[')?.split_once("]: ")?;
    let target = target.trim();
    (!target.is_empty() && !target.contains(char::is_whitespace)).then_some((label, target))
}

/// The end of the code that a backtick begins, or of the backticks if no code follows.
fn end_of_code(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let marks = rest.len() - rest.trim_start_matches('`').len();
    let mut from = marks;
    while let Some(found) = rest.get(from..).and_then(|rest| rest.find('`')) {
        let closing = rest.get(from + found..).unwrap_or_default();
        let length = closing.len() - closing.trim_start_matches('`').len();
        from += found + length;
        if length == marks {
            return at + from;
        }
    }
    at + marks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_read_and_code_is_not() {
        let text = "[`A`] is [two\nwords][b#c] `[no]` `` ` [no] `` \\[no] [d][] [1](e.md#f) ![i](j \"k\")\n\
                    | [`L`]: cell |\n```\n[no]\n[no]: x\n```\n[`A`]: https://x.y/[z]\n[m]: two words\n\n[b#c]: b.md#c\n";
        let page = Page::read(text);
        let references: Vec<_> = page.references.iter().map(|it| (it.label.as_str(), it.is_short)).collect();
        assert_eq!(references, [("`A`", true), ("b#c", false), ("d", false), ("`L`", true), ("m", true)]);
        let inline: Vec<_> = page.inline.iter().map(|(_, target)| target.as_str()).collect();
        assert_eq!(inline, ["e.md#f", "j"]);
        let definitions: Vec<_> =
            page.definitions.iter().map(|it| (it.label.as_str(), it.target.as_str())).collect();
        assert_eq!(definitions, [("`A`", "https://x.y/[z]"), ("b#c", "b.md#c")]);
        assert!(page.definitions.iter().all(|it| text[it.at..].starts_with(&format!("[{}]: ", it.label))));
    }

    #[test]
    fn labels_are_compared_without_case() {
        assert_eq!(normal("`Two  Words`\n"), "`two words`");
    }
}
