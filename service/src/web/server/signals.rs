//! The signals that end a server.

use std::io;

use futures_util::Stream;
use futures_util::stream::unfold;

/// The signals that ask a process to end: SIGINT and SIGTERM, or Ctrl-C where there are none.
///
/// From the call on, the signals no longer end the process by themselves.
///
/// ```no_run
/// use futures_util::StreamExt;
/// use watertight::web::shutdown_signals;
///
/// # async fn example() -> std::io::Result<()> {
/// let mut signals = std::pin::pin!(shutdown_signals()?);
/// signals.next().await;
/// println!("The program was told to end.");
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// When the operating system refuses to report signals.
#[cfg(unix)]
pub fn shutdown_signals() -> io::Result<impl Stream<Item = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let both = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(unfold(both, |(mut interrupt, mut terminate)| async move {
        let next = tokio::select! {
            next = interrupt.recv() => next,
            next = terminate.recv() => next,
        };
        next.map(|()| ((), (interrupt, terminate)))
    }))
}

/// The signals that ask a process to end: Ctrl-C.
///
/// # Errors
/// None on this system.
#[cfg(not(unix))]
pub fn shutdown_signals() -> io::Result<impl Stream<Item = ()>> {
    Ok(unfold((), |()| async { tokio::signal::ctrl_c().await.ok().map(|()| ((), ())) }))
}
