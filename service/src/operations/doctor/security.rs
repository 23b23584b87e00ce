//! Checks row-level security on every tenant table.
//!
//! It must be enabled and forced, with the tenant policy and without a policy that shows more rows.

use super::expected::Expected;
use super::report::{Check, Finding, Severity};
use crate::operations::inspection::catalog::{Catalog, Policy, Relation};
use watertight_schema::isolation::{self, TENANT_CONDITION, TENANT_POLICY};
use watertight_schema::sql;

/// The condition of the policy as PostgreSQL prints it.
const PRINTED: [&str; 2] = [isolation::TENANT_CONDITION_PRINTED, isolation::CLUSTER_CONDITION_PRINTED];

pub(super) fn check(catalog: &Catalog, expected: Expected<'_>, findings: &mut Vec<Finding>) {
    for relation in catalog.relations.iter().filter(|relation| expected.is_tenants(relation)) {
        let is_partition = !expected.is_tenants_table(relation);
        if is_partition && relation.granted && !relation.owned {
            findings.push(granted(catalog, relation));
        }
        // When a partition is read through its partitioned table, the policies of that table apply. The
        // policies of the partition matter only for a role with privileges on it.
        let severity = if is_partition && !relation.granted {
            Severity::Warning
        } else {
            expected.without_row_security()
        };
        let name = relation.name().to_string();
        let table = relation.quoted();
        for (holds, word, verb) in
            [(relation.row_security, "enabled", "ENABLE"), (relation.row_security_forced, "forced", "FORCE")]
        {
            if !holds {
                findings.push(Finding {
                    severity,
                    check: Check::RowSecurity,
                    object: name.clone(),
                    problem: format!("has row-level security that is not {word}"),
                    remedy: format!("ALTER TABLE {table} {verb} ROW LEVEL SECURITY;"),
                });
            }
        }
        let is_outbox = expected.registry.is_outbox(&relation.name());
        policies(catalog, relation, is_outbox, severity, findings);
        disabled_triggers(catalog, relation, findings);
    }
}

fn granted(catalog: &Catalog, relation: &Relation) -> Finding {
    let role = &catalog.server.role;
    Finding {
        severity: Severity::Warning,
        check: Check::PartitionGrant,
        object: relation.name().to_string(),
        problem: format!(
            "is a partition that {role} can access directly, without the policies of its partitioned table"
        ),
        remedy: format!("REVOKE ALL ON TABLE {} FROM PUBLIC, {};", relation.quoted(), sql::identifier(role)),
    }
}

/// Reports disabled triggers: foreign keys and other rules of watertight's tables depend on triggers.
fn disabled_triggers(catalog: &Catalog, relation: &Relation, findings: &mut Vec<Finding>) {
    for trigger in catalog.disabled_triggers.of(relation) {
        let problem = match &trigger.constraint_name {
            Some(constraint) => {
                format!("does not enforce its constraint {constraint}, because a trigger is disabled")
            }
            None => format!("has the disabled trigger {}", trigger.trigger_name),
        };
        let name = sql::identifier(&trigger.trigger_name);
        findings.push(Finding {
            severity: Severity::Error,
            check: Check::DisabledTrigger,
            object: relation.name().to_string(),
            problem,
            remedy: format!("ALTER TABLE {} ENABLE TRIGGER {name};", relation.quoted()),
        });
    }
}

fn policies(
    catalog: &Catalog,
    relation: &Relation,
    is_outbox: bool,
    severity: Severity,
    findings: &mut Vec<Finding>,
) {
    let table = relation.quoted();
    let mut report = |severity, problem, remedy| {
        let object = relation.name().to_string();
        findings.push(Finding { severity, check: Check::Policy, object, problem, remedy });
    };
    let policies = catalog.policies.of(relation);
    // A restrictive policy only removes rows that other policies show, so it is safe.
    let of_worker = |policy: &Policy| is_outbox && is_of_worker(policy);
    for policy in policies.iter().filter(|policy| policy.permissive && !is_ours(policy) && !of_worker(policy))
    {
        let shows = |expression: &Option<String>| expression.clone().unwrap_or_else(|| "-".to_owned());
        report(
            severity,
            format!(
                "has the policy {} with a different expression (USING {}, WITH CHECK {}), which can show rows \
                 of other tenants",
                policy.name,
                shows(&policy.reads),
                shows(&policy.writes)
            ),
            format!("DROP POLICY {} ON {table};", sql::identifier(&policy.name)),
        );
    }
    if !policies.iter().any(is_ours) {
        report(
            severity,
            "has no policy that restricts each tenant to its own rows".to_owned(),
            format!(
                "CREATE POLICY {TENANT_POLICY} ON {table} FOR ALL USING ({TENANT_CONDITION}) WITH CHECK ({TENANT_CONDITION});"
            ),
        );
    }
}

/// Whether the worker of an outbox table handles the messages of all tenants by the policy.
fn is_of_worker(policy: &Policy) -> bool {
    let known = isolation::OUTBOX_POLICIES.iter().find(|(name, _)| *name == policy.name);
    let command = match policy.command.as_str() {
        "r" => "SELECT",
        "w" => "UPDATE",
        "d" => "DELETE",
        _ => "",
    };
    !policy.for_everyone && known.is_some_and(|(_, of)| *of == command)
}

fn is_ours(policy: &Policy) -> bool {
    policy.permissive
        && policy.command == "*"
        && policy.for_everyone
        && policy.reads.as_deref().is_some_and(|reads| PRINTED.contains(&reads))
        && policy.writes.as_deref().is_none_or(|writes| PRINTED.contains(&writes))
}
