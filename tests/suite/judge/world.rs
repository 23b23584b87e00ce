//! The tables of the checks: two tenants' rows in a shared database, and one tenant's rows in another.
//!
//! Every value of the other tenant is recognizable: [`marker`] finds it in the bytes of any result.

use anyhow::Result;
use sea_orm::{ConnectionTrait, DatabaseConnection};
use uuid::Uuid;

macro_rules! entity {
    ($module:ident, $table:literal { $($field:ident : $type:ty),* }) => {
        pub(super) mod $module {
            use sea_orm::entity::prelude::*;
            #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
            #[sea_orm(table_name = $table)]
            pub(in super::super) struct Model {
                #[sea_orm(primary_key, auto_increment = false)]
                pub(in super::super) id: i32,
                $(pub(in super::super) $field: $type,)*
            }
            #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
            pub(in super::super) enum Relation {}
            impl ActiveModelBehavior for ActiveModel {}
        }
    };
}

entity!(a, "a" { tenant_id: Uuid, n: i32, s: String, u: Uuid, d: Json, tags: Vec<String> });
entity!(b, "b" { tenant_id: Uuid, n: i32, s: String, u: Uuid });
entity!(k, "k" { n: i32, s: String });

pub(super) const OWN: Uuid = Uuid::from_u128(0x0a11_ce00_0000_4000_8000_0000_0000_0001);
pub(super) const FOREIGN: Uuid = Uuid::from_u128(0x7ec0_ffee_7ec0_4fee_8ec0_ffee_7ec0_ffee);

/// The first of the 256 numbers of the other tenant.
const NUMBER: i32 = 0x7ec0_fe00;
/// The beginning of those numbers in decimal.
const DECIMAL: &str = "2126577";
const WORD: &str = "FOREIGN";
/// The error of the shared database's triggers when a row of the other tenant is written.
pub(super) const TOUCHED: &str = "FOREIGN row written";

/// The kind of value of the other tenant in the bytes of a result or a message, if any.
pub(super) fn marker(bytes: &[u8]) -> Option<&'static str> {
    let holds = |wanted: &[u8]| bytes.windows(wanted.len()).any(|window| window == wanted);
    if holds(TOUCHED.as_bytes()) {
        return Some(TOUCHED);
    }
    if holds(WORD.as_bytes()) {
        return Some("a text of the other tenant");
    }
    if holds(FOREIGN.as_bytes()) || holds(FOREIGN.to_string().as_bytes()) {
        return Some("the id of the other tenant");
    }
    if holds(&NUMBER.to_be_bytes()[..3]) || holds(DECIMAL.as_bytes()) {
        return Some("a number of the other tenant");
    }
    None
}

const TABLES: [&str; 3] = ["a", "b", "k"];

/// Creates the tables. `default` is the SQL for the tenant of an insert without a tenant.
pub(super) async fn create(owner: &DatabaseConnection, default: &str) -> Result<()> {
    // `tenant_id` is not the first column, so that wrong positions are found.
    let columns = format!("id int NOT NULL, tenant_id uuid NOT NULL {default}, n int, s text, u uuid");
    let sql = format!(
        "CREATE TABLE a ({columns}, d jsonb, tags text[], PRIMARY KEY (tenant_id, id)); \
         CREATE TABLE b ({columns}, PRIMARY KEY (tenant_id, id)); \
         CREATE TABLE k (id int PRIMARY KEY, n int NOT NULL, s text NOT NULL); \
         INSERT INTO k SELECT i, i % 3, 's' || i FROM generate_series(1, 3) i; \
         GRANT SELECT, INSERT, UPDATE, DELETE ON a, b TO PUBLIC; GRANT SELECT ON k TO PUBLIC"
    );
    owner.execute_unprepared(&sql).await?;
    Ok(())
}

/// Inserts the rows of the tenant that runs the statements.
pub(super) async fn fill_own(owner: &DatabaseConnection) -> Result<()> {
    for table in ["a", "b"] {
        owner
            .execute_unprepared(&format!(
                "INSERT INTO {table} (id, tenant_id, n, s, u) SELECT i, '{OWN}', i % 2, 's' || i % 3, \
                 ('00000000-0000-4000-8000-00000000000' || i)::uuid FROM generate_series(1, 4) i"
            ))
            .await?;
    }
    owner.execute_unprepared("UPDATE a SET d = jsonb_build_object('k', id), tags = ARRAY['t' || id]").await?;
    Ok(())
}

