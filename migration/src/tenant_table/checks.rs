//! The rules for values that many columns share, so that a migration says which and not how.

use sea_orm_migration::sea_query::{Expr, ExprTrait, Func};

use super::TenantTable;

/// Rules for values. A null passes each of them: that a value is there is the column's own rule.
impl TenantTable {
    /// Adds a rule named `<table>_<name>_check`.
    ///
    /// ```
    /// # use watertight_migration::{Settings, TenantTable, sea_orm_migration::{prelude::*, schema::*}};
    /// let table = TenantTable::new("public", "shifts")
    ///     .col(time("starts"))
    ///     .col(time("ends"))
    ///     .check("starts_before_ends", Expr::col("starts").lt(Expr::col("ends")));
    /// let sql = &table.statements(&Settings::default())?[0];
    /// assert!(sql.contains(r#"CONSTRAINT "shifts_starts_before_ends_check" CHECK ("starts" < "ends")"#));
    /// # Ok::<(), watertight_migration::TableError>(())
    /// ```
    pub fn check(mut self, name: impl Into<String>, rule: impl Into<Expr>) -> Self {
        self.checks.push((name.into(), rule.into()));
        self
    }

    /// The column holds one of these values.
    ///
    /// ```
    /// # use watertight_migration::{Settings, TenantTable, sea_orm_migration::schema::*};
    /// let table = TenantTable::new("public", "doors").col(string_len("state", 8)).one_of("state", ["open", "shut"]);
    /// assert!(table.statements(&Settings::default())?[0].contains(r#""state" IN ('open', 'shut')"#));
    /// # Ok::<(), watertight_migration::TableError>(())
    /// ```
    pub fn one_of(self, column: &str, values: impl IntoIterator<Item = &'static str>) -> Self {
        self.check(column, Expr::col(column.to_owned()).is_in(values))
    }

    /// The column holds at least this number.
    pub fn at_least(self, column: &str, least: i32) -> Self {
        self.check(column, Expr::col(column.to_owned()).gte(least))
    }

    /// The column holds a number from `least` to `most`, both included.
    pub fn between(self, column: &str, least: i32, most: i32) -> Self {
        self.check(column, Expr::col(column.to_owned()).between(least, most))
    }

    /// The column holds text that is not empty and has no upper-case letter, so that a unique key over it does
    /// not take `Jess` and `jess` for two.
    pub fn lower_case(self, column: &str) -> Self {
        let value = || Expr::col(column.to_owned());
        self.check(column, value().eq(Func::lower(value())).and(value().ne("")))
    }

    /// The column holds a JSON object.
    pub fn json_object(self, column: &str) -> Self {
        self.json_type(column, "object")
    }

    /// The column holds a JSON array.
    pub fn json_array(self, column: &str) -> Self {
        self.json_type(column, "array")
    }

    fn json_type(self, column: &str, expected: &'static str) -> Self {
        let found = Func::cust("jsonb_typeof").arg(Expr::col(column.to_owned()));
        self.check(column, Expr::expr(found).eq(expected))
    }
}
