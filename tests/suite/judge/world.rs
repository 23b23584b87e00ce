//! The tables that are judged: two tenants' rows in a shared database, and one tenant's rows alone.
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

/// Numbers of the other tenant lie in the 256 from here on.
const NUMBER: i32 = 0x7ec0_fe00;
/// The beginning of those numbers in decimal.
const DECIMAL: &str = "2126577";
const WORD: &str = "FOREIGN";
/// What the triggers of the shared database say when a row of the other tenant is written.
pub(super) const TOUCHED: &str = "FOREIGN row written";

/// Whether bytes of a result, or a message, hold a value of the other tenant.
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

/// Makes the tables. `default` is the tenant of an insert that leaves the tenant out, as SQL.
pub(super) async fn create(owner: &DatabaseConnection, default: &str) -> Result<()> {
    // `tenant_id` does not stand first, so that positions can be wrong.
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

/// The rows of the tenant whose statements are judged.
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

/// The rows of the other tenant: some with keys of the first one, and triggers that do not let them be written.
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

/// Functions, operators and casts that are found for rows of the tables, whatever the statement calls them. Each shows
/// all rows of its table; nothing that the rewriter accepts may find one.
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

/// A query that a change, a lock or a removal of the other tenant's rows changes the result of: a transaction that is
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

/// A query for the rows that a statement left, for the tenant's connection as for the database of one tenant.
pub(super) fn left_behind() -> String {
    let of = |table: &str| format!("SELECT '{table}' AS t, to_jsonb({table}.*) AS row FROM {table}");
    format!("{} ORDER BY 1, 2", TABLES.map(of).join(" UNION ALL "))
}

/// The tables that hold tenants' rows, and those that may be read besides.
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
