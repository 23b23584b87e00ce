use watertight_migration::distribution::{Distribution, DistributionError, Violation};
use watertight_schema::sql;

use crate::database::{Connector, Role};
use crate::failure::Failure;
use crate::outcome::Outcome;
use crate::table_sets::TableSetsArg;

/// Distributes the tables over the machines of a Citus cluster, by tenant and in one transaction.
///
/// It distributes every table with a tenant column, including the application's, with all rows, keys, policies and grants.
/// DATABASE_OWNER_URL names the coordinator, which has the extension citus and knows the other machines. When tables
/// break a rule by which Citus distributes, the command lists them and changes nothing. Make a backup first, try it with
/// --dry-run, which needs no Citus, and stop the application while it runs. Run it again after a migration that adds
/// tables.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print the SQL and the violations, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Copy a table without a tenant column to every machine. Tables that tenant tables refer to, and the shared tables of
    /// watertight.toml, are copied anyway.
    #[arg(long, value_name = "SCHEMA.TABLE", value_parser = schema_and_table)]
    reference: Vec<(String, String)>,
    /// Declare that the triggers of the application's tables read and write only the row that fires them.
    #[arg(long)]
    allow_triggers: bool,
    /// Drop the constraints against overlapping bookings, instead of recreating them with the extension btree_gist.
    #[arg(long)]
    without_overlap_constraints: bool,
    #[command(flatten)]
    table_sets: TableSetsArg,
}

fn schema_and_table(text: &str) -> Result<(String, String), String> {
    let (schema, table) =
        text.split_once('.').ok_or("a table is written as schema.table, such as public.countries")?;
    Ok((schema.to_owned(), table.to_owned()))
}

pub(crate) async fn run(connector: Connector, args: Args) -> Result<Outcome, Failure> {
    let owner = connector.connect(Role::Owner).await?;
    let mut distribution =
        Distribution::new().table_sets(args.table_sets.table_sets(connector.configuration));
    for table in &connector.configuration.shared_tables {
        let (schema, table) = sql::split(table);
        distribution = distribution.reference_table(schema.unwrap_or("public"), table);
    }
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

/// The violations are printed as the result, in both formats.
fn refused(error: &DistributionError, violations: &[Violation]) -> Result<Outcome, Failure> {
    let json = serde_json::json!({ "violations": violations });
    Ok(Outcome::new(error.to_string(), &json)?.unsound_unless(false))
}

fn failure(error: &DistributionError) -> Failure {
    let text = error.to_string();
    match error {
        DistributionError::Database(_) => Failure::Database(text),
        DistributionError::Name(_) | DistributionError::Settings(_) => Failure::Usage(text),
        _ => Failure::Refused(text),
    }
}
