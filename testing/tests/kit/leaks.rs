//! Functions that leak are caught, whatever they leak. Each goes past the layers as an application can: by a declared
//! function of the database with its owner's rights, or by memory of the process.

use anyhow::Result;
use sea_orm::{DbErr, Statement, TryGetable};
use watertight::TenantConnection;
use watertight_testing::{Difference, IsolationError, TwoTenants};

use crate::application::{builder, fixtures, leaking_tenants, template};

async fn value<T: TryGetable>(tenant: &TenantConnection, sql: &str) -> Result<Option<T>, DbErr> {
    let row = tenant.query_one_raw(Statement::from_string(tenant.get_database_backend(), sql)).await?;
    row.map(|row| row.try_get_by_index(0)).transpose()
}

fn difference<T: std::fmt::Debug>(checked: Result<T, IsolationError>) -> Difference {
    match checked {
        Err(IsolationError::NotIsolated(difference)) => *difference,
        other => panic!("the leak was not found: {other:?}"),
    }
}

#[tokio::test]
async fn a_result_with_rows_of_the_other_tenant_is_caught() -> Result<()> {
    let tenants = leaking_tenants().await?;
    let names = tenants.check(|tenant| async move { value::<String>(&tenant, "SELECT all_names()").await });
    let found = difference(names.await);
    let [alone, shared] = found.results.clone().expect("other results");
    assert!(!alone.contains("tenant 2") && shared.contains("Bridge of tenant 2"), "{alone} {shared}");
    assert_eq!((found.rows, found.others), Default::default());
    Ok(())
}

#[tokio::test]
async fn a_number_over_all_tenants_is_caught() -> Result<()> {
    let tenants = leaking_tenants().await?;
    let number = |tenant| async move { value::<i64>(&tenant, "SELECT number_of_all()").await };
    let found = difference(tenants.check(number).await);
    assert!(found.results.is_some_and(|[alone, shared]| alone.contains('2') && shared.contains('4')));
    Ok(())
}

#[tokio::test]
async fn a_change_of_the_other_tenants_rows_is_caught() -> Result<()> {
    let tenants = leaking_tenants().await?;
    // The function hides the number of rows that it has changed.
    let rename = |tenant| async move { value::<i64>(&tenant, "SELECT rename_all('Dam')").await.map(drop) };
    let found = difference(tenants.check(rename).await);
    assert_eq!((&found.results, &found.rows), (&None, &Default::default()));
    let [gone, new] = &found.others;
    assert_eq!((gone.len(), new.len()), (2, 2), "{found}");
    assert!(gone[0].contains("public.projects") && gone[0].contains("of tenant 2") && new[0].contains("Dam"));
    Ok(())
}

#[tokio::test]
async fn a_value_of_the_other_tenant_in_a_row_is_caught() -> Result<()> {
    let tenants = leaking_tenants().await?;
    let copy = |tenant: TenantConnection| async move {
        let sql = "UPDATE tasks SET title = title || coalesce(other_id()::text, '')";
        tenant.execute_unprepared(sql).await.map(drop)
    };
    let found = difference(tenants.check(copy).await);
    let [alone, shared] = &found.rows;
    assert!(found.results.is_none() && alone.len() == 1 && shared.len() == 1, "{found}");
    Ok(())
}

/// The id of another tenant's row is random, but it is no new one.
#[tokio::test]
async fn an_id_of_the_other_tenant_is_not_taken_for_a_new_one() -> Result<()> {
    let tenants = leaking_tenants().await?;
    let id = |tenant| async move {
        let other = value::<uuid::Uuid>(&tenant, "SELECT coalesce(other_id(), gen_random_uuid())").await;
        other.map(|id| id.map(|id| id.to_string()))
    };
    assert!(difference(tenants.check(id).await).results.is_some());
    Ok(())
}

#[tokio::test]
async fn a_row_that_is_given_to_a_third_tenant_is_caught() -> Result<()> {
    let tenants = leaking_tenants().await?;
    let give = |tenant| async move {
        value::<i64>(&tenant, "SELECT give('7b0e8d3c-5a53-4f6e-9b0e-0f8a1f0f2a11')").await
    };
    let found = difference(tenants.check(give).await);
    assert_eq!((found.created.len(), found.others[1].len()), (1, 1), "{found}");
    Ok(())
}

/// A cache of the process whose key lacks the tenant.
#[tokio::test]
async fn a_value_that_the_process_keeps_is_caught() -> Result<()> {
    let tenants = TwoTenants::prepare(template().await?, builder()).fixtures(fixtures).await?;
    let calls = std::sync::atomic::AtomicU32::new(0);
    let cached = |_| async { calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed) };
    assert!(difference(tenants.check(cached).await).results.is_some());
    Ok(())
}

#[tokio::test]
#[should_panic(expected = "the function is not isolated from another tenant")]
async fn the_assertion_panics_with_the_difference() {
    let tenants = leaking_tenants().await.expect("two tenants");
    tenants
        .assert_isolated(|tenant| async move { value::<i64>(&tenant, "SELECT number_of_all()").await })
        .await
        .ok();
}

#[tokio::test]
async fn the_text_names_the_rows_and_their_tenant() -> Result<()> {
    let tenants = leaking_tenants().await?;
    let rename = |tenant| async move { value::<i64>(&tenant, "SELECT rename_all('Dam')").await };
    let text = tenants.check(rename).await.unwrap_err().to_string();
    for expected in [
        "its result with the rows of its tenant alone:\n    Ok(\n        Some(\n            2,",
        "rows of the other tenant before the call that are changed or gone:\n    public.projects {",
        "rows of the other tenant after the call that are changed or new:\n    public.projects {",
    ] {
        assert!(text.contains(expected), "{text}");
    }
    Ok(())
}
