//! Converts a database of tinyland-auth-pg 0.2, the original of these tables.

mod catalog;
mod conversions;
mod dependents;
mod error;
mod original;
mod plan;
mod problem;
mod proposals;
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
pub use proposals::Proposal;
pub use report::{AdoptedTable, AdoptionReport};

use watertight_schema::{TableSet, TenantKey};

use crate::{Settings, access, list, one_at_a_time, tables, tenant_keys};
use catalog::Catalog;
use original::Original;

/// The adoption of a database of tinyland-auth-pg 0.2, in place and with all its rows.
///
/// The result has the tables, types, keys and policies that the migrations create. [`plan`](Self::plan)
/// returns the SQL and the problems, and changes nothing. [`run`](Self::run) adopts the database in one
/// transaction: it locks the original's tables before it reads the first row, and an error leaves the
/// database unchanged.
///
/// A row that does not fit is never converted by a guess. For names that the application cannot read, the plan contains
/// proposals, which [`convert_names`](Self::convert_names) accepts. The problems list rows that refer to another
/// tenant's rows, that have the key of another row, or that break a rule of the new tables. They also list
/// the objects that depend on the tables and would be lost. The page `adopting` of the crate `watertight`
/// describes every conversion.
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
#[must_use = "an adoption does nothing until `run` is called"]
pub struct Adoption {
    settings: Settings,
    time_zone: Option<String>,
    convert_names: bool,
    most: usize,
}

impl Adoption {
    /// The number of rows listed of each problem by default.
    pub const LISTED: usize = 100;

    /// The host of the email addresses that [`convert_names`](Self::convert_names) sets. No mail reaches it (RFC 2606).
    pub const NO_EMAIL_HOST: &str = "no-email.invalid";

