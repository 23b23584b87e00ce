//! A worker of apalis that handles the messages of an outbox.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use apalis_core::backend::custom::BackendBuilder;
use apalis_core::error::BoxDynError;
use apalis_core::task::Task;
use apalis_core::worker::builder::WorkerBuilder;
use futures_util::{SinkExt, StreamExt, sink, stream};
use watertight::{Delivery, Outbox, OutboxError};

use crate::message;

type Message = Delivery<message::Entity>;

/// The wait for the next look at an outbox without due messages.
const IDLE: Duration = Duration::from_millis(100);

/// Runs a job for each message, one after the other, until the signal arrives. For several at once, run several workers.
///
/// The backend has no way to push tasks: tenants insert the messages.
pub(crate) async fn run<F, R>(
    outbox: Outbox<message::Entity>,
    job: F,
    until: impl Future<Output = Result<(), std::io::Error>> + Send + 'static,
) -> Result<()>
where
    F: FnMut(Message) -> R + Clone + Send + 'static,
    R: Future<Output = Result<(), BoxDynError>> + Send + 'static,
{
    let backend = BackendBuilder::new()
        .database(Arc::new(outbox))
        .fetcher(|outbox: &mut Arc<Outbox<message::Entity>>, (), _| {
            stream::unfold(Arc::clone(outbox), |outbox| async move {
                let message = next(&outbox).await.map(|message| Some(Task::new(message)));
                Some((message, outbox))
            })
            .boxed()
        })
        .sink(|_, ()| sink::drain().sink_map_err(|never| match never {}))
        .build()?;
    WorkerBuilder::new("letters").backend(backend).build(job).run_until(until).await?;
    Ok(())
}

/// Waits for the next message.
async fn next(outbox: &Outbox<message::Entity>) -> Result<Message, OutboxError> {
    loop {
        if let Some(message) = outbox.next().await? {
            return Ok(message);
        }
        tokio::time::sleep(IDLE).await;
    }
}
