//! Names that are hard to quote, or that capture the aliases of SQL that is written without care.

use std::collections::BTreeSet;

use fastrand::Rng;

const NAMES: &[&str] = &[
    "r",
    "e",
    "t",
    "x",
    "w",
    "q",
    "o",
    "s",
    "u",
    "b",
    "row",
    "value",
    "content",
    "place",
    "tenant",
    "number",
    "bytes",
    "hash",
    "position",
    "previous",
    "last_value",
    "is_called",
    "key",
    "order",
    "select",
    "table",
    "user",
    "all",
    "null",
    "text",
    "int4",
    "int8",
    "json",
    "uuid",
    "pg_catalog",
    "pg_temp",
    "watertight_rows",
    "watertight",
    "part_0",
    "format",
    "json_object",
    "current_user",
    "Ünï",
    "Upper",
    "with \"quotes\"",
    "\"",
    "back\\slash",
    "sp ace",
    " ",
    "$1",
    "it's",
    "a;b",
    "%s",
    "--",
    "/*",
    "{}",
    "null\u{00ad}",
    "名前",
    "🦀",
    "tab\there",
    "line\nbreak",
    "name_of_sixty_three_bytes_which_is_the_longest_that_a_name_can_b",
];

/// Names that are not used twice.
#[derive(Default)]
pub(super) struct Names(BTreeSet<String>);

impl Names {
    pub(super) fn of(taken: &[&str]) -> Self {
        Self(taken.iter().map(|name| (*name).to_owned()).collect())
    }

    pub(super) fn next(&mut self, random: &mut Rng) -> String {
        loop {
            let name = NAMES[random.usize(..NAMES.len())].to_owned();
            let name = if self.0.contains(&name) { format!("c{}", random.u32(..)) } else { name };
            if self.0.insert(name.clone()) {
                return name;
            }
        }
    }
}

pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
