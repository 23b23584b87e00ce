//! Sequences of columns, which an import moves past the restored values.

use std::collections::BTreeMap;

use sea_orm::FromQueryResult;

use super::structure::Sequence;
use super::tables::{Tables, TenantTable};
use crate::operations::MaintenanceError;
use crate::tenant::TenantTransaction;
use crate::tenant::sql::statement;

/// The positions of sequences, by the name of the table in the export and by column.
pub(super) type Positions = BTreeMap<String, BTreeMap<String, i64>>;

#[derive(FromQueryResult)]
struct State {
    last_value: i64,
    is_called: bool,
}

#[derive(FromQueryResult)]
struct Position {
    position: Option<i64>,
}

/// Reads how far the tenant's rows have used the sequences.
///
/// The position is the tenant's last value that the sequence can have given. A greater value was written by hand, and
/// the sequence of every tenant would end early if an import moved it there.
pub(super) async fn positions(
    transaction: &TenantTransaction,
    tables: &Tables,
) -> Result<Positions, MaintenanceError> {
    let mut positions = Positions::new();
    for table in tables.iter() {
        for sequence in &table.sequences {
            let state = state(transaction, sequence).await?;
            if !state.is_called {
                continue;
            }
            let position = if sequence.is_integer {
                last_of_tenant(transaction, table, sequence, state.last_value).await?
            } else {
                Some(state.last_value)
            };
            if let Some(position) = position {
                let columns = positions.entry(table.static_name.clone()).or_default();
                columns.insert(sequence.column_name.clone(), position);
            }
        }
    }
    Ok(positions)
}

/// Moves every sequence that is behind its position in the export.
///
/// Until the end of the transaction a moved sequence gives no values to other transactions.
pub(super) async fn advance(
    transaction: &TenantTransaction,
    tables: &Tables,
    positions: &Positions,
) -> Result<(), MaintenanceError> {
    for table in tables.iter() {
        let Some(columns) = positions.get(&table.static_name) else { continue };
        for sequence in &table.sequences {
            let Some(position) = columns.get(&sequence.column_name).copied() else { continue };
            if !is_behind(sequence, &state(transaction, sequence).await?, position) {
                continue;
            }
            // Locks the sequence, so that no other transaction moves it between the check and the change.
            let alter = format!("ALTER SEQUENCE {}", sequence.quoted());
            transaction.execute_unprepared(&format!("{alter} START WITH {}", sequence.start)).await?;
            if is_behind(sequence, &state(transaction, sequence).await?, position) {
                // The sequence of an exhausted column stays exhausted.
                let next = position.checked_add(sequence.increment);
                let next = next.filter(|next| (sequence.minimum..=sequence.maximum).contains(next));
                let sql = match next {
                    Some(next) => format!("{alter} RESTART WITH {next}"),
                    None => format!(
                        "SELECT pg_catalog.setval({}::regclass, {})",
                        watertight_schema::sql::literal(&sequence.quoted()),
                        position.clamp(sequence.minimum, sequence.maximum),
                    ),
                };
                transaction.execute_unprepared(&sql).await?;
            }
        }
    }
    Ok(())
}

const fn is_behind(sequence: &Sequence, state: &State, position: i64) -> bool {
    match (sequence.increment > 0, state.is_called) {
        (true, true) => state.last_value < position,
        (true, false) => state.last_value <= position,
        (false, true) => state.last_value > position,
        (false, false) => state.last_value >= position,
    }
}

async fn state(transaction: &TenantTransaction, sequence: &Sequence) -> Result<State, MaintenanceError> {
    let sql = format!("SELECT s.last_value, s.is_called FROM {} s", sequence.quoted());
    let row = transaction.query_one_raw(statement(sql, [])).await?;
    let found = row.map(|row| State::from_query_result(&row, "")).transpose()?;
    // A sequence has one row.
    Ok(found.unwrap_or(State { last_value: sequence.start, is_called: false }))
}

async fn last_of_tenant(
    transaction: &TenantTransaction,
    table: &TenantTable,
    sequence: &Sequence,
    last_value: i64,
) -> Result<Option<i64>, MaintenanceError> {
    let column = watertight_schema::sql::identifier(&sequence.column_name);
    let (aggregate, comparison) = if sequence.increment > 0 { ("max", "<=") } else { ("min", ">=") };
    let sql = format!(
        "SELECT pg_catalog.{aggregate}(t.{column})::int8 AS position FROM {} t \
         WHERE t.{} = $1 AND t.{column} {comparison} $2",
        table.source, table.tenant
    );
    let values = [transaction.tenant_id().into(), last_value.into()];
    let row = transaction.query_one_raw(statement(sql, values)).await?;
    Ok(row.map(|row| Position::from_query_result(&row, "")).transpose()?.and_then(|row| row.position))
}
