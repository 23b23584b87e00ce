use watertight_migration::distribution::{Distribution, DistributionError, Violation};

use crate::database::{Connector, Role};
use crate::failure::Failure;
use crate::outcome::Outcome;

/// Spreads the tables over the machines of a Citus cluster, by tenant, in one transaction: every table that has a
/// tenant_id, those of the application among them, with all rows, keys, policies and grants.
///
/// DATABASE_OWNER_URL names the coordinator, where the extension citus is and the other machines are added. It refuses,
/// and changes nothing, when a table breaks a rule by which Citus distributes, and lists all that do. Make a backup
/// first, try it with --dry-run, which needs no Citus, and stop the application while it runs. Run it again after a
/// migration that adds tables.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print the SQL that would run, and what breaks a rule, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Copy a table without tenant_id to every machine; those that tenant tables refer to need not be said.
    #[arg(long, value_name = "SCHEMA.TABLE", value_parser = schema_and_table)]
    reference: Vec<(String, String)>,
    /// The triggers of the application's tables read and write nothing but the row that they are fired for.
    #[arg(long)]
    allow_triggers: bool,
    /// Drop what keeps bookings from overlapping, instead of making it anew with the extension btree_gist.
    #[arg(long)]
    without_overlap_constraints: bool,
}

fn schema_and_table(text: &str) -> Result<(String, String), String> {
    let (schema, table) =
        text.split_once('.').ok_or("it has the form schema.table, such as public.countries")?;
    Ok((schema.to_owned(), table.to_owned()))
}

pub(crate) async fn run(connector: Connector, args: Args) -> Result<Outcome, Failure> {
    let owner = connector.connect(Role::Owner).await?;
    let mut distribution = Distribution::new();
    for (schema, table) in args.reference {
        distribution = distribution.reference_table(schema, table);
    }
    if args.allow_triggers {
        distribution = distribution.allow_triggers();
    }
    if args.without_overlap_constraints {
        distribution = distribution.without_overlap_constraints();
    }
    if args.dry_run {
        let plan = distribution.plan(&owner).await.map_err(|error| failure(&error))?;
        let statements: Vec<&str> = plan.statements().collect();
        let json = serde_json::json!({
            "extension": plan.extension(), "violations": plan.violations(), "statements": statements,
        });
        return Ok(Outcome::new(plan.to_string(), &json)?.unsound_unless(plan.violations().is_empty()));
    }
    match distribution.run(&owner).await {
        Ok(report) => Outcome::new(report.to_string(), &report),
        Err(error @ DistributionError::Refused { .. }) => refused(&error, error.violations()),
        Err(error) => Err(failure(&error)),
    }
}

/// What breaks the rules is the answer, for people and for machines alike.
fn refused(error: &DistributionError, violations: &[Violation]) -> Result<Outcome, Failure> {
    let json = serde_json::json!({ "violations": violations });
    Ok(Outcome::new(error.to_string(), &json)?.unsound_unless(false))
}

fn failure(error: &DistributionError) -> Failure {
    let text = error.to_string();
    match error {
        DistributionError::Database(_) => Failure::Database(text),
        DistributionError::Name(_) => Failure::Usage(text),
        _ => Failure::Refused(text),
    }
}
