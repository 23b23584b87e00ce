//! An oracle: a statement has the same effect through a tenant's connection to the shared database as
//! unchanged in a database with only the tenant's rows.
//!
//! Statements are random, as text from a grammar and through SeaORM's own interface. Each runs on both sides.
//! The test compares the results, the errors and the rows afterwards, and the other tenants' rows must not
//! change. A failing case is shrunk to few choices and printed. `oracle/regressions.sql` contains statements
//! that once failed or are error-prone. They run first.
//!
//! `WATERTIGHT_ORACLE_SEED` chooses the seed, and `WATERTIGHT_ORACLE_CASES` the number of cases of a test.
//!
//! Each run-time layer is tested alone and with the other. Row-level security alone cannot add the tenant to
//! `ON CONFLICT (id)`, so the grammar then names the tenant's column.

mod api;
mod choices;
mod grammar;
mod keying;
mod schema;

use anyhow::Result;
use sea_orm::{
    ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr, FromQueryResult, JsonValue, RuntimeErr,
    Statement,
};
use watertight::{Layers, Refusal, TableSets, TenantConnection, TenantDatabaseError, TenantId, Watertight};
use watertight_tests::TestDatabase;

use self::choices::Choices;
use self::grammar::{Dialect, Grammar};
use self::keying::Keying;

/// The number of cases between two refills with all rows.
const CASES_A_WORLD: u64 = 25;

/// The layers of the shared database and the connection.
#[derive(Debug, Clone, Copy)]
struct Setup {
    layers: Layers,
    protected: bool,
    dialect: Dialect,
    keying: Keying,
    /// Whether statements run through a `DatabaseConnection` of the tenant.
    by_database: bool,
    /// Whether the table that every tenant reads has rows of tenants, too.
    for_everyone: bool,
}

const BOTH: Setup = Setup {
    layers: Layers::RewritingAndRowSecurity,
    protected: true,
    dialect: Dialect::Rewritten,
    keying: keying::UUID,
    by_database: false,
    for_everyone: false,
};
const REWRITING_ALONE: Setup = Setup { layers: Layers::RewritingOnly, protected: false, ..BOTH };
const ROW_SECURITY_ALONE: Setup =
    Setup { layers: Layers::UnscopedRowSecurityOnly, dialect: Dialect::AsItIs, ..BOTH };
const BY_DATABASE: Setup = Setup { by_database: true, ..BOTH };
/// No layer, to show that the oracle then fails.
const NOTHING: Setup = Setup { protected: false, ..ROW_SECURITY_ALONE };

/// The two sides.
struct Sides {
    tenant: TenantConnection,
    solo: DatabaseConnection,
    own: TenantId,
    others: [TenantId; 2],
    /// A connection that sees every tenant's rows with any layers.
    viewer: Watertight,
    owners: [DatabaseConnection; 2],
    dialect: Dialect,
    keying: Keying,
    by_database: bool,
    for_everyone: bool,
    _databases: [TestDatabase; 2],
}

/// The result of a run: its rows in order, or an error.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Rows(Vec<String>),
    /// The server's code, or SeaORM's error.
    Error(String),
    Refused(String),
}

impl Answer {
    fn of(result: Result<Vec<JsonValue>, DbErr>) -> Self {
        match result {
            Ok(rows) => Self::Rows(schema::in_order(rows)),
            Err(error) => match (Refusal::of(&error), TenantDatabaseError::of(&error), &error) {
                (Some(refusal), ..) => Self::Refused(refusal.to_string()),
                (None, Some(refusal), _) => Self::Refused(refusal.to_string()),
                // Streams, which SeaORM does not support for a `DatabaseConnection` of a tenant.
                (None, None, DbErr::BackendNotSupported { .. }) => Self::Refused(error.to_string()),
                _ => Self::Error(code(&error).unwrap_or_else(|| error.to_string())),
            },
        }
    }
}

fn code(error: &DbErr) -> Option<String> {
    let (DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error))) = error
    else {
        return None;
    };
    Some(error.as_database_error()?.code()?.into_owned())
}

