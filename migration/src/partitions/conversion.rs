//! One table made into the other kind: a new one is filled, and takes the old one's place.

use sea_orm_migration::sea_orm::ConnectionTrait;

use watertight_schema::isolation::TENANT_COLUMN;
use watertight_schema::sql;

use super::PartitionError;
use super::catalog::{self, Constraint, Policy};
use crate::catalog::Table;
use crate::name::{self, Name};

/// What a table is made into.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// So many hash partitions.
    Hash(u32),
    /// One table.
    Plain,
}

impl Shape {
    /// The partition's name ends with its number, as its indexes do.
    fn partitions(self, table: &Name) -> Vec<Name> {
        match self {
            Self::Hash(partitions) => {
                (0..partitions).map(|number| table.beside(&format!("_p{number}"))).collect()
            }
            Self::Plain => Vec::new(),
        }
    }
}

/// What the old table has, and the new one is to have: as SQL, besides what is repeated on each partition.
struct Had {
    keys: Vec<Constraint>,
    foreign_keys: Vec<Constraint>,
    exclusions: Vec<Constraint>,
    policies: Vec<Policy>,
    columns: String,
    indexes: Vec<String>,
    incoming: Vec<String>,
    sequences: Vec<String>,
    /// What comes last, for it speaks of the rest.
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

/// Makes the table into the other kind. The locks are held already.
pub(super) async fn convert(
    db: &impl ConnectionTrait,
    name: &Name,
    shape: Shape,
) -> Result<(), PartitionError> {
    let old = require(db, name, shape).await?;
    let had = Had::read(db, &old).await?;
    let related = catalog::related(db, &old).await?;
    for related in related.iter().filter(|related| related.forced) {
        // Policies bind the owner, too, and a foreign key is held against all rows.
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
    // Without `CASCADE`: if something hangs on it that was overlooked, nothing is done at all.
    run(db, &format!("DROP TABLE {}", name.quoted())).await?;
    run(db, &format!("ALTER TABLE {} RENAME TO {}", temporary.quoted(), sql::identifier(&name.name))).await?;
    finish(db, name, &old, &had, &partitions).await?;
    for related in related.iter().filter(|related| related.forced && !related.is_itself) {
        run(db, &format!("ALTER TABLE {} FORCE ROW LEVEL SECURITY", related.name)).await?;
    }
    // Nothing else gathers statistics of a divided table as a whole.
    run(db, &format!("ANALYZE {}", name.quoted())).await
}

/// Refuses what would be refused in the midst of it, or lost.
async fn require(db: &impl ConnectionTrait, name: &Name, shape: Shape) -> Result<Table, PartitionError> {
    let table = name.to_string();
    let Some(old) = catalog::find(db, name).await? else { return Err(PartitionError::NoTable { table }) };
    if old.is_partitioned == matches!(shape, Shape::Hash(_)) {
        return Err(PartitionError::Shape { table, divided: old.is_partitioned });
    }
    let objects = catalog::statements(db, catalog::IN_THE_WAY, &old).await?;
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
        _ => (format!(" PARTITION BY HASH ({TENANT_COLUMN})"), ""),
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

/// Gives the new table, under its name, what the old one had.
async fn finish(
    db: &impl ConnectionTrait,
    name: &Name,
    old: &Table,
    had: &Had,
    partitions: &[Name],
) -> Result<(), PartitionError> {
    let table = name.quoted();
    let Some(new) = catalog::find(db, name).await? else {
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

/// On a divided table the constraint is each partition's, and named after it as the indexes are.
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
