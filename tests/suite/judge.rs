//! Independent checks of the rewriter: the server's planner, a database of one tenant's rows, and
//! recognizable rows of another tenant.
//!
//! For every text that the rewriter accepts:
//! - its plan, for a role to which no policy applies, scans tenant tables only under the tenant's condition, and no
//!   table that is not registered;
//! - a view of it depends only on registered tables and on PostgreSQL's own functions that compute from their
//!   arguments;
//! - through a tenant's connection without row-level security, it returns no value of the other tenant in rows or
//!   errors, writes none of its rows (triggers raise an error) and locks none (`xmax` stays);
//! - it returns and leaves the same rows as the unchanged text does in a database with only the tenant's rows.

mod attacks;
mod names;
pub(crate) mod plan;
mod scopes;
mod sqlsmith;
mod words;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use sea_orm::sqlx::{self, Column, Row, ValueRef};
use sea_orm::{
    ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr, Statement, TransactionSession,
    TransactionTrait,
};
use watertight::{Layers, Refusal, TenantConnection, TenantId, Watertight};
use watertight_tests::TestDatabase;

use self::plan::{Known, Tenant};
use self::world::{FOREIGN, OWN, TOUCHED, marker};

/// The verdict on a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    Refused(String),
    /// Both sides have the same result.
    Same,
    /// Both sides report an error.
    Failed,
    /// The text runs, but its result may differ: it contains positions of rows, times or random values.
    Incomparable,
    /// The text saw or reached a row of the other tenant.
    Leak(String),
    /// The text reached no row of the other tenant, but its result differs from a database of one tenant.
    Differs(String),
}

impl Verdict {
    pub(super) const fn is_fault(&self) -> bool {
        matches!(self, Self::Leak(_) | Self::Differs(_))
    }
}

/// The answer of a statement: rows in order, or an error.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Rows(Vec<String>),
    Error(String),
}

/// The connections and settings of the checks.
pub(super) struct Court {
    water: Watertight,
    tenant: TenantConnection,
    /// A connection that sees all rows and to which no policy applies.
    maintenance: DatabaseConnection,
    solo: DatabaseConnection,
    known: Known,
    /// The interval of texts that are made into a view, which takes as long as all other checks.
    viewed_every: u64,
    unseen: AtomicU64,
    _databases: [TestDatabase; 2],
}

/// Words in a text whose values differ between two databases, or two runs.
const INCOMPARABLE: &[&str] = &[
    "ctid",
    "xmin",
    "xmax",
    "cmin",
    "cmax",
    "tableoid",
    "random",
    "now",
    "clock_timestamp",
    "current_timestamp",
    "current_time",
    "localtime",
    "localtimestamp",
    "gen_random_uuid",
    "current_catalog",
    "current_database",
    "current_setting",
    "current_user",
    "session_user",
    "current_role",
    "user",
    "system_user",
    "timeofday",
    "statement_timestamp",
    "transaction_timestamp",
    "uuidv4",
    "uuidv7",
    "random_normal",
    "pg_typeof",
];

impl Court {
    pub(super) async fn open(viewed_every: u64) -> Result<Self> {
        let (shared, alone) = (TestDatabase::create().await?, TestDatabase::create().await?);
        let owner = shared.owner().await?;
        world::create(&owner, "").await?;
        world::fill_own(&owner).await?;
        world::fill_foreign(&owner).await?;
        world::plant(&owner).await?;
        let solo = alone.owner().await?;
        world::create(&solo, &format!("DEFAULT '{OWN}'")).await?;
        world::fill_own(&solo).await?;
        world::plant(&solo).await?;
        solo.execute_unprepared("CREATE UNIQUE INDEX ON a (id); CREATE UNIQUE INDEX ON b (id)").await?;
        solo.close().await?;

        crate::row_security::disable(&shared).await?;
        let builder = Watertight::builder()
            .dangerous_layers(Layers::RewritingOnly)
            .tenant_table(world::a::Entity)
            .tenant_table(world::b::Entity)
            .shared_table(world::k::Entity);
        let water = shared.water_with(builder).await?;
        let known = Known::of(&owner, &world::SHARED).await?;
        Ok(Self {
            tenant: water.tenant(TenantId::new(OWN)?),
            water,
            maintenance: one_connection(&shared.maintenance_url()?).await?,
            solo: one_connection(&alone.app_url()).await?,
            known,
            viewed_every,
            unseen: AtomicU64::new(0),
            _databases: [shared, alone],
        })
    }

