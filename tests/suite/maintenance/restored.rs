//! What an application's schema does to inserted and deleted rows changes no restored row.

use anyhow::{Context, Result};
use sea_orm::{ConnectionTrait, DatabaseConnection};
use watertight::maintenance::Maintenance;
use watertight::{TenantId, Watertight};
use watertight_tests::{TestDatabase, new_tenant};

use super::{dump, texts};

/// A database with tables of an application, and a tenant with rows.
pub(super) struct Shop {
    pub(super) database: TestDatabase,
    pub(super) owner: DatabaseConnection,
    pub(super) maintenance: Maintenance,
    pub(super) tenant: TenantId,
}

impl Shop {
    /// Creates the tables, and the rows with the tenant `$1`.
    pub(super) async fn new(tables: &str, rows: &str) -> Result<Self> {
        let database = TestDatabase::create().await?;
        let (owner, tenant) = (database.owner().await?, new_tenant()?);
        owner.execute_unprepared(tables).await.context("tables")?;
        owner.execute_unprepared(&rows.replace("$1", &format!("'{tenant}'"))).await.context("rows")?;
        let maintenance = Watertight::builder().maintenance(&owner).await?;
        Ok(Self { database, owner, maintenance, tenant })
    }

    pub(super) async fn export(&self) -> Result<Vec<u8>> {
        let mut lines = Vec::new();
        self.maintenance.export(self.tenant, &mut lines, |_| ()).await.context("export")?;
        Ok(lines)
    }

    /// Exports, erases and imports the tenant, and compares the rows.
    async fn is_restored(&self) -> Result<()> {
        let (rows, dumped) = (dump::copied(&self.database).await?, dump::dumped(&self.database).await?);
        let lines = self.export().await?;
        self.maintenance.erase(self.tenant, |_| ()).await.context("erase")?;
        assert_eq!(self.maintenance.stats(self.tenant).await?.rows(), 0);
        self.maintenance.import(self.tenant, &lines[..], |_| ()).await.context("import")?;
        assert_eq!(dump::copied(&self.database).await?, rows);
        assert_eq!(dump::dumped(&self.database).await?, dumped);
        Ok(())
    }
}

#[tokio::test]
async fn triggers_change_no_restored_row_and_fire_again_afterwards() -> Result<()> {
    let shop = Shop::new(
        "CREATE TABLE notes (tenant_id uuid, id int, body text, updated_at timestamptz, PRIMARY KEY (tenant_id, id));
         CREATE TABLE changes (tenant_id uuid, what text);
         CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.updated_at := now(); RETURN NEW; END $$;
         CREATE FUNCTION log() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             INSERT INTO public.changes VALUES (coalesce(NEW.tenant_id, OLD.tenant_id), TG_OP); RETURN NULL; END $$;
         CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;",
        "INSERT INTO notes VALUES ($1, 1, 'a', '2001-01-01'), ($1, 2, 'b', NULL);
         CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION touch();
         CREATE TRIGGER log AFTER INSERT OR DELETE ON notes FOR EACH ROW EXECUTE FUNCTION log();
         CREATE TRIGGER keep BEFORE DELETE ON notes FOR EACH ROW EXECUTE FUNCTION keep();
         ALTER TABLE notes ENABLE ALWAYS TRIGGER touch;",
    )
    .await?;
    shop.is_restored().await?;
    let states = "SELECT format('%s%s', tgname, tgenabled) FROM pg_trigger WHERE tgrelid = 'notes'::regclass ORDER BY 1";
    assert_eq!(texts(&shop.owner, states).await?, ["keepO", "logO", "touchA"]);
    let insert = format!("INSERT INTO notes VALUES ('{}', 3, 'c', NULL)", shop.tenant);
    shop.owner.execute_unprepared(&insert).await?;
    assert_eq!(texts(&shop.owner, "SELECT what FROM changes").await?, ["INSERT"]);

    // An import that is refused leaves the triggers as they were.
    let lines = String::from_utf8(shop.export().await?)?;
    shop.maintenance.erase(shop.tenant, |_| ()).await?;
    let changed = lines.replacen("\"c\"", "\"d\"", 1);
    assert_ne!(changed, lines);
    shop.maintenance.import(shop.tenant, changed.as_bytes(), |_| ()).await.unwrap_err();
    assert_eq!(texts(&shop.owner, states).await?, ["keepO", "logO", "touchA"]);
    Ok(())
}

