//! The original's tables, described by their differences from the tables that the migrations create.

use sea_orm_migration::sea_query::{ColumnDef, ColumnType, StringLen};

use watertight_schema::isolation::TENANT_COLUMN;
use watertight_schema::{TableSet, TableSets, sql};

use super::catalog::Found;
use super::conversions;
use crate::name::Name;
use crate::{TenantTable, list, readable};

/// A table of the original, with the table that replaces it.
#[derive(Clone, Debug)]
pub(super) struct Original {
    pub(super) set: TableSet,
    pub(super) new: TenantTable,
}

/// The tables that the original lacks.
const ABSENT: [&str; 1] = ["booking_payments"];

/// Every table of the original, whether or not its set is chosen, each after the tables that it refers to.
pub(super) fn all(sets: &TableSets) -> Vec<Original> {
    let mut all = Vec::new();
    for migration in list() {
        if let Some(set) = TableSet::of_migration(migration.name()) {
            let tables = migration.tables(sets).into_iter().filter(|table| !ABSENT.contains(&table.name()));
            all.extend(tables.map(|new| Original { set, new }));
        }
    }
    all
}

/// The original's schema of a table, by the name of the new table.
pub(super) fn schema_of(table: &str) -> &'static str {
    let set = TableSet::ALL.into_iter().find(|set| set.tables().contains(&table));
    set.map_or("public", TableSet::schema)
}

/// The place of the original's tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In their own schemas.
    InUse,
    /// In the schemas to which they are moved before the new tables are created.
    Aside,
}

impl Place {
    /// The schema in which the tables of one of the original's schemas are.
    pub(super) fn schema(self, schema: &str) -> String {
        match self {
            Self::InUse => schema.to_owned(),
            Self::Aside => format!("watertight_adopted_{schema}"),
        }
    }

    /// A table's name, quoted.
    pub(super) fn table(self, schema: &str, name: &str) -> String {
        sql::qualified(&self.schema(schema), name)
    }
}

/// The column of the converted rows with a name as the original stores it.
pub(super) fn typed(column: &str) -> String {
    sql::identifier(&format!("watertight_typed_{column}"))
}

/// The column of the converted rows with a name in its normal form, before other conversions.
pub(super) fn named(column: &str) -> String {
    sql::identifier(&format!("watertight_named_{column}"))
}

/// The values that a conversion reads besides its column.
pub(super) struct Context<'a> {
    pub(super) found: &'a Found,
    pub(super) place: Place,
    pub(super) time_zone: Option<&'a str>,
    /// True if the operator has accepted the proposals for names.
    pub(super) convert_names: bool,
}

impl Context<'_> {
    /// A column of the original's row, converted to the type of the new table.
    pub(super) fn value(&self, column: &str) -> String {
        let name = format!("o.{}", sql::identifier(column));
        match self.found.columns.get(column).map(String::as_str) {
            // The original writes timestamps without a zone in UTC.
            Some("timestamp without time zone") => format!("({name} AT TIME ZONE 'UTC')"),
            Some("character") => format!("{name}::text"),
            Some("character varying[]") => format!("{name}::text[]"),
            _ => name,
        }
    }
}

impl Original {
    pub(super) fn schema(&self) -> &str {
        self.set.schema()
    }

    pub(super) fn name(&self) -> &str {
        original_name(self.new.name())
    }

    pub(super) fn id(&self) -> Name {
        Name::new(self.schema(), self.name())
    }

    pub(super) fn full_name(&self) -> String {
        self.id().to_string()
    }

    /// The columns that a database of the original has.
    pub(super) fn reads(&self) -> Vec<String> {
        let mut reads = Vec::new();
        for column in self.new.all_columns() {
            let name = column.get_column_name();
            match conversions::of(self.new.name(), &name) {
                Some(conversion) => reads.extend(conversion.reads.iter().map(|&column| column.to_owned())),
                None => reads.push(name),
            }
        }
        reads.extend(conversions::only_compared(self.new.name()).map(str::to_owned));
        reads
    }

    /// The columns that would be lost. An `id` that is not part of the new key does not count.
    pub(super) fn extra_columns(&self, found: &Found) -> Vec<String> {
        let reads = self.reads();
        let taken = |name: &String| {
            reads.contains(name) || name == "id" || self.brings(found, name) || name == TENANT_COLUMN
        };
        found.columns.keys().filter(|name| !taken(name)).cloned().collect()
    }

    /// Returns true if the original's table already has a column that the original does not have by itself.
    fn brings(&self, found: &Found, column: &str) -> bool {
        conversions::of(self.new.name(), column).is_some_and(|conversion| conversion.new)
            && found.columns.contains_key(column)
    }

    /// The columns whose type cannot be adopted, each with its actual and its expected type.
    pub(super) fn other_types(&self, found: &Found) -> Vec<(String, String, String)> {
        let mut others = Vec::new();
        for column in self.new.all_columns() {
            let name = column.get_column_name();
            let converted = conversions::of(self.new.name(), &name).is_some_and(|conversion| {
                conversion.any_text
                    && found.columns.get(&name).is_some_and(|of| text().contains(&of.as_str()))
            });
            let Some(found) = found.columns.get(&name).filter(|_| !converted) else { continue };
            let accepted = column.get_column_type().map(accepted).unwrap_or_default();
            if !accepted.contains(&found.as_str()) {
                others.push((name, found.clone(), accepted.first().copied().unwrap_or("another").to_owned()));
            }
        }
        others
    }

