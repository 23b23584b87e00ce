//! Long lists of values, sent as arrays.
//!
//! The server compares a list of rows by a chain of `OR`, which exhausts its stack between 8,000 and 10,000 rows, and a
//! statement has at most 65,535 values. `load_many` and its siblings write such lists for the keys of all parents, in which
//! all columns but one have the same value in every row. `(a, b) IN ((1, 2), (1, 3))` is `(a = 1 AND b = ANY ('{2, 3}'))`.

use std::fmt::Write;

use sea_orm::sea_query::ArrayType;
use sea_orm::{Statement, Value, Values};

use super::rewrite::token_length;

/// Shorter lists of rows are sent as they are.
const LEAST_ROWS: usize = 1_000;

/// Statements with fewer values keep their lists of single values, which the server compares by a hash table.
const LEAST_VALUES: usize = 32_768;

/// Replaces long lists of placeholders by arrays. Any other statement is returned as it is.
pub(super) fn compact(mut statement: Statement) -> Statement {
    let Some(Values(values)) = statement.values.take_if(|values| values.0.len() >= LEAST_ROWS) else {
        return statement;
    };
    match Compacted::of(&statement.sql, &values) {
        Some(compacted) => {
            (statement.sql, statement.values) = (compacted.sql, Some(Values(compacted.values)));
        }
        None => statement.values = Some(Values(values)),
    }
    statement
}

struct Compacted {
    sql: String,
    values: Vec<Value>,
    /// The new number of each placeholder that remains.
    numbers: Vec<Option<usize>>,
    /// The positions of the open parentheses.
    open: Vec<usize>,
    /// The last parentheses that were closed: their positions, and true if they can be an operand of their own.
    closed: Option<(usize, usize, bool)>,
    /// The last token that is not white space.
    last: String,
    /// The token before each open parenthesis.
    before: Vec<String>,
}

impl Compacted {
    fn of(sql: &str, values: &[Value]) -> Option<Self> {
        let mut compacted = Self {
            sql: String::new(),
            values: Vec::new(),
            numbers: vec![None; values.len() + 1],
            open: Vec::new(),
            closed: None,
            last: String::new(),
            before: Vec::new(),
        };
        let (mut at, mut lists) = (0, 0);
        while at < sql.len() {
            // The scanner refuses placeholders of more than five digits.
            let mut rest = Rest { text: sql, at };
            if sql.as_bytes().get(at) == Some(&b'$')
                && let Some(number) = rest.placeholder()
            {
                compacted.keep(number, values)?;
                at = rest.at;
                continue;
            }
            let length = token_length(sql.as_bytes().get(at..)?, at)?;
            let token = sql.get(at..at + length)?;
            at += length;
            if token.eq_ignore_ascii_case("in")
                && let Some(list) = List::at(sql.get(at..)?)
                && compacted.replace(&list, values).is_some()
            {
                at += list.length;
                lists += 1;
                continue;
            }
            compacted.copy(token);
        }
        (lists > 0).then_some(compacted)
    }

    fn copy(&mut self, token: &str) {
        match token {
            "(" => {
                self.open.push(self.sql.len());
                self.before.push(std::mem::take(&mut self.last));
            }
            ")" => {
                let before = self.before.pop().unwrap_or_default().to_ascii_lowercase();
                let alone = ["where", "and", "or", "not", "on", "("].contains(&before.as_str());
                self.closed = self.open.pop().map(|open| (open, self.sql.len() + 1, alone));
            }
            _ => {}
        }
        self.sql.push_str(token);
        if !token.trim_ascii().is_empty() {
            token.clone_into(&mut self.last);
        }
    }

    /// Writes a placeholder that remains.
    fn keep(&mut self, number: usize, values: &[Value]) -> Option<()> {
        let value = values.get(number.checked_sub(1)?)?;
        let new = self.numbers.get_mut(number)?;
        let new = *new.get_or_insert_with(|| {
            self.values.push(value.clone());
            self.values.len()
        });
        "$".clone_into(&mut self.last);
        write!(self.sql, "${new}").ok()
    }

