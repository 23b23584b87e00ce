use chrono::{DateTime, Days, NaiveDate, Utc};
use serde::Serialize;
use watertight::TenantId;
use watertight::maintenance::{Purge, Purged};

use crate::database::{Connector, Role};
use crate::failure::Failure;
use crate::outcome::Outcome;
use crate::progress::Bar;
use crate::prompts;
use crate::table_sets::TableSetsArg;

/// Deletes expired sessions, invitations and holds on slots, in batches.
///
/// With a date or a number of days it also deletes older audit events. It then asks first.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("whose").required(true).args(["tenant", "all_tenants"]))]
#[expect(clippy::struct_excessive_bools, reason = "each is an argument")]
pub(crate) struct Args {
    /// Purge this tenant. Repeat the argument for more tenants.
    #[arg(long, value_name = "UUID")]
    tenant: Vec<TenantId>,
    /// Purge every tenant, as a role that sees all tenants (DATABASE_MAINTENANCE_URL).
    #[arg(long)]
    all_tenants: bool,
    /// Keep sessions.
    #[arg(long)]
    keep_sessions: bool,
    /// Keep invitations.
    #[arg(long)]
    keep_invitations: bool,
    /// Keep holds on slots.
    #[arg(long)]
    keep_reservations: bool,
    /// Also delete audit events from before the beginning of this day (UTC), such as 2025-12-31.
    #[arg(long, value_name = "DATE", conflicts_with = "audit_older_than_days")]
    audit_before: Option<NaiveDate>,
    /// Also delete audit events that are older than this many days.
    #[arg(long, value_name = "DAYS")]
    audit_older_than_days: Option<u64>,
    /// Do not ask before audit events are deleted.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    table_sets: TableSetsArg,
}

#[derive(Debug, Serialize)]
struct Report {
    tenants: Vec<Purged>,
}

pub(crate) async fn run(connector: Connector, args: Args) -> Result<Outcome, Failure> {
    let purge = Purge {
        sessions: !args.keep_sessions,
        invitations: !args.keep_invitations,
        reservations: !args.keep_reservations,
        audit_events_before: before(&args)?,
    };
    if let Some(before) = purge.audit_events_before {
        confirmed(&args, before).await?;
    }
    let role = if args.all_tenants { Role::Maintenance } else { Role::Owner };
    let maintenance =
        connector.maintenance(role, args.table_sets.table_sets(connector.configuration)).await?;
    let tenants = if args.all_tenants { maintenance.tenants().await? } else { args.tenant };
    let bar = Bar::new("purging");
    let mut report = Report { tenants: Vec::new() };
    for tenant in tenants {
        report.tenants.push(maintenance.purge(tenant, &purge, |step| bar.show(step)).await?);
    }
    drop(bar);
    let lines = report.tenants.iter().map(|purged| {
        let Purged { tenant, sessions, invitations, reservations, audit_events, .. } = purged;
        format!("{tenant}  {sessions} sessions, {invitations} invitations, {reservations} holds, {audit_events} audit events")
    });
    let mut lines: Vec<String> = lines.collect();
    let number = report.tenants.len();
    lines.push(format!("{number} {} purged", if number == 1 { "tenant" } else { "tenants" }));
    Outcome::new(lines.join("\n"), &report)
}

async fn confirmed(args: &Args, before: DateTime<Utc>) -> Result<(), Failure> {
    let whose = match args.tenant.as_slice() {
        _ if args.all_tenants => "all tenants".to_owned(),
        [tenant] => format!("tenant {tenant}"),
        tenants => format!("{} tenants", tenants.len()),
    };
    let time = before.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    prompts::confirm(
        &format!(
            "All audit events of {whose} from before {time} will be deleted. They cannot be restored without a backup."
        ),
        ("Type yes to confirm: ", "yes".to_owned()),
        args.yes.then(|| "yes".to_owned()),
        "--yes",
        "the deletion of audit events",
    )
    .await
}

fn before(args: &Args) -> Result<Option<DateTime<Utc>>, Failure> {
    if let Some(days) = args.audit_older_than_days {
        let before = Utc::now().checked_sub_days(Days::new(days));
        return before
            .map(Some)
            .ok_or_else(|| Failure::Usage(format!("{days} days is too many; pass fewer days")));
    }
    let before = args.audit_before.and_then(|day| day.and_hms_opt(0, 0, 0)).map(|time| time.and_utc());
    match (before, args.audit_before) {
        (Some(before), Some(day)) if before > Utc::now() => Err(Failure::Usage(format!(
            "--audit-before {day} is in the future, so all audit events would be deleted; pass a day that has begun"
        ))),
        _ => Ok(before),
    }
}
