//! The conversion of existing tables of one tenant, or of hand-filtered tenants, to tenant tables.
//!
//! [`Conversion`] reads the catalog and plans [phases](Phase), each with its SQL and its locks. The first three leave the
//! present application working: new columns have a default, and new keys stand beside the old ones. Each phase can be
//! interrupted and run again, and the conversion can be undone as long as there is one tenant.
//!
//! ```no_run
//! use sea_orm_migration::sea_orm::DatabaseConnection;
//! use watertight_migration::Settings;
//! use watertight_migration::convert::{Conversion, ConversionError, Phase};
//!
//! # async fn convert(owner: &DatabaseConnection) -> Result<(), ConversionError> {
//! let conversion = Conversion::new(Settings::from_env())
//!     .tables(["customers", "orders"])
//!     .tenant("7b0e8d3c-5a53-4f6e-9b0e-0f8a1f0f2a11");
//! println!("{}", conversion.plan(owner).await?);
//! for phase in Phase::ALL {
//!     conversion.run(owner, phase, |progress| println!("{}", progress.step.title)).await?;
//! }
//! # Ok(())
//! # }
//! ```

mod access;
mod catalog;
mod checks;
mod column;
mod crossing;
mod error;
mod foreign_keys;
mod isolation;
mod journal;
mod key;
mod keys;
mod naming;
mod old_keys;
mod plan;
mod problem;
mod report;
mod run;
mod step;
mod survey;
mod undo;

pub use error::ConversionError;
pub use plan::{ConversionPlan, PhasePlan, TableSize};
pub use problem::{ConversionNote, ConversionProblem, ProblemKind};
pub use report::{CompletedPhase, ConversionReport};
pub use run::ConversionProgress;
pub use step::{Duration, Lock, LockMode, Phase, Step, UnknownPhase};

use sea_orm_migration::sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, TransactionTrait};
use watertight_schema::sql;

use crate::name::Name;
use crate::one_at_a_time::Lock as OneAtATime;
use crate::{Settings, name, query};
use run::Patience;
use survey::Survey;
use undo::Undo;

/// A conversion of tables to tenant tables.
///
/// The settings name the tenant column and the application's role. The type of the tenant's key is the one of the
/// database, which its first migration has chosen.
///
/// A primary key such as `id` becomes `(tenant_id, id)`. Entities need not change: through a tenant's connection, `id`
/// alone finds the tenant's row. [`keep_primary_keys`](Self::keep_primary_keys) keeps primary keys as they are.
///
/// ```
/// use watertight_migration::Settings;
/// use watertight_migration::convert::Conversion;
///
/// let conversion = Conversion::new(Settings::default().with_tenant_column("org_id")).tables(["customers", "sales.orders"]);
/// # let _ = conversion;
/// ```
#[derive(Clone, Debug)]
#[must_use = "a conversion does nothing until it is planned or run"]
pub struct Conversion {
    settings: Settings,
    schema: String,
    named: Vec<(Option<String>, String)>,
    whole_schemas: Vec<String>,
    except: Vec<(Option<String>, String)>,
    tenant: Option<String>,
    keep_primary_keys: bool,
    keep_indexes: bool,
    patience: Patience,
}

/// The number of times that a run plans a phase, because programs that are still running can change its state.
const ROUNDS: usize = 3;

