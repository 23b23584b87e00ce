//! The conversion between a plain and a partitioned table. A new table is filled and replaces the old one.

use sea_orm_migration::sea_orm::ConnectionTrait;

use watertight_schema::sql;

use super::PartitionError;
use super::catalog::{self, Constraint, Policy};
use crate::catalog::Table;
use crate::name::{self, Name};

/// The target of a conversion.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// This many hash partitions.
    Hash(u32),
    /// A plain table.
    Plain,
}

impl Shape {
    /// The names of the partitions, which end with their numbers. The names of their indexes do, too.
    fn partitions(self, table: &Name) -> Vec<Name> {
        match self {
            Self::Hash(partitions) => {
                (0..partitions).map(|number| table.beside(&format!("_p{number}"))).collect()
            }
            Self::Plain => Vec::new(),
        }
    }
}

/// The objects of the old table as SQL that recreates them on the new table.
struct Had {
    keys: Vec<Constraint>,
    foreign_keys: Vec<Constraint>,
    exclusions: Vec<Constraint>,
    policies: Vec<Policy>,
    columns: String,
    indexes: Vec<String>,
    incoming: Vec<String>,
    sequences: Vec<String>,
    /// The objects created last, because they refer to the others.
    rest: Vec<String>,
}

impl Had {
    async fn read(db: &impl ConnectionTrait, table: &Table) -> Result<Self, PartitionError> {
        let mut rest = Vec::new();
        for sql in [
            catalog::TRIGGERS,
            catalog::STATISTICS,
            catalog::STATISTICS_TARGETS,
            catalog::GRANTS,
            catalog::COMMENTS,
        ] {
            rest.extend(catalog::statements(db, sql, table).await?);
        }
        Ok(Self {
            keys: catalog::constraints(db, table, &["p", "u"]).await?,
            foreign_keys: catalog::constraints(db, table, &["f"]).await?,
            exclusions: catalog::exclusions(db, table).await?,
            policies: catalog::policies(db, table).await?,
            columns: catalog::statements(db, catalog::STORED_COLUMNS, table).await?.join(", "),
            indexes: catalog::statements(db, catalog::INDEXES, table).await?,
            incoming: catalog::statements(db, catalog::INCOMING, table).await?,
            sequences: catalog::statements(db, catalog::SEQUENCES, table).await?,
            rest,
        })
    }
}

/// Converts a table that is already locked.
pub(super) async fn convert(
    db: &impl ConnectionTrait,
    name: &Name,
    shape: Shape,
) -> Result<(), PartitionError> {
    let old = require(db, name, shape).await?;
    let had = Had::read(db, &old).await?;
    let related = catalog::related(db, &old).await?;
    for related in related.iter().filter(|related| related.forced) {
        // Forced policies bind the owner, too, and a foreign key is validated against all rows.
        run(db, &format!("ALTER TABLE {} NO FORCE ROW LEVEL SECURITY", related.name)).await?;
    }
    run_all(db, &catalog::statements(db, catalog::INCOMING_DROPPED, &old).await?).await?;

    let temporary = name.beside("_new");
    let partitions = shape.partitions(name);
    create(db, name, &temporary, &old, &partitions).await?;
    let columns = &had.columns;
    let fill =
        format!("INSERT INTO {} ({columns}) SELECT {columns} FROM {}", temporary.quoted(), name.quoted());
    run(db, &fill).await?;
    let (before, after) = (catalog::count(db, name).await?, catalog::count(db, &temporary).await?);
    if before != after {
        return Err(PartitionError::RowsDiffer { table: name.to_string(), before, after });
    }
    run_all(db, &catalog::statements(db, catalog::SEQUENCES_FREED, &old).await?).await?;
    // Without `CASCADE`: the migration fails if an unknown object depends on the table.
    run(db, &format!("DROP TABLE {}", name.quoted())).await?;
    run(db, &format!("ALTER TABLE {} RENAME TO {}", temporary.quoted(), sql::identifier(&name.name))).await?;
    finish(db, name, &old, &had, &partitions).await?;
    for related in related.iter().filter(|related| related.forced && !related.is_itself) {
        run(db, &format!("ALTER TABLE {} FORCE ROW LEVEL SECURITY", related.name)).await?;
    }
    // Autovacuum does not analyze a partitioned table as a whole.
    run(db, &format!("ANALYZE {}", name.quoted())).await
}

/// Refuses a table that the conversion could not complete, or whose objects would be lost.
async fn require(db: &impl ConnectionTrait, name: &Name, shape: Shape) -> Result<Table, PartitionError> {
    let table = name.to_string();
    let Some(old) = catalog::find(db, name).await? else { return Err(PartitionError::NoTable { table }) };
    if old.is_partitioned == matches!(shape, Shape::Hash(_)) {
        return Err(PartitionError::Shape { table, divided: old.is_partitioned });
    }
    let objects = catalog::statements(db, &in_the_way(&old), &old).await?;
    if !objects.is_empty() {
        return Err(PartitionError::InTheWay { table, objects });
    }
    name::check("table", &name.beside("_new").name)?;
    if let Some(last) = shape.partitions(name).last() {
        name::check("table", &last.name)?;
        let suffix = last.name.strip_prefix(&name.name).unwrap_or_default();
        for index in catalog::statements(db, catalog::INDEX_NAMES, &old).await? {
            name::check("index", &format!("{index}{suffix}"))?;
        }
    }
    Ok(old)
}

