//! Text from a database, a file or a server, made harmless for a terminal.

use std::fmt::Write as _;

/// A text in which nothing acts on a terminal.
///
/// Control characters, controls of direction and invisible characters are written as `\u{1b}`. Line breaks stay. Use [`one_line`] for a value inside a line.
///
/// ```
/// use watertight_schema::printable;
///
/// assert_eq!(printable::text("a\u{1b}[2Jb\nc"), "a\\u{1b}[2Jb\nc");
/// assert_eq!(printable::one_line("a\nb"), "a b");
/// assert_eq!(printable::json("{\"a\":\"\u{9b}\u{202e}\"}"), "{\"a\":\"\\u009b\\u202e\"}");
/// ```
#[must_use]
pub fn text(text: &str) -> String {
    cleaned(text, |c, clean| match c {
        '\n' => clean.push('\n'),
        _ => escape(c, clean),
    })
}

/// A [`text`] on one line, so that a value cannot forge a line.
#[must_use]
pub fn one_line(text: &str) -> String {
    cleaned(text, |c, clean| match c {
        '\n' | '\t' | '\u{2028}' | '\u{2029}' => clean.push(' '),
        _ => escape(c, clean),
    })
}

/// A JSON document with the same values, in which nothing acts on a terminal.
#[must_use]
pub fn json(document: &str) -> String {
    cleaned(document, |c, clean| {
        // Within the strings of the document, and nothing outside them is one of these characters.
        for unit in c.encode_utf16(&mut [0; 2]) {
            let _ = write!(clean, "\\u{unit:04x}");
        }
    })
}

fn cleaned(text: &str, replace: impl Fn(char, &mut String)) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        if acts(c) { replace(c, &mut clean) } else { clean.push(c) }
    }
    clean
}

fn escape(c: char, clean: &mut String) {
    clean.extend(c.escape_unicode());
}

/// Whether a character controls a terminal, the direction of text or the end of a line, or cannot be seen.
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_acts_on_a_terminal() {
        for c in ('\0'..=char::MAX).filter(|c| c.is_control() || acts(*c)) {
            let given = format!("a{c}b");
            for clean in [text(&given), one_line(&given), json(&given)] {
                assert!(!clean.contains(|c| acts(c) && c != '\n'), "{clean:?}");
            }
            assert!(!one_line(&given).contains('\n'));
        }
        for kept in ["Zoë's \"Studio\" \\ naïve", "日本語", "👩\u{200d}🔬", "می\u{200c}خواهم"]
        {
            assert_eq!((text(kept), one_line(kept), json(kept)), (kept.into(), kept.into(), kept.into()));
        }
    }
}
