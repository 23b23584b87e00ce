use watertight::Layers;
use watertight::doctor::Severity;

use crate::database::{Connector, Role};
use crate::failure::Failure;
use crate::outcome::Outcome;
use crate::table_sets::TableSetsArg;

/// Finds problems with isolation, and prints how to fix each. It changes nothing.
///
/// It checks roles, policies, keys, columns, indexes, migrations, rows that cross tenants, and undeclared
/// poolers. The exit status is 1 when it finds an error. The application's role cannot see the rows of all
/// tenants: run the command again with `--as maintenance` to find rows that cross tenants. It then also
/// reports that role as one that bypasses row-level security.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Exit with status 1 for warnings, too.
    #[arg(long)]
    strict: bool,
    /// Declare that the application does not use row-level security (`Layers::RewritingOnly`).
    #[arg(long)]
    rewriting_only: bool,
    /// The table of applied migrations.
    #[arg(long, default_value = "seaql_migrations")]
    migration_table: String,
    #[command(flatten)]
    table_sets: TableSetsArg,
}

pub(crate) async fn run(connector: Connector, args: Args) -> Result<Outcome, Failure> {
    let connection = connector.connect(Role::App).await?;
    let layers = if args.rewriting_only { Layers::RewritingOnly } else { Layers::default() };
    let builder = connector.builder().dangerous_layers(layers).migration_table(args.migration_table);
    let report = builder.table_sets(args.table_sets.table_sets()).doctor(&connection).await?;
    let sound = report.is_sound() && (!args.strict || report.count(Severity::Warning) == 0);
    Ok(Outcome::new(report.to_string(), &report)?.unsound_unless(sound))
}
