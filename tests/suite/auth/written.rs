//! Names that the application accepts are names that the database accepts, under the rules of each language.

use anyhow::Result;
use sea_orm::{ConnectionTrait, FromQueryResult, Statement};
use watertight::auth::{Email, Handle};

use super::World;

/// The letters of the first two planes: each script that has an upper and a lower case.
fn letters() -> impl Iterator<Item = char> {
    ('\u{1}'..='\u{1ffff}').filter(|c| !c.is_control())
}

fn counted(sql: &str, texts: &[String]) -> Statement {
    Statement::from_sql_and_values(sea_orm::DbBackend::Postgres, sql, [texts.to_vec().into()])
}

#[derive(FromQueryResult)]
struct Refused {
    text: String,
    rule: String,
}

#[tokio::test]
async fn every_name_that_is_accepted_fits_the_checks() -> Result<()> {
    let world = World::new().await?;
    let owner = world.database.owner().await?;
    let handles: Vec<String> = letters()
        .filter_map(|c| format!("A{c}z").parse::<Handle>().ok())
        .map(|handle| handle.as_str().to_owned())
        .collect();
    let emails: Vec<String> = letters()
        .filter_map(|c| format!("A{c}z@Example.com").parse::<Email>().ok())
        .map(|email| email.as_str().to_owned())
        .collect();
    assert!(handles.len() > 90_000 && emails.len() > handles.len(), "{} {}", handles.len(), emails.len());
    for (column, texts) in [("handle", handles), ("email", emails)] {
        // The checks of the table, and the lower case of each language that the server knows.
        let rules = format!(
            "SELECT pg_get_expr(conbin, conrelid) AS rule FROM pg_constraint JOIN pg_attribute a ON a.attrelid = conrelid \
             WHERE conrelid = 'auth.users'::regclass AND contype = 'c' AND conkey = ARRAY[a.attnum] AND a.attname = '{column}' \
             UNION ALL SELECT format('lower({column} COLLATE %I.%I) = {column}', n.nspname, c.collname) \
             FROM pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace \
             WHERE c.collencoding IN (-1, 6) AND c.collname ~ '^(tr|az|lt|el|de|en|und|C$|POSIX|pg_c_utf8)'"
        );
        let rules: Vec<String> = crate::adopt::texts(&owner, &rules).await?;
        assert!(rules.len() >= 3, "{rules:?}");
        for rule in rules {
            let sql = format!(
                "SELECT {column} AS text, $rule${rule}$rule$ AS rule FROM unnest($1::text[]) AS given ({column}) \
                 WHERE ({rule}) IS NOT TRUE LIMIT 5"
            );
            let refused = owner.query_all_raw(counted(&sql, &texts)).await?;
            let refused: Vec<Refused> =
                refused.iter().map(|row| Refused::from_query_result(row, "")).collect::<Result<_, _>>()?;
            let shown: Vec<String> =
                refused.iter().map(|row| format!("{}: {}", row.text.escape_unicode(), row.rule)).collect();
            assert!(shown.is_empty(), "{shown:#?}");
        }
    }
    Ok(())
}
