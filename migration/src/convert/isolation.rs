//! The phase that enables row-level security and grants rights.

use watertight_schema::isolation::{TENANT_POLICY, tenant_condition};
use watertight_schema::sql;

use super::access::{Privileges, Sequence};
use super::catalog::Table;
use super::journal::{Entry, kind};
use super::step::{Duration, LockMode, Step};
use super::survey::Survey;
use crate::Settings;
use crate::name::Name;

/// The rights of an application on a tenant table.
const RIGHTS: [&str; 4] = ["SELECT", "INSERT", "UPDATE", "DELETE"];

pub(super) fn steps(survey: &Survey, settings: &Settings) -> Vec<Step> {
    let role = sql::identifier(settings.app_role());
    let usage = survey.unusable_schemas.iter().map(|schema| {
        let entry = Entry::new(&Name::new(schema, ""), kind::USAGE, settings.app_role());
        Step::new(schema, format!("let {} use the schema", settings.app_role()))
            .run([entry.insert(), format!("GRANT USAGE ON SCHEMA {} TO {role}", sql::identifier(schema))])
    });
    let views =
        survey.views.iter().filter(|view| !view.is_materialized && !view.of_reader && view.is_own).map(
            |view| {
                let name = Name::new(&view.schema, &view.name);
                let entry = Entry::new(&name, kind::VIEW, "").defined(view.setting.as_deref());
                let set = format!("ALTER VIEW {} SET (security_invoker = true)", name.quoted());
                Step::new(&name, "let the view run with the rights of its reader, so that the policies apply")
                    .lock(&name, LockMode::AccessExclusive, Duration::Short)
                    .run([entry.insert(), set])
            },
        );
    let sequences = survey.sequences.iter().filter_map(|sequence| on_sequence(survey, sequence, settings));
    let tables = survey.tables.iter().filter_map(|table| on_table(survey, table, settings));
    usage.chain(sequences).chain(views).chain(tables).collect()
}

fn on_table(survey: &Survey, table: &Table, settings: &Settings) -> Option<Step> {
    let (name, quoted, column) = (table.id(), table.quoted(), settings.tenant_column());
    let mut statements = on_privileges(survey, table, settings);
    if let Some(default) = &table.column_default {
        let entry = Entry::new(&name, kind::DEFAULT, column).defined(Some(default));
        statements.push(entry.insert());
        statements
            .push(format!("ALTER TABLE {quoted} ALTER COLUMN {} DROP DEFAULT", sql::identifier(column)));
    } else if !table.has_column() && survey.key.is_some() {
        // The plan of a table that does not have the column yet: the column will have a default.
        let default = survey.key.as_ref().map(|key| key.literal.as_str());
        statements.push(Entry::new(&name, kind::DEFAULT, column).defined(default).insert());
        statements
            .push(format!("ALTER TABLE {quoted} ALTER COLUMN {} DROP DEFAULT", sql::identifier(column)));
    }
    let has_policy = survey.policies.iter().any(|policy| policy.oid == table.oid && policy.is_ours(column));
    if !(has_policy && table.protected && table.forced) {
        let before = match (table.protected, table.forced) {
            (true, true) => "forced",
            (true, false) => "enabled",
            (false, true) => "forced only",
            (false, false) => "off",
        };
        statements.push(Entry::new(&name, kind::SECURITY, "").defined(Some(before)).insert());
        statements.push(format!("ALTER TABLE {quoted} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"));
    }
    if !has_policy {
        let condition = tenant_condition(column);
        statements.push(format!(
            "CREATE POLICY {TENANT_POLICY} ON {quoted} FOR ALL USING ({condition}) WITH CHECK ({condition})"
        ));
    }
    (!statements.is_empty()).then(|| {
        Step::new(&name, "confine each tenant to its rows, and require a tenant for each new row")
            .lock(&name, LockMode::AccessExclusive, Duration::Short)
            .run(statements)
    })
}

/// The SQL that leaves the application's role the rights that it needs, and `PUBLIC` none.
///
/// A role that already has some of the rights keeps exactly these.
fn on_privileges(survey: &Survey, table: &Table, settings: &Settings) -> Vec<String> {
    let Some(present) = survey.privileges.iter().find(|found| found.oid == table.oid) else {
        return Vec::new();
    };
    let role = sql::identifier(settings.app_role());
    let had: Vec<&str> = RIGHTS
        .into_iter()
        .filter(|right| present.of_application.iter().any(|other| other == right))
        .collect();
    let surplus = present.of_application.len() > had.len();
    let lacks = had.is_empty() && !present.on_columns;
    if !surplus && !lacks && !present.of_public {
        return Vec::new();
    }
    let quoted = table.quoted();
    let mut statements = vec![recorded(&table.id(), "", present).insert()];
    if present.of_public {
        statements.push(format!("REVOKE ALL ON TABLE {quoted} FROM PUBLIC"));
    }
    if surplus {
        // Rights on columns are revoked with those on the table, so only the surplus is revoked.
        let surplus: Vec<&str> = present
            .of_application
            .iter()
            .map(String::as_str)
            .filter(|right| !RIGHTS.contains(right))
            .collect();
        statements.push(format!("REVOKE {} ON TABLE {quoted} FROM {role}", surplus.join(", ")));
    }
    if lacks {
        statements.push(format!("GRANT {} ON TABLE {quoted} TO {role}", RIGHTS.join(", ")));
    }
    statements
}

fn on_sequence(survey: &Survey, sequence: &Sequence, settings: &Settings) -> Option<Step> {
    let table = survey.table(sequence.of)?;
    let present = survey.sequence_privileges.iter().find(|found| found.oid == sequence.oid)?;
    if present.of_application.iter().any(|right| right == "USAGE") || !sequence.is_own {
        return None;
    }
    let role = settings.app_role();
    let grant = format!("GRANT USAGE ON SEQUENCE {} TO {}", sequence.quoted(), sql::identifier(role));
    let entry = recorded(&table.id(), &sequence.quoted(), present);
    Some(
        Step::new(table.id(), format!("let {role} take numbers from the sequence {}", sequence.name))
            .run([entry.insert(), grant]),
    )
}

/// The entry with the privileges on a table, or on a sequence of it.
fn recorded(table: &Name, sequence: &str, privileges: &Privileges) -> Entry {
    let mut entry = Entry::new(table, kind::PRIVILEGES, sequence);
    entry.afterwards.clone_from(&privileges.grants);
    entry
}
