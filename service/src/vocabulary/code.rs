//! Readable codes, made of letters and digits that are hard to confuse.

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
}
