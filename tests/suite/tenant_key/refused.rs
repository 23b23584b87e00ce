//! Keys, columns and settings that do not fit together are refused, each with its reason.

use anyhow::Result;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use uuid::Uuid;
use watertight::{
    ConnectError, Error, Reason, Refusal, RegistrationError, SigningError, TableSet, TableSets, TenantId,
    TenantType, Watertight,
};
use watertight_migration::{Settings, SettingsError};

use super::{KEYS, database};

fn problems(error: Error) -> Vec<RegistrationError> {
    match error {
        Error::Registration(errors) => errors.problems,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_tenant_of_another_type_reaches_no_row() -> Result<()> {
    for keys in KEYS {
        let (database, _owner) = database(keys).await?;
        let water = database.water_with(keys.builder()).await?;
        let wrong = match keys.tenant_type {
            TenantType::Uuid => TenantId::new("clinic")?,
            TenantType::BigInt => TenantId::new(Uuid::new_v4())?,
            TenantType::Integer => TenantId::new(i64::from(i32::MAX) + 1)?,
            // Every key has a text.
            _ => continue,
        };
        let tenant = water.tenant(wrong);
        for error in [
            tenant.execute_unprepared("SELECT name FROM customers").await.unwrap_err(),
            tenant.begin().await.err().unwrap(),
        ] {
            let reason = Refusal::of(&error).map(|refusal| &refusal.reason);
            assert!(matches!(reason, Some(Reason::TenantType { .. })), "{keys:?}: {error}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_type_and_the_column_of_the_database_are_checked_at_the_start() -> Result<()> {
    for keys in KEYS {
        let (database, owner) = database(keys).await?;
        let other = KEYS.into_iter().find(|other| other.tenant_type != keys.tenant_type).unwrap();
        let wrong_type = keys.builder().tenant_type(other.tenant_type).tenant_tables(["nothing"]);
        assert!(database.water_with(wrong_type).await.is_err(), "{keys:?}");
        let none = Watertight::builder().table_sets(TableSets::none()).tenant_type(other.tenant_type);
        let error = database.water_with(none).await.unwrap_err().downcast::<Error>()?;
        assert!(
            matches!(error, Error::Connect(ConnectError::Signing(SigningError::TenantTypeDiffers { .. }))),
            "{error}"
        );
        let wrong_column = keys.builder().tenant_column_of("customers", "name");
        let error = database.water_with(wrong_column).await;
        if keys.tenant_type == TenantType::Text {
            // A text column is a possible key, but no policy compares it; the doctor finds that.
            assert!(error.is_ok());
        } else {
            let problems = problems(error.unwrap_err().downcast::<Error>()?);
            assert!(
                matches!(&problems[..], [RegistrationError::NoTenantColumn { table, column, .. }]
                    if table == "public.customers" && column == "name"),
                "{problems:?}"
            );
        }
        drop(owner);
    }
    Ok(())
}

#[tokio::test]
async fn a_collation_that_mixes_tenants_up_is_refused() -> Result<()> {
    let keys = KEYS[2];
    let (database, owner) = database(keys).await?;
    // The embedded server has no ICU; then there is no such collation.
    let created = owner
        .execute_unprepared(
            "CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
        )
        .await;
    if created.is_err() {
        return Ok(());
    }
    owner
        .execute_unprepared(
            "CREATE TABLE loose_rows (\"Work space\" text COLLATE loose NOT NULL, id int); \
             ALTER TABLE loose_rows ENABLE ROW LEVEL SECURITY; ALTER TABLE loose_rows FORCE ROW LEVEL SECURITY; \
             GRANT SELECT ON loose_rows TO PUBLIC",
        )
        .await?;
    let builder = keys.builder().tenant_tables(["loose_rows"]);
    let found = problems(database.water_with(builder).await.unwrap_err().downcast::<Error>()?);
    assert!(matches!(&found[..], [RegistrationError::TenantColumnCollation { .. }]), "{found:?}");
    Ok(())
}

#[test]
fn watertights_own_tables_need_uuids() {
    for tenant_type in [TenantType::BigInt, TenantType::Integer, TenantType::Text] {
        let sets = TableSets::none().with(TableSet::Auth);
        let builder = Watertight::builder().table_sets(sets.clone()).tenant_type(tenant_type);
        let found = problems(builder.rewriter().unwrap_err());
        assert!(matches!(&found[..], [RegistrationError::OwnTablesNeedUuid { .. }]), "{found:?}");
        let settings = Settings::default().with_table_sets(sets).with_tenant_type(tenant_type);
        assert!(matches!(settings.check(), Err(SettingsError::OwnTablesNeedUuid { .. })));
    }
}

#[test]
fn a_setting_for_a_table_that_is_not_registered_is_refused() {
    let builder = Watertight::builder().tenant_column_of("nothing", "org_id").rows_for_everyone(["app.none"]);
    let found = problems(builder.rewriter().unwrap_err());
    let expected =
        ["public.nothing", "app.none"].map(|table| RegistrationError::NotRegistered { table: table.into() });
    assert_eq!(found, expected);
}

/// The tenant of a statement is compared in the database's type, however it is written.
#[tokio::test]
async fn a_statement_names_only_its_own_tenant() -> Result<()> {
    for keys in KEYS {
        let (database, _owner) = database(keys).await?;
        let water = database.water_with(keys.builder()).await?;
        let tenant = water.tenant(keys.id(0)?);
        let column = keys.quoted();
        let key = |index: usize| -> Result<String> {
            Ok(format!("'{}'", keys.id(index)?.to_string().replace('\'', "''")))
        };
        let insert = |value: &str| format!("INSERT INTO customers ({column}, name) VALUES ({value}, 'x')");
        let cast = keys.tenant_type.name();
        let own = key(0)?;
        tenant.execute_unprepared(&insert(&format!("{own}::{cast}"))).await?;
        tenant.execute_unprepared("DELETE FROM customers").await?;
        for value in [key(1)?, format!("({})", key(1)?), format!("{}::{cast}", key(1)?), "NULL".to_owned()] {
            assert!(tenant.execute_unprepared(&insert(&value)).await.is_err(), "{keys:?} {value}");
        }
        if keys.tenant_type == TenantType::Text {
            let spaced = format!(" {}", keys.id(0)?);
            let bound =
                Statement::from_sql_and_values(DbBackend::Postgres, insert("$1"), [spaced.clone().into()]);
            for error in [
                tenant.execute_unprepared(&insert(&format!("'{spaced}'"))).await.unwrap_err(),
                tenant.execute_raw(bound).await.unwrap_err(),
            ] {
                let reason = Refusal::of(&error).map(|refusal| &refusal.reason);
                assert!(matches!(reason, Some(Reason::ForeignTenant { .. })), "{error}");
            }
        }
        if matches!(keys.tenant_type, TenantType::BigInt | TenantType::Integer) {
            let own = keys.id(0)?;
            tenant.execute_unprepared(&insert(&own.to_string())).await?;
            for value in
                [format!("{own} + 0"), format!("0{own}"), format!("{own}::smallint"), format!("- -{own}")]
            {
                assert!(tenant.execute_unprepared(&insert(&value)).await.is_err(), "{keys:?} {value}");
            }
        }
    }
    Ok(())
}
