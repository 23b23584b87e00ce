//! A random schema with statements that create and fill it.

use std::fmt::Write;

use fastrand::Rng;
use watertight::TenantId;

use super::names::{Names, quoted};
use super::reactions::FUNCTIONS;
use super::table::{Form, Table};
use super::types::CREATE;

/// The number of rows of a tenant in each table.
pub(super) const ROWS: usize = 5;

pub(super) struct Schema {
    pub(super) create: String,
    /// Creates the triggers and rules. Some of them would keep the rows from being written.
    pub(super) react: String,
    pub(super) tables: Vec<Table>,
    seed: u64,
}

impl Schema {
    pub(super) fn random(seed: u64) -> Self {
        let random = &mut Rng::with_seed(seed);
        let mut names = Names::of(&["log"]);
        let tables: Vec<Table> = (0..random.usize(4..8)).map(|_| Table::random(random, &mut names)).collect();
        let create = format!("CREATE SCHEMA odd;{CREATE}{FUNCTIONS}");
        let mut schema = Self { create, react: String::new(), tables, seed };
        for number in 0..schema.tables.len() {
            let table = schema.tables[number].create(random);
            schema.create.push_str(&table);
        }
        schema.refer(random);
        for number in 0..schema.tables.len() {
            let reactions = schema.tables[number].react(random);
            schema.react.push_str(&reactions);
        }
        // The owner of the database owns everything in it, as after a migration.
        schema.create.push_str(
            "DO $$ DECLARE o record; BEGIN
             FOR o IN SELECT format('ALTER SCHEMA %I OWNER TO watertight_owner', nspname) AS sql FROM pg_namespace
                 WHERE nspname IN ('odd', 'elsewhere')
             UNION ALL SELECT format('ALTER TABLE %s OWNER TO watertight_owner', c.oid::regclass) FROM pg_class c
                 WHERE relkind IN ('r', 'p') AND relnamespace IN ('odd'::regnamespace, 'elsewhere'::regnamespace)
             LOOP EXECUTE o.sql; END LOOP; END $$;",
        );
        schema
    }

    /// Adds foreign keys: to any table, to the table itself, and in circles.
    fn refer(&mut self, random: &mut Rng) {
        let count = self.tables.len();
        // A key of a single partition, which no other table may be filled before.
        for from in 0..count {
            if self.tables[from].form != Form::Partitioned {
                continue;
            }
            let (part, referenced) = (self.tables[from].part("ones"), self.tables[count - 1].quoted());
            let id = self.tables[count - 1].id.data_type();
            let _ = writeln!(
                self.create,
                "ALTER TABLE {} ADD COLUMN \"to last\" {id};
                 ALTER TABLE {part} ADD FOREIGN KEY (tenant_id, \"to last\") REFERENCES {referenced} (tenant_id, id);",
                self.tables[from].quoted()
            );
            self.tables[from].references.push(("to last".to_owned(), count - 1));
        }
        let mut pairs: Vec<(usize, usize)> =
            (0..count).map(|_| (random.usize(..count), random.usize(..count))).collect();
        // At least one circle of two tables and one table that refers to itself.
        pairs.extend([(0, 1), (1, 0), (2, 2)]);
        for (key, (from, to)) in pairs.into_iter().enumerate() {
            let column = format!("to {key}");
            let id = self.tables[to].id.data_type();
            let required = if random.bool() { " NOT NULL" } else { "" };
            let (table, referenced) = (self.tables[from].quoted(), self.tables[to].quoted());
            let name = quoted(&column);
            let action = match random.u8(..5) {
                0 => " ON DELETE RESTRICT".to_owned(),
                1 => " ON DELETE CASCADE".to_owned(),
                2 => format!(" ON DELETE SET NULL ({name})"),
                3 => " DEFERRABLE INITIALLY DEFERRED".to_owned(),
                _ => String::new(),
            };
            let _ = writeln!(
                self.create,
                "ALTER TABLE {table} ADD COLUMN {name} {id}{required};
                 ALTER TABLE {table} ADD FOREIGN KEY (tenant_id, {name}) REFERENCES {referenced} (tenant_id, id){action};"
            );
            self.tables[from].references.push((column, to));
        }
    }

    /// The statements that fill the tables for a tenant, as a replica does: no trigger and no foreign key is checked.
    pub(super) fn fill(&self, tenant: TenantId) -> String {
        let random = &mut Rng::with_seed(self.seed.wrapping_mul(31));
        let mut sql = "BEGIN; SET LOCAL session_replication_role = replica;\n".to_owned();
        for table in &self.tables {
            let heir = (table.form == Form::Inherited).then(|| table.part("heir"));
            for target in std::iter::once(table.quoted()).chain(heir) {
                for row in 1..=ROWS {
                    let (columns, values): (Vec<_>, Vec<_>) =
                        table.values(random, self, row).into_iter().unzip();
                    let _ = writeln!(
                        sql,
                        "INSERT INTO {target} (tenant_id, {}) OVERRIDING SYSTEM VALUE VALUES ('{tenant}', {});",
                        columns.join(", "),
                        values.join(", ")
                    );
                }
            }
            if table.id.is_sequence() {
                let _ = writeln!(sql, "SELECT setval({}, {ROWS});", table.sequence());
            }
        }
        // Rows without a key, and equal ones.
        let _ = writeln!(
            sql,
            "INSERT INTO odd.log VALUES ('{tenant}', 'x'), ('{tenant}', 'x'), ('{tenant}', NULL);"
        );
        sql + "COMMIT;"
    }

    /// Fails if a sequence gives a value that the tenant has.
    pub(super) fn continue_sequences(&self, tenant: TenantId) -> String {
        let mut sql = "DO $$ BEGIN ".to_owned();
        for table in self.tables.iter().filter(|table| table.id.is_sequence()) {
            let _ = write!(
                sql,
                "ASSERT NOT EXISTS (SELECT FROM {} WHERE tenant_id = '{tenant}' AND id >= nextval({})); ",
                table.quoted(),
                table.sequence()
            );
        }
        sql + "END $$"
    }
}
