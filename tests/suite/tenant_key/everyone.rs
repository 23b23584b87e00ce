//! Rows for everyone: every tenant reads them, and none locks, changes or copies them unnoticed.

use anyhow::Result;
use sea_orm::{ConnectionTrait, TransactionTrait};
use watertight::{Layers, Reason, Refusal};

use super::{KEYS, Keys, database, tenants, texts};

/// Adds rows for everyone and rows of both tenants.
async fn filled(keys: Keys) -> Result<(watertight_tests::TestDatabase, [watertight::TenantConnection; 2])> {
    let (database, owner) = database(keys).await?;
    let [one, other] = tenants(keys, &database).await?;
    one.execute_unprepared("INSERT INTO tags (name) VALUES ('mine'), ('urgent')").await?;
    other.execute_unprepared("INSERT INTO tags (name) VALUES ('theirs')").await?;
    let column = keys.quoted();
    let reserved = keys.tenant_type.reserved();
    // The owner writes rows for everyone as the tenant that cannot exist.
    let transaction = owner.begin().await?;
    transaction
        .execute_unprepared(&format!("SELECT watertight.enter({reserved}::{})", keys.tenant_type))
        .await?;
    transaction
        .execute_unprepared(&format!(
            "INSERT INTO tags ({column}, name) VALUES ({reserved}, 'urgent'), ({reserved}, 'new')"
        ))
        .await?;
    transaction.commit().await?;
    Ok((database, [one, other]))
}

#[tokio::test]
async fn every_tenant_reads_them_and_none_changes_them() -> Result<()> {
    let names = "SELECT name FROM tags ORDER BY name";
    for keys in KEYS {
        let (database, [one, other]) = filled(keys).await?;
        assert_eq!(texts(&one, names).await?, ["mine", "new", "urgent", "urgent"], "{keys:?}");
        assert_eq!(texts(&other, names).await?, ["new", "theirs", "urgent"], "{keys:?}");

        assert_eq!(one.execute_unprepared("UPDATE tags SET name = name || '!'").await?.rows_affected(), 2);
        assert_eq!(other.execute_unprepared("DELETE FROM tags").await?.rows_affected(), 1);
        assert_eq!(texts(&one, names).await?, ["mine!", "new", "urgent", "urgent!"], "{keys:?}");
        assert_eq!(texts(&other, names).await?, ["new", "urgent"], "{keys:?}");

        // Without the rewriter the policies give the same answers.
        let water =
            database.water_with(keys.builder().dangerous_layers(Layers::UnscopedRowSecurityOnly)).await?;
        let bare = water.tenant(keys.id(1)?);
        assert_eq!(texts(&bare, names).await?, ["new", "urgent"], "{keys:?}");
        assert_eq!(bare.execute_unprepared("UPDATE tags SET name = 'x'").await?.rows_affected(), 0);
        assert_eq!(bare.execute_unprepared("DELETE FROM tags").await?.rows_affected(), 0);
        assert_eq!(texts(&bare, "SELECT name FROM tags FOR UPDATE").await?, [""; 0], "{keys:?}");
    }
    Ok(())
}

#[tokio::test]
async fn no_tenant_writes_a_row_for_everyone() -> Result<()> {
    for keys in KEYS {
        let (database, [one, _]) = filled(keys).await?;
        let column = keys.quoted();
        let reserved = keys.tenant_type.reserved();
        for sql in [
            format!("INSERT INTO tags ({column}, name) VALUES ({reserved}, 'all')"),
            format!("UPDATE tags SET {column} = {reserved}"),
            // The tenant column of a row that is read may be that of everyone.
            format!("INSERT INTO tags ({column}, name) SELECT {column}, name || '2' FROM tags"),
        ] {
            let error = one.execute_unprepared(&sql).await.unwrap_err();
            let reason = Refusal::of(&error).map(|refusal| &refusal.reason);
            assert!(
                matches!(reason, Some(Reason::ForeignTenant { .. } | Reason::TenantExpression(_))),
                "{sql}: {error}"
            );
            let water =
                database.water_with(keys.builder().dangerous_layers(Layers::UnscopedRowSecurityOnly)).await?;
            assert!(water.tenant(keys.id(0)?).execute_unprepared(&sql).await.is_err(), "{sql}");
        }
        // Copies get the tenant of the connection.
        one.execute_unprepared("INSERT INTO tags (name) SELECT name || '2' FROM tags WHERE name = 'new'")
            .await?;
        assert_eq!(texts(&one, "SELECT name FROM tags WHERE name = 'new2'").await?, ["new2"]);
    }
    Ok(())
}

#[tokio::test]
async fn locks_and_merges_are_refused() -> Result<()> {
    let (_database, [one, _]) = filled(KEYS[0]).await?;
    for sql in [
        "SELECT name FROM tags FOR UPDATE",
        "SELECT t.name FROM (SELECT name FROM tags) t FOR SHARE",
        "SELECT 1 FROM customers c JOIN tags t ON t.name = c.name FOR NO KEY UPDATE OF c",
        "WITH t AS (SELECT name FROM tags FOR KEY SHARE) SELECT name FROM t",
        "MERGE INTO tags USING customers c ON c.name = tags.name WHEN MATCHED THEN DELETE",
    ] {
        let error =
            one.query_all_raw(sea_orm::Statement::from_string(sea_orm::DbBackend::Postgres, sql)).await;
        let error = error.unwrap_err();
        let reason = Refusal::of(&error).map(|refusal| &refusal.reason);
        assert!(
            matches!(reason, Some(Reason::RowsForEveryone(table)) if table == "public.tags"),
            "{sql}: {error}"
        );
    }
    // A lock of another table, and an upsert of an own row, are not refused.
    texts(&one, "SELECT name FROM customers FOR UPDATE").await?;
    let upsert = "INSERT INTO tags (name) VALUES ('new') ON CONFLICT (name) DO UPDATE SET name = 'newer'";
    one.execute_unprepared(upsert).await?;
    one.execute_unprepared(upsert).await?;
    assert_eq!(
        texts(&one, "SELECT name FROM tags WHERE name LIKE 'new%' ORDER BY 1").await?,
        ["new", "newer"]
    );
    Ok(())
}
