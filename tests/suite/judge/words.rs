//! Every keyword of the server at every position of some hundred statements.
//!
//! A word can be a name in the grammar of one release, and an operator or the beginning of a clause in
//! another. Every run checks a sample: `WATERTIGHT_JUDGE_SEED` chooses the seed, `WATERTIGHT_JUDGE_TEXTS` the
//! size, and `WATERTIGHT_JUDGE_ALL=1` checks all texts. `WATERTIGHT_JUDGE_PAIRS` is the number of texts with
//! two words.

use std::collections::BTreeSet;

use anyhow::Result;
use sea_orm::ConnectionTrait;

use super::{Court, judge_all, number, seed, text};

/// Statements, one a line; `{}` is the place of the word.
const TEMPLATES: &str = include_str!("templates.sql");

/// The server's keywords, with an ordinary word to see each template without one.
async fn keywords(court: &Court) -> Result<Vec<String>> {
    let rows = court.maintenance.query_all_raw(text("SELECT word FROM pg_get_keywords() ORDER BY 1")).await?;
    let mut words: Vec<String> = rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>()?;
    words.extend(["a", "b", "s", "whole", "t1"].map(str::to_owned));
    Ok(words)
}

#[tokio::test]
async fn a_keyword_at_any_place_bypasses_nothing() -> Result<()> {
    let court = Court::open(10).await?;
    let words = keywords(&court).await?;
    let seed = seed();
    println!("WATERTIGHT_JUDGE_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut texts: Vec<String> = TEMPLATES
        .lines()
        .flat_map(|template| words.iter().map(|word| template.replace("{}", word)))
        .collect();
    if number("WATERTIGHT_JUDGE_ALL", 0) == 0 {
        random.shuffle(&mut texts);
        texts.truncate(usize::try_from(number("WATERTIGHT_JUDGE_TEXTS", 8_000))?);
    }
    let faults = judge_all(&court, texts).await?;
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    Ok(())
}

/// Two words, one after the other or at each position of the template.
#[tokio::test]
async fn two_keywords_bypass_nothing() -> Result<()> {
    let court = Court::open(10).await?;
    let words = keywords(&court).await?;
    let seed = seed();
    println!("WATERTIGHT_JUDGE_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let templates: Vec<&str> = TEMPLATES.lines().collect();
    let texts: Vec<String> = (0..number("WATERTIGHT_JUDGE_PAIRS", 2_000))
        .map(|_| {
            let template = templates[random.usize(..templates.len())];
            let pair =
                [random.usize(..words.len()), random.usize(..words.len())].map(|at| words[at].as_str());
            if random.bool() && template.matches("{}").count() > 1 {
                template.replacen("{}", pair[0], 1).replace("{}", pair[1])
            } else {
                template.replace("{}", &pair.join(" "))
            }
        })
        .collect();
    let faults = judge_all(&court, texts).await?;
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    Ok(())
}

/// Words that are keywords in some of the releases 15 to 18, and names in others.
const DIFFERENT: &[&str] = &[
    "absent",
    "conditional",
    "empty",
    "enforced",
    "error",
    "format",
    "indent",
    "json",
    "json_array",
    "json_arrayagg",
    "json_exists",
    "json_object",
    "json_objectagg",
    "json_query",
    "json_scalar",
    "json_serialize",
    "json_table",
    "json_value",
    "keep",
    "keys",
    "merge_action",
    "nested",
    "objects",
    "omit",
    "path",
    "period",
    "plan",
    "quotes",
    "recheck",
    "scalar",
    "source",
    "string",
    "system_user",
    "target",
    "unconditional",
    "virtual",
];

/// The keywords of PostgreSQL 17, whose grammar the rewriter uses: the word, its category, and its use as a
/// label without AS.
const KEYWORDS: &str = include_str!("keywords.txt");

#[tokio::test]
async fn the_keywords_of_the_server_are_those_of_the_grammar_or_known_to_differ() -> Result<()> {
    let database = watertight_tests::TestDatabase::empty().await?;
    let owner = database.owner().await?;
    let sql = "SELECT word || ' ' || catcode::text || CASE WHEN barelabel THEN ' t' ELSE ' f' END FROM pg_get_keywords()";
    let rows = owner.query_all_raw(text(sql)).await?;
    let server = rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<BTreeSet<String>, _>>()?;
    let grammar: BTreeSet<String> = KEYWORDS.lines().map(str::to_owned).collect();
    assert!(grammar.len() > 480 && server.len() > 450);
    let unknown: Vec<&String> = server
        .symmetric_difference(&grammar)
        .filter(|line| line.split(' ').next().is_none_or(|word| !DIFFERENT.contains(&word)))
        .collect();
    assert!(unknown.is_empty(), "{unknown:?}: is each read as a name where the server reads a name?");
    Ok(())
}

/// A word that is a keyword in another release shows no rows of the other tenant, and the statement has the
/// same result as in a database of one tenant.
#[tokio::test]
async fn a_word_that_differs_between_releases_is_read_as_the_server_reads_it() -> Result<()> {
    let court = Court::open(10).await?;
    let texts =
        TEMPLATES.lines().flat_map(|template| DIFFERENT.iter().map(|word| template.replace("{}", word)));
    let faults = judge_all(&court, texts).await?;
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    Ok(())
}
