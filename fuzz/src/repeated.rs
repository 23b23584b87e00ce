//! Long texts that repeat a part, to find inputs that take more than linear time or memory.

/// Texts as five parts: beginning, repeated opening, middle, repeated closing, end. `#` is the number of the
/// repetition.
const REPEATED: &[[&str; 5]] = &[
    ["SELECT ", "(", "1", ")", ""],
    ["SELECT ", "[", "1", "]", ""],
    ["", "(", "SELECT 1", ")", ""],
    ["SELECT 1", " OR 1", "", "", ""],
    ["SELECT 1", " AND name = 'x'", "", "", " FROM services"],
    ["SELECT name FROM services WHERE id = 1", " OR name = 'x'", "", "", ""],
    ["SELECT ", "NOT ", "true", "", ""],
    ["SELECT ", "- ", "1", "", ""],
    ["SELECT 1", "::int", "", "", ""],
    ["SELECT name", " || name", "", "", " FROM services"],
    ["SELECT 1", " + 1", "", "", ""],
    ["SELECT 1", " ^ 1", "", "", ""],
    ["SELECT 1", " BETWEEN 1 AND 1", "", "", ""],
    ["SELECT 1 IN (1", ", 1", "", "", ")"],
    ["SELECT ARRAY[1", ", 1", "", "", "]"],
    ["SELECT ", "ARRAY[", "1", "]", ""],
    ["SELECT (ARRAY[1])", "[1]", "", "", ""],
    ["SELECT ", "(SELECT ", "1", ")", ""],
    ["SELECT * FROM ", "(SELECT * FROM ", "services", ") x", ""],
    ["SELECT * FROM ", "(SELECT x.*, x.* FROM ", "services x", ") x", ""],
    ["SELECT * FROM ", "(SELECT x, x FROM ", "services x", ") x", ""],
    ["SELECT * FROM ", "(SELECT * FROM services y, ", "services", ") x", ""],
    ["WITH c0 AS (SELECT 1)", ", c# AS (SELECT x.*, x.* FROM c0 x)", "", "", " SELECT 1"],
    ["SELECT ", "CASE WHEN true THEN ", "1", " END", ""],
    ["SELECT CASE", " WHEN true THEN 1", "", "", " END"],
    ["SELECT ", "coalesce(", "1", ")", ""],
    ["SELECT ", "lower(", "'x'", ")", ""],
    ["SELECT ", "CAST(", "1", " AS int)", ""],
    ["SELECT ", "POSITION(", "'a' IN 'b'", " IN 'b')", ""],
    ["SELECT ", "POSITION('a' IN ", "'b'", ")", ""],
    ["SELECT ", "EXTRACT(year FROM ", "now()", ")", ""],
    ["SELECT ", "TRIM(", "'x'", ")", ""],
    ["SELECT ", "SUBSTRING('x' FROM ", "1", ")", ""],
    ["SELECT ", "OVERLAY('x' PLACING 'y' FROM ", "1", ")", ""],
    ["SELECT ", "EXISTS (SELECT FROM services WHERE ", "true", ")", ""],
    ["SELECT ", "ROW(", "1", ")", ""],
    ["SELECT ", "json_object('k': ", "1", ")", ""],
    ["SELECT 1", " UNION SELECT 1", "", "", ""],
    ["SELECT name FROM services", " UNION ALL SELECT name FROM services", "", "", ""],
    ["", "(", "SELECT 1", ") UNION (SELECT 1)", ""],
    ["SELECT 1", ", 1", "", "", ""],
    ["SELECT 1", ", name", "", "", " FROM services"],
    ["SELECT 1", ", services.*", "", "", " FROM services"],
    ["SELECT 1", ", *", "", "", " FROM services"],
    ["SELECT * FROM services", ", services x#", "", "", ""],
    ["SELECT 1 FROM services", ", services", "", "", ""],
    ["SELECT * FROM services", " JOIN services x# ON true", "", "", ""],
    ["SELECT * FROM services", " NATURAL JOIN services x#", "", "", ""],
    ["SELECT * FROM services", " JOIN services x# USING (id)", "", "", ""],
    ["SELECT * FROM ", "(", "services", " JOIN services x# USING (id))", ""],
    ["SELECT * FROM services", ", LATERAL (SELECT services.name) x#", "", "", ""],
    ["SELECT * FROM services", ", LATERAL (SELECT name) x#", "", "", ""],
    ["WITH c0 AS (SELECT 1)", ", c# AS (SELECT 1)", "", "", " SELECT 1"],
    ["WITH RECURSIVE c0 AS (SELECT 1)", ", c# AS (SELECT * FROM c0)", "", "", " SELECT 1"],
    ["", "WITH x AS (", "SELECT 1", ") SELECT * FROM x", ""],
    ["SELECT name FROM services ORDER BY 1", ", name", "", "", ""],
    ["SELECT 1 FROM services GROUP BY name", ", name", "", "", ""],
    ["SELECT 1 FROM services GROUP BY ", "ROLLUP (", "name", ")", ""],
    ["SELECT sum(1) OVER w FROM services WINDOW w AS ()", ", w# AS (PARTITION BY name)", "", "", ""],
    ["INSERT INTO services (name) VALUES ('x')", ", ('x')", "", "", ""],
    ["INSERT INTO services (name", ", name", ") VALUES ('x'", ", 'x'", ")"],
    ["INSERT INTO services (name) SELECT name FROM services", " UNION SELECT name FROM services", "", "", ""],
    ["INSERT INTO services (name) ", "(", "SELECT 'x'", ")", ""],
    ["UPDATE services SET name = 'x'", ", name = 'x'", "", "", ""],
    ["UPDATE services SET (name", ", name", ") = ('x'", ", 'x'", ")"],
    ["UPDATE services SET name = 'x' RETURNING 1", ", name", "", "", ""],
    ["MERGE INTO services USING reviews ON true", " WHEN MATCHED THEN DELETE", "", "", ""],
    ["DELETE FROM services USING reviews", ", reviews x#", "", "", ""],
    ["SELECT 1", ";", "", "", ""],
    ["SELECT 1", "; SELECT 1", "", "", ""],
    ["SELECT '", "''", "", "", "'"],
    ["SELECT E'", "\\\\", "", "", "'"],
    ["SELECT '", "\\", "", "", "'"],
    ["SELECT 'x'", "\n'x'", "", "", ""],
    ["SELECT '", "x", "", "", "'"],
    ["SELECT '", "x", "", "", ""],
    ["SELECT \"", "x", "", "", "\""],
    ["SELECT \"", "\"\"", "", "", "\""],
    ["SELECT ", "x", "", "", ""],
    ["SELECT ", "x ", "", "", ""],
    ["SELECT x", ".x", "", "", ""],
    ["SELECT x", ".x", "", "", " FROM services x"],
    ["SELECT ", "1", "", "", ""],
    ["SELECT ", "1.", "", "", ""],
    ["SELECT ", "$1 ", "", "", ""],
    ["SELECT $1", ", $1", "", "", ""],
    ["SELECT ", "$", "", "", ""],
    ["SELECT $x$", "$", "", "", "$x$"],
    ["SELECT ", "$x$ ", "", "", ""],
    ["SELECT ", "$a# $", "", "", ""],
    ["SELECT 1 ", "/*", "", "*/", ""],
    ["SELECT 1 ", "/* */", "", "", ""],
    ["SELECT 1 /", "*", "", "", "/"],
    ["SELECT 1 ", "/", "", "", " 1"],
    ["SELECT 1 ", "--\n", "", "", ""],
    ["SELECT 1 --", "-", "", "", ""],
    ["SELECT 1 ", "+", "", "", "1"],
    ["SELECT 1 ", "@#", "", "", " 1"],
    ["SELECT 1 ", "@-", "", "", " 1"],
    ["SELECT 1", " ", "", "", ""],
    ["", "\n", "SELECT 1", "\t", ""],
    ["", "SELECT ", "", "", ""],
    ["", ",", "", "", ""],
    ["", ")", "", "", ""],
    ["", "'", "", "", ""],
    ["", "\u{e9}", "", "", ""],
    ["", "\u{0}", "", "", ""],
    ["", "{", "", "", ""],
    ["SELECT * FROM json_table('{}', '$' COLUMNS (", "NESTED '$' COLUMNS (", "a int", ")", "))"],
    ["SELECT * FROM json_table('{}', '$' COLUMNS (a int", ", a# int", "", "", ")) x"],
    ["SELECT * FROM json_to_record('{}') AS x (a int", ", a# int", "", "", ")"],
    ["SELECT * FROM ROWS FROM (generate_series(1, 2)", ", generate_series(1, 2)", "", "", ") x"],
    ["SELECT 1::int", "[]", "", "", ""],
    ["SELECT 1::numeric(1", ", 1", "", "", ")"],
    ["SELECT 1::a", ".a", "", "", ""],
    ["SELECT 1 OPERATOR(a", ".a", "", "", ".+) 1"],
    ["SELECT name FROM services FOR UPDATE", " FOR UPDATE", "", "", ""],
    ["SELECT name FROM services FOR UPDATE OF services", ", services", "", "", ""],
    ["INSERT INTO services (name) VALUES ('x') ON CONFLICT (id", ", id", "", "", ") DO NOTHING"],
    ["SELECT xmlelement(NAME x, ", "xmlelement(NAME x, ", "1", ")", ")"],
    ["EXPLAIN ", "EXPLAIN ", "SELECT 1", "", ""],
    ["WITH RECURSIVE a AS (SELECT 1)", ", c# AS (SELECT * FROM d#), d# AS (SELECT 1)", "", "", " SELECT 1"],
    ["SELECT a1 FROM (SELECT 1 AS a0", ", 1 AS a#", "", "", ") x"],
    ["SELECT ", "x#, ", "1", "", " FROM services"],
    ["SELECT * FROM services x (c0", ", c#", "", "", ")"],
    ["SELECT CASE 1", " WHEN 1 THEN (SELECT name FROM services LIMIT 1)", "", "", " END"],
    ["SELECT 1 WHERE (1, 1", ", 1", ") = (1, 1", ", 1", ")"],
    ["SELECT 1 WHERE ", "(1, ", "1", ")", " = 1"],
];

