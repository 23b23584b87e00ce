//! The rows of the other tenant: the same ids as those of the tested tenant, and other texts.
//!
//! The other tenant inserts each row first, so a key or a constraint across tenants refuses the row of the tested tenant.
//! After a transaction, its rows are copied. Rows that the tested tenant changes or deletes stay as they are.

use std::io::Write;

use real::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement};
use watertight::TenantConnection;

use crate::connection::{OTHER, OWN};

/// The statements that write the rows of the other tenant, for the tables of a test.
#[derive(Debug)]
pub(crate) struct OtherTenant {
    superuser: DatabaseConnection,
    copies: String,
    marks: String,
}

/// For each table with a key: the insert of the rows of the tested tenant for the other one, and the change of its texts.
const STATEMENTS: &str = "\
    SELECT format('INSERT INTO %s (tenant_id, %s) OVERRIDING SYSTEM VALUE SELECT ''{other}'', %s FROM %s \
                   WHERE tenant_id = ''{own}'' ON CONFLICT DO NOTHING; ', c.oid::regclass, a.columns, a.columns, c.oid::regclass), \
           (SELECT string_agg(format('UPDATE %s SET %s = %s || ''*'' WHERE tenant_id = ''{other}'' AND %s NOT LIKE ''%%*''; ', \
                c.oid::regclass, t, t, t), '') FROM unnest(a.texts) t) \
    FROM pg_class c CROSS JOIN LATERAL ( \
        SELECT string_agg(quote_ident(attname), ', ') FILTER (WHERE attname <> 'tenant_id' AND attgenerated = '') AS columns, \
               array_agg(quote_ident(attname)) FILTER (WHERE atttypid IN ('text'::regtype, 'varchar'::regtype) AND atttypmod = -1 \
                   AND attgenerated = '' AND NOT EXISTS (SELECT FROM pg_constraint k WHERE attnum = ANY (k.conkey) AND k.conrelid = c.oid)) AS texts \
        FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) a \
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relforcerowsecurity AND a.columns IS NOT NULL \
      AND EXISTS (SELECT FROM pg_constraint p WHERE p.conrelid = c.oid AND p.contype = 'p')";

/// Statements that set every sequence to its present value.
const SEQUENCES: &str = "SELECT format('SELECT setval(%L, %s, %L); ', format('%I.%I', schemaname, sequencename), \
                         coalesce(last_value, start_value), last_value IS NOT NULL) FROM pg_sequences";

async fn texts(db: &DatabaseConnection, sql: &str, index: usize) -> Result<String, DbErr> {
    let rows = db.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    rows.iter().map(|row| Ok(row.try_get_by_index::<Option<String>>(index)?.unwrap_or_default())).collect()
}

/// Adds the number of the other tenant's rows to the file that `cargo xtask sea-orm-tests` reads, since a test next to no
/// rows would prove nothing.
fn record(rows: u64) {
    let Some(file) = std::env::var_os("SEA_ORM_TESTS_OTHER_ROWS") else { return };
    let file = std::fs::OpenOptions::new().create(true).append(true).open(file);
    writeln!(file.expect("a file for numbers"), "{rows}").expect("a number is written");
}

impl OtherTenant {
    pub(crate) async fn of(superuser: DatabaseConnection) -> Result<Self, DbErr> {
        let sql = STATEMENTS.replace("{own}", &OWN.to_string()).replace("{other}", &OTHER.to_string());
        let (copies, marks) = (texts(&superuser, &sql, 0).await?, texts(&superuser, &sql, 1).await?);
        Ok(Self { superuser, copies, marks })
    }

    /// Inserts the rows of a statement for the other tenant first, with the same generated ids.
    pub(crate) async fn insert_first(
        &self,
        other: &TenantConnection,
        statement: &Statement,
    ) -> Result<(), DbErr> {
        let sequences = texts(&self.superuser, SEQUENCES, 0).await?;
        // A statement that fails, fails for the tested tenant, too.
        match other.execute_raw(statement.clone()).await {
            Ok(inserted) => record(inserted.rows_affected()),
            Err(error) => println!("the other tenant: {error}"),
        }
        self.run(&sequences).await?;
        self.run(&self.marks).await
    }

    /// Copies the rows that the other tenant does not have.
    pub(crate) async fn catch_up(&self) -> Result<(), DbErr> {
        self.run(&self.copies).await?;
        self.run(&self.marks).await
    }

    /// Runs statements without triggers.
    async fn run(&self, sql: &str) -> Result<(), DbErr> {
        let sql = format!("BEGIN; SET LOCAL session_replication_role = replica; {sql} COMMIT");
        self.superuser.execute_unprepared(&sql).await.map(drop)
    }
}
