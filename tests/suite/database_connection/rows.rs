//! Rows are the same as through the `TenantConnection`, or an error that names the column.

use anyhow::Result;
use sea_orm::prelude::*;
use sea_orm::{
    ActiveValue, ConnectionTrait, DbBackend, FromQueryResult, IntoActiveModel, JsonValue, QuerySelect, Set,
    Statement,
};
use watertight::{DatabaseOptions, TenantConnection, TenantDatabaseError, Timestamps, Watertight};
use watertight_tests::{TestDatabase, new_tenant};

mod sample {
    use sea_orm::entity::prelude::*;

    #[derive(Debug, Clone, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
    #[sea_orm(rs_type = "String", db_type = "Enum", enum_name = "mood")]
    pub(super) enum Mood {
        #[sea_orm(string_value = "good")]
        Good,
        #[sea_orm(string_value = "bad")]
        Bad,
    }

    #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, FromJsonQueryResult)]
    pub(super) struct Address {
        pub(super) street: String,
    }

    #[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "samples")]
    pub(super) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(super) tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(super) id: i64,
        pub(super) yes: Option<bool>,
        pub(super) small: Option<i16>,
        pub(super) int: Option<i32>,
        pub(super) real: Option<f32>,
        pub(super) double: Option<f64>,
        pub(super) amount: Option<Decimal>,
        #[sea_orm(column_type = "Text", nullable)]
        pub(super) note: Option<String>,
        pub(super) code: Option<String>,
        pub(super) fixed: Option<String>,
        #[sea_orm(column_type = "VarBinary(StringLen::None)", nullable)]
        pub(super) bytes: Option<Vec<u8>>,
        pub(super) key: Option<Uuid>,
        #[sea_orm(column_type = "JsonBinary", nullable)]
        pub(super) data: Option<Json>,
        #[sea_orm(column_type = "Json", nullable)]
        pub(super) address: Option<Address>,
        pub(super) at: Option<DateTimeWithTimeZone>,
        pub(super) local: Option<DateTime>,
        pub(super) day: Option<Date>,
        pub(super) clock: Option<Time>,
        pub(super) mood: Option<Mood>,
        pub(super) moods: Option<Vec<Mood>>,
        pub(super) flags: Option<Vec<bool>>,
        pub(super) ints: Option<Vec<i32>>,
        pub(super) bigs: Option<Vec<i64>>,
        pub(super) texts: Option<Vec<String>>,
        pub(super) amounts: Option<Vec<Decimal>>,
        pub(super) keys: Option<Vec<Uuid>>,
        pub(super) times: Option<Vec<DateTimeWithTimeZone>>,
        pub(super) days: Option<Vec<Date>>,
        pub(super) positive: Option<i32>,
        pub(super) label: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

const TABLE: &[&str] = &[
    "CREATE TYPE mood AS ENUM ('good', 'bad')",
    "CREATE DOMAIN positive AS int CHECK (VALUE > 0)",
    "CREATE DOMAIN label AS varchar(20)",
    "CREATE TABLE samples (
        tenant_id uuid NOT NULL DEFAULT watertight.tenant(), id bigint NOT NULL, yes bool, small int2, int int4, real float4,
        double float8, amount numeric, note text, code varchar(20), fixed char(3), bytes bytea, key uuid, data jsonb,
        address json, at timestamptz, local timestamp, day date, clock time, mood mood, moods mood[], flags bool[], ints int4[],
        bigs int8[], texts text[], amounts numeric[], keys uuid[], times timestamptz[], days date[], positive positive,
        label label, PRIMARY KEY (tenant_id, id))",
    "ALTER TABLE samples ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE samples FORCE ROW LEVEL SECURITY",
    "CREATE POLICY tenant_isolation ON samples USING (tenant_id = watertight.tenant())",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON samples TO PUBLIC",
];

async fn tenant() -> Result<(TestDatabase, TenantConnection)> {
    let database = TestDatabase::create().await?;
    let owner = database.owner().await?;
    for sql in TABLE {
        owner.execute_unprepared(sql).await?;
    }
    owner.close().await?;
    let builder = Watertight::builder().tenant_table(sample::Entity);
    let tenant = database.water_with(builder).await?.tenant(new_tenant()?);
    Ok((database, tenant))
}

