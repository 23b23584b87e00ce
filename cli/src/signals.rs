//! The signals that end the command.

use std::io;

/// A signal that ended the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Signal {
    pub(crate) name: &'static str,
    pub(crate) number: u8,
}

/// Waits for the first signal that asks the command to end.
#[cfg(unix)]
pub(crate) async fn first() -> io::Result<Signal> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut hangup = signal(SignalKind::hangup())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut quit = signal(SignalKind::quit())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(tokio::select! {
        _ = hangup.recv() => Signal { name: "SIGHUP", number: 1 },
        _ = interrupt.recv() => Signal { name: "SIGINT", number: 2 },
        _ = quit.recv() => Signal { name: "SIGQUIT", number: 3 },
        _ = terminate.recv() => Signal { name: "SIGTERM", number: 15 },
    })
}

/// Waits for Ctrl-C.
#[cfg(not(unix))]
pub(crate) async fn first() -> io::Result<Signal> {
    tokio::signal::ctrl_c().await?;
    Ok(Signal { name: "Ctrl-C", number: 2 })
}