    /// Judges one text without bound values.
    pub(super) async fn judge(&self, sql: &str) -> Result<Verdict> {
        let rewritten = match self.water.rewriter().rewrite(sql, 0) {
            Ok(rewritten) => rewritten,
            Err(refusal) => return Ok(Verdict::Refused(refusal.to_string())),
        };
        if let Some(problem) = self.planned(&rewritten).await? {
            return Ok(Verdict::Leak(format!("{problem}\n  {rewritten}")));
        }
        if let Some(problem) = self.depends(sql, &rewritten).await? {
            return Ok(Verdict::Leak(format!("{problem}\n  {rewritten}")));
        }
        let reads = !has_any_word(sql, &["INSERT", "UPDATE", "DELETE", "MERGE", "FOR"]);
        let untouched = if reads { None } else { Some(self.fingerprint().await?) };
        let (answer, left) = match run(&self.tenant, sql, reads).await {
            Ok(answers) => answers,
            Err(error) => match Refusal::of(&error) {
                Some(refusal) => return Ok(Verdict::Refused(refusal.to_string())),
                None => return Err(error).context(sql.to_owned()),
            },
        };
        if let Some(untouched) = untouched
            && self.fingerprint().await? != untouched
        {
            return Ok(Verdict::Leak(format!("changes or locks rows of the other tenant\n  {rewritten}")));
        }
        let shown = format!("{answer:?}");
        let names_foreign = sql.contains(&FOREIGN.to_string()) && !shown.contains(TOUCHED);
        if !names_foreign && let Some(found) = marker(shown.as_bytes()).or_else(|| marked(&answer)) {
            return Ok(Verdict::Leak(format!("shows {found}: {shown}\n  {rewritten}")));
        }
        let (alone, left_alone) = run(&self.solo, sql, reads).await?;
        let verdict = match (&answer, &alone) {
            (Answer::Error(_), Answer::Error(_)) => Verdict::Failed,
            // PostgreSQL takes any value for the condition of MERGE; it checks those of AND, which the guard needs.
            (Answer::Error(error), _)
                if has_any_word(sql, &["MERGE"])
                    && error.contains("argument of AND must be type boolean") =>
            {
                Verdict::Failed
            }
            (Answer::Rows(_), Answer::Rows(_)) if has_any_word(sql, INCOMPARABLE) => Verdict::Incomparable,
            _ if answer == alone && left == left_alone => Verdict::Same,
            _ => Verdict::Differs(format!(
                "tenant gives {answer:?}, {left:?}\n  alone gives  {alone:?}, {left_alone:?}\n  {rewritten}"
            )),
        };
        Ok(verdict)
    }