fn full(id: i64) -> sample::ActiveModel {
    let at = "2024-02-29T23:59:59.123456+05:30".parse::<DateTimeWithTimeZone>().unwrap();
    let address = sample::Address { street: "Main".to_owned() };
    sample::ActiveModel {
        tenant_id: ActiveValue::NotSet,
        id: Set(id),
        yes: Set(Some(true)),
        small: Set(Some(i16::MIN)),
        int: Set(Some(i32::MAX)),
        real: Set(Some(1.5)),
        double: Set(Some(f64::MIN_POSITIVE)),
        amount: Set(Some("79228162514264337593.5439503".parse().unwrap())),
        note: Set(Some("ünïcode \u{1} 'quotes'".to_owned())),
        code: Set(Some(String::new())),
        fixed: Set(Some("ab ".to_owned())),
        bytes: Set(Some(vec![0, 255])),
        key: Set(Some(Uuid::from_u128(7))),
        data: Set(Some(serde_json::json!({"a": [1, null, "x"]}))),
        address: Set(Some(address)),
        at: Set(Some(at)),
        local: Set(Some(at.naive_local())),
        day: Set(Some(at.date_naive())),
        clock: Set(Some(at.time())),
        mood: Set(Some(sample::Mood::Bad)),
        moods: Set(Some(vec![sample::Mood::Good, sample::Mood::Bad])),
        flags: Set(Some(vec![true, false])),
        ints: Set(Some(vec![1, -1])),
        bigs: Set(Some(Vec::new())),
        texts: Set(Some(vec!["a,b".to_owned(), "NULL".to_owned()])),
        amounts: Set(Some(vec![Decimal::new(1, 5)])),
        keys: Set(Some(vec![Uuid::nil(), Uuid::max()])),
        times: Set(Some(vec![at])),
        days: Set(Some(vec![at.date_naive()])),
        positive: Set(Some(5)),
        label: Set(Some("domain".to_owned())),
    }
}

#[tokio::test]
async fn every_type_is_exact() -> Result<()> {
    let (_database, tenant) = tenant().await?;
    let expected = full(1).insert(&tenant).await?;
    let empty = sample::ActiveModel { id: Set(2), ..Default::default() }.insert(&tenant).await?;
    assert_eq!((empty.amount, empty.at, empty.texts.clone()), (None, None, None));

    let database = tenant.database_connection();
    let read = sample::Entity::find().order_by_id_asc().all(database.connection()).await?;
    assert_eq!(read, [expected.clone(), empty]);
    let inserted = full(3).insert(database.connection()).await?;
    assert_eq!(sample::Model { id: 1, ..inserted.clone() }, expected);
    let mut changed = inserted.into_active_model();
    changed.at = Set(None);
    changed.moods = Set(Some(vec![sample::Mood::Good]));
    let changed = changed.update(database.connection()).await?;
    assert_eq!((changed.at, changed.moods), (None, Some(vec![sample::Mood::Good])));
    database.finish()?;
    Ok(())
}

fn raw(sql: &str) -> Statement {
    Statement::from_string(DbBackend::Postgres, sql)
}

#[tokio::test]
async fn positions_are_those_of_the_statement() -> Result<()> {
    let (_database, tenant) = tenant().await?;
    full(1).insert(&tenant).await?;
    let database = tenant.database_connection();
    let (small, int, id): (Option<i16>, Option<i32>, i64) = sample::Entity::find()
        .select_only()
        .columns([sample::Column::Small, sample::Column::Int, sample::Column::Id])
        .into_tuple()
        .one(database.connection())
        .await?
        .unwrap();
    assert_eq!((small, int, id), (Some(i16::MIN), Some(i32::MAX), 1));
    let row = database.query_one_raw(raw("SELECT 1 AS z, 2 AS b, 3 AS y")).await?.unwrap();
    let by_position: Vec<i32> =
        (0..3).map(|position| row.try_get_by_index(position)).collect::<Result<_, _>>()?;
    assert_eq!(by_position, [1, 2, 3]);
    assert_eq!(row.try_get::<i32>("", "b")?, 2);
    // Rows whose columns are in order have no additional keys.
    let row = database.query_one_raw(raw("SELECT 1 AS a, 2 AS b")).await?.unwrap();
    assert_eq!(row.column_names(), ["a", "b"]);
    assert_eq!(JsonValue::from_query_result(&row, "")?, serde_json::json!({"a": 1, "b": 2}));
    database.finish()?;
    Ok(())
}

