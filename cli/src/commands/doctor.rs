use watertight::Layers;
use watertight::doctor::Severity;

use crate::database::{Connector, Role};
use crate::failure::Failure;
use crate::outcome::Outcome;
use crate::table_sets::TableSetsArg;

/// Finds what stands in the way of isolation: roles, policies, keys, columns, indexes, migrations, rows that cross
/// tenants, a pooler in between. Each with how to mend it; nothing is changed.
///
/// It ends with 1 when it finds an error. As the application's role it cannot see rows; run it once more with
/// `--as maintenance` to look for rows that cross tenants (which then reports that role for what it is).
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// End with 1 for warnings too.
    #[arg(long)]
    strict: bool,
    /// The application does without row-level security (`Layers::RewritingOnly`).
    #[arg(long)]
    rewriting_only: bool,
    /// The table in which the applied migrations are noted.
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
