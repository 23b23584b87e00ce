//! Headings are nouns or begin with "How to": none is a question.

use crate::prose::Prose;

/// The first words of questions.
const QUESTIONS: [&str; 6] = ["who", "whom", "whose", "what", "when", "where"];

/// The places and the messages of headings that are questions or begin like questions.
pub(crate) fn check(prose: &Prose) -> Vec<(usize, String)> {
    let (mut found, mut at) = (Vec::new(), 0);
    for line in prose.text().split_inclusive('\n') {
        if let Some(heading) = heading(line).filter(|heading| is_question(heading)) {
            let message = format!("the heading \"{heading}\" is not a noun or \"How to\"");
            found.push((at, message));
        }
        at += line.len();
    }
    found
}

/// The text of a line that is a heading, with the markers of comments masked.
fn heading(line: &str) -> Option<&str> {
    let line = line.trim();
    let text = line.trim_start_matches('#');
    let level = line.len() - text.len();
    ((1..=6).contains(&level) && text.starts_with(' ')).then_some(text.trim())
}

fn is_question(heading: &str) -> bool {
    let first = heading.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    heading.ends_with('?') || QUESTIONS.contains(&first.to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_no_headings() {
        let text = "# Whose is a table?\n## Roles\n### Why?\n#### How to migrate\n#[what]\nWhat\n";
        let messages: Vec<_> =
            check(&Prose::of_markdown(text)).into_iter().map(|(_, message)| message).collect();
        assert_eq!(messages.len(), 2, "{messages:?}");
        assert!(messages[0].contains("Whose is a table?") && messages[1].contains("Why?"));
        assert_eq!(check(&Prose::of_rust("/// # What it costs\n//! # Errors\nfn f() {}")).len(), 1);
    }
}