async fn rows(db: &impl ConnectionTrait, statement: Statement) -> Result<Vec<JsonValue>, DbErr> {
    let rows = db.query_all_raw(statement).await?;
    let mut rows: Vec<_> =
        rows.iter().map(|row| JsonValue::from_query_result(row, "")).collect::<Result<_, _>>()?;
    // A `DatabaseConnection` of a tenant has its own order of keys, and additional ones for values by position.
    for row in rows.iter_mut().filter_map(JsonValue::as_object_mut) {
        let mut entries: Vec<_> = std::mem::take(row).into_iter().collect();
        entries.sort_by(|(one, _), (other, _)| one.cmp(other));
        row.extend(entries.into_iter().filter(|(name, _)| !name.starts_with('\0')));
    }
    Ok(rows)
}

/// The verdict of the comparison of the two sides.
#[derive(Debug)]
enum Verdict {
    Same,
    Refused(String),
    Differs(String),
}

/// A kind of case: the generator that turns choices into a statement or an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Api,
}

impl Sides {
    async fn create(setup: Setup) -> Result<Self> {
        let keying = setup.keying;
        let (shared, solo) = (keying.database().await?, keying.database().await?);
        let [own, one, two] = keying.tenants()?;

        let owners = [shared.owner().await?, solo.owner().await?];
        schema::create(&owners[0], keying, "watertight.tenant()").await?;
        if setup.protected {
            schema::protect(&owners[0], keying).await?;
        }
        schema::create(&owners[1], keying, &format!("'{own}'")).await?;
        schema::unique_without_tenant(&owners[1]).await?;
        if setup.for_everyone {
            schema::with_rows_for_everyone(&owners[0], setup.protected).await?;
            schema::with_rows_for_everyone(&owners[1], false).await?;
        }

        let mut builder =
            keying.configure(Watertight::builder()).dangerous_layers(setup.layers).dangerous_explain();
        builder = if setup.for_everyone {
            builder.tenant_tables(["k"]).rows_for_everyone(["k"])
        } else {
            builder.shared_table(schema::k::Entity)
        };
        if !keying.has_entities() {
            builder = builder.tenant_tables(schema::TENANT_TABLES);
        } else if setup.layers != Layers::UnscopedRowSecurityOnly {
            builder = builder
                .tenant_table(schema::a::Entity)
                .tenant_table(schema::b::Entity)
                .tenant_table(schema::c::Entity);
        }
        if setup.layers == Layers::RewritingOnly {
            // Row-level security binds the application's role in watertight's own tables.
            builder = builder.table_sets(TableSets::none());
        }
        let tenant = shared.water_with(builder).await?.tenant(own);
        let viewer = keying.configure(Watertight::builder());
        let viewer = shared.water_with(viewer.dangerous_layers(Layers::UnscopedRowSecurityOnly)).await?;
        let solo_db = Database::connect(solo.app_url()).await?;
        Ok(Self {
            tenant,
            solo: solo_db,
            own,
            others: [one, two],
            viewer,
            owners,
            dialect: setup.dialect,
            keying,
            by_database: setup.by_database,
            for_everyone: setup.for_everyone,
            _databases: [shared, solo],
        })
    }

    /// Refills both sides with all rows.
    async fn refill(&self) -> Result<()> {
        for owner in &self.owners {
            schema::empty(owner).await?;
        }
        for (variant, tenant) in (1..).zip([self.own, self.others[0], self.others[1]]) {
            schema::fill(&self.viewer.tenant(tenant), self.keying, tenant, variant).await?;
        }
        schema::fill(&self.solo, self.keying, self.own, 1).await?;
        if self.for_everyone {
            let tenants = [self.own, self.others[0], self.others[1]];
            schema::fill_rows_for_everyone(&self.owners[0], &tenants).await?;
            schema::fill_rows_for_everyone(&self.owners[1], &tenants[..1]).await?;
        }
        Ok(())
    }

    async fn dump_of(&self, tenant: TenantId) -> Result<Vec<String>> {
        Ok(schema::dump(&self.viewer.tenant(tenant), self.keying, tenant).await?)
    }