    /// An adoption for the application's role, the migration table and the table sets of the settings.
    ///
    /// ```no_run
    /// # use sea_orm_migration::sea_orm::DatabaseConnection;
    /// use watertight_migration::Settings;
    /// use watertight_migration::adopt::{Adoption, AdoptionError};
    ///
    /// # async fn run(owner: &DatabaseConnection) -> Result<(), AdoptionError> {
    /// let settings = Settings::from_env().with_app_role("clinic_app");
    /// println!("{}", Adoption::new(settings).plan(owner).await?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(settings: Settings) -> Self {
        Self { settings, time_zone: None, convert_names: false, most: Self::LISTED }
    }

    /// Sets the time zone of the businesses' opening hours, by its IANA name.
    ///
    /// The original does not store a time zone. A database with a business profile requires one. Each
    /// tenant's profile can be changed afterwards.
    ///
    /// ```no_run
    /// # use sea_orm_migration::sea_orm::DatabaseConnection;
    /// # use watertight_migration::{Settings, adopt::{Adoption, AdoptionError}};
    /// # async fn run(owner: &DatabaseConnection) -> Result<(), AdoptionError> {
    /// let report = Adoption::new(Settings::from_env()).time_zone("America/New_York").run(owner).await?;
    /// println!("{report}");
    /// # Ok(())
    /// # }
    /// ```
    pub fn time_zone(mut self, name: impl Into<String>) -> Self {
        self.time_zone = Some(name.into());
        self
    }

    /// Accepts the conversions of names that the application cannot read, which are refused otherwise.
    ///
    /// In a handle, `_` replaces white space, control characters, `@` and `:`. An empty email address of a user becomes the
    /// handle if that is an address, and otherwise an address at the host [`NO_EMAIL_HOST`](Self::NO_EMAIL_HOST); so does the
    /// one of a client, with the client's id. The plan lists each name with its new form, so read it first, and tell the owners.
    /// A user can log in with the handle and with the address.
    ///
    /// ```no_run
    /// # use sea_orm_migration::sea_orm::DatabaseConnection;
    /// # use watertight_migration::{Settings, adopt::{Adoption, AdoptionError}};
    /// # async fn run(owner: &DatabaseConnection) -> Result<(), AdoptionError> {
    /// let adoption = Adoption::new(Settings::from_env());
    /// for proposal in adoption.plan(owner).await?.proposals() {
    ///     println!("{proposal}");
    /// }
    /// println!("{}", adoption.convert_names().run(owner).await?);
    /// # Ok(())
    /// # }
    /// ```
    pub const fn convert_names(mut self) -> Self {
        self.convert_names = true;
        self
    }

    /// Sets the number of rows listed of each problem, at least 1. The total is always reported.
    ///
    /// ```no_run
    /// # use sea_orm_migration::sea_orm::DatabaseConnection;
    /// # use watertight_migration::{Settings, adopt::{Adoption, AdoptionError}};
    /// # async fn run(owner: &DatabaseConnection) -> Result<(), AdoptionError> {
    /// let plan = Adoption::new(Settings::from_env()).list_at_most(10).plan(owner).await?;
    /// for problem in plan.problems() {
    ///     println!("{} rows of {}, such as {}", problem.total, problem.table, problem.rows.join(", "));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub const fn list_at_most(mut self, rows: usize) -> Self {
        self.most = if rows == 0 { 1 } else { rows };
        self
    }

    /// Returns the SQL that adopts the database and the problems, and changes nothing.
    ///
    /// The application can run meanwhile, unless a table forces row-level security on its owner. In that case
    /// the tables are locked until every row is read, because the plan has to lift the force first.
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
    /// The connection is of the role that owns the original's tables. Stop the application before: its
    /// statements wait meanwhile, and then find other tables.
    ///
    /// ```no_run
    /// # use sea_orm_migration::sea_orm::DatabaseConnection;
    /// # use watertight_migration::{Settings, adopt::{Adoption, AdoptionError}};
    /// # async fn run(owner: &DatabaseConnection) -> Result<(), AdoptionError> {
    /// let report = Adoption::new(Settings::from_env()).time_zone("America/New_York").run(owner).await?;
    /// for table in &report.tables {
    ///     println!("{} rows of {}", table.rows, table.to);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`AdoptionError::Refused`] with every problem; [`AdoptionError::AlreadyMigrated`],
    /// [`AdoptionError::NotTheOriginal`], [`AdoptionError::TableSetNotChosen`], [`AdoptionError::NoRights`],
    /// [`AdoptionError::UnknownTimeZone`], [`AdoptionError::Name`], [`AdoptionError::Settings`],
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
        // The keys are secret, and the plan's statements are printed.
        for key in &keys {
            tenant_keys::add(transaction, key).await.map_err(DbErr::from)?;
        }
        let Plan { proposals: conversions, migrations, sql, .. } = plan;
        Ok(AdoptionReport { tables, conversions, migrations, statements: sql.len() })
    }

    /// Locks the tables and draws the plan. Returns the plan and the number of its steps that have run.
    async fn draw_locked(&self, transaction: &DatabaseTransaction) -> Result<(Plan, usize), AdoptionError> {
        transaction.execute_unprepared(one_at_a_time::LOCK).await?;
        let (originals, _) = self.look(transaction).await?;
        transaction.execute_unprepared(&steps::lock(&originals)).await?;
        // The tables may have changed before the lock was granted.
        let (originals, catalog) = self.look(transaction).await?;
        let before = steps::before(&catalog, &originals);
        for sql in &before {
            transaction.execute_unprepared(sql).await?;
        }
        Ok((self.draw(transaction, &originals, &catalog).await?, before.len()))
    }

    /// Finds the original's tables, or returns the reason why they cannot be adopted regardless of their
    /// rows.
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
        // A database that uses the original only for authentication has only the schema `auth`.
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

    /// Refuses tables of the original whose table set is not chosen, because they would be left behind.
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
        let convert_names = self.convert_names;
        let survey = survey::Survey { originals, catalog, time_zone, convert_names, most: self.most };
        problems.extend(survey.problems(db).await?);
        // The names of a column of another type cannot be compared.
        let other_type = problems.iter().any(|problem| problem.kind == ProblemKind::OtherType);
        let proposals = if other_type { Vec::new() } else { survey.proposals(db).await? };
        let migrations = steps::migrations(&self.settings)?;
        let steps =
            steps::steps(&self.settings, catalog, originals, time_zone, convert_names, &migrations, &all)?;
        Ok(Plan::new(problems, proposals, steps, migrations.into_iter().map(|(name, _)| name).collect()))
    }
}

/// Begins a transaction in which each statement sees all rows committed before it, including the rows that
/// were written while it waited for the locks.
async fn begin(owner: &DatabaseConnection) -> Result<DatabaseTransaction, AdoptionError> {
    Ok(owner.begin_with_config(Some(IsolationLevel::ReadCommitted), Some(AccessMode::ReadWrite)).await?)
}
