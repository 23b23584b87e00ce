//! The prose of a file: a copy of its text with everything else masked, of the same length.

/// Replaces a byte that is not prose, so that the words on both sides are not adjacent.
const CODE: u8 = b'\x01';

/// The prose of a file. An offset in it is the same offset in the file.
#[derive(Debug)]
pub(crate) struct Prose {
    text: String,
}

impl Prose {
    /// Markdown without its fenced code blocks.
    pub(crate) fn of_markdown(text: &str) -> Self {
        let mut bytes = text.as_bytes().to_vec();
        let (mut at, mut fence) = (0, None);
        for line in text.split_inclusive('\n') {
            let trimmed = line.trim_start();
            let marker = ["```", "~~~"].into_iter().find(|marker| trimmed.starts_with(marker));
            let is_code = fence.is_some() || marker.is_some();
            if is_code {
                mask(&mut bytes, at, at + line.len(), CODE);
            } else if trimmed.starts_with('>') {
                mask(&mut bytes, at, at + line.len() - trimmed.len() + 1, b' ');
            }
            fence = match (fence, marker) {
                (None, opened) => opened,
                (Some(open), Some(closing)) if open == closing => None,
                (open, _) => open,
            };
            at += line.len();
        }
        Self::from(bytes)
    }

    /// The comments and the string literals of Rust.
    pub(crate) fn of_rust(text: &str) -> Self {
        let mut bytes = text.as_bytes().to_vec();
        let mut at = 0;
        while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
            let (length, prose) = token(rest);
            let end = at + length;
            match prose {
                Some((from, to)) => {
                    mask(&mut bytes, at, at + from, b' ');
                    mask(&mut bytes, at + to, end, b' ');
                }
                None => mask(&mut bytes, at, end, CODE),
            }
            at = end;
        }
        Self::from(bytes)
    }

    fn from(bytes: Vec<u8>) -> Self {
        // Only whole characters are masked, so the rest is valid UTF-8.
        Self { text: String::from_utf8(bytes).unwrap_or_default() }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

/// Replaces everything except white space.
fn mask(bytes: &mut [u8], from: usize, to: usize, by: u8) {
    for byte in bytes.get_mut(from..to).unwrap_or_default() {
        if !byte.is_ascii_whitespace() {
            *byte = by;
        }
    }
}

/// The length of the first token, and the beginning and the end of the prose in it. Several tokens can count as
/// one.
fn token(rest: &str) -> (usize, Option<(usize, usize)>) {
    if rest.starts_with("//") {
        let end = rest.find('\n').unwrap_or(rest.len());
        let marker = if rest.starts_with("///") || rest.starts_with("//!") { 3 } else { 2 };
        return (end, Some((marker, end)));
    }
    if rest.starts_with("/*") {
        let end = rest.find("*/").map_or(rest.len(), |end| end + 2);
        return (end, Some((2, end.saturating_sub(2).max(2))));
    }
    let raw = rest.strip_prefix('b').or_else(|| rest.strip_prefix('c')).unwrap_or(rest).strip_prefix('r');
    if let Some(raw) = raw {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw.get(hashes..).is_some_and(|quoted| quoted.starts_with('"')) {
            let start = rest.len() - raw.len() + hashes + 1;
            let closing = format!("\"{}", "#".repeat(hashes));
            let inner = rest.get(start..).unwrap_or_default();
            let length = inner.find(&closing).unwrap_or(inner.len());
            return ((start + length + closing.len()).min(rest.len()), Some((start, start + length)));
        }
    }
    match rest.chars().next() {
        Some('"') => {
            let end = end_of_quoted(rest, b'"');
            (end, Some((1, end - 1)))
        }
        Some('\'') => (end_of_character(rest), None),
        Some(first) if is_of_word(first) => {
            // The whole word at once, because an `r` at its end does not begin a raw string.
            (rest.find(|c| !is_of_word(c)).unwrap_or(rest.len()), None)
        }
        first => (first.map_or(1, char::len_utf8), None),
    }
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The end of a literal whose quote can be escaped.
fn end_of_quoted(rest: &str, quote: u8) -> usize {
    let (mut at, bytes) = (1, rest.as_bytes());
    while let Some(&byte) = bytes.get(at) {
        at += if byte == b'\\' { 2 } else { 1 };
        if byte == quote {
            break;
        }
    }
    at.min(rest.len())
}

/// The end of a character literal, or of the quote of a lifetime.
fn end_of_character(rest: &str) -> usize {
    let mut characters = rest.chars().skip(1);
    match (characters.next(), characters.next()) {
        (Some('\\'), _) => end_of_quoted(rest, b'\''),
        (Some(only), Some('\'')) => 2 + only.len_utf8(),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(prose: &Prose) -> Vec<String> {
        let words = prose.text().split(|c: char| !c.is_alphanumeric());
        words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }

    #[test]
    fn comments_and_strings_are_the_prose_of_rust() {
        let text = r##"/// one two
fn car<'a>(x: &'a str) -> char { bar("three \" four", r#"five " six"#, '"', '\'', br"seven"); 'z' } // eight
/* nine */ let r = 1;"##;
        let prose = Prose::of_rust(text);
        assert_eq!(prose.text().len(), text.len());
        assert_eq!(words(&prose), ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]);
    }

    #[test]
    fn code_blocks_are_no_prose_of_markdown() {
        let prose = Prose::of_markdown("one\n```sh\ntwo\n~~~\n```\n> three\n");
        assert_eq!(words(&prose), ["one", "three"]);
    }
}
