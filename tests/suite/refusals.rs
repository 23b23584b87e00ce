//! Refused statements do not reach the server.

use anyhow::Result;
use sea_orm::{ActiveModelTrait, DbBackend, EntityTrait, PaginatorTrait, Statement};
use watertight::entity::public::services;
use watertight::{Reason, Refusal, StatementKind};
use watertight_tests::TestDatabase;

use crate::rows;

#[tokio::test]
async fn every_way_of_sending_a_statement_refuses_those_that_leave_the_tenant() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, _) = database.two_tenants().await?;
    rows::service("Massage").insert(&clinic).await?;
    for (sql, kind) in [
        ("TRUNCATE services", StatementKind::Truncate),
        ("SET app.tenant_id = '00000000-0000-0000-0000-000000000001'", StatementKind::Session),
        (
            "SELECT set_config('app.tenant_id', '00000000-0000-0000-0000-000000000001', true)",
            StatementKind::Select,
        ),
        ("SELECT 1; DELETE FROM services", StatementKind::Unknown),
        ("COMMIT", StatementKind::Transaction),
        ("SELECT * FROM pg_catalog.pg_stats", StatementKind::Select),
        ("DROP TABLE services", StatementKind::Schema),
    ] {
        let statement = || Statement::from_string(DbBackend::Postgres, sql);
        let errors = [
            clinic.execute_raw(statement()).await.map(drop),
            clinic.execute_unprepared(sql).await.map(drop),
            clinic.query_one_raw(statement()).await.map(drop),
            clinic.query_all_raw(statement()).await.map(drop),
            sea_orm::StreamTrait::stream_raw(&clinic, statement()).await.map(drop),
        ];
        for error in errors {
            let error = error.expect_err(sql);
            assert_eq!(Refusal::of(&error).map(|refusal| refusal.statement), Some(kind), "{sql}: {error}");
        }
    }
    assert_eq!(services::Entity::find().count(&clinic).await?, 1);
    Ok(())
}

mod unregistered {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "loyalty_cards")]
    pub(super) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(super) tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(super) id: Uuid,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

#[tokio::test]
async fn an_entity_that_was_not_registered_is_refused_by_name() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, _) = database.two_tenants().await?;
    let error = unregistered::Entity::find().all(&clinic).await.unwrap_err();
    assert_eq!(
        Refusal::of(&error).map(|refusal| &refusal.reason),
        Some(&Reason::UnknownTable("public.loyalty_cards".to_owned()))
    );
    assert!(error.to_string().contains("Builder::tenant_table"), "the message says what to do: {error}");
    Ok(())
}
