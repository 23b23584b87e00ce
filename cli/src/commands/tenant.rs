use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use tokio::io::{AsyncBufRead, AsyncWrite, BufReader, BufWriter};
use watertight::TenantId;
use watertight::maintenance::{Erasure, Export, Maintenance, Rehearsal, TenantStats};
use watertight_schema::printable::one_line;

use crate::configuration::TenantArg;
use crate::database::{Connector, Role};
use crate::failure::Failure;
use crate::outcome::Outcome;
use crate::progress::Bar;
use crate::prompts;
use crate::table_sets::TableSetsArg;

/// Measures, exports, restores or erases one tenant, in every table that has the tenant column.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    table_sets: TableSetsArg,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Lists the tenants that have rows, as a role that sees all tenants (DATABASE_MAINTENANCE_URL).
    List,
    /// Counts rows and bytes, by table.
    Stats {
        /// The tenant.
        tenant: TenantArg,
    },
    /// Writes a consistent snapshot of all rows as lines of JSON.
    ///
    /// The export contains password hashes and encrypted secrets: protect it like the database.
    Export {
        /// The tenant.
        tenant: TenantArg,
        /// Write to this new file, which only you can read. The default is standard output, unless it is a terminal.
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Restores the rows of an export exactly, or changes nothing.
    Import {
        /// The tenant.
        tenant: TenantArg,
        /// The export. The default is standard input.
        file: Option<PathBuf>,
    },
    /// Deletes all rows, restores them, compares them and changes nothing.
    ///
    /// Reports whether an export of the tenant could be imported exactly after an erasure.
    Rehearse {
        /// The tenant.
        tenant: TenantArg,
    },
    /// Rehearses the restoration, deletes all rows, and verifies that none is left.
    Erase {
        /// The tenant.
        tenant: TenantArg,
        /// Delete the rows even if an export of them cannot be imported.
        #[arg(long)]
        no_rehearsal: bool,
        /// The tenant again, as a confirmation. Without it the command asks at the terminal.
        #[arg(long, value_name = "TENANT")]
        confirm: Option<TenantArg>,
    },
}

pub(crate) async fn run(connector: Connector, args: Args) -> Result<Outcome, Failure> {
    let sets = args.table_sets.table_sets(connector.configuration);
    let id = |tenant: TenantArg| tenant.id(connector.configuration);
    match args.command {
        Command::List => list(&connector.maintenance(Role::Maintenance, sets).await?).await,
        Command::Stats { tenant } => {
            stats(&connector.maintenance(Role::Owner, sets).await?, id(tenant)?).await
        }
        Command::Export { tenant, output } => {
            let maintenance = connector.maintenance(Role::Owner, sets).await?;
            match output {
                Some(path) => export_to_file(&maintenance, id(tenant)?, &path).await,
                None if std::io::stdout().is_terminal() => Err(Failure::Usage(
                    "an export contains password hashes and is not printed at a terminal; pass --output FILE, or \
                     redirect standard output"
                        .to_owned(),
                )),
                None => Ok(export(&maintenance, id(tenant)?, tokio::io::stdout()).await?.beside_data()),
            }
        }
        Command::Import { tenant, file } => {
            let reader: Box<dyn AsyncBufRead + Unpin + Send> = match &file {
                Some(path) => Box::new(BufReader::new(open(path).await?)),
                None => Box::new(BufReader::new(tokio::io::stdin())),
            };
            import(&connector.maintenance(Role::Owner, sets).await?, id(tenant)?, reader).await
        }
        Command::Rehearse { tenant } => {
            rehearse(&connector.maintenance(Role::Owner, sets).await?, id(tenant)?).await
        }
        Command::Erase { tenant, no_rehearsal, confirm } => {
            let tenant = id(tenant)?;
            confirmed(tenant, confirm.map(id).transpose()?).await?;
            erase(&connector.maintenance(Role::Owner, sets).await?, tenant, no_rehearsal).await
        }
    }
}

async fn list(maintenance: &Maintenance) -> Result<Outcome, Failure> {
    let tenants = maintenance.tenants().await?;
    let text = tenants.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    Outcome::new(text, &serde_json::json!({ "tenants": tenants }))
}