/// Inserts the rows of the other tenant, some with keys of the first one, and creates triggers against
/// writing them.
pub(super) async fn fill_foreign(owner: &DatabaseConnection) -> Result<()> {
    for table in ["a", "b"] {
        owner
            .execute_unprepared(&format!(
                "INSERT INTO {table} (id, tenant_id, n, s, u) SELECT CASE WHEN i < 3 THEN i ELSE {NUMBER} + i END, \
                 '{FOREIGN}', {NUMBER} + i, '{WORD}' || i, '{FOREIGN}' FROM generate_series(1, 6) i"
            ))
            .await?;
    }
    owner
        .execute_unprepared(&format!(
            "UPDATE a SET d = jsonb_build_object('{WORD}', s), tags = ARRAY[s] WHERE tenant_id = '{FOREIGN}'; \
             CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                IF TG_OP <> 'INSERT' AND OLD.tenant_id <> '{OWN}' OR TG_OP <> 'DELETE' AND NEW.tenant_id <> '{OWN}' THEN \
                    RAISE EXCEPTION '{TOUCHED}'; END IF; \
                RETURN coalesce(NEW, OLD); END $$; \
             CREATE TRIGGER touched BEFORE INSERT OR UPDATE OR DELETE ON a FOR EACH ROW EXECUTE FUNCTION touched(); \
             CREATE TRIGGER touched BEFORE INSERT OR UPDATE OR DELETE ON b FOR EACH ROW EXECUTE FUNCTION touched(); \
             ANALYZE a, b"
        ))
        .await?;
    Ok(())
}

/// Creates functions, operators and casts that PostgreSQL finds for rows of the tables under any name of the
/// relation.
///
/// Each shows all rows of its table. No statement that the rewriter accepts may find one.
pub(super) async fn plant(owner: &DatabaseConnection) -> Result<()> {
    for table in ["a", "b"] {
        let names = ["whole", "lower", "length", "abs", "id_of"];
        for name in names {
            owner.execute_unprepared(&function(table, name, &format!("one {table}"))).await?;
        }
        owner
            .execute_unprepared(&format!(
                "{} {} CREATE CAST ({table} AS text) WITH FUNCTION whole({table}) AS IMPLICIT",
                function(table, "paired", &format!("one {table}, other {table}")),
                function(table, "lower", &format!("several {table}[]")),
            ))
            .await?;
        for operator in ["=", "<", "<->", "||", "~~", "@>"] {
            owner
                .execute_unprepared(&format!(
                    "CREATE OPERATOR {operator} (LEFTARG = {table}, RIGHTARG = {table}, FUNCTION = paired)"
                ))
                .await?;
        }
    }
    Ok(())
}

fn function(table: &str, name: &str, arguments: &str) -> String {
    format!(
        "CREATE FUNCTION {name}({arguments}) RETURNS text LANGUAGE sql STABLE \
         AS $$ SELECT 'found by a row: ' || string_agg(s, ' ' ORDER BY s) FROM public.{table} $$;"
    )
}

/// A query that detects changes, locks and removals of the other tenant's rows. Even a transaction that is
/// rolled back leaves its number in `xmax`.
pub(super) fn fingerprint() -> String {
    let of = |table: &str| {
        format!(
            "SELECT '{table}' || ctid::text || xmin::text || ' ' || xmax::text || to_jsonb({table})::text AS line \
             FROM public.{table} WHERE tenant_id <> '{OWN}'"
        )
    };
    format!("SELECT string_agg(line, ' ' ORDER BY line) AS line FROM ({} UNION ALL {}) x", of("a"), of("b"))
}

/// A query for the rows after a statement, for both the tenant's connection and the database of one tenant.
pub(super) fn left_behind() -> String {
    let of = |table: &str| format!("SELECT '{table}' AS t, to_jsonb({table}.*) AS row FROM {table}");
    format!("{} ORDER BY 1, 2", TABLES.map(of).join(" UNION ALL "))
}

/// The shared tables, which every tenant may read.
pub(super) const SHARED: [&str; 1] = ["k"];

#[test]
fn markers_are_found_in_every_form() {
    for bytes in [
        b"..FOREIGN3".to_vec(),
        FOREIGN.as_bytes().to_vec(),
        FOREIGN.to_string().into_bytes(),
        (NUMBER + 5).to_be_bytes().to_vec(),
        (NUMBER + 200).to_string().into_bytes(),
    ] {
        assert!(marker(&bytes).is_some(), "{bytes:?}");
    }
    assert!(marker(b"s1").is_none() && marker(OWN.as_bytes()).is_none());
}