#[tokio::test]
async fn what_a_row_cannot_hold_is_an_error() -> Result<()> {
    let (_database, tenant) = tenant().await?;
    let database = tenant.database_connection();
    for (sql, data_type) in [
        ("SELECT '1 day'::interval AS x", "interval"),
        ("SELECT int4range(1, 5) AS x", "int4range"),
        ("SELECT '127.0.0.1'::inet AS x", "inet"),
        ("SELECT NULL::inet AS x", "inet"),
        ("SELECT ROW(1, 2) AS x", "record"),
        ("SELECT '10:00+02'::timetz AS x", "timetz"),
        ("SELECT ARRAY['1 day'::interval] AS x", "interval[]"),
        ("SELECT 1::money AS x", "money"),
        ("SELECT B'101' AS x", "bit"),
    ] {
        let error = database.query_all_raw(raw(sql)).await.unwrap_err();
        let Some(TenantDatabaseError::ColumnType { column, data_type: named }) =
            TenantDatabaseError::of(&error)
        else {
            panic!("{sql}: {error}");
        };
        assert_eq!((column.as_str(), named.as_str()), ("x", data_type), "{sql}");
    }
    for sql in [
        "SELECT ARRAY[1, NULL] AS x",
        "SELECT ARRAY[[1, 2], [3, 4]] AS x",
        "SELECT 'NaN'::numeric AS x",
        "SELECT 1e40::numeric AS x",
        "SELECT 'infinity'::timestamptz AS x",
        "SELECT '-infinity'::timestamp AS x",
        "SELECT 'infinity'::date AS x",
        "SELECT '294276-01-01'::timestamptz AS x",
        "SELECT '5000000-01-01'::date AS x",
        "SELECT ARRAY['infinity'::timestamptz] AS x",
        "SELECT '24:00'::time AS x",
    ] {
        let error = database.query_all_raw(raw(sql)).await.unwrap_err();
        let found = TenantDatabaseError::of(&error);
        assert!(
            matches!(found, Some(TenantDatabaseError::ColumnValue { column, .. }) if column == "x"),
            "{sql}: {error}"
        );
    }
    let error = database.query_all_raw(raw("SELECT 1 AS x, 2 AS x")).await.unwrap_err();
    assert!(
        matches!(TenantDatabaseError::of(&error), Some(TenantDatabaseError::DuplicateColumn(name)) if name == "x")
    );
    // Without rows there is no value.
    assert!(database.query_all_raw(raw("SELECT 1 AS x, 2 AS x WHERE false")).await?.is_empty());
    let row = database.query_one_raw(raw("SELECT '127.0.0.1'::inet::text AS x")).await?.unwrap();
    assert_eq!(row.try_get::<String>("", "x")?, "127.0.0.1/32");
    database.finish()?;
    Ok(())
}

mod instants {
    use sea_orm::entity::prelude::*;

    #[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "samples")]
    pub(super) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(super) tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(super) id: i64,
        pub(super) at: Option<DateTimeUtc>,
        pub(super) times: Option<Vec<DateTimeUtc>>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

#[tokio::test]
async fn the_type_of_instants_is_an_option() -> Result<()> {
    let (_database, tenant) = tenant().await?;
    full(1).insert(&tenant).await?;
    let expected = instants::Entity::find().one(&tenant).await?.unwrap();
    assert!(expected.at.is_some());
    let options = DatabaseOptions::new().timestamps(Timestamps::ChronoUtc);
    options.check::<instants::Entity>()?;
    let database = tenant.database_connection_with(options);
    assert_eq!(instants::Entity::find().one(database.connection()).await?, Some(expected));
    database.finish()?;
    Ok(())
}

#[test]
fn the_check_finds_fields_of_other_types() {
    assert!(DatabaseOptions::new().check::<sample::Entity>().is_err_and(|error| {
        // A struct in JSON has no known value.
        matches!(error, TenantDatabaseError::NotChecked { .. })
    }));
    let error = DatabaseOptions::new().check::<instants::Entity>().unwrap_err();
    let TenantDatabaseError::FieldType { table, column, .. } = &error else { panic!("{error}") };
    assert_eq!((table.as_str(), column.as_str()), ("samples", "at"));
    for checked in [
        DatabaseOptions::new().check::<watertight::entity::auth::users::Entity>(),
        DatabaseOptions::new().check::<watertight::entity::public::bookings::Entity>(),
        DatabaseOptions::new().check::<watertight::entity::public::services::Entity>(),
    ] {
        checked.unwrap();
    }
}
