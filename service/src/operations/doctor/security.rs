//! Checks row-level security on every tenant table.
//!
//! It must be enabled and forced, with the tenant policy and without a policy that shows more rows.

use super::expected::Expected;
use super::remedy::{Remedy, RunAs, Step};
use super::report::{Check, Finding, Severity};
use crate::operations::inspection::catalog::{Catalog, Policy, Relation};
use watertight_schema::isolation::{EVERYONE_POLICY, OUTBOX_POLICIES, TENANT_POLICY};
use watertight_schema::sql;

pub(super) fn check(catalog: &Catalog, expected: Expected<'_>, findings: &mut Vec<Finding>) {
    for relation in catalog.relations.iter().filter(|relation| expected.is_tenants(relation)) {
        let is_child = !expected.is_tenants_table(relation);
        if is_child && relation.granted && !relation.owned {
            findings.push(granted(catalog, relation));
        }
        // When a child is read through its parent, the policies of the parent apply. The policies of the child matter
        // only for a role with privileges on it.
        let severity =
            if is_child && !relation.granted { Severity::Warning } else { expected.without_row_security() };
        let name = relation.name().to_string();
        let table = relation.quoted();
        if !relation.has_tenant {
            findings.push(without_tenant(expected, relation));
            continue;
        }
        for (holds, word, verb) in
            [(relation.row_security, "enabled", "ENABLE"), (relation.row_security_forced, "forced", "FORCE")]
        {
            if !holds {
                findings.push(Finding::new(
                    severity,
                    Check::RowSecurity,
                    &name,
                    format!("has row-level security that is not {word}"),
                    Remedy::owner(
                        Step::RowSecurity,
                        format!("ALTER TABLE {table} {verb} ROW LEVEL SECURITY;"),
                    ),
                ));
            }
        }
        policies(catalog, expected, relation, severity, findings);
        disabled_triggers(catalog, relation, findings);
    }
}

/// A policy needs the column, and only the application knows the tenant of each existing row.
fn without_tenant(expected: Expected<'_>, relation: &Relation) -> Finding {
    let name = relation.name();
    let (column, tenant_type) = (expected.tenant_column(&name), expected.tenant_type());
    Finding::new(
        Severity::Error,
        Check::Column,
        name.to_string(),
        format!("has no tenant column {column} of type {tenant_type}"),
        Remedy::action(format!(
            "add the column {column} and the tenant of each row in a migration, or name the column of the table with \
             `Builder::tenant_column_of`"
        )),
    )
}

fn granted(catalog: &Catalog, relation: &Relation) -> Finding {
    let role = &catalog.subject;
    let (kind, parent) = if relation.inherits {
        ("an inheriting table", "parent")
    } else {
        ("a partition", "partitioned table")
    };
    Finding::new(
        Severity::Warning,
        Check::PartitionGrant,
        relation.name().to_string(),
        format!("is {kind} that {role} can access directly, without the policies of its {parent}"),
        Remedy::owner(
            Step::Revoke,
            format!("REVOKE ALL ON TABLE {} FROM PUBLIC, {};", relation.quoted(), sql::identifier(role)),
        ),
    )
}

/// Reports disabled triggers: foreign keys and other rules of watertight's tables depend on triggers.
fn disabled_triggers(catalog: &Catalog, relation: &Relation, findings: &mut Vec<Finding>) {
    for trigger in catalog.disabled_triggers.of(relation) {
        // Only a superuser can enable the triggers of a constraint by name.
        let (problem, run_as) = match &trigger.constraint_name {
            Some(constraint) => (
                format!("does not enforce its constraint {constraint}, because a trigger is disabled"),
                RunAs::Superuser,
            ),
            None => (format!("has the disabled trigger {}", trigger.trigger_name), RunAs::Owner),
        };
        let name = sql::identifier(&trigger.trigger_name);
        let enable = format!("ALTER TABLE {} ENABLE TRIGGER {name};", relation.quoted());
        findings.push(Finding::new(
            Severity::Error,
            Check::DisabledTrigger,
            relation.name().to_string(),
            problem,
            Remedy::sql(Step::Triggers, run_as, enable),
        ));
    }
}

