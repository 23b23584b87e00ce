//! Running other programs, and stopping them before this program ends.

use std::process::{Command, ExitCode, ExitStatus};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// The ID of the running program, or zero.
static RUNNING: AtomicI32 = AtomicI32::new(0);

/// True after a signal has asked this program to end.
static ENDING: AtomicBool = AtomicBool::new(false);

/// Forwards signals to the running program. This program then ends after it, and stops the server.
pub(crate) fn watch_signals() -> Result<()> {
    let mut signals =
        Signals::new([SIGINT, SIGTERM, SIGHUP]).context("signal handlers cannot be installed")?;
    std::thread::spawn(move || {
        for signal in signals.forever() {
            ENDING.store(true, Ordering::SeqCst);
            let running = Pid::from_raw(RUNNING.load(Ordering::SeqCst));
            if let (Some(running), Some(signal)) = (running, Signal::from_named_raw(signal)) {
                // The program may already have ended.
                let _ = kill_process(running, signal);
            }
        }
    });
    Ok(())
}

/// Runs a program to its end.
pub(crate) fn run(command: &mut Command) -> Result<ExitStatus> {
    if ENDING.load(Ordering::SeqCst) {
        bail!("interrupted by a signal");
    }
    let program = command.get_program().to_owned();
    let mut child = command.spawn().with_context(|| format!("{} cannot be run", program.display()))?;
    RUNNING.store(i32::try_from(child.id())?, Ordering::SeqCst);
    let status = child.wait();
    RUNNING.store(0, Ordering::SeqCst);
    status.with_context(|| format!("{} cannot be waited for", program.display()))
}

/// Runs a program to its end. Returns an error unless it succeeds.
pub(crate) fn succeed(command: &mut Command) -> Result<()> {
    let status = run(command)?;
    if status.success() {
        return Ok(());
    }
    let args: Vec<_> = command.get_args().map(|arg| arg.display().to_string()).collect();
    bail!("{} {} failed: {status}", command.get_program().display(), args.join(" "));
}

/// The exit code that passes on a program's exit status.
pub(crate) fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}