#[tokio::test]
async fn triggers_of_partitions_and_rules_change_no_restored_row() -> Result<()> {
    let shop = Shop::new(
        "CREATE TABLE notes (tenant_id uuid, id int, body text, PRIMARY KEY (tenant_id, id)) PARTITION BY LIST (id);
         CREATE TABLE notes_1 PARTITION OF notes FOR VALUES IN (1);
         CREATE TABLE notes_n PARTITION OF notes DEFAULT PARTITION BY HASH (tenant_id);
         CREATE TABLE notes_n0 PARTITION OF notes_n FOR VALUES WITH (MODULUS 1, REMAINDER 0);
         CREATE TABLE plain (tenant_id uuid, body text);
         CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.body := 'touched'; RETURN NEW; END $$;",
        "INSERT INTO notes VALUES ($1, 1, 'a'), ($1, 2, 'b'); INSERT INTO plain VALUES ($1, 'x'), ($1, 'x');
         CREATE TRIGGER touch BEFORE INSERT ON notes FOR EACH ROW EXECUTE FUNCTION touch();
         CREATE TRIGGER own BEFORE INSERT ON notes_n0 FOR EACH ROW EXECUTE FUNCTION touch();
         ALTER TABLE notes_1 DISABLE TRIGGER touch;
         CREATE RULE one AS ON INSERT TO plain DO INSTEAD NOTHING;
         CREATE RULE two AS ON DELETE TO plain DO ALSO UPDATE notes SET body = 'changed';",
    )
    .await?;
    let states = "SELECT format('%s%s%s', tgrelid::regclass, tgname, tgenabled) FROM pg_trigger WHERE NOT tgisinternal \
                  UNION ALL SELECT format('%s%s', rulename, ev_enabled) FROM pg_rewrite WHERE ev_class = 'plain'::regclass ORDER BY 1";
    let before = texts(&shop.owner, states).await?;
    shop.is_restored().await?;
    assert_eq!(texts(&shop.owner, states).await?, before);
    Ok(())
}

#[tokio::test]
async fn columns_and_tables_with_the_names_of_aliases_are_exported_as_they_are() -> Result<()> {
    let names = ["r", "e", "t", "x", "w", "q", "o", "s", "value", "content", "place", "hash"];
    let tables = names.map(|name| {
        let columns = names.map(|column| format!("\"{column}\" text")).join(", ");
        let insert = names.map(|column| format!("'{column} of {name}'")).join(", ");
        (
            format!("CREATE TABLE \"{name}\" (tenant_id uuid, id int PRIMARY KEY, {columns});"),
            format!("INSERT INTO \"{name}\" VALUES ($1, 1, {insert});"),
        )
    });
    let create: String = tables.iter().map(|(create, _)| create.as_str()).collect();
    let insert: String = tables.iter().map(|(_, insert)| insert.as_str()).collect();
    let shop = Shop::new(&create, &insert).await?;
    let stats = shop.maintenance.stats(shop.tenant).await?;
    let of_tables = stats.tables.iter().filter(|table| table.rows > 0);
    assert_eq!(of_tables.map(|table| (table.rows, table.bytes > 100)).collect::<Vec<_>>(), [(1, true); 12]);
    shop.is_restored().await
}

#[tokio::test]
async fn tables_that_refer_to_one_another_are_measured_exported_erased_and_restored() -> Result<()> {
    let shop = Shop::new(
        "CREATE TABLE teams (tenant_id uuid, id int, lead int NOT NULL, PRIMARY KEY (tenant_id, id));
         CREATE TABLE people (tenant_id uuid, id int, team int NOT NULL, boss int, PRIMARY KEY (tenant_id, id),
             FOREIGN KEY (tenant_id, team) REFERENCES teams ON DELETE RESTRICT,
             FOREIGN KEY (tenant_id, boss) REFERENCES people);
         CREATE INDEX ON people (tenant_id, team); CREATE INDEX ON people (tenant_id, boss);
         ALTER TABLE teams ADD FOREIGN KEY (tenant_id, lead) REFERENCES people ON DELETE RESTRICT;
         CREATE TABLE badges (tenant_id uuid, id int, person int, FOREIGN KEY (tenant_id, person) REFERENCES people);",
        "WITH team AS (INSERT INTO teams SELECT $1, n, n FROM generate_series(1, 9) n)
             INSERT INTO people SELECT $1, n, n % 9 + 1, 10 - n FROM generate_series(1, 9) n;
         INSERT INTO people SELECT $1, n, 1, n - 1 FROM generate_series(10, 5000) n;
         INSERT INTO badges SELECT $1, n, n FROM generate_series(1, 99) n;",
    )
    .await?;
    let seer = Watertight::builder().maintenance(&shop.database.maintenance().await?).await?;
    assert_eq!(seer.tenants().await?, [shop.tenant]);
    shop.is_restored().await
}

