//! Random statements as text. Every relation that they read has the columns `id`, `n` and `s`.

use sea_orm::{DbBackend, Statement, Value};

use super::choices::Choices;

/// The assumptions of a statement about its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// The connection adds the tenant to the target of ON CONFLICT.
    Rewritten,
    /// Statements name the tenant's column wherever the key contains it.
    AsItIs,
}

const TENANT_TABLES: [&str; 3] = ["a", "b", "c"];

/// Keywords of PostgreSQL that are also names of relations, with and without AS. Some begin a clause.
const WORDS: &[&str] = &[
    "action",
    "between",
    "cascade",
    "cycle",
    "data",
    "delete",
    "do_",
    "exclude",
    "exists",
    "explain",
    "filter",
    "following",
    "format",
    "global",
    "group_",
    "groups",
    "insert",
    "json",
    "key",
    "language",
    "lock",
    "match",
    "matched",
    "merge",
    "next",
    "nulls",
    "of",
    "off",
    "old",
    "ordinality",
    "over",
    "partition",
    "range",
    "recursive",
    "refresh",
    "release",
    "replace",
    "row",
    "rows",
    "search",
    "set",
    "share",
    "skip",
    "source",
    "target",
    "ties",
    "truncate",
    "type",
    "update",
    "values",
    "views",
    "within",
    "xmltable",
    "zone",
];

/// Keywords that name a column without AS, and begin something else in other places.
const LABELS: &[&str] = &[
    "all",
    "analyse",
    "and",
    "any",
    "array",
    "as_",
    "asc",
    "between",
    "both",
    "case",
    "cast",
    "collate",
    "cross",
    "current_date",
    "default",
    "delete",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "exists",
    "false",
    "foreign",
    "freeze",
    "full",
    "ilike",
    "in",
    "initially",
    "inner",
    "is",
    "join",
    "key",
    "lateral",
    "left",
    "like",
    "natural",
    "not",
    "null",
    "only",
    "or",
    "outer",
    "primary",
    "references",
    "right",
    "row",
    "select",
    "set",
    "similar",
    "some",
    "symmetric",
    "table",
    "then",
    "true",
    "unique",
    "update",
    "user",
    "using",
    "values",
    "verbose",
    "when",
];

/// Keywords that cannot be names of relations.
const NOT_A_RELATION: &[&str] = &["between", "exists", "row", "values", "xmltable"];

/// Writes one statement.
pub(super) struct Grammar<'a> {
    choices: &'a mut Choices,
    dialect: Dialect,
    values: Vec<Value>,
    aliases: usize,
    /// The keywords that this statement already uses as names of relations.
    words: Vec<&'static str>,
    ctes: Vec<String>,
    /// False once the statement changes rows, because two changes in one statement have no defined order.
    may_change: bool,
}

impl<'a> Grammar<'a> {
    pub(super) fn statement(choices: &'a mut Choices, dialect: Dialect) -> Statement {
        let mut grammar = Self {
            choices,
            dialect,
            values: Vec::new(),
            aliases: 0,
            words: Vec::new(),
            ctes: Vec::new(),
            may_change: true,
        };
        let with = grammar.with();
        let body = match grammar.choices.below(14) {
            0..=2 => grammar.query(3),
            3 => grammar.locking(),
            4 => grammar.ordered(),
            5 if grammar.may_change => grammar.insert(),
            6 if grammar.may_change => grammar.update(),
            7 if grammar.may_change => grammar.delete(),
            8 if grammar.may_change => grammar.batch(),
            9 if grammar.may_change => grammar.merge(),
            10 if grammar.may_change => grammar.insert_without_columns(),
            11 => grammar.other_forms(),
            _ => grammar.stars(),
        };
        let end = grammar.choices.of(&["", ";", " -- the end", "\n/* the end */ ;"]);
        Statement::from_sql_and_values(DbBackend::Postgres, format!("{with}{body}{end}"), grammar.values)
    }

