//! Violations of the rules of distribution.

use std::fmt;

use serde::Serialize;
use watertight_schema::printable::one_line;

/// A violation of a rule, because of which a table cannot be distributed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Violation {
    /// The table, as `schema.table`.
    pub table: String,
    /// The rule that it breaks.
    pub rule: Rule,
    /// The name of the column, key, constraint, trigger or other table that breaks the rule.
    pub object: String,
}

/// The rules by which tables are distributed by tenant and in one group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Rule {
    /// The tenant column has the same type in all tables of a group, and has a value in every row.
    TenantColumn,
    /// Every primary key and unique index contains the tenant.
    ///
    /// Each machine checks only its own rows.
    KeyHoldsTenant,
    /// Every exclusion constraint compares the tenant with `=`.
    ExclusionComparesTenant,
    /// A foreign key between tenant tables has the tenant at the same position on both sides.
    ForeignKeyWithinTenant,
    /// No foreign key clears the tenant when the referenced row is deleted.
    ForeignKeyKeepsTenant,
    /// No table on the coordinator refers to a distributed table.
    ReferringTableHasTenant,
    /// Tables do not refer to one another in a cycle.
    ///
    /// Each table is distributed after the tables that it refers to.
    NoCircle,
    /// No trigger may reach rows on other machines.
    NoTrigger,
    /// A table is not also partitioned by hash, and does not inherit.
    NotDivided,
    /// The role owns the table.
    Owner,
    /// An already distributed table is distributed by the tenant and in the same group.
    SameGroup,
    /// A table named as a reference table exists and has no tenant.
    ReferenceTable,
}

impl Rule {
    /// The description of a violation of the rule.
    const fn what(self) -> &'static str {
        match self {
            Self::TenantColumn => "is not uuid NOT NULL as in the other tables",
            Self::KeyHoldsTenant => "is unique without the tenant column",
            Self::ExclusionComparesTenant => "does not compare the tenant column with =",
            Self::ForeignKeyWithinTenant => {
                "does not have the tenant column at the same position on both sides"
            }
            Self::ForeignKeyKeepsTenant => {
                "clears the tenant column when the referenced row is deleted or its key changes"
            }
            Self::ReferringTableHasTenant => {
                "refers to a tenant table from a table without the tenant column"
            }
            Self::NoCircle => "closes a cycle of foreign keys",
            Self::NoTrigger => "can access rows on another machine",
            Self::NotDivided => "already divides the table",
            Self::Owner => "owns the table, but is not the role of the connection",
            Self::SameGroup => "is not distributed like the other tenant tables",
            Self::ReferenceTable => "is not an existing table without the tenant column",
        }
    }

    const fn remedy(self) -> &'static str {
        match self {
            Self::TenantColumn => "make the column uuid NOT NULL",
            Self::KeyHoldsTenant => "recreate the key with the tenant column as its first column",
            Self::ExclusionComparesTenant => {
                "recreate it with the tenant column and the operator =, which needs the extension btree_gist; watertight's own \
                 constraints are recreated if the server has the extension, and dropped with \
                 `Distribution::without_overlap_constraints` (`--without-overlap-constraints`)"
            }
            Self::ForeignKeyWithinTenant => "recreate the key with the tenant column first on both sides",
            Self::ForeignKeyKeepsTenant => "list the columns to clear: ON DELETE SET NULL (column)",
            Self::ReferringTableHasTenant => "add the tenant column to the table, or drop the foreign key",
            Self::NoCircle => "drop the foreign key, distribute the tables, and add the foreign key again",
            Self::NoTrigger => {
                "drop the trigger; or, if it reads and writes only its own row, use \
                 `Distribution::allow_triggers` (`--allow-triggers`)"
            }
            Self::NotDivided => {
                "convert the table to a plain table first (roll back a migration `HashPartitions`): \
                 distribution replaces partitions by hash"
            }
            Self::Owner => "connect as the role that owns all tables",
            Self::SameGroup => "undo its distribution with undistribute_table",
            Self::ReferenceTable => "leave it out of the reference tables, or name another table",
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, rule, object } = self;
        write!(f, "{}: {} {}\n    {}", one_line(table), one_line(object), rule.what(), rule.remedy())
    }
}
