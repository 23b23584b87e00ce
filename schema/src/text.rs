//! The normal form of text that people type: names, passwords and codes.
//!
//! One rule, for the service and for adoption: letters are composed ([NFC]), names are in lower case, and codes are
//! compatibility-composed ([NFKC]) in upper case. The rule does not depend on the database's locale.
//!
//! [NFC]: https://www.unicode.org/reports/tr15/
//! [NFKC]: https://www.unicode.org/reports/tr15/

use unicode_normalization::UnicodeNormalization;

/// The form in which names (handles and email addresses) are stored and searched for.
///
/// ```
/// use watertight_schema::text::name;
///
/// assert_eq!(name(" IRIS "), "iris");
/// assert_eq!(name("Zoe\u{308}"), "zo\u{eb}");
/// ```
#[must_use]
pub fn name(typed: &str) -> String {
    composed(&typed.trim().nfc().collect::<String>().to_lowercase())
}

/// A text with composed letters (NFC).
///
/// ```
/// assert_eq!(watertight_schema::text::composed("e\u{301}"), "\u{e9}");
/// ```
#[must_use]
pub fn composed(text: &str) -> String {
    text.nfc().collect()
}

/// A text with decomposed letters (NFD), as some systems type it.
///
/// ```
/// assert_eq!(watertight_schema::text::decomposed("\u{e9}"), "e\u{301}");
/// ```
#[must_use]
pub fn decomposed(text: &str) -> String {
    text.nfd().collect()
}

/// A code in upper case, compatibility-composed, with plain dashes and without invisible characters.
///
/// ```
/// use watertight_schema::text::code;
///
/// assert_eq!(code(" abcd\u{2013}\u{ff12}345\u{200b} "), "ABCD-2345");
/// ```
#[must_use]
pub fn code(typed: &str) -> String {
    let visible = typed.nfkc().filter(|c| !is_invisible(*c));
    let plain: String = visible.map(|c| if is_dash(c) { '-' } else { c }).collect();
    plain.trim().to_uppercase()
}

/// Returns true for the dashes that printers and text programs use for `-`.
fn is_dash(c: char) -> bool {
    matches!(
        c,
        '-' | '\u{58a}' | '\u{2010}'
            ..='\u{2015}'
                | '\u{2043}'
                | '\u{2212}'
                | '\u{2e3a}'
                | '\u{2e3b}'
                | '\u{30fc}'
                | '\u{fe31}'
                | '\u{fe32}'
                | '\u{fe58}'
                | '\u{fe63}'
                | '\u{ff0d}'
    )
}

/// Returns true for characters that show nothing or change the direction of the text around them.
///
/// These are the default ignorable code points of Unicode, the controls of direction, interlinear annotations and
/// blank symbols. White space and control characters are not among them.
///
/// ```
/// use watertight_schema::text::is_invisible;
///
/// assert!("ad\u{200b}min".contains(is_invisible));
/// assert!("\u{202e}nimda".contains(is_invisible));
/// assert!(!"zo\u{eb}".contains(is_invisible));
/// ```
#[must_use]
pub fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{13430}'..='\u{13440}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
    )
}

/// The letters and digits of codes, for characters that look the same.
///
/// These are letters of other alphabets in upper case, and characters that codes leave out.
///
/// Readable codes have an `L`, but neither `I` nor `1`, so those are taken for `L`.
///
/// ```
/// use watertight_schema::text::similar_letters;
///
/// // The first letters of the Russian and the Greek keyboard.
/// assert_eq!(similar_letters("\u{410}\u{392}\u{421}1"), "ABCL");
/// ```
#[must_use]
pub fn similar_letters(code: &str) -> String {
    let latin = |c: char| match c {
        'А' | 'Α' => 'A',
        'В' | 'Β' => 'B',
        'С' | 'Ϲ' => 'C',
        'Е' | 'Ε' => 'E',
        'Ԍ' => 'G',
        'Н' | 'Η' => 'H',
        'Ј' | 'Ϳ' => 'J',
        'К' | 'Κ' => 'K',
        'М' | 'Μ' => 'M',
        'Ν' => 'N',
        'Р' | 'Ρ' => 'P',
        'Ѕ' => 'S',
        'Т' | 'Τ' => 'T',
        'Ԝ' => 'W',
        'Х' | 'Χ' => 'X',
        'У' | 'Ү' | 'Υ' => 'Y',
        'Ζ' => 'Z',
        'З' => '3',
        '1' | 'I' | '|' | 'І' | 'Ι' | 'Ӏ' => 'L',
        other => other,
    };
    code.chars().map(latin).collect()
}
