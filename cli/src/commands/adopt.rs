use watertight_migration::Settings;
use watertight_migration::adopt::{Adoption, AdoptionError, Problem};

use crate::database::{Connector, Role};
use crate::failure::Failure;
use crate::outcome::Outcome;

/// Takes over a database that the original system (0.2.x) has made, in place and in one transaction: keys that hold the
/// tenant, timestamps with their zone, renamed tables, row-level security; and notes the migrations as applied.
///
/// It refuses, and changes nothing, when rows cross tenants or do not fit, and lists them. Make a backup first, try it
/// with --dry-run, and stop the application while it runs.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print the SQL that would run, and the rows that do not fit, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// The time zone that the businesses keep, such as America/New_York: the original does not store it.
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
    /// How many rows to list of each kind that does not fit.
    #[arg(long, value_name = "ROWS", default_value_t = Adoption::LISTED)]
    list_at_most: usize,
    /// The role that the application logs in with, which is granted the tables.
    #[arg(long, env = Settings::APP_ROLE_VARIABLE, default_value = Settings::DEFAULT_APP_ROLE)]
    app_role: String,
}

pub(crate) async fn run(connector: Connector, args: Args) -> Result<Outcome, Failure> {
    let owner = connector.connect(Role::Owner).await?;
    let settings = Settings::from_env().with_app_role(args.app_role);
    let mut adoption = Adoption::new(settings).list_at_most(args.list_at_most);
    if let Some(zone) = args.time_zone {
        adoption = adoption.time_zone(zone);
    }
    if args.dry_run {
        let plan = adoption.plan(&owner).await.map_err(|error| failure(&error))?;
        let json = serde_json::json!({
            "problems": plan.problems(), "statements": plan.statements(), "migrations": plan.migrations(),
        });
        return Ok(Outcome::new(plan.to_string(), &json)?.unsound_unless(plan.problems().is_empty()));
    }
    match adoption.run(&owner).await {
        Ok(report) => Outcome::new(report.to_string(), &report),
        Err(error @ AdoptionError::Refused { .. }) => refused(error.problems()),
        Err(error) => Err(failure(&error)),
    }
}

/// What does not fit is the answer, for people and for machines alike.
fn refused(problems: &[Problem]) -> Result<Outcome, Failure> {
    let mut lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    lines.push("nothing was changed: mend these, and run it again".to_owned());
    Ok(Outcome::new(lines.join("\n"), &serde_json::json!({ "problems": problems }))?.unsound_unless(false))
}

fn failure(error: &AdoptionError) -> Failure {
    let text = error.to_string();
    match error {
        AdoptionError::Database(_) => Failure::Database(text),
        AdoptionError::Settings(_) | AdoptionError::TenantKey(_) | AdoptionError::UnknownTimeZone { .. } => {
            Failure::Usage(text)
        }
        _ => Failure::Refused(text),
    }
}