    /// The problem of a rewritten text's plan, if any.
    async fn planned(&self, rewritten: &str) -> Result<Option<String>> {
        let explain = format!("EXPLAIN (VERBOSE, COSTS OFF, FORMAT JSON) {rewritten}");
        let tenant: Vec<sea_orm::Value> =
            if rewritten.contains("/* tenant $1 */") { vec![OWN.into()] } else { Vec::new() };
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, explain, tenant);
        let Ok(row) = self.maintenance.query_one_raw(statement).await else {
            // The server does not accept the text.
            return Ok(None);
        };
        let explained: serde_json::Value = row.context("EXPLAIN returned nothing")?.try_get_by_index(0)?;
        Ok(plan::check(&explained, &self.known, Tenant::Value(OWN)).err())
    }

    /// The forbidden dependencies of a view over a rewritten query, if any.
    async fn depends(&self, sql: &str, rewritten: &str) -> Result<Option<String>> {
        if !self.unseen.fetch_add(1, Ordering::Relaxed).is_multiple_of(self.viewed_every)
            || has_any_word(sql, &["INSERT", "UPDATE", "DELETE", "MERGE"])
        {
            return Ok(None);
        }
        let query = rewritten.replace("$1", &format!("'{OWN}'::uuid"));
        let transaction = self.maintenance.begin().await?;
        let view = format!("CREATE TEMP VIEW judged AS SELECT 1 AS one WHERE EXISTS ({query}\n)");
        let mut problem = None;
        // The server does not accept every query as a subquery.
        if transaction.execute_raw(text(&view)).await.is_ok() {
            let row = transaction.query_one_raw(text(DEPENDENCIES)).await?.context("no row")?;
            let found: Vec<String> = row.try_get_by_index(0)?;
            let known = |name: &String| {
                name.strip_prefix("table ").is_some_and(|table| {
                    self.known.tenant.contains(table) || self.known.shared.contains(table)
                })
            };
            let unknown: Vec<String> = found.into_iter().filter(|name| !known(name)).collect();
            problem = (!unknown.is_empty()).then(|| format!("a view of it depends on {unknown:?}"));
        }
        transaction.rollback().await?;
        Ok(problem)
    }

    async fn fingerprint(&self) -> Result<String> {
        let row = self.maintenance.query_one_raw(text(&world::fingerprint())).await?;
        Ok(row.context("no rows of the other tenant")?.try_get_by_index(0)?)
    }
}

/// The dependencies of the view `judged`: objects that are not PostgreSQL's own, which `pg_depend` omits, and
/// functions of PostgreSQL that read more than their arguments.
const DEPENDENCIES: &str = r"
    WITH rule AS (SELECT oid, ev_action::text AS tree FROM pg_rewrite WHERE ev_class = 'pg_temp.judged'::regclass),
    functions AS (
        SELECT m[2]::oid AS oid FROM rule, regexp_matches(tree, ':(funcid|opfuncid|aggfnoid|winfnoid) (\d+)', 'g') m
        UNION SELECT o.oprcode FROM rule, regexp_matches(tree, ':opno (\d+)', 'g') m
            JOIN pg_operator o ON o.oid = m[1]::oid
    )
    SELECT coalesce(array_agg(DISTINCT found), '{}')::text[] FROM (
        SELECT coalesce('table ' || n.nspname || '.' || c.relname, d.refclassid::regclass::text || ' ' || d.refobjid) AS found
        FROM rule JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = rule.oid
        LEFT JOIN pg_class c ON d.refclassid = 'pg_class'::regclass AND c.oid = d.refobjid
        LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE d.refobjid <> 'pg_temp.judged'::regclass AND d.refclassid <> 'pg_constraint'::regclass
        UNION
        SELECT 'function ' || p.oid::regprocedure FROM functions JOIN pg_proc p USING (oid)
        WHERE p.pronamespace <> 'pg_catalog'::regnamespace OR p.prosecdef
        OR p.provolatile = 'v' AND p.proname NOT IN ('clock_timestamp', 'gen_random_uuid', 'random', 'random_normal',
            'timeofday', 'uuidv4', 'uuidv7', 'array_sample', 'array_shuffle')
        OR p.proname ~ ('^(pg_|has_|txid|query_to|table_to|schema_to|database_to|cursor_to|ts_stat|ts_rewrite|lo_|to_reg|' ||
            'obj_|col_|shobj|format_type|inet_client|inet_server|set_config|nextval|currval|lastval|setval|row_security)')
        AND p.proname NOT IN ('pg_typeof', 'pg_column_size', 'pg_column_compression', 'pg_collation_for',
            'pg_client_encoding', 'pg_char_to_encoding', 'pg_encoding_to_char', 'pg_encoding_max_length',
            'pg_size_bytes', 'pg_size_pretty', 'pg_visible_in_snapshot', 'pg_wal_lsn_diff')
        AND p.proname !~ '^pg_(lsn|snapshot)'
    ) x";

fn text(sql: &str) -> Statement {
    Statement::from_string(DbBackend::Postgres, sql)
}

async fn one_connection(url: &str) -> Result<DatabaseConnection> {
    let mut options = sea_orm::ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    Ok(Database::connect(options).await?)
}

