//! Fuzzes the rewriter on stable Rust: `cargo run --release --bin corpus -- [seconds] [seed]`, from this directory.
//!
//! The texts are the corpus and the tests' templates filled with PostgreSQL's words, unchanged and with random changes.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use watertight::Watertight;
use watertight_fuzz::{Seen, check, mutate};

const TEMPLATES: &str = include_str!("../../../tests/suite/judge/templates.sql");
const WORDS: &str = include_str!("../../../tests/suite/judge/keywords.txt");

/// `libpg_query` and the conversion of its tree recurse as deep as a text nests.
const STACK: usize = 512 << 20;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let worker = std::thread::Builder::new().stack_size(STACK).spawn(run)?;
    match worker.join() {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(error.into()),
        Err(_) => Err("the rewriter or a parser panicked".into()),
    }
}

fn run() -> Result<(), String> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |otherwise: u64| match arguments.next() {
        Some(text) => text.parse().map_err(|error| format!("{text}: {error}")),
        None => Ok(otherwise),
    };
    let duration = Duration::from_secs(number(60)?);
    let seed = number(fastrand::u64(..))?;
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/rewrite");
    let mut corpus = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(|error| error.to_string())? {
        let path = entry.map_err(|error| error.to_string())?.path();
        corpus.push(std::fs::read_to_string(path).map_err(|error| error.to_string())?);
    }
    corpus.sort_unstable();
    let words: Vec<&str> = WORDS.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let templates: Vec<String> = TEMPLATES.lines().map(with_own_tables).collect();
    let rewriter = Watertight::builder().rewriter().map_err(|error| error.to_string())?;

    let (mut texts, mut refused, mut unparsed, mut guarded, mut tables) = (0_u64, 0_u64, 0_u64, 0_u64, 0);
    let started = Instant::now();
    while started.elapsed() < duration {
        let text = match random.u8(..4) {
            0 => mutate::mutate(&corpus, &mut random),
            1 => {
                let filled: Vec<String> = (0..4).map(|_| filled(&templates, &words, &mut random)).collect();
                mutate::mutate(&filled, &mut random)
            }
            _ => filled(&templates, &words, &mut random),
        };
        texts += 1;
        match check(&rewriter, &BTreeSet::new(), &text)? {
            Seen::Refused => refused += 1,
            Seen::Unparsed => unparsed += 1,
            Seen::Guarded { tables: found } => {
                guarded += 1;
                tables += found;
            }
        }
    }
    println!(
        "{texts} texts: {refused} refused, {unparsed} are no statements to PostgreSQL, {guarded} with {tables} tables guarded"
    );
    Ok(())
}

/// Fills a template with one word, sometimes two.
fn filled(templates: &[String], words: &[&str], random: &mut fastrand::Rng) -> String {
    let mut word = || words[random.usize(..words.len())].to_owned();
    let word = match word() {
        first if first.len() % 3 == 0 => format!("{first} {}", word()),
        first => first,
    };
    templates[random.usize(..templates.len())].replace("{}", &word)
}

/// Replaces the tests' tables in a template by watertight's own.
fn with_own_tables(template: &str) -> String {
    let words = template.split_inclusive(|c: char| !(c.is_alphanumeric() || c == '_'));
    words
        .map(|word| {
            let (name, rest) =
                word.split_at(word.trim_end_matches(|c: char| !(c.is_alphanumeric() || c == '_')).len());
            let name = match name {
                "a" => "services",
                "b" => "reviews",
                "s" => "name",
                "n" => "price",
                name => name,
            };
            format!("{name}{rest}")
        })
        .collect()
}
