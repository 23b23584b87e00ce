//! Check constraints that many columns share.

use sea_orm_migration::sea_query::{Expr, ExprTrait, Func};

use super::TenantTable;

/// Check constraints. A null passes each of them; make the column `NOT NULL` to require a value.
impl TenantTable {
    /// Adds a check named `<table>_<name>_check`.
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

    /// Requires the column to have one of the values.
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

    /// Requires the column to be at least a number.
    ///
    /// ```
    /// # use watertight_migration::{Settings, TenantTable, sea_orm_migration::schema::*};
    /// let table = TenantTable::new("public", "loyalty_cards").col(integer("points")).at_least("points", 0);
    /// assert!(table.statements(&Settings::default())?[0].contains(r#"CHECK ("points" >= 0)"#));
    /// # Ok::<(), watertight_migration::TableError>(())
    /// ```
    pub fn at_least(self, column: &str, least: i32) -> Self {
        self.check(column, Expr::col(column.to_owned()).gte(least))
    }

    /// Requires the column to be a number from `least` to `most`, both included.
    ///
    /// ```
    /// # use watertight_migration::{Settings, TenantTable, sea_orm_migration::schema::*};
    /// let table = TenantTable::new("public", "ratings").col(small_integer("stars")).between("stars", 1, 5);
    /// assert!(table.statements(&Settings::default())?[0].contains(r#"CHECK ("stars" BETWEEN 1 AND 5)"#));
    /// # Ok::<(), watertight_migration::TableError>(())
    /// ```
    pub fn between(self, column: &str, least: i32, most: i32) -> Self {
        self.check(column, Expr::col(column.to_owned()).between(least, most))
    }

    /// Requires the column to be text in lower case that is not empty.
    ///
    /// A unique key over the column then treats `Jess` and `jess` as the same value.
    ///
    /// ```
    /// # use watertight_migration::{Settings, TenantTable, sea_orm_migration::schema::*};
    /// let tags = TenantTable::new("public", "tags").col(string_len("name", 32)).lower_case("name").unique(["name"]);
    /// let sql = &tags.statements(&Settings::default())?[0];
    /// assert!(sql.contains(r#"CHECK ("name" = LOWER("name") AND "name" <> '')"#));
    /// # Ok::<(), watertight_migration::TableError>(())
    /// ```
    pub fn lower_case(self, column: &str) -> Self {
        let value = || Expr::col(column.to_owned());
        self.check(column, value().eq(Func::lower(value())).and(value().ne("")))
    }

    /// Requires the column to be a JSON object.
    ///
    /// ```
    /// # use watertight_migration::{Settings, TenantTable, sea_orm_migration::schema::*};
    /// let table = TenantTable::new("public", "imports").col(json_binary("source")).json_object("source");
    /// assert!(table.statements(&Settings::default())?[0].contains(r#"CHECK (jsonb_typeof("source") = 'object')"#));
    /// # Ok::<(), watertight_migration::TableError>(())
    /// ```
    pub fn json_object(self, column: &str) -> Self {
        self.json_type(column, "object")
    }

    /// Requires the column to be a JSON array.
    ///
    /// ```
    /// # use watertight_migration::{Settings, TenantTable, sea_orm_migration::schema::*};
    /// let table = TenantTable::new("public", "menus").col(json_binary("courses")).json_array("courses");
    /// assert!(table.statements(&Settings::default())?[0].contains(r#"CHECK (jsonb_typeof("courses") = 'array')"#));
    /// # Ok::<(), watertight_migration::TableError>(())
    /// ```
    pub fn json_array(self, column: &str) -> Self {
        self.json_type(column, "array")
    }

    fn json_type(self, column: &str, expected: &'static str) -> Self {
        let found = Func::cust("jsonb_typeof").arg(Expr::col(column.to_owned()));
        self.check(column, Expr::expr(found).eq(expected))
    }
}