#[tokio::test]
async fn sequences_continue_after_the_restored_values_of_every_kind_of_default() -> Result<()> {
    let tables = "CREATE SEQUENCE shared; CREATE DOMAIN numbered AS bigint DEFAULT nextval('shared');
         CREATE TABLE one (tenant_id uuid, id bigint GENERATED BY DEFAULT AS IDENTITY, PRIMARY KEY (tenant_id, id));
         CREATE TABLE two (tenant_id uuid, id int GENERATED ALWAYS AS IDENTITY (INCREMENT -1), PRIMARY KEY (tenant_id, id));
         CREATE TABLE three (tenant_id uuid, id serial, no text DEFAULT 'N' || nextval('shared'), PRIMARY KEY (tenant_id, no));
         CREATE TABLE four (tenant_id uuid, id numbered, PRIMARY KEY (tenant_id, id));";
    let insert = "INSERT INTO one SELECT $1 FROM generate_series(1, 5); INSERT INTO two SELECT $1 FROM generate_series(1, 5);
         INSERT INTO three SELECT $1 FROM generate_series(1, 5); INSERT INTO four SELECT $1 FROM generate_series(1, 5);";
    // A value that was written by hand: a sequence that followed it would end for every tenant.
    let rows = format!(
        "{insert} INSERT INTO one VALUES ($1, 9223372036854775807); INSERT INTO three VALUES ($1, 2147483647, 'x');"
    );
    let shop = Shop::new(tables, &rows).await?;
    let lines = shop.export().await?;
    let there = Shop::new(tables, "").await?;
    there.maintenance.import(shop.tenant, &lines[..], |_| ()).await?;
    there.owner.execute_unprepared(&insert.replace("$1", &format!("'{}'", shop.tenant))).await?;
    let positions = "SELECT last_value::text FROM (SELECT last_value FROM one_id_seq UNION ALL SELECT last_value FROM two_id_seq \
                     UNION ALL SELECT last_value FROM three_id_seq UNION ALL SELECT last_value FROM shared) p";
    assert_eq!(texts(&there.owner, positions).await?, ["10", "-10", "10", "20"]);

    // A sequence that is ahead stays ahead.
    there.maintenance.erase(shop.tenant, |_| ()).await?;
    there.maintenance.import(shop.tenant, &lines[..], |_| ()).await?;
    assert_eq!(texts(&there.owner, positions).await?, ["10", "-10", "10", "20"]);
    Ok(())
}

#[tokio::test]
async fn a_table_that_others_inherit_from_is_exported_without_their_rows() -> Result<()> {
    let shop = Shop::new(
        "CREATE TABLE events (tenant_id uuid, id int, PRIMARY KEY (tenant_id, id));
         CREATE TABLE calls (duration int) INHERITS (events);",
        "INSERT INTO events VALUES ($1, 1); INSERT INTO calls VALUES ($1, 1, 5), ($1, 2, 6);",
    )
    .await?;
    assert_eq!(shop.maintenance.stats(shop.tenant).await?.rows(), 3);
    shop.is_restored().await
}

#[tokio::test]
async fn a_tenant_column_with_a_domain_is_a_tenant_column() -> Result<()> {
    let shop = Shop::new(
        "CREATE DOMAIN tenant AS uuid NOT NULL; CREATE DOMAIN owner AS tenant;
         CREATE TABLE notes (tenant_id owner, id int, body text, PRIMARY KEY (tenant_id, id));",
        "INSERT INTO notes VALUES ($1, 1, 'a'), (gen_random_uuid(), 1, 'other');",
    )
    .await?;
    assert_eq!(shop.maintenance.stats(shop.tenant).await?.rows(), 1);
    shop.is_restored().await
}

#[tokio::test]
async fn settings_of_the_role_change_no_value() -> Result<()> {
    let shop = Shop::new(
        "CREATE TABLE odd (tenant_id uuid, id int, a float8, b money, c date[], d tstzrange, e text[], f regclass);",
        "INSERT INTO odd VALUES ($1, 1, 0.1::float8 + 0.2, 1234.5, '{2001-02-03}', '[2001-02-03,)', '{NULL,\"NULL\"}', 'odd');",
    )
    .await?;
    let rows = dump::copied(&shop.database).await?;
    let lines = shop.export().await?;
    for setting in [
        "extra_float_digits = -15",
        "DateStyle = 'SQL, DMY'",
        "array_nulls = off",
        "search_path = pg_catalog",
    ] {
        let sql = format!(
            "DO $$ BEGIN EXECUTE format('ALTER ROLE CURRENT_USER IN DATABASE %I SET {}', current_database()); END $$",
            setting.replace('\'', "''")
        );
        shop.owner.execute_unprepared(&sql).await?;
    }
    let maintenance = Watertight::builder().maintenance(&shop.database.owner().await?).await?;
    let mut again = Vec::new();
    maintenance.export(shop.tenant, &mut again, |_| ()).await?;
    assert_eq!(super::without_header(&again), super::without_header(&lines));
    maintenance.erase(shop.tenant, |_| ()).await?;
    maintenance.import(shop.tenant, &lines[..], |_| ()).await?;
    assert_eq!(dump::copied(&shop.database).await?, rows);
    Ok(())
}
