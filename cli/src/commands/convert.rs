use std::str::FromStr;

use sea_orm::DatabaseConnection;
use watertight_migration::Settings;
use watertight_migration::convert::{
    CompletedPhase, Conversion, ConversionError, ConversionProblem, ConversionProgress, Phase,
};
use watertight_schema::{isolation, printable};

use crate::database::{Connector, Role};
use crate::failure::Failure;
use crate::outcome::Outcome;
use crate::settings::AppRoleArg;

/// Converts tables of one tenant, or with hand-written filters, to tenant tables, in five phases.
///
/// Without --run it prints the SQL of each phase with its locks, and changes nothing. The phases are column, keys,
/// foreign-keys, isolation and old-keys. The present application continues to work during the first three. Deploy
/// the application with watertight before the phase isolation, and admit a second tenant after the phase old-keys. A
/// phase that was interrupted continues where it ended. Make a backup first. `watertight migrate` has to run before.
///
/// --undo restores the tables as they were. It is refused if there are rows of several tenants in columns that the
/// conversion has added.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The tables, as TABLE or SCHEMA.TABLE.
    #[arg(required_unless_present = "all")]
    tables: Vec<String>,
    /// Convert all tables of a schema.
    #[arg(long, value_name = "SCHEMA")]
    all: Vec<String>,
    /// Leave a table out, such as one that all tenants share.
    #[arg(long, value_name = "TABLE")]
    except: Vec<String>,
    /// The schema of tables that are named without one.
    #[arg(long, default_value = "public")]
    schema: String,
    /// The key of the tenant to which rows without a tenant belong. Tables that have rows and no tenant column need it.
    #[arg(long, value_name = "KEY", allow_hyphen_values = true)]
    tenant: Option<String>,
    /// The tenant column, which can exist already. The default is that of watertight.toml, or else tenant_id.
    #[arg(long, env = Settings::TENANT_COLUMN_VARIABLE)]
    column: Option<String>,
    #[command(flatten)]
    app_role: AppRoleArg,
    /// Keep primary keys without the tenant. They stay unique across tenants, and the doctor reports them.
    #[arg(long)]
    keep_primary_keys: bool,
    /// Keep indexes that are not unique without the tenant.
    #[arg(long)]
    keep_indexes: bool,
    /// Run a phase, or all of them.
    #[arg(long, value_name = "PHASE|all")]
    run: Option<Phases>,
    /// Restore the tables as they were. Without --run it prints the SQL.
    #[arg(long)]
    undo: bool,
}

#[derive(Debug, Clone, Copy)]
enum Phases {
    All,
    One(Phase),
}

impl FromStr for Phases {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "all" {
            return Ok(Self::All);
        }
        text.parse().map(Self::One).map_err(|error| format!("{error}, or all"))
    }
}

pub(crate) async fn run(connector: Connector, args: Args) -> Result<Outcome, Failure> {
    let owner = connector.connect(Role::Owner).await?;
    let configuration = connector.configuration;
    let column = args.column.as_ref().or(configuration.tenant_column.as_ref());
    let column = column.map_or(isolation::TENANT_COLUMN, String::as_str);
    let settings =
        Settings::default().with_app_role(args.app_role.app_role(configuration)).with_tenant_column(column);
    let mut conversion =
        Conversion::new(settings).schema(args.schema).tables(args.tables).except(args.except);
    for schema in args.all {
        conversion = conversion.all_tables_of(schema);
    }
    if let Some(key) = args.tenant {
        conversion = conversion.tenant(key);
    }
    if args.keep_primary_keys {
        conversion = conversion.keep_primary_keys();
    }
    if args.keep_indexes {
        conversion = conversion.keep_indexes();
    }
    match args.run {
        None => planned(&owner, &conversion, args.undo).await,
        Some(phases) => executed(&owner, &conversion, phases, args.undo).await,
    }
}

async fn planned(
    owner: &DatabaseConnection,
    conversion: &Conversion,
    undo: bool,
) -> Result<Outcome, Failure> {
    let plan = if undo { conversion.plan_undo(owner).await } else { conversion.plan(owner).await };
    let plan = plan.map_err(|error| failure(&error))?;
    Ok(Outcome::new(plan.to_string(), &plan)?.unsound_unless(plan.problems.is_empty()))
}

async fn executed(
    owner: &DatabaseConnection,
    conversion: &Conversion,
    phases: Phases,
    undo: bool,
) -> Result<Outcome, Failure> {
    let mut phases = match phases {
        Phases::All => Phase::ALL.to_vec(),
        Phases::One(phase) => vec![phase],
    };
    if undo {
        phases.reverse();
    }
    let mut completed: Vec<CompletedPhase> = Vec::new();
    for phase in phases {
        let done = if undo {
            conversion.undo(owner, phase, show).await
        } else {
            conversion.run(owner, phase, show).await
        };
        match done {
            Ok(report) => completed.extend(report.phases),
            // The first phases of an undo can be all that there is.
            Err(ConversionError::NothingToUndo) if !completed.is_empty() => break,
            Err(error @ ConversionError::Refused { .. }) => return refused(error.problems()),
            Err(error) => return Err(failure(&error)),
        }
    }
    let mut lines: Vec<String> = completed
        .iter()
        .map(|done| format!("phase {}: {} steps completed", done.phase, done.steps))
        .collect();
    if lines.is_empty() {
        lines.push("everything was complete before".to_owned());
    }
    Outcome::new(lines.join("\n"), &serde_json::json!({ "phases": completed }))
}

/// Each step on standard error, because a step can take long.
fn show(progress: ConversionProgress<'_>) {
    let ConversionProgress { phase, step, number, steps, .. } = progress;
    let line = format!("{phase} {number}/{steps}: {}: {}", step.object, step.title);
    eprintln!("{}", printable::one_line(&line));
}

/// The problems are printed as the result, in both formats.
fn refused(problems: &[ConversionProblem]) -> Result<Outcome, Failure> {
    let mut lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    lines.push("this phase has changed nothing; fix these problems and run the command again".to_owned());
    Ok(Outcome::new(lines.join("\n"), &serde_json::json!({ "problems": problems }))?.unsound_unless(false))
}

fn failure(error: &ConversionError) -> Failure {
    let text = error.to_string();
    match error {
        ConversionError::Database(_) | ConversionError::Step { .. } | ConversionError::Locked { .. } => {
            Failure::Database(text)
        }
        ConversionError::Name(_) | ConversionError::NoTables | ConversionError::TenantKey { .. } => {
            Failure::Usage(text)
        }
        _ => Failure::Refused(text),
    }
}
