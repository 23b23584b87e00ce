//! Takes over a database that the original wrote: the one whose tables these are modeled on, in its version 0.2.

mod catalog;
mod conversions;
mod dependents;
mod error;
mod original;
mod plan;
mod problem;
mod readable;
mod report;
mod rules;
mod steps;
mod survey;

use sea_orm_migration::{
    SchemaManager,
    sea_orm::{
        AccessMode, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, IsolationLevel,
        TransactionTrait,
    },
};

pub use error::AdoptionError;
pub use plan::Plan;
pub use problem::{Problem, ProblemKind};
pub use report::{AdoptedTable, AdoptionReport};

use watertight_schema::{TableSet, TenantKey};

use crate::{Settings, access, list, tables, tenant_keys};
use catalog::Catalog;
use original::Original;

/// Takes over a database of the original, in place: with all its rows, in the tables, types, keys and policies that
/// the migrations make.
///
/// [`plan`](Self::plan) looks and says what it would take and what is in the way. [`run`](Self::run) does it, in one
/// transaction, with the original's tables locked from before the first row is looked at: all of it is done, or the
/// database is as it was.
///
/// What cannot be taken over as it is, is not guessed at. Rows that refer to another tenant's, that have the key of
/// another row, or that break a rule of the new tables are listed, and so is whatever else hangs on the tables and
/// would be lost. The page `adopting` of the crate `watertight` says what is converted, and how.
///
/// ```no_run
/// use sea_orm_migration::sea_orm::Database;
/// use watertight_migration::{Settings, adopt::Adoption};
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let owner = Database::connect("postgres://owner@localhost/clinic").await?;
/// let adoption = Adoption::new(Settings::from_env()).time_zone("America/New_York");
///
/// let plan = adoption.plan(&owner).await?;
/// for problem in plan.problems() {
///     eprintln!("{problem}");
/// }
/// if plan.problems().is_empty() {
///     println!("{}", adoption.run(&owner).await?);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is adopted before `run`"]
pub struct Adoption {
    settings: Settings,
    time_zone: Option<String>,
    most: usize,
}

impl Adoption {
    /// How many rows of a problem are listed when nothing else is said.
    pub const LISTED: usize = 100;

    /// An adoption for the application's role, the migration table and the table sets of the settings.
    pub fn new(settings: Settings) -> Self {
        Self { settings, time_zone: None, most: Self::LISTED }
    }

    /// Says the time zone in which the businesses' opening hours are meant, by its IANA name.
    ///
    /// The original does not know it. It is wanted where there is a business profile, and can be changed in the
    /// profile of each tenant afterwards.
    pub fn time_zone(mut self, name: impl Into<String>) -> Self {
        self.time_zone = Some(name.into());
        self
    }

    /// Lists so many rows of a problem at most. How many there are is said in any case.
    pub const fn list_at_most(mut self, rows: usize) -> Self {
        self.most = if rows == 0 { 1 } else { rows };
        self
    }

    /// Says what adopting the database takes and what is in the way, and changes nothing.
    ///
    /// The tables are read while the application goes on, unless row-level security is forced upon the
    /// owner of one: then they are locked until all is read, because that has to be lifted first.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run), except [`AdoptionError::Refused`]: the plan contains the problems.
    pub async fn plan(&self, owner: &DatabaseConnection) -> Result<Plan, AdoptionError> {
        let read_only =
            owner.begin_with_config(Some(IsolationLevel::RepeatableRead), Some(AccessMode::ReadOnly)).await?;
        let (originals, catalog) = self.look(&read_only).await?;
        if steps::unforce(&catalog, &originals).is_empty() {
            let plan = self.draw(&read_only, &originals, &catalog).await;
            read_only.rollback().await?;
            return plan;
        }
        read_only.rollback().await?;
        let transaction = begin(owner).await?;
        let plan = self.draw_locked(&transaction).await;
        transaction.rollback().await?;
        plan.map(|(plan, _)| plan)
    }

    /// Adopts the database, and adds the tenant keys in the environment variable
    /// [`TenantKey::VARIABLE`](crate::TenantKey::VARIABLE).
    ///
    /// The owner's connection is that of the role that owns the original's tables. The application is best stopped:
    /// what it tries meanwhile waits, and finds other tables then.
    ///
    /// # Errors
    ///
    /// [`AdoptionError::Refused`] with all that is in the way; [`AdoptionError::AlreadyMigrated`],
    /// [`AdoptionError::NotTheOriginal`], [`AdoptionError::TableSetNotChosen`], [`AdoptionError::NoRights`],
    /// [`AdoptionError::UnknownTimeZone`], [`AdoptionError::Settings`], [`AdoptionError::TableSets`],
    /// [`AdoptionError::TenantKey`]; [`AdoptionError::Database`], for example when the application's role does not exist.
    /// Nothing has changed then.
    pub async fn run(&self, owner: &DatabaseConnection) -> Result<AdoptionReport, AdoptionError> {
        let transaction = begin(owner).await?;
        let done = self.run_in(&transaction).await;
        match done {
            Ok(report) => {
                transaction.commit().await?;
                Ok(report)
            }
            Err(error) => {
                transaction.rollback().await?;
                Err(error)
            }
        }
    }

