//! Triggers and rules of a random schema.

use std::fmt::Write;

use fastrand::Rng;

use super::names::quoted;
use super::table::{Form, Table};

/// Functions for triggers that would change a restored row, write another, or keep a row.
pub(super) const FUNCTIONS: &str = "
CREATE FUNCTION odd.touches() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.touched := now(); RETURN NEW; END $$;
CREATE FUNCTION odd.drops() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE FUNCTION odd.refuses() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'refused'; END $$;
CREATE FUNCTION odd.logs() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO odd.log VALUES (coalesce(NEW.tenant_id, OLD.tenant_id), TG_OP); RETURN NULL; END $$;
CREATE TABLE odd.log (tenant_id uuid NOT NULL, what text);
";

const TRIGGERS: [&str; 8] = [
    "BEFORE INSERT ON @ FOR EACH ROW EXECUTE FUNCTION odd.touches()",
    "BEFORE INSERT ON @ FOR EACH ROW EXECUTE FUNCTION odd.drops()",
    "BEFORE INSERT ON @ FOR EACH STATEMENT EXECUTE FUNCTION odd.refuses()",
    "AFTER INSERT ON @ FOR EACH ROW EXECUTE FUNCTION odd.logs()",
    "AFTER INSERT OR DELETE ON @ FOR EACH ROW EXECUTE FUNCTION odd.logs()",
    "BEFORE DELETE ON @ FOR EACH ROW EXECUTE FUNCTION odd.drops()",
    "BEFORE DELETE ON @ FOR EACH STATEMENT EXECUTE FUNCTION odd.refuses()",
    "AFTER DELETE ON @ FOR EACH ROW EXECUTE FUNCTION odd.logs()",
];

const RULES: [&str; 4] = [
    "ON INSERT TO @ DO INSTEAD NOTHING",
    "ON DELETE TO @ DO INSTEAD NOTHING",
    "ON INSERT TO @ DO ALSO INSERT INTO odd.log VALUES (NEW.tenant_id, 'rule')",
    "ON DELETE TO @ DO ALSO INSERT INTO odd.log VALUES (OLD.tenant_id, 'rule')",
];

impl Table {
    /// Triggers and rules.
    pub(super) fn react(&self, random: &mut Rng) -> String {
        let mut sql = String::new();
        let table = self.quoted();
        for number in 0..random.usize(..4) {
            let trigger = TRIGGERS[random.usize(..TRIGGERS.len())].replace('@', &table);
            let name = quoted(&format!("trigger \" {number}"));
            let _ = writeln!(sql, "CREATE TRIGGER {name} {trigger};");
            match random.u8(..4) {
                0 => drop(writeln!(sql, "ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name};")),
                1 => drop(writeln!(sql, "ALTER TABLE {table} DISABLE TRIGGER {name};")),
                _ => (),
            }
        }
        if self.form == Form::Partitioned {
            let trigger = TRIGGERS[random.usize(..2)];
            for part in ["zero", "ones"] {
                let _ = writeln!(sql, "CREATE TRIGGER own {};", trigger.replace('@', &self.part(part)));
            }
        }
        if random.u8(..3) == 0 {
            let rule = RULES[random.usize(..RULES.len())].replace('@', &table);
            let _ = writeln!(sql, "CREATE RULE \"rule '\" AS {rule};");
        }
        sql
    }
}