    /// Writes a list as an array. Changes nothing if it is short, or compared in another way.
    fn replace(&mut self, list: &List, values: &[Value]) -> Option<()> {
        let rows = list.numbers.len() / list.width;
        if rows < LEAST_ROWS || (list.width == 1 && values.len() < LEAST_VALUES) {
            return None;
        }
        let mut columns = Vec::with_capacity(list.width);
        for column in 0..list.width {
            let numbers = list.numbers.iter().skip(column).step_by(list.width);
            let items = numbers.map(|number| values.get(number.checked_sub(1)?));
            columns.push(items.collect::<Option<Vec<_>>>()?);
        }
        if list.width == 1 {
            let (array, of) = array(columns.pop()?)?;
            // A name alone: `NOT IN` and expressions stay as they are.
            let is_name =
                self.last.ends_with(|last: char| last == '"' || last == '_' || last.is_alphanumeric());
            if !is_name || self.last.eq_ignore_ascii_case("not") {
                return None;
            }
            self.values.push(array);
            return write!(self.sql, "= ANY (${}::{of}[])", self.values.len()).ok();
        }
        let (operands, start) = self.operands(list.width)?;
        let is_constant = |items: &[&Value]| items.windows(2).all(|pair| pair.first() == pair.last());
        let mut varying = columns.iter().filter(|items| !is_constant(items));
        if varying.next().is_some() && varying.next().is_some() {
            return None;
        }
        let mut terms = Vec::with_capacity(list.width);
        let mut bound = Vec::with_capacity(list.width);
        for (items, operand) in columns.into_iter().zip(operands) {
            let number = self.values.len() + bound.len() + 1;
            if is_constant(&items) {
                bound.push((*items.first()?).clone());
                terms.push(format!("{operand} = ${number}"));
            } else {
                let (array, of) = array(items)?;
                bound.push(array);
                terms.push(format!("{operand} = ANY (${number}::{of}[])"));
            }
        }
        self.values.extend(bound);
        self.sql.truncate(start);
        write!(self.sql, "({})", terms.join(" AND ")).ok()
    }

    /// The columns that are compared with a list of rows, and the start of their parentheses.
    fn operands(&self, width: usize) -> Option<(Vec<String>, usize)> {
        let (start, end, alone) = self.closed?;
        let between = self.sql.get(end..)?;
        let inside = self.sql.get(start + 1..end - 1)?;
        let is_name = |text: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '"' | '_' | '.'))
        };
        let names: Vec<String> = inside.split(',').map(|name| name.trim().to_owned()).collect();
        let plain = names.len() == width && names.iter().all(|name| is_name(name));
        (alone && between.trim_ascii().is_empty() && plain).then_some((names, start))
    }
}

/// An array of values of one type, and the type's name.
fn array(items: Vec<&Value>) -> Option<(Value, &'static str)> {
    let (of, name) = match items.first()? {
        Value::Uuid(_) => (ArrayType::Uuid, "uuid"),
        Value::String(_) => (ArrayType::String, "text"),
        Value::SmallInt(_) => (ArrayType::SmallInt, "int2"),
        Value::Int(_) => (ArrayType::Int, "int4"),
        Value::BigInt(_) => (ArrayType::BigInt, "int8"),
        _ => return None,
    };
    let kind = std::mem::discriminant(*items.first()?);
    let same = items.iter().all(|item| std::mem::discriminant(*item) == kind);
    let items = same.then(|| items.into_iter().cloned().collect())?;
    Some((Value::Array(of, Some(Box::new(items))), name))
}

/// A list of placeholders, or of rows of placeholders, in parentheses.
struct List {
    length: usize,
    width: usize,
    numbers: Vec<usize>,
}

impl List {
    /// The list at the start of a text.
    fn at(text: &str) -> Option<Self> {
        let mut rest = Rest { text, at: 0 };
        rest.symbol("(")?;
        let (mut width, mut numbers) = (0, Vec::new());
        loop {
            let before = numbers.len();
            if rest.symbol("(").is_some() {
                loop {
                    numbers.push(rest.placeholder()?);
                    if rest.symbol(",").is_none() {
                        break;
                    }
                }
                rest.symbol(")")?;
            } else {
                numbers.push(rest.placeholder()?);
            }
            let of_row = numbers.len() - before;
            if width != 0 && width != of_row {
                return None;
            }
            width = of_row;
            if rest.symbol(",").is_none() {
                break;
            }
        }
        rest.symbol(")")?;
        Some(Self { length: rest.at, width, numbers })
    }
}

struct Rest<'t> {
    text: &'t str,
    at: usize,
}

