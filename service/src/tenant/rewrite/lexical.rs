//! Refuses texts that would make the parser panic, before they are parsed.
//!
//! A panic ends an application that is built with `panic = "abort"`. This module splits a text into literals,
//! comments and other tokens, as PostgreSQL's `scan.l` does, and looks for characters and escapes that no
//! statement needs. Isolation does not depend on it.

use super::super::refusal::Reason;

/// The maximum number of digits of a placeholder.
const PLACEHOLDER_DIGITS: usize = 5;

/// The maximum nesting of comments. The time of the parser grows with its square.
const COMMENT_DEPTH: usize = 32;

/// The maximum length of an operator, which is PostgreSQL's own limit (`NAMEDATALEN`).
const OPERATOR_LENGTH: usize = 63;

/// The characters of operators.
const OPERATOR: &[u8] = b"+-*/%^<>=~!@#&|`?";

/// Refuses stray characters outside literals, and Unicode escapes in literals and names.
pub(super) fn check(text: &str) -> Result<(), Reason> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        at += length(bytes.get(at..).unwrap_or_default(), at)?;
    }
    Ok(())
}

/// The length of the token at the start of a text that is not empty.
pub(super) fn length(rest: &[u8], at: usize) -> Result<usize, Reason> {
    let Some(&byte) = rest.first() else { return Ok(1) };
    let length = match byte {
        b'\'' => quoted(rest, b'\'', false),
        b'"' => quoted(rest, b'"', false),
        b'-' if rest.starts_with(b"--") => {
            rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(rest.len())
        }
        b'/' if rest.starts_with(b"/*") => comment(rest, at)?,
        b'$' => dollar(rest, at)?,
        b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.. => word(rest)?,
        b'0'..=b'9' => number(rest),
        _ if OPERATOR.contains(&byte) => operator(rest, at)?,
        _ if b" \t\n\r\x0b\x0c,()[].;:".contains(&byte) => 1,
        _ => return Err(stray(at)),
    };
    Ok(length.max(1))
}

fn stray(at: usize) -> Reason {
    Reason::NotUnderstood(format!("invalid character at byte {at}"))
}

/// The length of a literal or a quoted name. It ends at a quote that is neither doubled nor escaped.
fn quoted(rest: &[u8], quote: u8, escapes: bool) -> usize {
    let mut at = 1;
    while let Some(&byte) = rest.get(at) {
        if byte == b'\\' && escapes {
            at += 2;
        } else if byte != quote {
            at += 1;
        } else if rest.get(at + 1) == Some(&quote) {
            at += 2;
        } else {
            return at + 1;
        }
    }
    rest.len()
}

/// The length of a comment, including nested comments.
fn comment(rest: &[u8], start: usize) -> Result<usize, Reason> {
    let (mut at, mut depth) = (2, 1_usize);
    while depth > 0 && at < rest.len() {
        match rest.get(at..) {
            Some([b'/', b'*', ..]) => (at, depth) = (at + 2, depth + 1),
            Some([b'*', b'/', ..]) => (at, depth) = (at + 2, depth - 1),
            _ => at += 1,
        }
        if depth > COMMENT_DEPTH {
            return Err(Reason::NotUnderstood(format!("comments nested too deeply at byte {start}")));
        }
    }
    Ok(at)
}

/// The length of an operator, which ends where a comment begins.
fn operator(rest: &[u8], start: usize) -> Result<usize, Reason> {
    let run = rest.iter().take_while(|byte| OPERATOR.contains(byte)).count();
    let run = rest.get(..run).unwrap_or_default();
    let end = run.windows(2).position(|pair| matches!(pair, b"--" | b"/*")).unwrap_or(run.len());
    if end > OPERATOR_LENGTH {
        return Err(Reason::NotUnderstood(format!("operator too long at byte {start}")));
    }
    Ok(end)
}

/// The length of a placeholder or of a dollar-quoted literal.
fn dollar(rest: &[u8], at: usize) -> Result<usize, Reason> {
    let digits = rest.iter().skip(1).take_while(|byte| byte.is_ascii_digit()).count();
    if digits > PLACEHOLDER_DIGITS {
        return Err(Reason::NotUnderstood(format!("placeholder number too large at byte {at}")));
    }
    if digits > 0 {
        return Ok(1 + digits);
    }
    let tag = rest.iter().skip(1).take_while(|byte| is_word(**byte)).count();
    let Some(delimiter) = rest.get(..tag + 2).filter(|delimiter| delimiter.ends_with(b"$")) else {
        return Err(stray(at));
    };
    let body = rest.get(delimiter.len()..).unwrap_or_default();
    let end = body.windows(delimiter.len()).position(|window| window == delimiter);
    Ok(end.map_or(rest.len(), |end| end + 2 * delimiter.len()))
}

/// The length of a word, including a literal that it prefixes: `E'..'`.
fn word(rest: &[u8]) -> Result<usize, Reason> {
    let length = rest.iter().take_while(|byte| is_word(**byte) || **byte == b'$').count();
    let after = rest.get(length..).unwrap_or_default();
    match (rest.first(), length, after) {
        (Some(b'e' | b'E'), 1, [b'\'', ..]) => {
            let literal = quoted(after, b'\'', true);
            let text = after.get(..literal).unwrap_or_default();
            let by_code_point = text.windows(2).any(|pair| matches!(pair, [b'\\', b'u' | b'U']));
            if by_code_point {
                return Err(by_code_points());
            }
            Ok(1 + literal)
        }
        (Some(b'u' | b'U'), 1, [b'&', b'\'' | b'"', ..]) => Err(by_code_points()),
        _ => Ok(length),
    }
}

fn by_code_points() -> Reason {
    Reason::Unsupported("literals and names with code points (U&, \\u)".into())
}

/// The length of a number, including word characters directly after it.
fn number(rest: &[u8]) -> usize {
    rest.iter().take_while(|byte| is_word(**byte) || **byte == b'.').count()
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_and_comments_hold_any_character() {
        for text in [
            "SELECT '{\\}', \"{}\", $${}\\$$, $t$ $$ {} $t$, E'\\'{}' -- {}\n /* {} /* {} */ {} */",
            "SELECT 'U&''x', \"u&\" /* U&'x' */, a$b, $1, 1.5e3",
            "SELECT 'open {",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
        for text in [
            "{",
            "}",
            "\\",
            "SELECT 1 \u{1}",
            "$",
            "SELECT $x",
            "$123456",
            "U&'x'",
            "u&\"x\"",
            "E'\\u0041'",
            "SELECT 1 {",
        ] {
            assert!(check(text).is_err(), "{text}");
        }
        assert!(check(&"/*".repeat(40)).is_err());
        assert!(check(&"+".repeat(100)).is_err());
        assert_eq!(check(&"/* a */ + -- b\n".repeat(100)), Ok(()));
    }
}