    async fn others(&self) -> Result<[Vec<String>; 2]> {
        Ok([self.dump_of(self.others[0]).await?, self.dump_of(self.others[1]).await?])
    }

    /// Runs one case on both sides.
    async fn run(&self, kind: Kind, choices: &mut Choices) -> Result<Verdict> {
        if kind == Kind::Text {
            return self.run_text(Grammar::statement(choices, self.dialect)).await;
        }
        let untouched = self.others().await?;
        let shared = Answer::of(if self.by_database {
            let database = self.tenant.database_connection();
            let result = api::run(database.connection(), choices).await;
            let finished = database.finish();
            result.and_then(|rows| finished.map(|()| rows))
        } else {
            api::run(&self.tenant, choices).await
        });
        let made = std::mem::replace(choices, Choices::replay(Vec::new())).made();
        *choices = Choices::replay(made.clone());
        let solo = Answer::of(api::run(&self.solo, &mut Choices::replay(made.clone())).await);
        self.judge(&format!("{made:?}"), shared, &solo, &untouched).await
    }

    async fn run_text(&self, statement: Statement) -> Result<Verdict> {
        let statement = self.keying.statement(statement);
        let untouched = self.others().await?;
        let described = format!("{} {:?}", statement.sql, statement.values);
        let shared = Answer::of(if self.by_database {
            rows(self.tenant.database_connection().connection(), statement.clone()).await
        } else {
            rows(&self.tenant, statement.clone()).await
        });
        let solo = Answer::of(rows(&self.solo, statement).await);
        if let Answer::Refused(reason) = shared {
            if matches!(solo, Answer::Error(_)) {
                // The rewriter may refuse a statement that the server refuses, too.
                return Ok(Verdict::Same);
            }
            self.refill().await?;
            // Such a statement is always refused with a lock, also if the lock does not concern the table.
            if self.for_everyone && reason.contains("has rows for everyone") {
                return Ok(Verdict::Same);
            }
            return Ok(Verdict::Refused(format!("{reason}: {described}")));
        }
        self.judge(&described, shared, &solo, &untouched).await
    }

    async fn judge(
        &self,
        described: &str,
        shared: Answer,
        solo: &Answer,
        untouched: &[Vec<String>; 2],
    ) -> Result<Verdict> {
        if let Answer::Refused(reason) = shared {
            return Ok(Verdict::Refused(format!("{reason}: {described}")));
        }
        if shared != *solo {
            let failure = format!("{described}\n  tenant gives {shared:?}\n  alone gives  {solo:?}");
            return Ok(Verdict::Differs(failure));
        }
        let (own, alone) =
            (self.dump_of(self.own).await?, schema::dump(&self.solo, self.keying, self.own).await?);
        if own != alone {
            return Ok(Verdict::Differs(format!("{described}\n  leaves {own:#?}\n  alone  {alone:#?}")));
        }
        if self.others().await? != *untouched {
            return Ok(Verdict::Differs(format!("{described}\n  changes another tenant's rows")));
        }
        Ok(Verdict::Same)
    }

    /// The failure of a case after a refill, if any.
    async fn fails(&self, kind: Kind, made: Vec<u32>) -> Result<Option<String>> {
        self.refill().await?;
        match self.run(kind, &mut Choices::replay(made)).await? {
            Verdict::Differs(failure) => Ok(Some(failure)),
            Verdict::Same | Verdict::Refused(_) => Ok(None),
        }
    }

    /// The failure of a simpler case, if any.
    async fn shrink(&self, kind: Kind, mut made: Vec<u32>) -> Result<Option<String>> {
        let Some(mut failure) = self.fails(kind, made.clone()).await? else {
            return Ok(None);
        };
        let mut budget = 400;
        'simpler: while budget > 0 {
            for candidate in choices::simpler(&made) {
                budget -= 1;
                if let Some(simpler) = self.fails(kind, candidate.clone()).await? {
                    (made, failure) = (candidate, simpler);
                    continue 'simpler;
                }
                if budget == 0 {
                    break;
                }
            }
            break;
        }
        let numbers: Vec<_> = made.iter().map(u32::to_string).collect();
        Ok(Some(format!("{kind:?} {}\n{failure}", numbers.join(" "))))
    }
}

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().map_or(otherwise, |text| text.parse().unwrap())
}

