//! The text of a statement with its tokens by byte offset, and the edits to splice into it.

use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer, Whitespace};

use super::super::refusal::Reason;

/// One token that is neither white space nor a comment.
struct Piece {
    token: Token,
    location: Location,
    start: usize,
    end: usize,
}

/// The place of a token in [`Source`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Index(usize);

impl Index {
    pub(super) const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    pub(super) const fn previous(self) -> Option<Self> {
        match self.0.checked_sub(1) {
            Some(index) => Some(Self(index)),
            None => None,
        }
    }
}

/// A statement's text, token by token.
pub(super) struct Source<'a> {
    text: &'a str,
    pieces: Vec<Piece>,
}

impl<'a> Source<'a> {
    /// Splits the text into tokens. Gives the tokens for the parser too, so that they are made once.
    pub(super) fn new(text: &'a str) -> Result<(Self, Vec<TokenWithSpan>), Reason> {
        let tokens = Tokenizer::new(&PostgreSqlDialect {}, text)
            .tokenize_with_location()
            .map_err(|error| Reason::NotUnderstood(error.to_string()))?;
        let mut offsets = Offsets::new(text);
        let mut pieces = Vec::with_capacity(tokens.len() / 2 + 1);
        let mut before = "";
        for TokenWithSpan { token, span } in &tokens {
            let start = offsets.advance_to(span.start)?;
            let end = offsets.advance_to(span.end)?;
            let written = text.get(start..end).unwrap_or_default();
            check_reading(before, token, written)?;
            before = written;
            if matches!(token, Token::Whitespace(_) | Token::EOF) {
                continue;
            }
            pieces.push(Piece { token: token.clone(), location: span.start, start, end });
        }
        Ok((Self { text, pieces }, known_locks(tokens)))
    }

    pub(super) fn tokens(&self) -> impl Iterator<Item = &Token> {
        self.pieces.iter().map(|piece| &piece.token)
    }

    /// The token that starts at a location the parser gave.
    pub(super) fn at(&self, location: Location) -> Result<Index, Reason> {
        self.pieces
            .binary_search_by_key(&(location.line, location.column), |piece| {
                (piece.location.line, piece.location.column)
            })
            .map(Index)
            .map_err(|_| Reason::NotUnderstood(format!("no token starts at {location:?}")))
    }

    pub(super) fn token(&self, index: Index) -> Option<&Token> {
        self.pieces.get(index.0).map(|piece| &piece.token)
    }

    pub(super) fn is(&self, index: Index, token: &Token) -> bool {
        self.token(index) == Some(token)
    }

    /// The keyword at the place, if a word stands there that is not quoted.
    pub(super) fn keyword(&self, index: Index) -> Keyword {
        match self.token(index) {
            Some(Token::Word(word)) if word.quote_style.is_none() => word.keyword,
            _ => Keyword::NoKeyword,
        }
    }

    /// The byte where the token starts; the end of the last token for a place behind it.
    pub(super) fn start(&self, index: Index) -> usize {
        self.pieces.get(index.0).map_or_else(|| self.end_of_all(), |piece| piece.start)
    }

    /// The byte behind the token.
    pub(super) fn end(&self, index: Index) -> usize {
        self.pieces.get(index.0).map_or_else(|| self.end_of_all(), |piece| piece.end)
    }

    /// The token as it is written.
    pub(super) fn text(&self, index: Index) -> &'a str {
        self.text.get(self.start(index)..self.end(index)).unwrap_or_default()
    }

    /// The places from `from` on that stand in no parentheses opened after `from`, up to the parenthesis or
    /// semicolon that ends the statement around them.
    pub(super) fn top_level(&self, from: Index) -> impl Iterator<Item = Index> + '_ {
        let mut depth = 0_usize;
        self.pieces
            .iter()
            .enumerate()
            .skip(from.0)
            .map_while(move |(index, piece)| {
                match piece.token {
                    Token::LParen | Token::LBracket => {
                        depth += 1;
                        return Some((depth == 1).then_some(Index(index)));
                    }
                    Token::RParen | Token::RBracket => {
                        depth = depth.checked_sub(1)?;
                        return Some((depth == 0).then_some(Index(index)));
                    }
                    Token::SemiColon if depth == 0 => return None,
                    _ => {}
                }
                Some((depth == 0).then_some(Index(index)))
            })
            .flatten()
    }

    /// The first place from `from` on that is no longer part of the statement there.
    pub(super) fn end_of_statement(&self, from: Index) -> Index {
        self.top_level(from).last().map_or(from, Index::next)
    }

    fn end_of_all(&self) -> usize {
        self.pieces.last().map_or(0, |piece| piece.end)
    }
}