impl Rest<'_> {
    /// The text after white space.
    fn next(&self) -> Option<(usize, &str)> {
        let rest = self.text.get(self.at..)?;
        let trimmed = rest.trim_ascii_start();
        Some((self.at + rest.len() - trimmed.len(), trimmed))
    }

    fn symbol(&mut self, symbol: &str) -> Option<()> {
        let (at, rest) = self.next()?;
        rest.starts_with(symbol).then(|| self.at = at + symbol.len())
    }

    fn placeholder(&mut self) -> Option<usize> {
        let (at, rest) = self.next()?;
        let digits = rest.strip_prefix('$')?.bytes().take_while(u8::is_ascii_digit).count();
        let end = 1 + digits;
        let number = placeholder(rest.get(..end)?)?;
        self.at = at + end;
        Some(number)
    }
}

fn placeholder(token: &str) -> Option<usize> {
    let digits = token.strip_prefix('$')?;
    let only_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    only_digits.then(|| digits.parse().ok())?
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use sea_orm::DbBackend;

    use super::*;

    fn statement(sql: String, values: usize) -> Statement {
        let values: Vec<Value> = (0..values).map(|n| i32::try_from(n).unwrap().into()).collect();
        Statement::from_sql_and_values(DbBackend::Postgres, sql, values)
    }

    fn rows(from: usize, count: usize) -> String {
        let rows: Vec<String> =
            (0..count).map(|n| format!("(${}, ${})", from + 2 * n, from + 2 * n + 1)).collect();
        rows.join(", ")
    }

    #[test]
    fn a_long_list_of_rows_becomes_arrays_and_other_placeholders_are_renumbered() {
        let sql = format!(
            "SELECT '$1 IN (($2, $3))' WHERE x = $1 AND (t.a, \"b\") IN ({}) AND y = $4002 AND z = $1",
            rows(2, 2_000)
        );
        let mut before = statement(sql, 4_002);
        for (n, value) in before.values.as_mut().unwrap().0.iter_mut().enumerate().skip(1).step_by(2) {
            if n < 4_001 {
                *value = 7.into();
            }
        }
        let compacted = compact(before);
        assert_eq!(
            compacted.sql,
            "SELECT '$1 IN (($2, $3))' WHERE x = $1 AND (t.a = $2 AND \"b\" = ANY ($3::int4[])) AND y = $4 AND z = $1"
        );
        let values = compacted.values.unwrap().0;
        assert_eq!(
            (values.len(), &values[0], &values[1], &values[3]),
            (4, &0.into(), &7.into(), &4_001.into())
        );
        let Value::Array(ArrayType::Int, Some(items)) = &values[2] else { panic!("{:?}", values[2]) };
        assert_eq!((items.len(), &items[0], &items[1]), (2_000, &2.into(), &4.into()));
    }

    #[test]
    fn a_list_of_more_single_values_than_a_statement_has_becomes_an_array() {
        let single: Vec<String> = (1..=70_000).map(|n| format!("${n}")).collect();
        let list = single.join(", ");
        let compacted = compact(statement(format!("SELECT 1 WHERE \"a\" IN ({list}) OR b = $70001"), 70_001));
        assert_eq!(compacted.sql, "SELECT 1 WHERE \"a\" = ANY ($1::int4[]) OR b = $2");
        let not = statement(format!("SELECT 1 WHERE a NOT IN ({list})"), 70_000);
        assert_eq!(compact(not.clone()), not);
    }

    #[test]
    fn other_statements_stay_as_they_are() {
        let single: Vec<String> = (1..=2_000).map(|n| format!("${n}")).collect();
        for sql in [
            format!("SELECT 1 WHERE (a, b) IN ({})", rows(1, 900)),
            format!("SELECT '(a, b) IN ({})'", rows(1, 2_000)),
            format!("SELECT 1 /* IN ({}) */", rows(1, 2_000)),
            format!("SELECT 1 WHERE a IN ({})", single.join(", ")),
            format!("INSERT INTO t VALUES {}", rows(1, 2_000)),
            format!("SELECT 1 WHERE f(a, b) IN ({})", rows(1, 2_000)),
            format!("SELECT 1 WHERE (a, b + 1) IN ({})", rows(1, 2_000)),
            // Two columns vary.
            format!("SELECT 1 WHERE (a, b) IN ({})", rows(1, 2_000)),
            format!("SELECT 1 WHERE (a, b) NOT IN ({})", rows(1, 2_000)),
            format!("SELECT 1 WHERE (a, b) IN ({}, ($1, $2, $3))", rows(1, 1_900)),
            format!("SELECT 1 WHERE (a, b) IN ({}, ($1, $2 + 1))", rows(1, 1_900)),
        ] {
            let before = statement(sql, 4_000);
            assert_eq!(compact(before.clone()), before, "{}", before.sql);
        }
    }
}