/// Runs random cases until one fails. Returns that case, shrunk.
async fn search(setup: Setup, cases: u64) -> Result<Option<String>> {
    let seed = number("WATERTIGHT_ORACLE_SEED", fastrand::u64(..));
    println!("WATERTIGHT_ORACLE_SEED={seed} ({setup:?})");
    let sides = Sides::create(setup).await?;
    for sql in include_str!("oracle/regressions.sql").split(";\n").filter(|sql| !sql.trim().is_empty()) {
        sides.refill().await?;
        match sides.run_text(Statement::from_string(DbBackend::Postgres, sql)).await? {
            Verdict::Same => {}
            Verdict::Refused(reason) if setup.by_database => println!("{reason}"),
            Verdict::Refused(failure) | Verdict::Differs(failure) => return Ok(Some(failure)),
        }
    }
    let mut refused = Vec::new();
    for case in 0..cases {
        if case % CASES_A_WORLD == 0 {
            sides.refill().await?;
        }
        let kind = if case % 4 == 3 && setup.keying.has_entities() { Kind::Api } else { Kind::Text };
        let mut choices = Choices::random(seed.wrapping_add(case));
        match sides.run(kind, &mut choices).await? {
            Verdict::Same => {}
            Verdict::Refused(reason) => refused.push(reason),
            Verdict::Differs(failure) => {
                let shrunk = sides.shrink(kind, choices.made()).await?;
                return Ok(Some(shrunk.unwrap_or(failure)));
            }
        }
    }
    println!("{cases} cases; refused: {refused:#?}");
    // Two columns with one name are common in random statements.
    let most = if setup.by_database { 25 } else { 1 };
    assert!(refused.len() as u64 * 100 <= cases * most, "{} of {cases} cases were refused", refused.len());
    Ok(None)
}

async fn hold(setup: Setup, cases: u64) -> Result<()> {
    let failure = search(setup, number("WATERTIGHT_ORACLE_CASES", cases)).await?;
    assert!(failure.is_none(), "{}", failure.unwrap_or_default());
    Ok(())
}

#[tokio::test]
async fn the_law_holds_with_both_layers() -> Result<()> {
    hold(BOTH, 1_000).await
}

#[tokio::test]
async fn the_law_holds_with_rewriting_alone() -> Result<()> {
    hold(REWRITING_ALONE, 1_000).await
}

#[tokio::test]
async fn the_law_holds_with_row_level_security_alone() -> Result<()> {
    hold(ROW_SECURITY_ALONE, 1_000).await
}

#[tokio::test]
async fn the_law_holds_for_numbers() -> Result<()> {
    hold(Setup { keying: keying::BIGINT, ..BOTH }, 150).await?;
    hold(Setup { keying: keying::INTEGER, ..REWRITING_ALONE }, 150).await
}

#[tokio::test]
async fn the_law_holds_for_texts() -> Result<()> {
    hold(Setup { keying: keying::TEXT, ..REWRITING_ALONE }, 150).await?;
    hold(Setup { keying: keying::TEXT, ..ROW_SECURITY_ALONE }, 150).await
}

#[tokio::test]
async fn the_law_holds_for_rows_for_everyone() -> Result<()> {
    hold(Setup { for_everyone: true, ..BOTH }, 150).await?;
    hold(Setup { for_everyone: true, ..REWRITING_ALONE }, 150).await
}

#[tokio::test]
async fn the_law_holds_through_a_database_connection() -> Result<()> {
    hold(BY_DATABASE, 150).await
}

#[tokio::test]
async fn the_oracle_fails_without_layers() -> Result<()> {
    assert!(search(NOTHING, 50).await?.is_some(), "without any layer 50 cases did not differ");
    Ok(())
}
