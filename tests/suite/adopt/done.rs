//! What is there afterwards.

use anyhow::Result;
use watertight_tests::TestDatabase;

use super::{adoption, listing, with_rows};

#[tokio::test]
async fn the_schema_is_that_of_a_fresh_migration() -> Result<()> {
    let (_database, owner) = with_rows().await?;
    let plan = adoption().plan(&owner).await?;
    assert!(plan.problems().is_empty(), "{plan}");
    let report = adoption().run(&owner).await?;
    println!("{report}");
    let fresh = TestDatabase::create().await?;
    let fresh = listing::catalog(&fresh.owner().await?).await?;
    pretty(&listing::catalog(&owner).await?, &fresh);
    Ok(())
}

fn pretty(left: &[String], right: &[String]) {
    for text in left {
        assert!(right.contains(text), "too many: {text}");
    }
    for text in right {
        assert!(left.contains(text), "missing: {text}");
    }
}
