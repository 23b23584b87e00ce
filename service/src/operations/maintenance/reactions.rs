//! Triggers and rules, which are disabled while rows are restored or erased.

use watertight_schema::sql::identifier;

use super::tables::Tables;
use crate::operations::MaintenanceError;
use crate::tenant::TenantTransaction;

/// The statements that a trigger or a rule reacts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reactions {
    Insert,
    Delete,
    Both,
}

/// Disabled triggers and rules of a transaction. The end of a transaction that is rolled back enables them again.
#[must_use]
pub(super) struct Disabled {
    /// The statements that enable them again.
    enable: Vec<String>,
}

impl Disabled {
    /// Disables the triggers and rules of the tenant tables that react to these statements.
    ///
    /// A trigger could change a row or write others, so that a restored row would differ from the exported row, and
    /// could keep a row from being deleted.
    pub(super) async fn begin(
        transaction: &TenantTransaction,
        tables: &Tables,
        reactions: Reactions,
    ) -> Result<Self, MaintenanceError> {
        let mut disable = Vec::new();
        let mut enable = Vec::new();
        let mut foreign = Vec::new();
        for table in tables.iter().flat_map(|table| &table.reactions) {
            for reaction in table.reactions.iter().filter(|reaction| match reactions {
                Reactions::Insert => reaction.on_insert,
                Reactions::Delete => reaction.on_delete,
                Reactions::Both => reaction.on_insert || reaction.on_delete,
            }) {
                let change = |state: &str| {
                    let (kind, name) = (&reaction.kind, identifier(&reaction.name));
                    format!("ALTER TABLE ONLY {} {state} {kind} {name}", table.quoted)
                };
                disable.push(change("DISABLE"));
                enable.push(change(if reaction.always { "ENABLE ALWAYS" } else { "ENABLE" }));
                if !table.owned && !foreign.contains(&table.name) {
                    foreign.push(table.name.clone());
                }
            }
        }
        tables.not_permitted("disable the triggers and rules of", foreign)?;
        for sql in disable {
            transaction.execute_unprepared(&sql).await?;
        }
        Ok(Self { enable })
    }

    /// Enables the triggers and rules again.
    pub(super) async fn end(self, transaction: &TenantTransaction) -> Result<(), MaintenanceError> {
        if self.enable.is_empty() {
            return Ok(());
        }
        // A table with pending checks of deferred constraints cannot be altered.
        transaction.execute_unprepared("SET CONSTRAINTS ALL IMMEDIATE").await?;
        for sql in self.enable {
            transaction.execute_unprepared(&sql).await?;
        }
        Ok(())
    }
}