fn repeated([before, open, middle, close, after]: [&str; 5], bytes: usize) -> String {
    let count = (bytes.saturating_sub(before.len() + middle.len() + after.len())
        / (open.len() + close.len() + 2))
        .max(1);
    let numbered = |part: &str, number: usize| part.replace('#', &number.to_string());
    let mut text = before.to_owned();
    (1..=count).for_each(|number| text.push_str(&numbered(open, number)));
    text.push_str(middle);
    (1..=count).rev().for_each(|number| text.push_str(&numbered(close, number)));
    text.push_str(after);
    text
}

/// Each expression refers to the next one, so the last one has to be resolved first.
fn chain_of_expressions(bytes: usize) -> String {
    let count = bytes / 32;
    let list: Vec<String> = (0..count)
        .map(|number| match number + 1 {
            next if next < count => format!("c{number} AS (SELECT * FROM c{next})"),
            _ => format!("c{number} AS (SELECT 1)"),
        })
        .collect();
    format!("WITH RECURSIVE {} SELECT 1", list.join(", "))
}

/// Each expression has twice as many columns as the previous one.
fn doubling_expressions(count: usize) -> String {
    let list: Vec<String> =
        (1..count).map(|number| format!("c{number} AS (SELECT x.*, x.* FROM c{} x)", number - 1)).collect();
    format!("WITH c0 AS (SELECT 1 AS a), {} SELECT 1", list.join(", "))
}

/// Every text at about this length, and every text nested as deep as parentheses are accepted.
pub fn texts(bytes: usize) -> impl Iterator<Item = String> {
    let long = REPEATED.iter().map(move |parts| repeated(*parts, bytes));
    let shallow = REPEATED.iter().map(|[before, open, middle, close, after]| {
        format!("{before}{}{middle}{}{after}", open.repeat(200), close.repeat(200))
    });
    long.chain(shallow).chain([chain_of_expressions(bytes), doubling_expressions(40)])
}