    async fn run_in(&self, transaction: &DatabaseTransaction) -> Result<AdoptionReport, AdoptionError> {
        let keys = TenantKey::from_env()?;
        let (plan, done) = self.draw_locked(transaction).await?;
        if !plan.problems.is_empty() {
            return Err(AdoptionError::Refused { problems: plan.problems });
        }
        let mut tables = Vec::new();
        for step in plan.steps.iter().skip(done) {
            let done = transaction.execute_unprepared(&step.sql).await?;
            if let Some((from, to)) = &step.copies {
                let (from, to, rows) = (from.clone(), to.clone(), done.rows_affected());
                tables.push(AdoptedTable { from, to, rows });
            }
        }
        // Not among the plan's statements, which are printed.
        for key in &keys {
            tenant_keys::add(transaction, key).await.map_err(DbErr::from)?;
        }
        Ok(AdoptionReport { tables, migrations: plan.migrations, statements: plan.sql.len() })
    }

    /// Locks the tables and draws the plan, and says how many of its steps that was.
    async fn draw_locked(&self, transaction: &DatabaseTransaction) -> Result<(Plan, usize), AdoptionError> {
        let (originals, _) = self.look(transaction).await?;
        transaction.execute_unprepared(&steps::lock(&originals)).await?;
        // What was so before the lock need not be any more.
        let (originals, catalog) = self.look(transaction).await?;
        let before = steps::before(&catalog, &originals);
        for sql in &before {
            transaction.execute_unprepared(sql).await?;
        }
        Ok((self.draw(transaction, &originals, &catalog).await?, before.len()))
    }

    /// Finds the original's tables, or says why they cannot be adopted whatever is in them.
    async fn look(&self, db: &DatabaseTransaction) -> Result<(Vec<Original>, Catalog), AdoptionError> {
        self.settings.check()?;
        let sets = self.settings.table_sets();
        let ours: Vec<String> = list().into_iter().map(|migration| migration.name().to_owned()).collect();
        catalog::require_unmigrated(db, &self.settings, &ours).await?;
        let all = original::all(sets);
        let catalog = Catalog::read(db, &all).await?;
        let (mut originals, others): (Vec<Original>, Vec<Original>) =
            all.into_iter().partition(|original| sets.contains(original.set));
        self.require_sets(&catalog, &others)?;
        if originals.is_empty() {
            catalog.require(&others)?;
        }
        // A database that uses the original for authentication alone has the schema `auth` alone.
        let is_public = |original: &Original| original.set.schema() == "public";
        let has_public =
            originals.iter().any(|original| is_public(original) && catalog.find(original).is_some());
        if !has_public && !originals.iter().all(is_public) {
            originals.retain(|original| !is_public(original));
        }
        catalog.require(&originals)?;
        access::require_role(&SchemaManager::new(db), &self.settings).await?;
        catalog.require_rights(db, &self.settings, &originals).await?;
        if let Some(name) = &self.time_zone {
            catalog::require_time_zone(db, name).await?;
        }
        Ok((originals, catalog))
    }

    /// Refuses to leave tables of the original behind because their set is not chosen.
    fn require_sets(&self, catalog: &Catalog, others: &[Original]) -> Result<(), AdoptionError> {
        let is_there = |original: &&Original| catalog.require(std::slice::from_ref(*original)).is_ok();
        let mut sets: Vec<TableSet> = others.iter().filter(is_there).map(|original| original.set).collect();
        sets.dedup();
        if sets.is_empty() {
            return Ok(());
        }
        let chosen = self.settings.table_sets().clone();
        let with_them = sets.iter().fold(chosen, |chosen, set| chosen.with(*set)).to_string();
        Err(AdoptionError::TableSetNotChosen { sets, with_them })
    }

    async fn draw(
        &self,
        db: &DatabaseTransaction,
        originals: &[Original],
        catalog: &Catalog,
    ) -> Result<Plan, AdoptionError> {
        let all = tables(&self.settings);
        let time_zone = self.time_zone.as_deref();
        db.execute_unprepared(steps::STANDARD_STRINGS).await?;
        let mut problems = dependents::taken_names(db, &all, originals).await?;
        problems.extend(dependents::problems(db, originals, self.most).await?);
        problems
            .extend(survey::Survey { originals, catalog, time_zone, most: self.most }.problems(db).await?);
        let migrations = steps::migrations(&self.settings)?;
        let steps = steps::steps(&self.settings, catalog, originals, time_zone, &migrations, &all)?;
        Ok(Plan::new(problems, steps, migrations.into_iter().map(|(name, _)| name).collect()))
    }
}

/// Every statement is to see what was committed before it: a row that was written while the locks were waited for is
/// one of those to be adopted.
async fn begin(owner: &DatabaseConnection) -> Result<DatabaseTransaction, AdoptionError> {
    Ok(owner.begin_with_config(Some(IsolationLevel::ReadCommitted), Some(AccessMode::ReadWrite)).await?)
}