/// The query for the objects in the way, for the table's tenant column.
fn in_the_way(table: &Table) -> String {
    let column = sql::literal(table.tenant_column.as_deref().unwrap_or_default());
    catalog::IN_THE_WAY.replace("'tenant_id'", &column)
}

async fn create(
    db: &impl ConnectionTrait,
    name: &Name,
    temporary: &Name,
    old: &Table,
    partitions: &[Name],
) -> Result<(), PartitionError> {
    let options = match catalog::statements(db, catalog::OPTIONS, old).await?.join(", ") {
        options if options.is_empty() => String::new(),
        options => format!(" WITH ({options})"),
    };
    let (by, stored) = match partitions {
        [] => (String::new(), options.as_str()),
        _ => (
            format!(
                " PARTITION BY HASH ({})",
                sql::identifier(old.tenant_column.as_deref().unwrap_or_default())
            ),
            "",
        ),
    };
    let (new, like) = (temporary.quoted(), name.quoted());
    run(
        db,
        &format!(
            "CREATE TABLE {new} (LIKE {like} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED \
             INCLUDING STORAGE INCLUDING COMPRESSION){by}{stored}"
        ),
    )
    .await?;
    for (number, partition) in partitions.iter().enumerate() {
        let (partition, modulus) = (partition.quoted(), partitions.len());
        run(
            db,
            &format!(
                "CREATE TABLE {partition} PARTITION OF {new} FOR VALUES WITH (MODULUS {modulus}, REMAINDER {number}){options}"
            ),
        )
        .await?;
    }
    if !old.is_own {
        for table in std::iter::once(temporary).chain(partitions) {
            run(db, &format!("ALTER TABLE {} OWNER TO {}", table.quoted(), old.owner)).await?;
        }
    }
    Ok(())
}

/// Recreates the objects of the old table on the new table, which already has the old name.
async fn finish(
    db: &impl ConnectionTrait,
    name: &Name,
    old: &Table,
    had: &Had,
    partitions: &[Name],
) -> Result<(), PartitionError> {
    let table = name.quoted();
    let tenant_column = old.tenant_column.as_deref().unwrap_or_default();
    let Some(new) = catalog::find_with(db, name, tenant_column).await? else {
        return Err(PartitionError::NoTable { table: name.to_string() });
    };
    let add = |constraint: &Constraint| {
        format!(
            "ALTER TABLE {table} ADD CONSTRAINT {} {}",
            sql::identifier(&constraint.name),
            constraint.definition
        )
    };
    for key in &had.keys {
        run(db, &add(key)).await?;
    }
    run_all(db, &had.indexes).await?;
    run_all(db, &catalog::statements(db, catalog::INDEXES_NAMED, &new).await?).await?;
    for exclusion in &had.exclusions {
        exclude(db, name, partitions, exclusion).await?;
    }
    for key in &had.foreign_keys {
        run(db, &add(key)).await?;
    }
    run_all(db, &had.incoming).await?;
    run_all(db, &had.sequences).await?;
    run_all(db, &catalog::statements(db, catalog::GRANTS_TAKEN, &new).await?).await?;
    for table in std::iter::once(name).chain(partitions) {
        protect(db, table, old, &had.policies).await?;
    }
    run_all(db, &had.rest).await
}

/// Recreates the exclusion constraints. A partitioned table has them on each partition, named after the
/// partition.
async fn exclude(
    db: &impl ConnectionTrait,
    name: &Name,
    partitions: &[Name],
    exclusion: &Constraint,
) -> Result<(), PartitionError> {
    let on = if partitions.is_empty() { std::slice::from_ref(name) } else { partitions };
    for table in on {
        let suffix = table.name.strip_prefix(&name.name).unwrap_or_default();
        let (table, key) = (table.quoted(), sql::identifier(&format!("{}{suffix}", exclusion.name)));
        run(db, &format!("ALTER TABLE {table} ADD CONSTRAINT {key} {}", exclusion.definition)).await?;
        if let Some(comment) = &exclusion.comment {
            let comment = sql::literal(comment);
            run(db, &format!("COMMENT ON CONSTRAINT {key} ON {table} IS {comment}")).await?;
        }
    }
    Ok(())
}

async fn protect(
    db: &impl ConnectionTrait,
    table: &Name,
    old: &Table,
    policies: &[Policy],
) -> Result<(), PartitionError> {
    let table = table.quoted();
    for Policy { name, terms } in policies {
        run(db, &format!("CREATE POLICY {} ON {table} {terms}", sql::identifier(name))).await?;
    }
    for (verb, _) in [("ENABLE", old.protected), ("FORCE", old.forced)].into_iter().filter(|(_, set)| *set) {
        run(db, &format!("ALTER TABLE {table} {verb} ROW LEVEL SECURITY")).await?;
    }
    Ok(())
}

async fn run_all(db: &impl ConnectionTrait, statements: &[String]) -> Result<(), PartitionError> {
    for sql in statements {
        run(db, sql).await?;
    }
    Ok(())
}

async fn run(db: &impl ConnectionTrait, sql: &str) -> Result<(), PartitionError> {
    Ok(db.execute_unprepared(sql).await.map(drop)?)
}
