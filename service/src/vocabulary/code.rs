//! Readable codes, made of letters and digits that are hard to confuse.

#[cfg(feature = "booking")]
use watertight_schema::text;

use crate::vocabulary::NoRandomness;

/// The 32 characters of a code, with 5 bits each.
const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// The format of a code: the number of groups, and of characters in a group. Dashes separate the groups.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CodeFormat {
    groups: usize,
    characters: usize,
}

impl CodeFormat {
    pub(crate) const fn new(groups: usize, characters: usize) -> Self {
        Self { groups, characters }
    }

    /// Generates a code from the operating system's random source.
    pub(crate) fn generate(self) -> Result<String, NoRandomness> {
        let mut random = vec![0; self.groups * self.characters];
        getrandom::fill(&mut random).map_err(|_| NoRandomness)?;
        Ok(self.grouped(
            random.iter().filter_map(|byte| ALPHABET.get(usize::from(byte & 31)).copied().map(char::from)),
        ))
    }

    /// Converts a typed code to its stored form: upper case, with dashes between the groups.
    ///
    /// A code of another format is only trimmed and converted to upper case.
    #[cfg(feature = "booking")]
    pub(crate) fn normal_form(self, typed: &str) -> String {
        // PostgreSQL rejects text with a NUL character. With the replacement the code is not found.
        let upper = typed.trim().to_uppercase().replace('\0', "\u{fffd}");
        let bare: Vec<char> = upper.chars().filter(|c| *c != '-' && !c.is_whitespace()).collect();
        let ours = bare.len() == self.groups * self.characters
            && bare.iter().all(|c| u8::try_from(*c).is_ok_and(|byte| ALPHABET.contains(&byte)));
        if ours { self.grouped(bare.into_iter()) } else { upper }
    }

    /// The stored forms that a typed code can have, the most exact one first.
    ///
    /// A code is found in any case, with any dashes and spaces, with invisible characters from a web page or an email,
    /// and with letters that look like those of the code. A code of another format is found as it was stored, and with
    /// its spaces as dashes or without.
    #[cfg(feature = "booking")]
    pub(crate) fn forms(self, typed: &str) -> Vec<String> {
        let exact = self.normal_form(typed);
        if self.is_ours(&exact) {
            return vec![exact];
        }
        let plain = text::code(&typed.replace('\0', "\u{fffd}"));
        let parts = || plain.split_whitespace();
        let joined: String = parts().collect();
        let candidates = [
            exact,
            self.normal_form(&plain),
            self.normal_form(&text::similar_letters(&plain)),
            parts().collect::<Vec<_>>().join("-"),
            joined.replace('-', ""),
            joined,
        ];
        let mut forms: Vec<String> = Vec::new();
        for (index, form) in candidates.into_iter().enumerate() {
            // Similar letters are for codes of this format only.
            let other = index == 2 && !self.is_ours(&form);
            if !other && !forms.contains(&form) {
                forms.push(form);
            }
        }
        forms
    }

    #[cfg(feature = "booking")]
    fn is_ours(self, code: &str) -> bool {
        let mut bare = code.chars().filter(|c| *c != '-');
        bare.clone().count() == self.groups * self.characters
            && bare.all(|c| u8::try_from(c).is_ok_and(|byte| ALPHABET.contains(&byte)))
    }

    fn grouped(self, characters: impl Iterator<Item = char>) -> String {
        let mut code = String::with_capacity(self.groups * (self.characters + 1));
        for (index, character) in characters.enumerate() {
            if index > 0 && index.is_multiple_of(self.characters) {
                code.push('-');
            }
            code.push(character);
        }
        code
    }
}

#[cfg(all(test, feature = "booking"))]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn codes_are_grouped_and_found_however_they_are_typed() {
        let [one, two, three] = [CodeFormat::new(1, 8), CodeFormat::new(2, 4), CodeFormat::new(3, 4)];
        for (format, length) in [(one, 8), (two, 9), (three, 14)] {
            let code = format.generate().unwrap();
            assert_eq!(code.len(), length, "{code}");
            for typed in [code.to_lowercase(), code.replace('-', ""), format!(" {} ", code.replace('-', " "))]
            {
                assert_eq!(format.normal_form(&typed), code, "{typed}");
            }
        }
        assert_eq!(three.normal_form("gc-2024-7"), "GC-2024-7");
        assert_eq!(one.normal_form("ABCD\0"), "ABCD\u{fffd}");
    }

    #[test]
    fn codes_are_found_however_they_were_printed_pasted_or_typed() {
        let (one, three) = (CodeFormat::new(1, 8), CodeFormat::new(3, 4));
        for (format, typed, code) in [
            // Dashes of a text program, and the hyphen of a web page that does not break.
            (three, "ABCD\u{2013}EFGH\u{2011}2345", "ABCD-EFGH-2345"),
            (three, "abcd - efgh - 2345", "ABCD-EFGH-2345"),
            (one, "ABCD\u{200b}2345", "ABCD2345"),
            (one, "\u{feff}ABCD\u{ad}2345\u{a0}", "ABCD2345"),
            // Of a Japanese keyboard.
            (one, "\u{ff21}\u{ff22}\u{ff23}\u{ff24}\u{ff12}\u{ff13}\u{ff14}\u{ff15}", "ABCD2345"),
            // Of a Russian and a Greek keyboard.
            (one, "\u{410}\u{412}\u{421}D2345", "ABCD2345"),
            (one, "\u{391}BCD2345", "ABCD2345"),
            // `L` as a digit and as a capital letter.
            (one, "1BCD2345", "LBCD2345"),
            (one, "iBCD2345", "LBCD2345"),
            // Codes of another system.
            (three, "gc 2024 7", "GC-2024-7"),
            (three, "gc\u{2013}2024\u{2013}7", "GC-2024-7"),
            (three, "GC2 0247", "GC20247"),
        ] {
            assert!(format.forms(typed).contains(&code.to_owned()), "{typed} {:?}", format.forms(typed));
        }
        // The stored form comes first: another system's codes can contain the characters that ours leave out.
        assert_eq!(one.forms("1BCD2345").first().unwrap(), "1BCD2345");
        assert_eq!(one.forms("ABCD-2345"), ["ABCD2345"]);
        assert_eq!(one.forms("GC-2024-1"), ["GC-2024-1", "GC20241"]);
    }
}
