//! The cargo features of the generated entities: one for each table set, with its name.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};
use watertight_schema::TableSet;

/// Adds the feature of its set to each item of a folder of generated entities: to modules and re-exports, and
/// to relations to tables of sets that the entity's own set does not require.
pub(crate) fn write(folder: &Path) -> Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let text = std::fs::read_to_string(&path)?;
        let own = path.file_stem().and_then(|stem| stem.to_str()).and_then(set_of);
        std::fs::write(&path, gated(&text, own))?;
    }
    Ok(())
}

/// The set of a table.
fn set_of(table: &str) -> Option<TableSet> {
    TableSet::ALL.into_iter().find(|set| set.tables().contains(&table))
}

/// The text of an entity with features. `own` is the set of the entity's table.
fn gated(text: &str, own: Option<TableSet>) -> String {
    let mut result = String::with_capacity(text.len());
    for item in items(text) {
        let mut sets: BTreeSet<TableSet> = tables(&item).filter_map(set_of).collect();
        let known = own.into_iter().flat_map(|own| own.requires().iter().copied().chain([own]));
        let implied: BTreeSet<TableSet> =
            sets.iter().flat_map(|set| set.requires().iter().copied()).chain(known).collect();
        sets.retain(|set| !implied.contains(set));
        let features: Vec<String> = sets.iter().map(|set| format!("feature = \"{set}\"")).collect();
        let indent: String = item.chars().take_while(|c| *c == ' ').collect();
        let gate = match &features[..] {
            [] => String::new(),
            [only] => format!("{indent}#[cfg({only})]\n"),
            several => format!("{indent}#[cfg(all({}))]\n", several.join(", ")),
        };
        result.push_str(&gate);
        result.push_str(&item);
    }
    result
}

/// The items of a generated text: lines, with the lines of an `impl` or of a variant with its attributes
/// together.
fn items(text: &str) -> Vec<String> {
    let mut items: Vec<String> = Vec::new();
    let mut end: Option<fn(&str) -> bool> = None;
    for line in text.split_inclusive('\n') {
        match (items.last_mut(), end) {
            (Some(item), Some(_)) => item.push_str(line),
            _ => items.push(line.to_owned()),
        }
        if end.is_none() {
            end = if line.starts_with("impl ") && !line.trim_end().ends_with('}') {
                Some(|line| line.trim_end() == "}")
            } else if line.starts_with("    #[sea_orm(") {
                Some(|line| {
                    line.starts_with("    ") && !line.starts_with("     ") && line.trim_end().ends_with(',')
                })
            } else {
                None
            };
        } else if end.is_some_and(|is_end| is_end(line)) {
            end = None;
        }
    }
    items
}

/// The tables whose modules an item names: `super::table::..`, `pub mod table;`.
fn tables(item: &str) -> impl Iterator<Item = &str> {
    let declared = item.strip_prefix("pub mod ").and_then(|rest| rest.trim_end().strip_suffix(';'));
    let named = item.split("super::").skip(1).filter_map(|rest| rest.split("::").next());
    declared.into_iter().chain(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_have_the_feature_of_their_set() {
        let text = "pub mod prelude;\n\npub mod bookings;\npub use super::services::Entity as Services;\n";
        let expected = "pub mod prelude;\n\n#[cfg(feature = \"booking\")]\npub mod bookings;\n\
                        #[cfg(feature = \"content\")]\npub use super::services::Entity as Services;\n";
        assert_eq!(gated(text, None), expected);
    }

    #[test]
    fn relations_to_sets_that_are_not_required_have_a_feature() {
        let text = "\
pub enum Relation {
    #[sea_orm(
        belongs_to = \"super::clients::Entity\",
        from = \"(Column::TenantId, Column::ClientId)\"
    )]
    Clients,
    #[sea_orm(has_many = \"super::packages::Entity\")]
    Packages,
}

impl Related<super::packages::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Packages.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
";
        let expected = text
            .replace(
                "    #[sea_orm(has_many",
                "    #[cfg(feature = \"certificates\")]\n    #[sea_orm(has_many",
            )
            .replace("impl Related<", "#[cfg(feature = \"certificates\")]\nimpl Related<");
        assert_eq!(gated(text, Some(TableSet::Booking)), expected);
        assert_eq!(gated(text, Some(TableSet::Certificates)), text);
    }
}