async fn stats(maintenance: &Maintenance, tenant: TenantId) -> Result<Outcome, Failure> {
    let stats: TenantStats = maintenance.stats(tenant).await?;
    let mut lines = vec![format!("{:>12} {:>14}  table", "rows", "bytes")];
    let with_rows = stats.tables.iter().filter(|table| table.rows > 0);
    lines.extend(
        with_rows.map(|table| format!("{:>12} {:>14}  {}", table.rows, table.bytes, one_line(&table.table))),
    );
    lines.push(format!("{:>12} {:>14}  total", stats.rows(), stats.bytes()));
    if stats.rows() == 0 {
        lines.push(format!("{tenant} has no rows; a tenant exists from its first row on, so compare the key with `tenant list`"));
    }
    Outcome::new(lines.join("\n"), &stats)
}

async fn export(
    maintenance: &Maintenance,
    tenant: TenantId,
    writer: impl AsyncWrite + Unpin + Send,
) -> Result<Outcome, Failure> {
    let bar = Bar::new("exporting");
    let export: Export = maintenance.export(tenant, BufWriter::new(writer), |step| bar.show(step)).await?;
    drop(bar);
    let rows: u64 = export.rows.values().sum();
    Outcome::new(format!("{rows} rows of {tenant} exported, SHA-256 {}", export.sha256), &export)
}

/// Exports to a file that is complete or does not exist: a temporary file, readable only by its owner, is
/// renamed.
async fn export_to_file(
    maintenance: &Maintenance,
    tenant: TenantId,
    path: &Path,
) -> Result<Outcome, Failure> {
    let of = |error: std::io::Error| Failure::opening(path, &error);
    if path.exists() {
        return Err(Failure::Usage(format!("{} already exists; name a new file", path.display())));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file = tempfile::NamedTempFile::new_in(folder).map_err(of)?;
    let writer = tokio::fs::File::from_std(file.as_file().try_clone().map_err(of)?);
    let outcome = export(maintenance, tenant, writer).await?;
    file.as_file().sync_all().map_err(of)?;
    file.persist_noclobber(path).map_err(|error| of(error.error))?;
    Ok(outcome)
}

async fn open(path: &Path) -> Result<tokio::fs::File, Failure> {
    tokio::fs::File::open(path).await.map_err(|error| Failure::opening(path, &error))
}

async fn import(
    maintenance: &Maintenance,
    tenant: TenantId,
    reader: impl AsyncBufRead + Unpin + Send,
) -> Result<Outcome, Failure> {
    let bar = Bar::new("importing");
    let import =
        maintenance.import(tenant, reader, |step| bar.show(step)).await.map_err(Failure::importing)?;
    drop(bar);
    let rows: u64 = import.rows.values().sum();
    Outcome::new(format!("{rows} rows of {tenant} restored, and verified against the export"), &import)
}

/// Asks for the tenant a second time, because an erasure cannot be undone.
async fn confirmed(tenant: TenantId, confirm: Option<TenantId>) -> Result<(), Failure> {
    prompts::confirm(
        &format!("All rows of {tenant} will be deleted. They cannot be restored without an export."),
        ("Type the tenant's UUID to confirm: ", tenant.to_string()),
        confirm.map(|tenant| tenant.to_string()),
        &format!("--confirm {tenant}"),
        "the erasure",
    )
    .await
}

async fn rehearse(maintenance: &Maintenance, tenant: TenantId) -> Result<Outcome, Failure> {
    let bar = Bar::new("rehearsing");
    let rehearsal: Rehearsal = maintenance.rehearse(tenant, |step| bar.show(step)).await?;
    drop(bar);
    let rows: u64 = rehearsal.rows.values().sum();
    Outcome::new(
        format!("{rows} rows of {tenant} deleted, restored exactly and rolled back; nothing was changed"),
        &rehearsal,
    )
}

async fn erase(maintenance: &Maintenance, tenant: TenantId, no_rehearsal: bool) -> Result<Outcome, Failure> {
    let bar = Bar::new("erasing");
    let erasure: Erasure = if no_rehearsal {
        maintenance.erase_without_rehearsal(tenant, |step| bar.show(step)).await?
    } else {
        maintenance.erase(tenant, |step| bar.show(step)).await?
    };
    drop(bar);
    let mut lines = vec![format!("{:>12} {:>12}  table", "erased", "remaining")];
    lines.extend(
        erasure
            .tables
            .iter()
            .map(|table| format!("{:>12} {:>12}  {}", table.erased, table.remaining, one_line(&table.table))),
    );
    lines.push(format!(
        "{} rows of {tenant} erased; no row is left in {} tables",
        erasure.erased(),
        erasure.tables.len()
    ));
    Outcome::new(lines.join("\n"), &erasure)
}