impl Conversion {
    /// A conversion of no table yet.
    ///
    /// ```
    /// use watertight_migration::{Settings, convert::Conversion};
    ///
    /// let conversion = Conversion::new(Settings::from_env()).tables(["customers"]);
    /// # let _ = conversion;
    /// ```
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            schema: "public".to_owned(),
            named: Vec::new(),
            whole_schemas: Vec::new(),
            except: Vec::new(),
            tenant: None,
            keep_primary_keys: false,
            keep_indexes: false,
            patience: Patience::default(),
        }
    }

    /// Sets the schema of tables that are named without one; `public` by default.
    ///
    /// ```
    /// # use watertight_migration::{Settings, convert::Conversion};
    /// let conversion = Conversion::new(Settings::default()).schema("shop").tables(["customers"]);
    /// # let _ = conversion;
    /// ```
    pub fn schema(mut self, schema: impl Into<String>) -> Self {
        self.schema = schema.into();
        self
    }

    /// Adds tables by name, as `table` or `schema.table`.
    ///
    /// ```
    /// # use watertight_migration::{Settings, convert::Conversion};
    /// let conversion = Conversion::new(Settings::default()).tables(["customers", "sales.orders"]);
    /// # let _ = conversion;
    /// ```
    pub fn tables(mut self, tables: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        self.named.extend(tables.into_iter().map(|table| split(table.as_ref())));
        self
    }

    /// Adds all tables of a schema, without those that [`except`](Self::except) names.
    ///
    /// The table of applied migrations and tables that were created as tenant tables are left out, too.
    ///
    /// ```
    /// # use watertight_migration::{Settings, convert::Conversion};
    /// let conversion = Conversion::new(Settings::default()).all_tables_of("public").except(["countries"]);
    /// # let _ = conversion;
    /// ```
    pub fn all_tables_of(mut self, schema: impl Into<String>) -> Self {
        self.whole_schemas.push(schema.into());
        self
    }

    /// Leaves tables out, such as shared tables. They are named as in [`tables`](Self::tables).
    ///
    /// ```
    /// # use watertight_migration::{Settings, convert::Conversion};
    /// let conversion = Conversion::new(Settings::default()).all_tables_of("shop").except(["shop.currencies"]);
    /// # let _ = conversion;
    /// ```
    pub fn except(mut self, tables: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        self.except.extend(tables.into_iter().map(|table| split(table.as_ref())));
        self
    }

    /// Sets the key of the tenant to which rows without a tenant belong.
    ///
    /// It is needed for tables that have rows and no tenant column, or rows whose tenant is null.
    ///
    /// ```
    /// # use watertight_migration::{Settings, convert::Conversion};
    /// let conversion = Conversion::new(Settings::default())
    ///     .tables(["customers"])
    ///     .tenant("7b0e8d3c-5a53-4f6e-9b0e-0f8a1f0f2a11");
    /// # let _ = conversion;
    /// ```
    pub fn tenant(mut self, key: impl Into<String>) -> Self {
        self.tenant = Some(key.into());
        self
    }

    /// Keeps primary keys without the tenant, and adds a unique key with the tenant for foreign keys.
    ///
    /// A key of another tenant's row is then refused, which reveals that it exists. The doctor reports such a key.
    ///
    /// ```
    /// # use watertight_migration::{Settings, convert::Conversion};
    /// let conversion = Conversion::new(Settings::default()).tables(["customers"]).keep_primary_keys();
    /// # let _ = conversion;
    /// ```
    pub fn keep_primary_keys(mut self) -> Self {
        self.keep_primary_keys = true;
        self
    }

    /// Keeps indexes that are not unique without the tenant.
    ///
    /// ```
    /// # use watertight_migration::{Settings, convert::Conversion};
    /// let conversion = Conversion::new(Settings::default()).tables(["customers"]).keep_indexes();
    /// # let _ = conversion;
    /// ```
    pub fn keep_indexes(mut self) -> Self {
        self.keep_indexes = true;
        self
    }

    /// Limits how long a step waits for its locks in one attempt, and the number of attempts.
    ///
    /// By default it waits 500 ms in each of 60 attempts, less than `deadlock_timeout`.
    /// While a step waits, later statements on the table wait behind it.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use watertight_migration::{Settings, convert::Conversion};
    /// let conversion =
    ///     Conversion::new(Settings::default()).tables(["customers"]).lock_timeout(Duration::from_millis(200), 300);
    /// # let _ = conversion;
    /// ```
    pub fn lock_timeout(mut self, timeout: std::time::Duration, attempts: u32) -> Self {
        self.patience = Patience { timeout, attempts };
        self
    }

    /// Plans the steps that are not done yet. Changes nothing.
    ///
    /// # Errors
    ///
    /// [`ConversionError::NoTables`], [`ConversionError::TenantKey`], or the error of the database. Problems of the tables
    /// are in the plan.
    pub async fn plan(&self, owner: &DatabaseConnection) -> Result<ConversionPlan, ConversionError> {
        let transaction = reading(owner).await?;
        let mut survey = Survey::read(&transaction, self).await?;
        let mut problems = checks::problems(&survey, self);
        problems.extend(crossing::problems(&transaction, &survey, self.settings.tenant_column()).await?);
        transaction.rollback().await?;
        let notes = checks::notes(&survey, self);
        Ok(ConversionPlan::forward(&mut survey, self, problems, notes))
    }

    /// Runs a phase: the steps of it that are not done yet.
    ///
    /// Conversions of a database run one at a time; this needs a pool of two connections or more.
    ///
    /// # Errors
    ///
    /// [`ConversionError::Refused`] for tables with problems, [`ConversionError::EarlierPhase`],
    /// [`ConversionError::Locked`] and [`ConversionError::Step`]. Steps before the one that failed are complete.
    pub async fn run(
        &self,
        owner: &DatabaseConnection,
        phase: Phase,
        progress: impl FnMut(ConversionProgress<'_>),
    ) -> Result<ConversionReport, ConversionError> {
        let lock = OneAtATime::of_conversions(owner).await?;
        let done = self.run_phase(owner, phase, false, progress).await;
        lock.release().await;
        done
    }

    /// Plans the steps that restore the state before the conversion. Changes nothing.
    ///
    /// # Errors
    ///
    /// As [`plan`](Self::plan), and [`ConversionError::NothingToUndo`].
    pub async fn plan_undo(&self, owner: &DatabaseConnection) -> Result<ConversionPlan, ConversionError> {
        let transaction = reading(owner).await?;
        let survey = Survey::read(&transaction, self).await?;
        transaction.rollback().await?;
        let undo = Undo::new(&survey, &self.settings);
        if !undo.is_recorded() {
            return Err(ConversionError::NothingToUndo);
        }
        several_tenants(&survey, &undo)?;
        Ok(ConversionPlan::backward(&survey, &undo))
    }

    /// Undoes a phase. The phases run in the opposite order.
    ///
    /// Rows that were written meanwhile stay, and a column that existed before the conversion keeps its values.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run), and [`ConversionError::SeveralTenants`] when rows would be mixed.
    pub async fn undo(
        &self,
        owner: &DatabaseConnection,
        phase: Phase,
        progress: impl FnMut(ConversionProgress<'_>),
    ) -> Result<ConversionReport, ConversionError> {
        let lock = OneAtATime::of_conversions(owner).await?;
        let done = self.run_phase(owner, phase, true, progress).await;
        lock.release().await;
        done
    }

    async fn run_phase(
        &self,
        owner: &DatabaseConnection,
        phase: Phase,
        undo: bool,
        mut progress: impl FnMut(ConversionProgress<'_>),
    ) -> Result<ConversionReport, ConversionError> {
        let mut completed = 0;
        for _ in 0..ROUNDS {
            let plan = match self.plan_direction(owner, undo).await {
                // The last step of an undo drops the record.
                Err(ConversionError::NothingToUndo) if completed > 0 => break,
                plan => plan?,
            };
            if !plan.problems.is_empty() {
                return Err(ConversionError::Refused { problems: plan.problems });
            }
            if let Some(first) = plan.phases.first().filter(|first| earlier(first.phase, phase, undo)) {
                return Err(ConversionError::EarlierPhase { phase, first: first.phase });
            }
            let steps = plan.steps(phase);
            if steps.is_empty() {
                break;
            }
            if undo && completed == 0 {
                self.refuse_several_tenants(owner).await?;
            }
            for (place, step) in steps.iter().enumerate() {
                progress(ConversionProgress { phase, step, number: place + 1, steps: steps.len() });
                run::run(owner, step, self.patience).await?;
                completed += 1;
            }
        }
        let phases = if completed == 0 { vec![] } else { vec![CompletedPhase { phase, steps: completed }] };
        Ok(ConversionReport { phases })
    }

    async fn plan_direction(
        &self,
        owner: &DatabaseConnection,
        undo: bool,
    ) -> Result<ConversionPlan, ConversionError> {
        if undo { self.plan_undo(owner).await } else { self.plan(owner).await }
    }

    /// Refuses to undo with rows of several tenants, which forced policies hide from the owner.
    async fn refuse_several_tenants(&self, owner: &DatabaseConnection) -> Result<(), ConversionError> {
        let transaction = owner.begin().await?;
        let timeout = self.patience.timeout.as_millis();
        transaction.execute_unprepared(&format!("SET LOCAL lock_timeout = {timeout}")).await?;
        let survey = Survey::read(&transaction, self).await?;
        let undo = Undo::new(&survey, &self.settings);
        if undo.drops_columns() {
            let column = sql::identifier(self.settings.tenant_column());
            let mut tenants = Vec::new();
            for table in survey.tables.iter().filter(|table| table.has_column() && table.hides_rows) {
                let quoted = table.quoted();
                transaction
                    .execute_unprepared(&format!("ALTER TABLE {quoted} NO FORCE ROW LEVEL SECURITY"))
                    .await?;
                tenants
                    .extend(query::column(&transaction, &survey::first_tenants(&quoted, &column), []).await?);
            }
            one_tenant(tenants)?;
        }
        Ok(transaction.rollback().await?)
    }

    /// The tables that the conversion names, in order.
    async fn names(&self, db: &impl ConnectionTrait) -> Result<Vec<Name>, ConversionError> {
        let complete = |(schema, table): &(Option<String>, String)| {
            Name::new(schema.as_ref().unwrap_or(&self.schema), table)
        };
        let mut names: Vec<Name> = self.named.iter().map(complete).collect();
        let entries = journal::entries(db).await?;
        for schema in &self.whole_schemas {
            let found = catalog::names_in(db, schema).await?;
            let is_in_conversion = |name: &Name| entries.iter().any(|entry| entry.table() == *name);
            let is_meant = |(name, protected): &(Name, bool)| {
                name.name != self.settings.migration_table() && (!protected || is_in_conversion(name))
            };
            names.extend(found.into_iter().filter(is_meant).map(|(name, _)| name));
        }
        let except: Vec<Name> = self.except.iter().map(complete).collect();
        names.retain(|name| !except.contains(name));
        names.sort();
        names.dedup();
        for name in &names {
            name::check("schema", &name.schema)?;
            name::check("table", &name.name)?;
        }
        if names.is_empty() { Err(ConversionError::NoTables) } else { Ok(names) }
    }
}

/// A transaction that reads the catalog, in which definitions are printed with full names.
async fn reading(
    owner: &DatabaseConnection,
) -> Result<sea_orm_migration::sea_orm::DatabaseTransaction, DbErr> {
    let transaction = owner.begin().await?;
    transaction.execute_unprepared("SET TRANSACTION READ ONLY").await?;
    transaction.execute_unprepared("SET LOCAL search_path = pg_catalog").await?;
    Ok(transaction)
}

fn split(table: &str) -> (Option<String>, String) {
    let (schema, table) = sql::split(table);
    (schema.map(str::to_owned), table.to_owned())
}

/// Whether a phase has to be complete before another one runs.
fn earlier(first: Phase, phase: Phase, undo: bool) -> bool {
    if undo { first > phase } else { first < phase }
}

fn several_tenants(survey: &Survey, undo: &Undo<'_>) -> Result<(), ConversionError> {
    if undo.drops_columns() {
        one_tenant(survey.rows.iter().flat_map(|rows| rows.tenants.clone()).collect())?;
    }
    Ok(())
}

fn one_tenant(mut tenants: Vec<String>) -> Result<(), ConversionError> {
    tenants.sort_unstable();
    tenants.dedup();
    if tenants.len() > 1 { Err(ConversionError::SeveralTenants { tenants }) } else { Ok(()) }
}
