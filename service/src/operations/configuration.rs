//! The registration of an application as a file, which the command `watertight` reads.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use watertight_schema::{TableSets, isolation};

use super::doctor::Migrations;
use crate::tenant::{Layers, Ownership, RegistrationErrors, Registry, TableName};

/// The environment variable with which [`Builder::check_configuration`](crate::Builder::check_configuration) writes the file.
const WRITE_VARIABLE: &str = "WATERTIGHT_WRITE_CONFIGURATION";

const HEAD: &str = "# The registration of the application, for the command `watertight`.
# `Builder::write_configuration` writes it, and `Builder::check_configuration` keeps it current in a test.
";

/// The registration that a file shows.
pub(crate) struct Configuration<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) table_sets: &'a TableSets,
    pub(crate) layers: Layers,
    pub(crate) migrations: &'a Migrations,
    pub(crate) application_role: Option<&'a str>,
    pub(crate) functions: &'a [String],
}

impl Configuration<'_> {
    /// The registration as TOML.
    pub(crate) fn text(&self) -> String {
        let mut text = HEAD.to_owned();
        if let Some(role) = self.application_role {
            value(&mut text, "app_role", role);
        }
        value(&mut text, "table_sets", &self.table_sets.to_string());
        value(&mut text, "tenant_type", self.registry.tenant_type().name());
        let column = self.registry.default_tenant_column();
        value(&mut text, "tenant_column", column);
        if self.migrations.table != isolation::MIGRATION_TABLE {
            value(&mut text, "migration_table", &self.migrations.table);
        }
        if !self.layers.row_security() {
            text.push_str("rewriting_only = true\n");
        }
        let one_layer = |name: &TableName| self.registry.is_one_layer(name);
        let outbox = |name: &TableName| self.registry.is_outbox(name);
        let is_table =
            |name: &TableName, owner| owner == Ownership::Tenant && !one_layer(name) && !outbox(name);
        list(&mut text, "tenant_tables", self.names(is_table));
        list(&mut text, "shared_tables", self.names(|_, ownership| ownership == Ownership::Shared));
        list(&mut text, "outbox_tables", self.names(|name, _| outbox(name)));
        list(&mut text, "one_layer_tables", self.names(|name, _| one_layer(name)));
        list(&mut text, "rows_for_everyone", self.names(|name, _| self.registry.has_rows_for_everyone(name)));
        list(&mut text, "migrations", self.migrations.names.clone());
        let mut functions = self.functions.to_vec();
        functions.sort_unstable();
        functions.dedup();
        list(&mut text, "functions", functions);
        let others = self.names(|name, _| self.registry.tenant_column(name) != column);
        if !others.is_empty() {
            text.push_str("\n[tenant_columns]\n");
            for (name, _) in self.application_tables() {
                let other = self.registry.tenant_column(name);
                if other != column {
                    value(&mut text, &quoted(&name.to_string()), other);
                }
            }
        }
        text
    }

    /// The names of the application's tables for which the condition holds, sorted.
    fn names(&self, condition: impl Fn(&TableName, Ownership) -> bool) -> Vec<String> {
        let tables = self.application_tables().into_iter();
        tables.filter(|(name, owner)| condition(name, *owner)).map(|(name, _)| name.to_string()).collect()
    }

    fn application_tables(&self) -> Vec<(&TableName, Ownership)> {
        let own = self.registry.tables().filter(|(_, table)| !table.own);
        let mut tables: Vec<_> = own.map(|(name, table)| (name, table.ownership)).collect();
        tables.sort_unstable_by_key(|(name, _)| *name);
        tables
    }
}

/// Compares the file with the text, or writes the file if the environment asks for it.
pub(crate) fn check(path: &Path, text: &str) -> Result<(), ConfigurationError> {
    if std::env::var_os(WRITE_VARIABLE).is_some_and(|value| !value.is_empty()) {
        return write(path, text);
    }
    let found = match std::fs::read_to_string(path) {
        Ok(found) => found,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(source) => return Err(ConfigurationError::Io { path: path.to_owned(), source }),
    };
    // Git can write line ends with a carriage return.
    let (mut lines, mut wanted) = (found.lines(), text.lines());
    for line in 1.. {
        match (lines.next(), wanted.next()) {
            (None, None) => break,
            (found, expected) if found == expected => {}
            (found, expected) => {
                let text = |line: Option<&str>| line.unwrap_or("the end of the file").to_owned();
                let (found, expected) = (text(found), text(expected));
                return Err(ConfigurationError::Differs { path: path.to_owned(), line, expected, found });
            }
        }
    }
    Ok(())
}

pub(crate) fn write(path: &Path, text: &str) -> Result<(), ConfigurationError> {
    std::fs::write(path, text).map_err(|source| ConfigurationError::Io { path: path.to_owned(), source })
}

fn value(text: &mut String, key: &str, value: &str) {
    // Writing to a string does not fail.
    writeln!(text, "{key} = {}", quoted(value)).ok();
}

fn list(text: &mut String, key: &str, values: Vec<String>) {
    if values.is_empty() {
        return;
    }
    writeln!(text, "{key} = [").ok();
    for value in values {
        writeln!(text, "    {},", quoted(&value)).ok();
    }
    text.push_str("]\n");
}

/// A basic string of TOML.
fn quoted(value: &str) -> String {
    let mut quoted = String::from("\"");
    for c in value.chars() {
        match c {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(c);
            }
            c if c.is_control() => {
                write!(quoted, "\\u{:04X}", u32::from(c)).ok();
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// The file with the registration of the application is not current, or cannot be read or written.
///
/// ```
/// use watertight::{ConfigurationError, Watertight};
///
/// let checked = Watertight::builder().check_configuration("no/such/watertight.toml");
/// assert!(matches!(checked, Err(ConfigurationError::Differs { line: 1, .. })));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigurationError {
    /// The file differs from the registration of the builder.
    #[error(
        "{} differs from the registration of the builder in line {line}: it has {found:?} instead of {expected:?}; run the test \
         with {WRITE_VARIABLE}=1 to write the file, and review the change",
        path.display()
    )]
    Differs {
        /// The file.
        path: PathBuf,
        /// The number of the line, counted from 1.
        line: usize,
        /// The line of the registration.
        expected: String,
        /// The line of the file.
        found: String,
    },
    /// The file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The error.
        source: std::io::Error,
    },
    /// The registration has problems.
    #[error(transparent)]
    Registration(#[from] RegistrationErrors),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_quoted_as_toml_reads_them() {
        assert_eq!(quoted(r#"a"b\c"#), r#""a\"b\\c""#);
        assert_eq!(quoted("a\nb"), r#""a\u000Ab""#);
    }
}