fn policies(
    catalog: &Catalog,
    expected: Expected<'_>,
    relation: &Relation,
    severity: Severity,
    findings: &mut Vec<Finding>,
) {
    let (table, name) = (relation.quoted(), relation.name());
    let printed = expected.printed_conditions(&name);
    let mut report = |severity, problem, remedy| {
        findings.push(Finding::new(severity, Check::Policy, name.to_string(), problem, remedy));
    };
    let policies = catalog.policies.of(relation);
    let is_ours = |policy: &&Policy| is_ours(policy, &printed);
    let shared = expected.everyone_conditions(&name);
    let is_for_everyone = |policy: &&Policy| is_for_everyone(policy, &shared);
    let is_outbox = expected.registry.is_outbox(&name);
    let of_worker = |policy: &Policy| is_outbox && is_of_worker(policy);
    let differs = |policy: &&Policy| {
        policy.permissive && !is_ours(policy) && !is_for_everyone(policy) && !of_worker(policy)
    };
    // A restrictive policy only removes rows that other policies show, so it is safe.
    for policy in policies.iter().filter(differs) {
        let shows = |expression: &Option<String>| expression.clone().unwrap_or_else(|| "-".to_owned());
        // A policy of the tenant's name is dropped before the right one is created under this name.
        let is_replaced = policy.name == TENANT_POLICY || policy.name == EVERYONE_POLICY;
        let step = if is_replaced { Step::RowSecurity } else { Step::DropPolicies };
        report(
            severity,
            format!(
                "has the policy {} with a different expression (USING {}, WITH CHECK {}), which can show rows \
                 of other tenants",
                policy.name,
                shows(&policy.reads),
                shows(&policy.writes)
            ),
            Remedy::owner(step, format!("DROP POLICY {} ON {table};", sql::identifier(&policy.name))),
        );
    }
    if !policies.iter().any(|policy| is_ours(&policy)) {
        let condition = expected.tenant_condition(&name);
        report(
            severity,
            "has no policy that restricts each tenant to its own rows".to_owned(),
            Remedy::owner(
                Step::Policies,
                format!(
                    "CREATE POLICY {TENANT_POLICY} ON {table} FOR ALL USING ({condition}) WITH CHECK ({condition});"
                ),
            ),
        );
    }
    if !shared.is_empty() && !policies.iter().any(|policy| is_for_everyone(&policy)) {
        let (column, reserved) =
            (sql::identifier(expected.tenant_column(&name)), expected.tenant_type().reserved());
        report(
            // Tenants see fewer rows than the application expects. No row of another tenant shows.
            Severity::Warning,
            "has no policy that shows the rows for everyone".to_owned(),
            Remedy::owner(
                Step::Policies,
                format!(
                    "CREATE POLICY {EVERYONE_POLICY} ON {table} FOR SELECT USING ({column} = {reserved});"
                ),
            ),
        );
    }
}

/// Whether the policy shows the rows for everyone and no other rows. Only a table that is registered with such rows may have it.
fn is_for_everyone(policy: &Policy, printed: &[String]) -> bool {
    policy.command == "r"
        && policy.writes.is_none()
        && policy.reads.as_ref().is_some_and(|reads| printed.contains(reads))
}

/// Whether the worker of an outbox table handles the messages of all tenants by the policy.
fn is_of_worker(policy: &Policy) -> bool {
    let known = OUTBOX_POLICIES.iter().find(|(name, _)| *name == policy.name);
    let command = match policy.command.as_str() {
        "r" => "SELECT",
        "w" => "UPDATE",
        "d" => "DELETE",
        _ => "",
    };
    !policy.for_everyone && known.is_some_and(|(_, of)| *of == command)
}

fn is_ours(policy: &Policy, printed: &[String]) -> bool {
    let is_condition = |expression: &String| printed.contains(expression);
    policy.permissive
        && policy.command == "*"
        && policy.for_everyone
        && policy.reads.as_ref().is_some_and(is_condition)
        && policy.writes.as_ref().is_none_or(is_condition)
}
