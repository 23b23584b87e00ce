//! A short run of the fuzz target on stable Rust: its corpus, and changes of it at random.
//!
//! `WATERTIGHT_FUZZ_SEED` chooses the seed, `WATERTIGHT_FUZZ_RUNS` how many texts are made.

use std::path::Path;

use anyhow::{Context, Result};
use sea_orm::{ConnectionTrait, DatabaseConnection};
use watertight::Watertight;
use watertight_tests::TestDatabase;
use watertight_tests::guards::{self, Seen};

fn corpus() -> Result<Vec<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/rewrite");
    let mut texts = Vec::new();
    for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        texts.push(std::fs::read_to_string(entry?.path())?);
    }
    texts.sort_unstable();
    Ok(texts)
}

/// Takes texts apart into words, white space and single signs, and puts them together otherwise.
fn mutate(corpus: &[String], random: &mut fastrand::Rng) -> String {
    const SPICE: [&str; 18] = [
        "(",
        ")",
        ",",
        ";",
        "--",
        "/*",
        "*/",
        "'",
        "\"",
        "$1",
        "WHERE",
        "OR true",
        "AS",
        "services",
        "auth.users",
        "FROM",
        "SELECT",
        "\u{e9}",
    ];
    let pieces = |text: &str| -> Vec<String> {
        let mut pieces = vec![String::new()];
        for c in text.chars() {
            let grows = pieces.last().and_then(|last| last.chars().last()).is_some_and(|last| {
                last.is_alphanumeric() && c.is_alphanumeric() || (last == '_' || c == '_')
            });
            if grows {
                pieces.last_mut().unwrap().push(c);
            } else {
                pieces.push(c.to_string());
            }
        }
        pieces
    };
    let mut text = pieces(&corpus[random.usize(..corpus.len())]);
    for _ in 0..random.usize(1..4) {
        let at = random.usize(..text.len());
        match random.u8(..5) {
            0 => drop(text.remove(at)),
            1 => text.insert(at, SPICE[random.usize(..SPICE.len())].to_owned()),
            2 => {
                let with = random.usize(..text.len());
                text.swap(at, with);
            }
            3 => {
                let other = pieces(&corpus[random.usize(..corpus.len())]);
                let start = random.usize(..other.len());
                let end = random.usize(start..other.len());
                text.splice(at..at, other[start..=end].iter().cloned());
            }
            _ => {
                let again = text[at].clone();
                text.insert(at, again);
            }
        }
        if text.is_empty() {
            text.push(String::new());
        }
    }
    text.concat()
}

/// Whether PostgreSQL can make something of the text.
async fn prepares(db: &DatabaseConnection, text: &str) -> Result<(), String> {
    let prepared = db.execute_unprepared(&format!("PREPARE fuzzed AS {text}")).await;
    match prepared {
        Ok(_) => {
            db.execute_unprepared("DEALLOCATE fuzzed").await.map(drop).map_err(|error| error.to_string())
        }
        Err(error) => Err(error.to_string()),
    }
}

#[tokio::test]
async fn what_the_rewriter_accepts_is_guarded_and_understood_by_the_server() -> Result<()> {
    let number = |variable: &str, otherwise: u64| {
        std::env::var(variable).ok().map_or(otherwise, |text| text.parse().unwrap())
    };
    let seed = number("WATERTIGHT_FUZZ_SEED", fastrand::u64(..));
    println!("WATERTIGHT_FUZZ_SEED={seed}");
    let database = TestDatabase::create().await?;
    let mut options = sea_orm::ConnectOptions::new(database.app_url());
    options.max_connections(1).sqlx_logging(false);
    let db = sea_orm::Database::connect(options).await?;
    let rewriter = Watertight::builder().rewriter()?;
    let mut random = fastrand::Rng::with_seed(seed);
    let corpus = corpus()?;
    assert!(corpus.len() > 50);

    let (mut accepted, mut prepared) = (0, 0);
    for run in 0..number("WATERTIGHT_FUZZ_RUNS", 4_000) + corpus.len() as u64 {
        let text = match corpus.get(usize::try_from(run)?) {
            Some(text) => text.clone(),
            None => mutate(&corpus, &mut random),
        };
        let (sql, understood) = match guards::check(&rewriter, &text) {
            Ok(Seen::Refused) => continue,
            Ok(Seen::Guarded(sql)) => (sql, true),
            Ok(Seen::Unguarded(sql) | Seen::Unparsed(sql)) => (sql, false),
            Err(problem) => panic!("{problem}"),
        };
        accepted += 1;
        if text.contains('\0') || text.trim_start().to_ascii_uppercase().starts_with("EXPLAIN") {
            continue;
        }
        if prepares(&db, &text).await.is_ok() {
            prepared += 1;
            if let Err(error) = prepares(&db, &sql).await {
                panic!("the server takes\n{text}\nand not\n{sql}\n{error}");
            }
        }
        // The parser takes texts for SQL that the server does not take: there it may find tables unguarded, or not
        // understand at all. The server must not take those, but for locks that the parser does not know.
        if !understood && !sql.to_ascii_uppercase().contains("KEY") {
            assert!(
                prepares(&db, &sql).await.is_err(),
                "not guarded, and the server takes it:\n{text}\n{sql}"
            );
        }
    }
    println!("{accepted} accepted, {prepared} of them prepared by the server as they were and as rewritten");
    assert!(accepted > 100 && prepared > 50);
    Ok(())
}
