use clap::ValueEnum;
use watertight::Layers;
use watertight::doctor::Severity;

use crate::database::{Connector, Role};
use crate::failure::Failure;
use crate::outcome::Outcome;
use crate::settings::AppRoleArg;
use crate::table_sets::TableSetsArg;

/// Finds problems with isolation, and prints how to fix each. It changes nothing.
///
/// It checks roles, privileges, policies, keys, columns, indexes, migrations, rows that cross tenants, and undeclared
/// poolers, for watertight's own tables and for those of watertight.toml. The exit status is 1 when it finds an error, and with
/// `--fail-on warning` or `--fail-on note` also for these. The findings are about the application's role. This role cannot see
/// the rows of all tenants: run the command again with `--as maintenance` to find rows that cross tenants.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Exit with status 1 for findings of this grade, and of a higher one.
    #[arg(long, value_enum, value_name = "GRADE", default_value_t = Grade::Error)]
    fail_on: Grade,
    /// Exit with status 1 for warnings, too: as `--fail-on warning`.
    #[arg(long, conflicts_with = "fail_on")]
    strict: bool,
    /// Print the remedies as one SQL script, in the order in which they run and with the role of each part.
    #[arg(long)]
    sql: bool,
    /// Declare that the application does not use row-level security (`Layers::RewritingOnly`).
    #[arg(long)]
    rewriting_only: bool,
    /// The table of applied migrations. The default is that of watertight.toml, or else seaql_migrations.
    #[arg(long)]
    migration_table: Option<String>,
    #[command(flatten)]
    app_role: AppRoleArg,
    #[command(flatten)]
    table_sets: TableSetsArg,
}

/// The grade of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Grade {
    /// A layer of isolation does not hold, or statements fail.
    Error,
    /// Isolation is weaker than it could be.
    Warning,
    /// A difference of shape, or information.
    Note,
}

impl From<Grade> for Severity {
    fn from(grade: Grade) -> Self {
        match grade {
            Grade::Error => Self::Error,
            Grade::Warning => Self::Warning,
            Grade::Note => Self::Note,
        }
    }
}

pub(crate) async fn run(connector: Connector, args: Args) -> Result<Outcome, Failure> {
    let connection = connector.connect(Role::App).await?;
    let configuration = connector.configuration;
    let rewriting_only = args.rewriting_only || configuration.rewriting_only;
    let layers = if rewriting_only { Layers::RewritingOnly } else { Layers::default() };
    let mut builder = connector.application()?.dangerous_layers(layers);
    if let Some(table) = args.migration_table {
        builder = builder.migration_table(table);
    }
    if connector.role.is_some_and(|role| role != Role::App) {
        builder = builder.application_role(args.app_role.app_role(configuration));
    }
    let report = builder.table_sets(args.table_sets.table_sets(configuration)).doctor(&connection).await?;
    let grade = if args.strict { Grade::Warning } else { args.fail_on };
    let text = if args.sql { report.script() } else { report.to_string() };
    Ok(Outcome::new(text, &report)?.with_sarif(report.sarif()).unsound_unless(report.passes(grade.into())))
}
