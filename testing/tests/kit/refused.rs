//! The assertion on refusals.

use anyhow::Result;
use sea_orm::DbErr;
use watertight::Reason;
use watertight_testing::assert_refused;

use crate::application::two_tenants;

#[tokio::test]
async fn a_refusal_is_returned() -> Result<()> {
    let (_database, tenant, _) = two_tenants().await?.connect().await?;
    let result = tenant.execute_unprepared("DELETE FROM seaql_migrations").await;
    let refusal = assert_refused(result, |reason| matches!(reason, Reason::UnknownTable(_)));
    assert!(refusal.to_string().contains("seaql_migrations"), "{refusal}");
    Ok(())
}

#[test]
#[should_panic(expected = "the statement was not refused; its result is 3")]
fn a_value_is_no_refusal() {
    assert_refused(Ok::<_, DbErr>(3), |_| true);
}

#[test]
#[should_panic(expected = "but failed on the server or on the way: Custom Error: no")]
fn another_error_is_no_refusal() {
    assert_refused(Err::<(), _>(DbErr::Custom("no".to_owned())), |_| true);
}

#[tokio::test]
#[should_panic(expected = "refused for another reason")]
async fn another_reason_fails() {
    let (_database, tenant, _) = two_tenants().await.unwrap().connect().await.unwrap();
    let result = tenant.execute_unprepared("DELETE FROM seaql_migrations").await;
    assert_refused(result, |reason| matches!(reason, Reason::ReadOnly));
}