    /// The new table's columns, each with the SQL that computes its value from the original's row `o`.
    pub(super) fn values(&self, context: &Context) -> Vec<(String, String)> {
        let value = |column: ColumnDef| {
            let name = column.get_column_name();
            let sql = match conversions::of(self.new.name(), &name) {
                Some(_) if self.brings(context.found, &name) => context.value(&name),
                Some(conversion) => (conversion.sql)(context, &name),
                None => context.value(&name),
            };
            (name, sql)
        };
        self.new.all_columns().into_iter().map(value).collect()
    }

    /// The converted rows, each with the key of the original's row as text: `watertight_row`.
    pub(super) fn converted(&self, context: &Context) -> String {
        let mut values: Vec<String> = self
            .values(context)
            .into_iter()
            .map(|(name, sql)| format!("{sql} AS {}", sql::identifier(&name)))
            .collect();
        for column in conversions::only_compared(self.new.name()) {
            values.push(format!("{} AS {}", context.value(column), sql::identifier(column)));
        }
        for column in conversions::lowered(self.new.name()) {
            values.push(format!("{} AS {}", context.value(column), typed(column)));
            values.push(format!("{} AS {}", conversions::lower_case(context, column), named(column)));
        }
        values.push(format!("{} AS watertight_row", self.row_name(context.found)));
        format!("SELECT {} FROM {} AS o", values.join(", "), context.place.table(self.schema(), self.name()))
    }

    /// The key of a row in the original: `tenant_id=.., id=..`.
    fn row_name(&self, found: &Found) -> String {
        let mut columns = vec![TENANT_COLUMN];
        if found.columns.contains_key("id") {
            columns.push("id");
        } else {
            columns.extend(self.new.key_columns());
        }
        let format: Vec<String> = columns.iter().map(|column| format!("{column}=%s")).collect();
        let values: Vec<String> =
            columns.iter().map(|column| format!("o.{}", sql::identifier(column))).collect();
        format!("format('{}', {})", format.join(", "), values.join(", "))
    }
}

fn original_name(new: &str) -> &str {
    match new {
        "gift_certificate_redemptions" => "redemptions",
        "intake_submissions" => "intake_form_responses",
        same => same,
    }
}

const fn text() -> &'static [&'static str] {
    &["character varying", "text", "character", "uuid"]
}

/// The types whose values a column of the type accepts, the original's own type first.
fn accepted(new: &ColumnType) -> Vec<&'static str> {
    match new {
        ColumnType::Uuid => vec!["uuid"],
        ColumnType::String(_) | ColumnType::Text => vec!["character varying", "text", "character"],
        ColumnType::SmallInteger | ColumnType::Integer | ColumnType::BigInteger => {
            vec!["integer", "smallint", "bigint"]
        }
        ColumnType::Boolean => vec!["boolean"],
        ColumnType::JsonBinary => vec!["jsonb"],
        ColumnType::Decimal(_) => vec!["numeric"],
        ColumnType::TimestampWithTimeZone => vec!["timestamp with time zone", "timestamp without time zone"],
        ColumnType::Time => vec!["time without time zone"],
        ColumnType::Date => vec!["date"],
        ColumnType::Array(_) => vec!["text[]", "character varying[]"],
        _ => Vec::new(),
    }
}

/// A condition on the values that PostgreSQL would reject or cut in a column of the type.
pub(super) fn does_not_fit(column: &ColumnDef) -> Option<(String, String)> {
    let name = sql::identifier(&column.get_column_name());
    match column.get_column_type()? {
        ColumnType::String(StringLen::N(most)) => {
            Some((format!("char_length({name}) > {most}"), format!("has more than {most} characters")))
        }
        ColumnType::SmallInteger => {
            Some((format!("{name} NOT BETWEEN -32768 AND 32767"), "is not a 16-bit integer".to_owned()))
        }
        ColumnType::Integer => Some((
            format!("{name} NOT BETWEEN -2147483648 AND 2147483647"),
            "is not a 32-bit integer".to_owned(),
        )),
        ColumnType::Decimal(Some((digits, scale))) => {
            let whole = digits.saturating_sub(*scale);
            Some((
                format!("abs({name}) >= 1e{whole} OR {name} <> round({name}, {scale})"),
                format!(
                    "has more than {whole} digits before the decimal point or more than {scale} after it"
                ),
            ))
        }
        of @ (ColumnType::TimestampWithTimeZone | ColumnType::Date) => Some((
            format!("NOT ({})", readable::of_type(&name, of)?),
            "is infinite or after the year 19999, which the application cannot read".to_owned(),
        )),
        of => Some((
            format!("NOT ({})", readable::of_type(&name, of)?),
            "has more than 100 levels, a number beyond 64 bits, a null element or more than one dimension, which the \
             application cannot read"
                .to_owned(),
        )),
    }
}
