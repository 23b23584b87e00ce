//! Random names in random scopes. A few names are columns in one scope, relations in another, and both in a
//! third.
//!
//! If the rewriter reads a name as a value and the server as a row, a planted cast is found. If only the
//! rewriter reads a column as the tenant, a row of the other tenant is written. `WATERTIGHT_JUDGE_SCOPES` is
//! the number of texts.

use anyhow::Result;

use super::{Court, judge_all, number, seed};

struct Grammar {
    random: fastrand::Rng,
    /// The number of levels that queries may still nest.
    depth: usize,
}

impl Grammar {
    fn one(&mut self, of: &[&str]) -> String {
        of[self.random.usize(..of.len())].to_owned()
    }

    fn name(&mut self) -> String {
        self.one(&["x", "y", "z", "id", "s"])
    }

    fn nested<T>(&mut self, inside: impl FnOnce(&mut Self) -> T) -> T {
        self.depth -= 1;
        let made = inside(self);
        self.depth += 1;
        made
    }

    fn value(&mut self) -> String {
        let (name, other) = (self.name(), self.name());
        match self.random.u8(..if self.depth == 0 { 9 } else { 13 }) {
            0 | 1 => format!("{name}::text"),
            2 => format!("({name}.{other})::text"),
            3 => format!("({name}).{other}::text"),
            4 => format!("lower({name}::text)"),
            5 => format!("coalesce({name}::text, {other}::text)"),
            6 => format!("(({name}))::text"),
            7 => name,
            8 => format!("{name}.{other}"),
            9 => format!("(SELECT {name}::text)"),
            10 => self.nested(|inner| format!("(SELECT q.c1::text FROM ({}) q (c1) LIMIT 1)", inner.query())),
            11 => self.nested(|inner| format!("EXISTS ({})", inner.query())),
            _ => self.nested(|inner| format!("ARRAY({})", inner.query())),
        }
    }

    fn target(&mut self) -> String {
        let (value, label) = (self.value(), self.name());
        match self.random.u8(..4) {
            0 => "*".to_owned(),
            1 => value,
            _ => format!("{value} AS {label}"),
        }
    }

    fn renamed(&mut self) -> String {
        let count = self.random.usize(..4);
        if count == 0 {
            return String::new();
        }
        let names: Vec<String> = (0..count).map(|_| self.name()).collect();
        format!("({})", names.join(", "))
    }

    fn source(&mut self) -> String {
        let (alias, names) = (self.name(), self.renamed());
        match self.random.u8(..if self.depth == 0 { 6 } else { 12 }) {
            0 => format!("a {alias}"),
            1 => format!("b {alias} {names}"),
            2 => format!("k {alias} {names}"),
            3 => {
                let column = self.name();
                format!("(SELECT 1 AS {column}, '7' AS z) {alias}")
            }
            4 => format!("generate_series(1, 2) WITH ORDINALITY {alias} {names}"),
            5 => format!("(VALUES (1, 2)) {alias} {names}"),
            6 => self.nested(|inner| format!("({}) {alias} {names}", inner.query())),
            7 => self.nested(|inner| format!("LATERAL ({}) {alias} {names}", inner.query())),
            8 => self.nested(|inner| format!("(SELECT {alias} AS {alias} FROM {}) {alias}", inner.source())),
            9 => {
                let (left, right) = self.nested(|inner| (inner.source(), inner.source()));
                let column = self.name();
                let how = self.one(&["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"]);
                let m = self.one(&["", " AS m", " AS x"]);
                format!("({left} {how} {right} USING ({column}){m})")
            }
            10 => {
                let (left, right) = self.nested(|inner| (inner.source(), inner.source()));
                format!("({left} NATURAL JOIN {right}) AS {alias} {names}")
            }
            _ => {
                let (left, right) = self.nested(|inner| (inner.source(), inner.source()));
                let value = self.value();
                format!("{left} LEFT JOIN {right} ON {value} IS NULL")
            }
        }
    }

    fn query(&mut self) -> String {
        let targets: Vec<String> = (0..self.random.usize(1..3)).map(|_| self.target()).collect();
        let sources: Vec<String> = (0..self.random.usize(1..3)).map(|_| self.source()).collect();
        let tail = match self.random.u8(..6) {
            0 => format!(" WHERE {} IS NOT NULL", self.value()),
            1 => format!(" ORDER BY {}", self.name()),
            2 => format!(" GROUP BY {}", self.name()),
            _ => String::new(),
        };
        let query = format!("SELECT {} FROM {}{tail}", targets.join(", "), sources.join(", "));
        if self.depth > 0 && self.random.u8(..8) == 0 {
            let (name, names) = (self.name(), self.renamed());
            let inner = self.nested(Self::query);
            return format!("WITH {name} {names} AS ({inner}) {query}");
        }
        query
    }

    fn statement(&mut self) -> String {
        match self.random.u8(..6) {
            0 => {
                let column = self.one(&["x", "y", "z", "tenant_id"]);
                format!(
                    "INSERT INTO b (tenant_id, id) SELECT q.{column}, 99 FROM ({}) q {}",
                    self.query(),
                    self.renamed()
                )
            }
            1 => {
                let (alias, value) = (self.name(), self.value());
                format!("UPDATE a {alias} SET s = {value} FROM {} RETURNING {}", self.source(), self.target())
            }
            _ => self.query(),
        }
    }
}

#[tokio::test]
async fn a_name_has_the_meaning_that_the_server_gives_it() -> Result<()> {
    let seed = seed();
    println!("WATERTIGHT_JUDGE_SEED={seed}");
    let mut grammar = Grammar { random: fastrand::Rng::with_seed(seed), depth: 2 };
    let texts: Vec<String> =
        (0..number("WATERTIGHT_JUDGE_SCOPES", 4_000)).map(|_| grammar.statement()).collect();
    let court = Court::open(5).await?;
    let faults = judge_all(&court, texts).await?;
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    Ok(())
}
