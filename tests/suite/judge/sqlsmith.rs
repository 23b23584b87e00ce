//! Statements that sqlsmith generates from the catalog of a database of one tenant.
//!
//! Without sqlsmith the test is skipped with a message, unless `CI` is set. `WATERTIGHT_SQLSMITH` is the
//! number of statements, and `WATERTIGHT_JUDGE_SEED` the seed.

use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use watertight_tests::TestDatabase;

use super::{Court, judge_all, number, seed, world};

/// Statements, each as one text. Results must not depend on the order of rows: limits are removed, except in
/// scalar subqueries, which get an order. Samples of rows are refused anyway.
async fn statements(count: u64, seed: u64) -> Result<Vec<String>> {
    let database = TestDatabase::empty().await?;
    let owner = database.owner().await?;
    world::create(&owner, "").await?;
    owner.close().await?;
    let output = tokio::process::Command::new("sqlsmith")
        .arg(format!("--target={}", database.owner_url()))
        .args(["--dry-run", "--exclude-catalog"])
        .args([format!("--max-queries={count}"), format!("--seed={seed}")])
        .output()
        .await
        .context("sqlsmith cannot be run; install it (`apt-get install sqlsmith`)")?;
    let text = String::from_utf8(output.stdout)?;
    let statements: Vec<String> = text.split(";\n").map(prepared).filter(|text| !text.is_empty()).collect();
    ensure!(!statements.is_empty(), "sqlsmith made nothing: {}", String::from_utf8_lossy(&output.stderr));
    Ok(statements)
}

fn prepared(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut kept: Vec<&str> = Vec::new();
    let mut at = 0;
    while at < words.len() {
        match &words[at..] {
            // `(select s from public.k limit 1 offset 6)`
            [select, column, "from", _, "limit", "1", "offset", ..] if select.ends_with("(select") => {
                kept.extend(&words[at..at + 4]);
                kept.extend(["order", "by", column]);
                kept.extend(&words[at + 4..at + 7]);
                at += 7;
            }
            ["limit", last, ..] => {
                let parentheses = last.find(')').map_or("", |from| &last[from..]);
                kept.push(parentheses);
                at += 2;
            }
            ["tablesample", _, share, ..] => {
                let parentheses = share.split_once(')').map_or("", |(_, rest)| rest);
                kept.push(parentheses);
                at += 3;
            }
            _ => {
                kept.push(words[at]);
                at += 1;
            }
        }
    }
    kept.join(" ")
}

#[tokio::test]
async fn statements_of_sqlsmith_have_the_result_of_a_database_with_one_tenant() -> Result<()> {
    let found =
        std::process::Command::new("sqlsmith").arg("--version").stdout(Stdio::null()).status().is_ok();
    assert!(found || std::env::var_os("CI").is_none(), "sqlsmith is not installed");
    if !found {
        println!("skipped: sqlsmith is not installed");
        return Ok(());
    }
    let seed = seed();
    println!("WATERTIGHT_JUDGE_SEED={seed}");
    let statements = statements(number("WATERTIGHT_SQLSMITH", 3_000), seed % 0x7fff_ffff).await?;
    let court = Court::open(1).await?;
    let faults = judge_all(&court, statements).await?;
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    Ok(())
}
