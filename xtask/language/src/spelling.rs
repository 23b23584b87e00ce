//! American spelling, by the dictionaries of the program `typos`.

use std::collections::HashSet;

use typos::tokens::{Case, Identifier, Tokenizer, Word};
use typos::{Dictionary, Status, check_str};
use typos_vars::{Category, VARS};
use unicase::UniCase;

/// Finds known misspellings and spellings that are not American, in prose and in identifiers.
pub(crate) struct Spelling {
    tokenizer: Tokenizer,
    dictionary: American,
}

impl Spelling {
    pub(crate) fn new(allowed: &[String]) -> Self {
        let allowed = allowed.iter().map(|word| word.to_lowercase()).collect();
        Self { tokenizer: Tokenizer::new(), dictionary: American { allowed } }
    }

    /// The places and the messages of misspelled words.
    pub(crate) fn check(&self, text: &str) -> Vec<(usize, String)> {
        let typos = check_str(text, &self.tokenizer, &self.dictionary);
        typos.map(|typo| (typo.byte_offset, message(&typo.typo, &typo.corrections))).collect()
    }
}

fn message(word: &str, corrections: &Status<'_>) -> String {
    match corrections {
        Status::Corrections(words) => format!("write {} instead of `{word}`", words.join(" or ")),
        Status::Valid | Status::Invalid => format!("`{word}` is not a word"),
    }
}

struct American {
    allowed: HashSet<String>,
}

impl Dictionary for American {
    fn correct_ident<'s>(&'s self, identifier: Identifier<'_>) -> Option<Status<'s>> {
        self.allowed.contains(&identifier.token().to_lowercase()).then_some(Status::Valid)
    }

    fn correct_word<'s>(&'s self, word: Word<'_>) -> Option<Status<'s>> {
        if word.case() == Case::None || self.allowed.contains(&word.token().to_lowercase()) {
            return None;
        }
        let key = UniCase::new(word.token());
        let known = typos_dict::WORD.find(&key).copied();
        let corrections = known.or_else(|| american(&key))?;
        Some(Status::Corrections(corrections.iter().map(|&word| word.into()).collect()))
    }
}

/// The American spellings of a word with regional spellings; `None` if the word is one of them.
fn american(word: &UniCase<&str>) -> Option<&'static [&'static str]> {
    let (_, spellings) = VARS.find(word)?.first()?;
    let american = typos_vars::corrections(Category::American, **spellings);
    let is_american = american.iter().any(|spelling| spelling.eq_ignore_ascii_case(word));
    (!is_american).then_some(american)
}

#[cfg(test)]
mod tests {
    use super::*;

    // The words are in two pieces, so that this file passes the check itself.
    #[test]
    fn misspelled_and_british_words_are_found_in_prose_and_in_identifiers() {
        let text = concat!("the rec", "ord's col", "our, license and fn rec", "ieve_lic", "ence()");
        let found = Spelling::new(&[]).check(text);
        let places: Vec<_> = found.iter().map(|(at, _)| *at).collect();
        assert_eq!(places, [13, 36, 44], "{found:?}");
        for ((_, message), word) in found.iter().zip(["color", "receive", "license"]) {
            assert!(message.starts_with(&format!("write {word} instead of")), "{message}");
        }
    }

    #[test]
    fn allowed_words_are_not_found() {
        assert_eq!(Spelling::new(&[concat!("Col", "our").to_owned()]).check(concat!("a col", "our")), []);
    }
}
