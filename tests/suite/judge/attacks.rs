//! Attacks by class against the rewriter alone, without policies.

use anyhow::Result;

use super::world::{FOREIGN, OWN};
use super::{Court, judge_all};

/// Statements, one a line. `{A}` is the tenant that runs them, `{B}` the other one.
const ATTACKS: &str = include_str!("attacks.sql");

#[tokio::test]
async fn attacks_on_the_rewriter_alone_reach_nothing() -> Result<()> {
    let court = Court::open(1).await?;
    let texts = ATTACKS
        .lines()
        .filter(|line| !line.starts_with("-- ") && !line.is_empty())
        .map(|line| line.replace("{A}", &OWN.to_string()).replace("{B}", &FOREIGN.to_string()));
    let faults = judge_all(&court, texts).await?;
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    Ok(())
}