/// Writes `FOR NO KEY UPDATE` and `FOR KEY SHARE` as the locks that the parser knows. What is sent keeps them: the
/// strength of a lock makes no difference to where the tenant goes.
fn known_locks(mut tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    const WEAKER: [&[Keyword]; 2] = [
        &[Keyword::FOR, Keyword::NO, Keyword::KEY, Keyword::UPDATE],
        &[Keyword::FOR, Keyword::KEY, Keyword::SHARE],
    ];
    let words: Vec<_> = tokens
        .iter()
        .enumerate()
        .filter(|(_, token)| !matches!(token.token, Token::Whitespace(_)))
        .map(|(index, token)| match &token.token {
            Token::Word(word) if word.quote_style.is_none() => (index, word.keyword),
            _ => (index, Keyword::NoKeyword),
        })
        .collect();
    let mut left_out = Vec::new();
    for (start, _) in words.iter().enumerate() {
        for lock in WEAKER {
            let found = words.get(start..start + lock.len()).unwrap_or_default();
            if found.iter().map(|(_, keyword)| keyword).eq(lock) {
                left_out.extend(found.iter().skip(1).take(lock.len() - 2).map(|(index, _)| *index));
            }
        }
    }
    if !left_out.is_empty() {
        let mut index = 0;
        tokens.retain(|_| {
            index += 1;
            !left_out.contains(&(index - 1))
        });
    }
    tokens
}

/// Refuses what PostgreSQL's lexer splits in other places than the tokenizer, so that both see the same tokens.
fn check_reading(before: &str, token: &Token, written: &str) -> Result<(), Reason> {
    let read_alike = match token {
        // Other white space is part of an identifier to PostgreSQL.
        Token::Whitespace(Whitespace::Space | Whitespace::Tab | Whitespace::Newline) => written.is_ascii(),
        // A carriage return ends a comment to PostgreSQL.
        Token::Whitespace(Whitespace::SingleLineComment { .. }) => {
            !written.trim_end_matches(['\r', '\n']).contains(['\r', '\n'])
        }
        Token::Whitespace(Whitespace::MultiLineComment(_)) => written.ends_with("*/"),
        // `$1$` is a placeholder and the start of something else.
        Token::DollarQuotedString(quoted) => {
            !quoted.tag.as_ref().is_some_and(|tag| tag.starts_with(|c: char| c.is_ascii_digit()))
        }
        Token::SingleQuotedString(_)
        | Token::EscapedStringLiteral(_)
        | Token::UnicodeStringLiteral(_)
        | Token::NationalStringLiteral(_)
        | Token::HexStringLiteral(_)
        | Token::EOF => true,
        // `U&"\0061"` is a name written by its code points to PostgreSQL.
        Token::Word(word) if word.quote_style == Some('"') => !before.ends_with('&'),
        // To PostgreSQL an operator ends where a comment starts.
        _ => {
            let joined = |a, b| before.ends_with(a) && written.starts_with(b);
            !written.contains("--") && !written.contains("/*") && !joined('-', '-') && !joined('/', '*')
        }
    };
    if read_alike {
        Ok(())
    } else {
        Err(Reason::NotUnderstood(format!("{written:?} is read in different ways")))
    }
}

/// Turns the tokenizer's lines and columns, counted in characters, into byte offsets, in one pass.
struct Offsets<'a> {
    chars: std::iter::Peekable<std::str::CharIndices<'a>>,
    line: u64,
    column: u64,
    len: usize,
}

impl<'a> Offsets<'a> {
    fn new(text: &'a str) -> Self {
        Self { chars: text.char_indices().peekable(), line: 1, column: 1, len: text.len() }
    }

    fn advance_to(&mut self, target: Location) -> Result<usize, Reason> {
        loop {
            let offset = self.chars.peek().map_or(self.len, |(offset, _)| *offset);
            if (self.line, self.column) == (target.line, target.column) {
                return Ok(offset);
            }
            match self.chars.next() {
                Some((_, '\n')) => {
                    self.line += 1;
                    self.column = 1;
                }
                Some(_) => self.column += 1,
                None => return Err(Reason::NotUnderstood(format!("no character stands at {target:?}"))),
            }
        }
    }
}

/// Insertions and replacements, gathered in any order and applied in one pass.
#[derive(Debug, Default)]
pub(super) struct Edits(Vec<Edit>);

#[derive(Debug)]
struct Edit {
    start: usize,
    end: usize,
    text: String,
}

impl Edits {
    pub(super) fn insert(&mut self, at: usize, text: impl Into<String>) {
        self.replace(at, at, text);
    }

    pub(super) fn replace(&mut self, start: usize, end: usize, text: impl Into<String>) {
        self.0.push(Edit { start, end, text: text.into() });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text with every edit made. Edits at the same place keep the order they were given in.
    pub(super) fn apply(mut self, text: &str) -> Result<String, Reason> {
        self.0.sort_by_key(|edit| edit.start);
        let grown: usize = self.0.iter().map(|edit| edit.text.len()).sum();
        let mut result = String::with_capacity(text.len() + grown);
        let mut done = 0;
        for edit in &self.0 {
            let kept = text
                .get(done..edit.start)
                .ok_or_else(|| Reason::NotUnderstood("two parts of the statement overlap".to_owned()))?;
            push_apart(&mut result, kept);
            push_apart(&mut result, &edit.text);
            done = edit.end;
        }
        push_apart(&mut result, text.get(done..).unwrap_or_default());
        Ok(result)
    }
}

/// Adds to a text, with a space between two words that would become one: `1FROM` is two tokens, `uuidFROM` is not.
fn push_apart(result: &mut String, text: &str) {
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$' || !c.is_ascii();
    if result.ends_with(is_word) && text.starts_with(is_word) {
        result.push(' ');
    }
    result.push_str(text);
}
