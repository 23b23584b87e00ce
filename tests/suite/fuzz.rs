//! The corpus of the fuzz target, unchanged and with random changes: the server accepts each text that the
//! rewriter accepts, and its plan scans tenant tables only under the tenant's condition.
//!
//! `WATERTIGHT_FUZZ_SEED` chooses the seed, and `WATERTIGHT_FUZZ_RUNS` the number of texts.

use std::path::Path;

use anyhow::{Context, Result};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use watertight::{Reason, Refusal, Watertight};
use watertight_tests::TestDatabase;

use crate::judge::plan;

#[allow(unreachable_pub, reason = "the fuzz workspace has it too")]
#[path = "../../fuzz/src/mutate.rs"]
pub(crate) mod mutate;

pub(crate) fn corpus() -> Result<Vec<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/rewrite");
    let mut texts = Vec::new();
    for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        texts.push(std::fs::read_to_string(entry?.path())?);
    }
    texts.sort_unstable();
    Ok(texts)
}

/// Returns an error unless PostgreSQL can prepare the text.
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
async fn accepted_texts_are_valid_and_guarded_in_the_servers_plan() -> Result<()> {
    let number = |variable: &str, otherwise: u64| {
        std::env::var(variable).ok().map_or(otherwise, |text| text.parse().unwrap())
    };
    let seed = number("WATERTIGHT_FUZZ_SEED", fastrand::u64(..));
    println!("WATERTIGHT_FUZZ_SEED={seed}");
    let database = TestDatabase::create().await?;
    // No policy applies to this role, so the plan shows only the conditions of the text.
    let mut options = sea_orm::ConnectOptions::new(database.maintenance_url()?);
    options.max_connections(1).sqlx_logging(false);
    let db = sea_orm::Database::connect(options).await?;
    db.execute_unprepared("SET plan_cache_mode = force_generic_plan").await?;
    let known = plan::Known::of(&db, &[]).await?;
    let rewriter = Watertight::builder().rewriter()?;
    let mut random = fastrand::Rng::with_seed(seed);
    let corpus = corpus()?;
    assert!(corpus.len() > 50);

    let (mut accepted, mut prepared) = (0, 0);
    for run in 0..number("WATERTIGHT_FUZZ_RUNS", 4_000) + corpus.len() as u64 {
        let text = match corpus.get(usize::try_from(run)?) {
            Some(text) => text.clone(),
            None => mutate::mutate(&corpus, &mut random),
        };
        let values = match rewriter.rewrite(&text, 0) {
            Err(Refusal { reason: Reason::Placeholder { placeholder, .. }, .. }) if placeholder < 60_000 => {
                placeholder
            }
            _ => 0,
        };
        let Ok(sql) = rewriter.rewrite(&text, values) else { continue };
        accepted += 1;
        match (prepares(&db, &text).await, prepares(&db, &sql).await) {
            (Ok(()), Ok(())) => {
                prepared += 1;
                if let Some(problem) = planned(&db, &sql, values + 1, &known).await? {
                    panic!("{problem}\n{text}\n{sql}");
                }
            }
            (Err(_), Err(_)) => {}
            (Ok(()), Err(error)) => panic!("the server takes\n{text}\nand not\n{sql}\n{error}"),
            (Err(error), Ok(())) => panic!("the server takes\n{sql}\nand not\n{text}\n{error}"),
        }
    }
    println!("{accepted} accepted, {prepared} of them prepared by the server as they were and as rewritten");
    assert!(accepted > 100 && prepared > 50);
    Ok(())
}

/// The problem of the generic plan of a rewritten text, if any.
async fn planned(
    db: &DatabaseConnection,
    sql: &str,
    placeholder: usize,
    known: &plan::Known,
) -> Result<Option<String>> {
    db.execute_unprepared(&format!("PREPARE fuzzed AS {sql}")).await?;
    let count = "SELECT cardinality(parameter_types) AS n FROM pg_prepared_statements WHERE name = 'fuzzed'";
    let row = db.query_one_raw(text(count)).await?.context("the statement is not prepared")?;
    let count: i32 = row.try_get_by_index(0)?;
    let values = vec!["NULL"; usize::try_from(count)?];
    let values = if values.is_empty() { String::new() } else { format!("({})", values.join(", ")) };
    let explain = text(&format!("EXPLAIN (VERBOSE, COSTS OFF, FORMAT JSON) EXECUTE fuzzed {values}"));
    let row = db.query_one_raw(explain).await?.context("EXPLAIN returned nothing")?;
    db.execute_unprepared("DEALLOCATE fuzzed").await?;
    let explained: serde_json::Value = row.try_get_by_index(0)?;
    Ok(plan::check(&explained, known, plan::Tenant::Placeholder(placeholder)).err())
}

fn text(sql: &str) -> Statement {
    Statement::from_string(DbBackend::Postgres, sql)
}