    fn alias(&mut self) -> String {
        self.aliases += 1;
        let n = self.aliases;
        match self.choices.below(9) {
            8 => format!("\"X {n}\""),
            7 => {
                let word = self.choices.of(WORDS);
                let is_taken = NOT_A_RELATION.contains(&word) || self.words.contains(&word);
                if is_taken {
                    return format!("x{n}");
                }
                self.words.push(word);
                word.to_owned()
            }
            _ => format!("x{n}"),
        }
    }

    fn space(&mut self) -> &'static str {
        self.choices.of(&[" ", " ", " ", " ", "\n", "\t ", " /* é \" ' -- */ ", " -- 'ключ' (\n", "\r\n"])
    }

    fn with(&mut self) -> String {
        if !self.choices.once_in(3) {
            return String::new();
        }
        if self.choices.once_in(4) {
            let first = self.query(1);
            self.ctes.push("r".to_owned());
            return format!(
                "WITH RECURSIVE r (id, n, s) AS (({first}) UNION SELECT r.id + 1, r.n, r.s FROM r WHERE r.id < 4) "
            );
        }
        let mut parts = Vec::new();
        for _ in 0..=self.choices.below(2) {
            // Names of tables, which the common table expressions then shadow.
            let name = self.choices.of(&["q", "a", "b", "\"c\"", "k"]).to_owned();
            if self.ctes.contains(&name) {
                continue;
            }
            let body = match self.choices.below(5) {
                0 if self.may_change => self.returning(Self::delete_text),
                1 if self.may_change => self.returning(Self::update_text),
                2 if self.may_change => self.returning(Self::insert_text),
                _ => self.query(2),
            };
            let how = self.choices.of(&["", "", " MATERIALIZED", " NOT MATERIALIZED"]);
            parts.push(format!("{name} AS{how} ({body})"));
            self.ctes.push(name);
        }
        format!("WITH {} ", parts.join(", "))
    }

    fn returning(&mut self, change: impl FnOnce(&mut Self) -> (String, String)) -> String {
        self.may_change = false;
        let (text, label) = change(self);
        format!("{text} RETURNING {label}.id, {label}.n, {label}.s")
    }

    /// A tenant table as a statement may write it.
    fn table(&mut self) -> String {
        let name = self.choices.of(&TENANT_TABLES);
        self.spelled(name)
    }

    fn spelled(&mut self, name: &str) -> String {
        match self.choices.below(5) {
            0 => format!("public.{name}"),
            1 => format!("\"public\".\"{name}\""),
            2 => format!("PUBLIC.{}", name.to_uppercase()),
            // A bare name may be that of a common table expression.
            3 => name.to_uppercase(),
            _ => name.to_owned(),
        }
    }

    /// A relation to read, and its alias.
    fn relation(&mut self, depth: usize, outer: &[String]) -> (String, String) {
        let alias = self.alias();
        let space = self.space();
        let how = self.choices.of(&["AS ", ""]);
        let text = match self.choices.below(if depth == 0 { 6 } else { 9 }) {
            0..=2 => format!("{}{space}{how}{alias}", self.table()),
            3 => format!("{}{space}{how}{alias}", self.spelled("k")),
            4 => match self.ctes.last().cloned() {
                Some(name) => format!("{name} {how}{alias}"),
                None => format!("a{space}{how}{alias}"),
            },
            5 => {
                let (one, two) = (self.int(outer), self.text(outer));
                let lateral = if outer.is_empty() { "" } else { "LATERAL " };
                format!("{lateral}(VALUES (1, {one}, {two}), (2, 3, 'v')) {how}{alias} (id, n, s)")
            }
            6 => {
                let lateral = self.choices.of(&["", "LATERAL "]);
                let outer = if lateral.is_empty() { &[] } else { outer };
                format!("{lateral}({}) {how}{alias}", self.query_in(depth - 1, outer))
            }
            7 => format!("{} AS {alias} (t, id, n, s)", self.choices.of(&["a", "public.b"])),
            _ => format!(
                "(SELECT g AS id, g * 2 AS n, g::text AS s FROM generate_series(1, {}) AS g) {how}{alias}",
                self.choices.below(4)
            ),
        };
        (text, alias)
    }

    /// A FROM list, and the aliases of its relations.
    fn from(&mut self, depth: usize, outer: &[String]) -> (String, Vec<String>) {
        let (mut text, first) = self.relation(depth, outer);
        let mut labels = vec![first];
        for _ in 0..self.choices.below(3) {
            // A lateral item of a comma list, an inner or a left join sees the items on its left.
            let seen: Vec<_> = outer.iter().chain(&labels).cloned().collect();
            let left = labels[self.choices.below(labels.len())].clone();
            let space = self.space();
            let join = match self.choices.below(9) {
                0 => {
                    let (right, label) = self.relation(depth.saturating_sub(1), &seen);
                    let on = self.condition(&[left, label.clone()], 1);
                    labels.push(label);
                    format!("{text}{space}JOIN {right} ON {on}")
                }
                1 => {
                    let (right, label) = self.relation(depth.saturating_sub(1), &seen);
                    let on = self.condition(&[left, label.clone()], 1);
                    labels.push(label);
                    format!("{text}{space}LEFT JOIN {right} ON {on}")
                }
                2 => {
                    let (right, label) = self.relation(depth.saturating_sub(1), outer);
                    let on = self.condition(&[left, label.clone()], 1);
                    labels.push(label);
                    format!("{text}{space}RIGHT OUTER JOIN {right} ON {on}")
                }
                3 => {
                    let (right, label) = self.relation(depth.saturating_sub(1), outer);
                    let on = format!("{left}.id = {label}.n");
                    labels.push(label);
                    format!("{text}{space}FULL JOIN {right} ON {on}")
                }
                4 => {
                    let (right, label) = self.relation(depth.saturating_sub(1), &seen);
                    labels.push(label);
                    format!("{text}, {right}")
                }
                5 => {
                    let (right, label) = self.relation(depth.saturating_sub(1), &seen);
                    labels.push(label);
                    format!("{text}{space}CROSS JOIN {right}")
                }
                6 => {
                    let (one, a) = self.relation(0, outer);
                    let (two, b) = self.relation(0, outer);
                    let inner = format!("({one} LEFT JOIN {two} ON {a}.n = {b}.id)");
                    let on = format!("{left}.id = {a}.id");
                    labels.extend([a, b]);
                    format!("{text} FULL OUTER JOIN {inner} ON {on}")
                }
                7 if labels.len() == 1 => {
                    let (right, label) = self.relation(depth.saturating_sub(1), outer);
                    labels.push(label);
                    let kind = self.choices.of(&["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"]);
                    format!("{text} {kind} {right} USING (id)")
                }
                8 if labels.len() == 1 => {
                    let (right, label) = self.relation(depth.saturating_sub(1), outer);
                    labels.push(label);
                    let kind = self.choices.of(&["NATURAL JOIN", "NATURAL LEFT JOIN"]);
                    format!("{text} {kind} {right}")
                }
                _ => break,
            };
            text = join;
        }
        (text, labels)
    }

    fn query(&mut self, depth: usize) -> String {
        self.query_in(depth, &[])
    }

    /// A query with the columns `id`, `n` and `s`. It may refer to the relations in `outer`.
    fn query_in(&mut self, depth: usize, outer: &[String]) -> String {
        if depth > 0 && self.choices.once_in(5) {
            let (left, right) = (self.query_in(depth - 1, outer), self.query_in(depth - 1, outer));
            let op = self.choices.of(&["UNION", "UNION ALL", "INTERSECT", "EXCEPT", "EXCEPT ALL"]);
            return format!("({left}) {op} ({right})");
        }
        if self.choices.once_in(8) {
            // A table that is grouped by its key can also select its other columns.
            let (table, x) = (self.choices.of(&["public.a", "public.b"]), self.alias());
            return format!(
                "SELECT {x}.id, {x}.n, {x}.s FROM {table} AS {x} LEFT JOIN public.c AS cc ON cc.n = {x}.id \
                 GROUP BY {x}.tenant_id, {x}.id HAVING count(cc.id) < 9"
            );
        }
        let (from, labels) = self.from(depth.saturating_sub(1), outer);
        let seen: Vec<_> = outer.iter().chain(&labels).cloned().collect();
        let condition = self.filter(&seen, depth.saturating_sub(1));
        let x = labels[self.choices.below(labels.len())].clone();
        match self.choices.below(10) {
            0 | 1 => {
                let (id, n, s) = (self.int(&seen), self.int(&seen), self.text(&seen));
                let distinct = self.choices.of(&["", "", "DISTINCT "]);
                format!("SELECT {distinct}{id} AS id, {n} AS n, {s} AS s FROM {from}{condition}")
            }
            2 => format!("SELECT {x}.id, {x}.n, {x}.s FROM {from}{condition}"),
            3 => {
                let only = self.condition(std::slice::from_ref(&x), 0);
                format!(
                    "SELECT count(*)::int AS id, (sum({x}.n) FILTER (WHERE {only}))::int AS n, \
                     string_agg({x}.s, ',' ORDER BY {x}.s) AS s FROM {from}{condition}"
                )
            }
            7 => {
                // Keywords as column names without AS.
                let (id, n, s) = (self.choices.of(LABELS), self.choices.of(LABELS), self.choices.of(LABELS));
                if id == n || n == s || s == id {
                    return format!("SELECT {x}.id, {x}.n, {x}.s FROM {from}{condition}");
                }
                format!(
                    "SELECT z.{id} AS id, z.{n} AS n, z.{s} AS s \
                     FROM (SELECT {x}.id {id}, {x}.n {n}, {x}.s {s} FROM {from}{condition}) AS z"
                )
            }
            8 => format!("SELECT ({x}).id, ({x}.n) AS n, to_jsonb({x}) ->> 's' AS s FROM {from}{condition}"),
            9 => format!(
                "SELECT {x}.id, count({x})::int AS n, (SELECT ({x}.s) FROM (SELECT 1) AS y) AS s FROM {from}{condition} \
                 GROUP BY {x}.id, {x}.s"
            ),
            4 => format!(
                "SELECT max({x}.id) AS id, count({x}.n)::int AS n, {x}.s FROM {from}{condition} \
                 GROUP BY {x}.s HAVING count(*) > {}",
                self.choices.below(2)
            ),
            5 => format!(
                "SELECT {x}.id, (rank() OVER (PARTITION BY {x}.n ORDER BY {x}.id))::int AS n, \
                 max({x}.s) OVER w AS s FROM {from}{condition} WINDOW w AS (PARTITION BY {x}.id)"
            ),
            _ => format!(
                "SELECT DISTINCT ON ({x}.n) {x}.id, {x}.n, {x}.s FROM {from}{condition} ORDER BY {x}.n, {x}.id, {x}.s"
            ),
        }
    }

    fn ordered(&mut self) -> String {
        let query = self.query(2);
        let limit =
            self.choices.of(&["LIMIT 3", "LIMIT 2 OFFSET 1", "OFFSET 2 ROWS FETCH FIRST 2 ROWS ONLY"]);
        format!("SELECT * FROM ({query}) AS z ORDER BY id, n DESC NULLS LAST, s {limit}")
    }

    fn stars(&mut self) -> String {
        let (from, labels) = self.from(1, &[]);
        let what = if self.choices.once_in(2) { "*".to_owned() } else { format!("{}.*", labels[0]) };
        let condition = self.filter(&labels, 1);
        format!("SELECT{}{what}{}FROM {from}{condition}", self.space(), self.space())
    }

    /// A change of rows that are found by `ctid`, as applications change rows in batches.
    fn batch(&mut self) -> String {
        let table = self.choices.of(&TENANT_TABLES);
        let (one, two) = (self.spelled_with_schema(table), self.spelled_with_schema(table));
        let x = self.alias();
        let condition = self.filter(std::slice::from_ref(&x), 1);
        let (ctid, inner) = match self.choices.below(3) {
            0 => (format!("{table}.ctid"), format!("{x}.ctid")),
            _ => ("ctid".to_owned(), "ctid".to_owned()),
        };
        let rows = format!("SELECT {inner} FROM {two} AS {x}{condition} ORDER BY {x}.id LIMIT 2");
        let found = match self.choices.below(3) {
            0 => format!("{ctid} = ANY (ARRAY({rows}))"),
            // The array is computed once. The rows that IN selects depend on the plan: a nested loop selects them
            // again for every row, and locking skips the rows that the statement has already changed.
            1 => format!("{ctid} = ANY (ARRAY(SELECT z.ctid FROM ({rows} FOR UPDATE) AS z))"),
            _ => format!("{ctid} IN ({rows})"),
        };
        let text = match self.choices.below(2) {
            0 => format!("DELETE FROM {one} WHERE {found} AND tableoid IS NOT NULL"),
            _ => format!("UPDATE ONLY {one} SET n = coalesce(n, 0) + 1 WHERE {found}"),
        };
        self.maybe_returning(text, table)
    }

    fn merge(&mut self) -> String {
        let table = self.choices.of(&["a", "b"]);
        let (target, label) = match self.choices.below(2) {
            0 => (self.spelled_with_schema(table), table.to_owned()),
            _ => (format!("{} AS t", self.spelled_with_schema(table)), "t".to_owned()),
        };
        let source = match self.choices.below(3) {
            0 => "(VALUES (1, 2, 'm'), (70, 3, 'n')) AS z (id, n, s)".to_owned(),
            1 => format!(
                "(SELECT DISTINCT ON (id) id, n, s FROM ({}) AS y ORDER BY id, n, s) AS z",
                self.query(1)
            ),
            _ => format!("{} AS z", self.spelled_with_schema("b")),
        };
        let both = [label.clone(), "z".to_owned()];
        let mut actions = Vec::new();
        for _ in 0..=self.choices.below(3) {
            actions.push(match self.choices.below(6) {
                0 => {
                    let condition = self.condition(&both, 0);
                    format!("WHEN MATCHED AND {condition} THEN UPDATE SET n = z.n, s = {label}.s || 'm'")
                }
                1 => "WHEN MATCHED THEN DELETE".to_owned(),
                2 => "WHEN NOT MATCHED THEN INSERT (id, n, s) VALUES (z.id, z.n, z.s)".to_owned(),
                3 => "WHEN NOT MATCHED AND z.id > 60 THEN INSERT VALUES (DEFAULT, z.id, z.n)".to_owned(),
                4 => format!("WHEN NOT MATCHED BY SOURCE AND {label}.n > 1 THEN UPDATE SET s = 'left'"),
                _ => "WHEN MATCHED THEN DO NOTHING".to_owned(),
            });
        }
        format!("MERGE INTO {target} USING {source} ON {label}.id = z.id {}", actions.join(" "))
    }

    fn insert_without_columns(&mut self) -> String {
        let table = self.choices.of(&["a", "b"]);
        let (target, first) = (self.spelled_with_schema(table), 70 + self.choices.below(9));
        match self.choices.below(3) {
            0 => format!("INSERT INTO {target} VALUES (DEFAULT, {first}, {}, 'i')", self.int(&[])),
            1 => format!(
                "INSERT INTO {target} SELECT tenant_id, id + 100, n FROM public.b AS x WHERE x.id < 4"
            ),
            _ => format!(
                "INSERT INTO {target} (tenant_id, id, s) SELECT y.t, y.id + 100, 'own' \
                 FROM (SELECT x.tenant_id AS t, x.id FROM public.c AS x) AS y WHERE y.id < 3"
            ),
        }
    }

    /// Rare forms of a query.
    fn other_forms(&mut self) -> String {
        let table = self.choices.of(&["public.a", "public.b", "\"public\".c"]);
        match self.choices.below(9) {
            0 => format!("TABLE {table}"),
            1 => format!("TABLE ONLY {table} ORDER BY id LIMIT 2"),
            2 => format!(
                "SELECT x.id, x.n FROM ONLY ({table}) AS x WHERE x.ctid IS NOT NULL AND xmin IS NOT NULL"
            ),
            3 => format!(
                "SELECT f.i, x.s FROM {table} AS x, ROWS FROM (generate_series(1, x.n), unnest(ARRAY[x.id])) AS f (i, j)"
            ),
            4 => format!(
                "SELECT x.n BETWEEN SYMMETRIC 3 AND 1, count(x), count(*) FILTER (WHERE x IS NOT NULL) FROM {table} AS x GROUP BY 1"
            ),
            5 => format!(
                "WITH RECURSIVE r (i) AS (SELECT 1 UNION ALL SELECT r.i + 1 FROM r WHERE r.i < 3) SEARCH BREADTH FIRST BY i SET o \
                 SELECT r.i, x.id FROM r JOIN {table} AS x ON x.id = r.i ORDER BY r.o, x.id"
            ),
            6 => format!("SELECT x.id, GROUPING(x.n) FROM {table} AS x GROUP BY ROLLUP (x.n, x.id)"),
            7 => format!("SELECT row_to_json(x), (x).s, x.* FROM {table} x ORDER BY x"),
            _ => format!(
                "SELECT j.id, j.s FROM ({table} AS x JOIN public.b AS y USING (id)) AS j (id) WHERE j.id < 5"
            ),
        }
    }

    /// The name of a table with its schema, which no common table expression shadows.
    fn spelled_with_schema(&mut self, name: &str) -> String {
        let spelled = self.spelled(name);
        if spelled.contains('.') { spelled } else { format!("public.{spelled}") }
    }

    fn locking(&mut self) -> String {
        let (table, x) = (self.spelled("a"), self.alias());
        let condition = self.filter(std::slice::from_ref(&x), 2);
        let join = self.choices.of(&["", ", public.b AS y", " JOIN public.b AS y ON y.id = 1"]);
        let lock = self.choices.of(&["FOR UPDATE", "FOR SHARE", "FOR NO KEY UPDATE", "FOR KEY SHARE"]);
        let of = if self.choices.once_in(2) { format!(" OF {x}") } else { String::new() };
        let wait = self.choices.of(&["", " SKIP LOCKED", " NOWAIT"]);
        // A common table expression named like the table cannot be locked by itself.
        let table = if table.contains('.') { table } else { format!("public.{table}") };
        format!("SELECT {x}.id, {x}.n, {x}.s FROM {table} {x}{join}{condition} {lock}{of}{wait}")
    }

    fn insert(&mut self) -> String {
        let (text, label) = self.insert_text();
        self.maybe_returning(text, &label)
    }

    fn insert_text(&mut self) -> (String, String) {
        let table = self.choices.of(&["a", "b"]);
        let (target, label) = match self.choices.below(2) {
            0 => (self.spelled(table), table.to_owned()),
            _ => (format!("{} AS t", self.spelled(table)), "t".to_owned()),
        };
        let first = self.choices.below(60);
        let source = match self.choices.below(4) {
            0 => {
                let rows: Vec<_> = (0..=self.choices.below(3))
                    .map(|row| format!("({}, {}, {})", first + row, self.int(&[]), self.text(&[])))
                    .collect();
                format!("(id, n, s) VALUES {}", rows.join(", "))
            }
            1 => {
                let query = self.query(2);
                format!("(id, n, s) SELECT DISTINCT ON (id) id, n, s FROM ({query}) AS z ORDER BY id, n, s")
            }
            2 => {
                let scope = &["x".to_owned()];
                let condition = self.filter(scope, 1);
                format!(
                    "(\"n\", id, s) SELECT x.n, x.id + {first}, x.s IS DISTINCT FROM 'é' FROM public.b AS x{condition}"
                )
                .replace("x.s IS DISTINCT FROM 'é'", "(x.s IS DISTINCT FROM 'é')::text")
            }
            _ => format!("(id) VALUES ({first})"),
        };
        let key = match self.dialect {
            Dialect::Rewritten => self.choices.of(&["(id)", "(tenant_id, id)"]),
            Dialect::AsItIs => "(tenant_id, id)",
        };
        let conflict = match self.choices.below(5) {
            0 => String::new(),
            1 => " ON CONFLICT DO NOTHING".to_owned(),
            2 => format!(" ON CONFLICT {key} DO NOTHING"),
            3 => {
                format!(" ON CONFLICT {key} DO UPDATE SET n = excluded.n, s = coalesce({label}.s, '') || 'u'")
            }
            _ => {
                let condition = self.condition(std::slice::from_ref(&label), 1);
                format!(" ON CONFLICT {key} DO UPDATE SET s = excluded.s WHERE {condition}")
            }
        };
        (format!("INSERT INTO {target} {source}{conflict}"), label)
    }

    fn update(&mut self) -> String {
        let (text, label) = self.update_text();
        self.maybe_returning(text, &label)
    }

    fn update_text(&mut self) -> (String, String) {
        let table = self.choices.of(&TENANT_TABLES);
        let (target, label) = match self.choices.below(2) {
            0 => (self.spelled(table), table.to_owned()),
            _ => (format!("{} t", self.spelled(table)), "t".to_owned()),
        };
        let own = [label.clone()];
        // The new values depend only on the row itself, because PostgreSQL may choose any of several joined
        // rows.
        let (n, s) = (self.int(&own), self.text(&own));
        let (from, seen) = self.beside("FROM", &label);
        let condition = self.filter(&seen, 2);
        (format!("UPDATE {target}{}SET n = {n}, s = {s}{from}{condition}", self.space()), label)
    }

    fn delete(&mut self) -> String {
        let (text, label) = self.delete_text();
        self.maybe_returning(text, &label)
    }

    fn delete_text(&mut self) -> (String, String) {
        let table = self.choices.of(&TENANT_TABLES);
        let (target, label) = match self.choices.below(2) {
            0 => (self.spelled(table), table.to_owned()),
            _ => (format!("{} AS t", self.spelled(table)), "t".to_owned()),
        };
        let (using, seen) = self.beside("USING", &label);
        let condition = self.filter(&seen, 2);
        (format!("DELETE FROM {target}{using}{condition}"), label)
    }

    /// The other relations of an UPDATE or DELETE.
    fn beside(&mut self, keyword: &str, label: &str) -> (String, Vec<String>) {
        if !self.choices.once_in(3) {
            return (String::new(), vec![label.to_owned()]);
        }
        let (from, mut labels) = self.from(1, &[]);
        labels.insert(0, label.to_owned());
        (format!("{}{keyword} {from}", self.space()), labels)
    }

    fn maybe_returning(&mut self, text: String, label: &str) -> String {
        match self.choices.below(4) {
            0 => format!("{text} RETURNING {label}.id, {label}.n, {label}.ctid IS NOT NULL, ({label}).s"),
            1 => format!("{text} RETURNING {label}.*"),
            2 => {
                format!("{text} RETURNING {label}.id, (SELECT count(*) FROM public.c WHERE c.n = {label}.n)")
            }
            _ => text,
        }
    }

    fn filter(&mut self, labels: &[String], depth: usize) -> String {
        if self.choices.once_in(3) {
            return String::new();
        }
        let space = self.space();
        format!("{space}WHERE {}", self.condition(labels, depth))
    }

    fn condition(&mut self, labels: &[String], depth: usize) -> String {
        match self.choices.below(if depth == 0 { 7 } else { 13 }) {
            0 => format!(
                "{} {} {}",
                self.int(labels),
                self.choices.of(&["=", "<", ">=", "<>"]),
                self.int(labels)
            ),
            1 => format!("{} IS NOT DISTINCT FROM {}", self.text(labels), self.text(labels)),
            2 => format!("{} IS {}NULL", self.int(labels), self.choices.of(&["", "NOT "])),
            3 => format!("{} IN (1, 2, {})", self.int(labels), self.int(labels)),
            4 => format!("{} BETWEEN 1 AND {}", self.int(labels), self.int(labels)),
            5 => format!("{} LIKE '%{}%'", self.text(labels), self.choices.of(&["1", "é", "''"])),
            6 => self.choices.of(&["true", "false", "NOT false", "1 = 1"]).to_owned(),
            7 => format!("{} OR {}", self.condition(labels, depth - 1), self.condition(labels, depth - 1)),
            8 => format!("NOT ({})", self.condition(labels, depth - 1)),
            9 => format!("EXISTS ({})", self.query_in(depth - 1, labels)),
            10 => format!(
                "{} IN (SELECT id FROM ({}) AS z)",
                self.int(labels),
                self.query_in(depth - 1, labels)
            ),
            11 => {
                let op = self.choices.of(&["= ANY", "> ALL", "<> SOME"]);
                format!(
                    "{} {op} (SELECT n FROM ({}) AS z)",
                    self.int(labels),
                    self.query_in(depth - 1, labels)
                )
            }
            _ => format!(
                "{} AND ({}, {}) IN (SELECT c.id, c.s FROM public.c WHERE c.d @> '{{\"k\": 1}}' OR 't1' = ANY (c.tags))",
                self.condition(labels, depth - 1),
                self.int(labels),
                self.text(labels)
            ),
        }
    }

    fn int(&mut self, labels: &[String]) -> String {
        let options = if labels.is_empty() { 2 } else { 7 };
        match self.choices.below(options) {
            0 => self.choices.below(9).to_string(),
            1 => {
                let value = i32::try_from(self.choices.below(9)).unwrap();
                self.values.push(value.into());
                format!("${}", self.values.len())
            }
            2 | 3 => format!("{}.n", self.label(labels)),
            4 => format!("{}.ID", self.label(labels)),
            5 => format!("coalesce({}.n + 1, {})", self.label(labels), self.choices.below(5)),
            _ => {
                let x = self.label(labels);
                format!(
                    "CASE WHEN {x}.n > 3 THEN {x}.id ELSE (SELECT count(*)::int FROM public.b WHERE b.n = {x}.id) END"
                )
            }
        }
    }

    fn text(&mut self, labels: &[String]) -> String {
        let options = if labels.is_empty() { 3 } else { 6 };
        match self.choices.below(options) {
            0 => self.choices.of(&["'s1'", "'é ''quoted'' -- /*'", "E'\\'; --'", "$x$ ' $x$"]).to_owned(),
            1 => {
                self.values.push(self.choices.of(&["s1", "s2", "'; DROP"]).into());
                format!("${}::text", self.values.len())
            }
            2 => "CAST(NULL AS text)".to_owned(),
            3 => format!("{}.\"s\"", self.label(labels)),
            4 => format!("upper({}.s) || 'x'", self.label(labels)),
            _ => format!("(SELECT min(a.s) FROM public.a WHERE a.id = {}.n)", self.label(labels)),
        }
    }

    fn label(&mut self, labels: &[String]) -> String {
        labels[self.choices.below(labels.len())].clone()
    }
}
