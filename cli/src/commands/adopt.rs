use watertight_migration::adopt::{Adoption, AdoptionError, Problem};

use crate::database::{Connector, Role};
use crate::failure::Failure;
use crate::outcome::Outcome;
use crate::settings::SettingsArgs;

/// Converts a database of tinyland-auth-pg 0.2, in place and in one transaction.
///
/// Keys begin with the tenant, timestamps have a time zone, tables are renamed, row-level security is on, and the
/// migrations are recorded as applied. When rows cross tenants or do not fit, the command lists them and changes nothing.
/// Make a backup first, try it with --dry-run, and stop the application while it runs.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print the SQL and the rows that do not fit, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// The time zone of the businesses, such as America/New_York: the original does not store it.
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
    /// Convert handles and empty email addresses that cannot be read. The dry run lists each with its new form.
    #[arg(long)]
    convert_names: bool,
    /// The number of rows to list of each problem.
    #[arg(long, value_name = "ROWS", default_value_t = Adoption::LISTED)]
    list_at_most: usize,
    #[command(flatten)]
    settings: SettingsArgs,
}

pub(crate) async fn run(connector: Connector, args: Args) -> Result<Outcome, Failure> {
    let owner = connector.connect(Role::Owner).await?;
    let mut adoption =
        Adoption::new(args.settings.settings(connector.configuration)?).list_at_most(args.list_at_most);
    if let Some(zone) = args.time_zone {
        adoption = adoption.time_zone(zone);
    }
    if args.convert_names {
        adoption = adoption.convert_names();
    }
    if args.dry_run {
        let plan = adoption.plan(&owner).await.map_err(|error| failure(&error))?;
        let json = serde_json::json!({
            "problems": plan.problems(), "proposals": plan.proposals(), "statements": plan.statements(), "migrations": plan.migrations(),
        });
        return Ok(Outcome::new(plan.to_string(), &json)?.unsound_unless(plan.problems().is_empty()));
    }
    match adoption.run(&owner).await {
        Ok(report) => Outcome::new(report.to_string(), &report),
        Err(error @ AdoptionError::Refused { .. }) => refused(error.problems()),
        Err(error) => Err(failure(&error)),
    }
}

/// The problems are printed as the result, in both formats.
fn refused(problems: &[Problem]) -> Result<Outcome, Failure> {
    let mut lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    lines.push("nothing was changed; fix these problems and run the command again".to_owned());
    Ok(Outcome::new(lines.join("\n"), &serde_json::json!({ "problems": problems }))?.unsound_unless(false))
}

fn failure(error: &AdoptionError) -> Failure {
    let text = error.to_string();
    match error {
        AdoptionError::Database(_) => Failure::Database(text),
        AdoptionError::Name(_)
        | AdoptionError::Settings(_)
        | AdoptionError::TableSetNotChosen { .. }
        | AdoptionError::TenantKey(_)
        | AdoptionError::UnknownTimeZone { .. } => Failure::Usage(text),
        _ => Failure::Refused(text),
    }
}