/// Runs a text in a transaction that is rolled back. Returns its answer and the rows that it leaves.
async fn run(db: &impl TransactionTrait, sql: &str, reads: bool) -> Result<(Answer, Option<Answer>), DbErr> {
    let transaction = db.begin().await?;
    let answer = ask(&transaction, sql).await?;
    let left = if reads || matches!(answer, Answer::Error(_)) {
        None
    } else {
        Some(ask(&transaction, &world::left_behind()).await?)
    };
    transaction.rollback().await?;
    Ok((answer, left))
}

async fn ask(db: &impl ConnectionTrait, sql: &str) -> Result<Answer, DbErr> {
    match db.query_all_raw(text(sql)).await {
        Err(error) if Refusal::of(&error).is_some() => Err(error),
        Err(error) => Ok(Answer::Error(error.to_string())),
        Ok(rows) => {
            let mut lines: Vec<String> = rows
                .iter()
                .filter_map(|row| row.try_as_pg_row())
                .map(|row| {
                    let of = |column: &sqlx::postgres::PgColumn| {
                        let value = row.try_get_raw(column.ordinal()).ok();
                        let bytes =
                            value.filter(|value| !value.is_null()).and_then(|value| value.as_bytes().ok());
                        format!("{}={}", column.name(), bytes.map_or_else(|| "null".to_owned(), hex::encode))
                    };
                    row.columns().iter().map(of).collect::<Vec<_>>().join(" ")
                })
                .collect();
            lines.sort_unstable();
            Ok(Answer::Rows(lines))
        }
    }
}

/// Looks for values of the other tenant in the bytes of the rows.
fn marked(answer: &Answer) -> Option<&'static str> {
    let Answer::Rows(lines) = answer else { return None };
    let values = lines.iter().flat_map(|line| line.split(' ')).filter_map(|value| value.rsplit_once('='));
    values.filter_map(|(_, value)| hex::decode(value).ok()).find_map(|bytes| marker(&bytes))
}

fn has_any_word(sql: &str, words: &[&str]) -> bool {
    let mut parts = sql.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    parts.any(|part| words.iter().any(|word| word.eq_ignore_ascii_case(part)))
}

/// The seed of the random texts. It is the same for every run, so that a failure depends on the change alone.
/// The nightly run chooses other seeds.
pub(super) fn seed() -> u64 {
    number("WATERTIGHT_JUDGE_SEED", 20_261_126)
}

pub(super) fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().map_or(otherwise, |text| text.parse().unwrap())
}

/// Judges texts and counts the verdicts. Returns the faults.
async fn judge_all(court: &Court, texts: impl IntoIterator<Item = String>) -> Result<Vec<String>> {
    let (mut judged, mut refused, mut same, mut failed, mut faults) = (0, 0, 0, 0, Vec::new());
    for sql in texts {
        judged += 1;
        match court.judge(&sql).await? {
            Verdict::Refused(_) => refused += 1,
            Verdict::Same | Verdict::Incomparable => same += 1,
            Verdict::Failed => failed += 1,
            fault @ (Verdict::Leak(_) | Verdict::Differs(_)) => faults.push(format!("{sql}\n  {fault:?}")),
        }
    }
    println!(
        "{judged} texts: {refused} refused, {same} the same, {failed} errors on both sides, {} faults",
        faults.len()
    );
    Ok(faults)
}

/// Judges the statements of the file that `WATERTIGHT_JUDGE_FILE` names, one a line, and prints each verdict.
#[tokio::test]
#[ignore = "for texts at hand"]
async fn texts_of_a_file_are_judged() -> Result<()> {
    let path = std::env::var("WATERTIGHT_JUDGE_FILE").context("WATERTIGHT_JUDGE_FILE names no file")?;
    let court = Court::open(1).await?;
    let mut faults = 0;
    for sql in std::fs::read_to_string(path)?.lines().filter(|line| !line.trim().is_empty()) {
        let verdict = court.judge(sql).await?;
        faults += usize::from(verdict.is_fault());
        println!("{sql}\n  {verdict:?}");
    }
    assert_eq!(faults, 0);
    Ok(())
}
