//! Runs steps, with retries for their locks.

use std::time::Duration as Time;

use sea_orm_migration::sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, RuntimeErr, TransactionTrait};

use super::step::Step;
use super::{ConversionError, Phase};

/// A step that is about to run.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ConversionProgress<'s> {
    /// The phase.
    pub phase: Phase,
    /// The step.
    pub step: &'s Step,
    /// The number of the step in this run of the phase, from 1.
    pub number: usize,
    /// The number of steps.
    pub steps: usize,
}

/// The limits within which steps wait for locks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// How long one attempt waits. While it waits, later statements wait behind it.
    pub(super) timeout: Time,
    pub(super) attempts: u32,
}

impl Default for Patience {
    fn default() -> Self {
        // Less than `deadlock_timeout`, so that a deadlock ends the step and not a statement of the application.
        Self { timeout: Time::from_millis(500), attempts: 60 }
    }
}

/// Runs a step. A step in a transaction has happened completely or not at all.
pub(super) async fn run(
    owner: &DatabaseConnection,
    step: &Step,
    patience: Patience,
) -> Result<(), ConversionError> {
    let failed =
        |source| ConversionError::Step { object: step.object.clone(), title: step.title.clone(), source };
    if !step.in_transaction {
        for statement in &step.statements {
            if let Err(source) = owner.execute_unprepared(statement).await {
                if let Some(cleanup) = &step.cleanup {
                    // The error that matters is the first one. The next run finds what is left.
                    owner.execute_unprepared(cleanup).await.ok();
                }
                return Err(failed(source));
            }
        }
        return Ok(());
    }
    for attempt in 0..patience.attempts {
        match attempt_once(owner, step, patience.timeout).await {
            Ok(()) => return Ok(()),
            Err(error) if waits(&error) => {
                tokio::time::sleep(patience.timeout.min(Time::from_millis(100) * (attempt + 1))).await;
            }
            Err(source) => return Err(failed(source)),
        }
    }
    Err(ConversionError::Locked {
        object: step.object.clone(),
        title: step.title.clone(),
        attempts: patience.attempts,
    })
}

async fn attempt_once(owner: &DatabaseConnection, step: &Step, timeout: Time) -> Result<(), DbErr> {
    let transaction = owner.begin().await?;
    transaction.execute_unprepared(&format!("SET LOCAL lock_timeout = {}", timeout.as_millis())).await?;
    for statement in &step.statements {
        transaction.execute_unprepared(statement).await?;
    }
    transaction.commit().await
}

/// Whether a lock was not granted in time, or the step was chosen to end a deadlock.
pub(super) fn waits(error: &DbErr) -> bool {
    let (DbErr::Exec(RuntimeErr::SqlxError(source)) | DbErr::Query(RuntimeErr::SqlxError(source))) = error
    else {
        return false;
    };
    let code =
        source.as_database_error().and_then(sea_orm_migration::sea_orm::sqlx::error::DatabaseError::code);
    code.is_some_and(|code| matches!(code.as_ref(), "55P03" | "40P01"))
}
