//! Banned phrases, each with its replacement.

use std::collections::HashMap;

use crate::prose::Prose;
use crate::rules::Banned;

/// The banned phrases by their first word.
pub(crate) struct Phrases<'r> {
    by_first: HashMap<String, Vec<Phrase<'r>>>,
}

struct Phrase<'r> {
    rest: Vec<String>,
    instead: &'r str,
}

impl<'r> Phrases<'r> {
    pub(crate) fn new(banned: &'r [Banned]) -> Self {
        let mut by_first: HashMap<String, Vec<Phrase<'r>>> = HashMap::new();
        for Banned { find, instead } in banned {
            for phrase in find {
                let mut words = phrase.split_whitespace().map(str::to_lowercase);
                if let Some(first) = words.next() {
                    by_first.entry(first).or_default().push(Phrase { rest: words.collect(), instead });
                }
            }
        }
        Self { by_first }
    }

    /// The places and the messages of banned phrases. A phrase can continue on the next line
    /// of a comment.
    pub(crate) fn check(&self, prose: &Prose) -> Vec<(usize, String)> {
        let words = words(prose.text());
        let mut found = Vec::new();
        for (index, word) in words.iter().enumerate() {
            for phrase in self.by_first.get(&word.text).into_iter().flatten() {
                let following = words.iter().skip(index + 1).take(phrase.rest.len());
                let mut pairs = following.zip(&phrase.rest);
                let is_long_enough = words.len() > index + phrase.rest.len();
                if is_long_enough && pairs.all(|(word, wanted)| word.follows && word.text == *wanted) {
                    let written: Vec<_> =
                        std::iter::once(&word.text).chain(&phrase.rest).map(String::as_str).collect();
                    let message = format!("write {} instead of `{}`", phrase.instead, written.join(" "));
                    found.push((word.at, message));
                }
            }
        }
        found
    }
}

struct Word {
    at: usize,
    /// In lower case.
    text: String,
    /// True if only white space separates the previous word from this one.
    follows: bool,
}

fn words(text: &str) -> Vec<Word> {
    let is_of_word = |c: char| c.is_alphanumeric() || c == '\'' || c == '_';
    let (mut words, mut at, mut follows) = (Vec::new(), 0, false);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let length = rest.find(|c| !is_of_word(c)).unwrap_or(rest.len());
        if let Some(word) = rest.get(..length).filter(|word| !word.is_empty()) {
            words.push(Word { at, text: word.to_lowercase(), follows });
            follows = true;
            at += length;
        } else {
            let next = rest.chars().next();
            // A string literal that continues on the next line has a backslash at the end of the line.
            follows &= next.is_some_and(|c| c.is_whitespace() || c == '\\');
            at += next.map_or(1, char::len_utf8);
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(prose: &Prose) -> Vec<(usize, String)> {
        let banned =
            [Banned { find: vec!["passes by".to_owned(), "anew".to_owned()], instead: "X".to_owned() }];
        Phrases::new(&banned).check(prose)
    }

    #[test]
    fn phrases_are_found_across_lines_and_in_any_case() {
        let text = "/// It passes\n    /// by. Anew\nfn anew() { f(\"passes \\\n by\") }";
        let places: Vec<_> = check(&Prose::of_rust(text)).into_iter().map(|(at, _)| at).collect();
        assert_eq!(places, [7, 26, 46]);
    }

    #[test]
    fn phrases_are_whole_words() {
        assert_eq!(check(&Prose::of_markdown("He passes. By and by. Renewed anewly, trespasses by")), []);
    }
}
