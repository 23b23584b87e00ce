//! The guide's password reset, with the statements of the page.

use anyhow::{Context, Result};
use sea_orm::{DbBackend, Statement, Value};
use sea_orm_migration::prelude::{ColumnDef, SchemaManager};
use sea_orm_migration::schema::{timestamp_with_time_zone_default_now, uuid as uuid_column};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use watertight::TenantConnection;
use watertight::auth::{LoginRequest, Password};
use watertight_migration::{ForeignKeyAction, Settings, TenantForeignKey, TenantTable};

use crate::auth::{PASSWORD, World, settings, user};

const PAGE: &str = include_str!("../../service/docs/guide/accounts.md");

/// The statement that the page assigns to a variable.
fn on_page(variable: &str) -> Result<&'static str> {
    let rest = PAGE.split(&format!("let {variable} = \"")).nth(1);
    rest.and_then(|rest| rest.split("\";").next()).context(variable.to_owned())
}

fn statement(variable: &str, values: impl IntoIterator<Item = Value>) -> Result<Statement> {
    Ok(Statement::from_sql_and_values(DbBackend::Postgres, on_page(variable)?, values))
}

fn hash_of(token: &str) -> Value {
    Sha256::digest(token).to_vec().into()
}

async fn begin_reset(tenant: &TenantConnection, user: Uuid) -> Result<String> {
    let token = Uuid::new_v4().simple().to_string();
    tenant.execute_raw(statement("insert", [hash_of(&token), user.into()])?).await?;
    Ok(token)
}

async fn reset(tenant: &TenantConnection, token: &str, new: &str) -> Result<bool> {
    if tenant.query_one_raw(statement("known", [hash_of(token)])?).await?.is_none() {
        return Ok(false);
    }
    let hash = tenant.auth().hash_password(Password::new(new)?).await?;
    let transaction = tenant.begin().await?;
    let Some(row) = transaction.query_one_raw(statement("take", [hash_of(token)])?).await? else {
        return Ok(false);
    };
    let user: Uuid = row.try_get("", "user_id")?;
    transaction.auth().users().set_password(user, hash).await?;
    transaction.execute_raw(statement("others", [user.into()])?).await?;
    transaction.commit().await?;
    Ok(true)
}

async fn can_log_in(tenant: &TenantConnection, password: &str) -> Result<bool> {
    let request = LoginRequest::new("jess".parse()?, Password::new(password)?);
    Ok(tenant.auth().login(request).await.is_ok())
}

#[tokio::test]
async fn a_password_is_reset_once_by_a_token_of_its_tenant() -> Result<()> {
    let world = World::with(settings()).await?;
    let owner = world.database.owner().await?;
    let table = TenantTable::new("public", "password_resets")
        .col(ColumnDef::new("token_hash").binary().not_null().to_owned())
        .col(uuid_column("user_id"))
        .col(timestamp_with_time_zone_default_now("created_at"))
        .key(["token_hash"])
        .foreign_key(
            TenantForeignKey::column("user_id").to("auth", "users").on_delete(ForeignKeyAction::Cascade),
        );
    let own = Settings::default().with_app_role(world.database.app_role());
    table.create(&SchemaManager::new(&owner), &own).await?;
    let builder = watertight::Watertight::builder().auth(settings()).tenant_table(password_resets::Entity);
    let water = world.database.water_with(builder).await?;
    let (clinic, studio) = (water.tenant(world.clinic.tenant_id()), water.tenant(world.studio.tenant_id()));
    let jess = user(&clinic, "jess").await?;
    user(&studio, "jess").await?;
    let login = clinic.auth().login(LoginRequest::new("jess".parse()?, Password::new(PASSWORD)?)).await?;

    let (token, second) = (begin_reset(&clinic, jess.id).await?, begin_reset(&clinic, jess.id).await?);
    assert!(!reset(&clinic, "unknown", "new").await?);
    assert!(!reset(&studio, &token, "new").await?, "a token of another tenant");
    assert!(reset(&clinic, &token, "new password").await?);
    assert!(!reset(&clinic, &token, "again").await?, "a used token");
    assert!(!reset(&clinic, &second, "again").await?, "a token from before the change");
    assert!(can_log_in(&clinic, "new password").await? && !can_log_in(&clinic, PASSWORD).await?);
    assert!(can_log_in(&studio, PASSWORD).await?, "the user of the other tenant is unchanged");
    let cookie = login.token.expose_secret();
    assert!(clinic.auth().authenticate(cookie).await?.is_none(), "sessions end");

    let token = begin_reset(&clinic, jess.id).await?;
    clinic.auth().users().set_password(jess.id, Password::new("by an administrator")?).await?;
    assert!(!reset(&clinic, &token, "again").await?, "a token from before another change");

    let token = begin_reset(&clinic, jess.id).await?;
    let sql = "UPDATE password_resets SET created_at = created_at - interval '61 minutes'";
    clinic.execute_unprepared(sql).await?;
    assert!(!reset(&clinic, &token, "late").await?, "an old token");
    Ok(())
}

mod password_resets {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "password_resets")]
    pub(super) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(super) tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(super) token_hash: Vec<u8>,
        pub(super) user_id: Uuid,
        pub(super) created_at: DateTimeWithTimeZone,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
