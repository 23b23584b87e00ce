//! Questions at the terminal.
//!
//! They are read on a thread of their own, so that a signal ends the command while it waits for an answer. The terminal
//! then has its echo again.

use std::io::{BufRead, IsTerminal, Read, Write};
use std::sync::Mutex;

use secrecy::{ExposeSecret, SecretString};
use watertight_schema::printable;

use crate::failure::Failure;

/// The most bytes of an answer or of a secret that is piped in.
const LONGEST: u64 = 65_536;

#[cfg(unix)]
static TERMINAL: Mutex<Option<rustix::termios::Termios>> = Mutex::new(None);

#[cfg(unix)]
fn remember_terminal() {
    let settings = std::fs::File::open("/dev/tty").and_then(|tty| Ok(rustix::termios::tcgetattr(&tty)?));
    if let (Ok(settings), Ok(mut remembered)) = (settings, TERMINAL.lock()) {
        *remembered = Some(settings);
    }
}

/// Restores the settings that the terminal had before the first question for a secret.
#[cfg(unix)]
pub(crate) fn restore_terminal() {
    use rustix::termios::{OptionalActions, tcsetattr};

    let Ok(remembered) = TERMINAL.lock().map(|mut remembered| remembered.take()) else { return };
    if let (Some(settings), Ok(tty)) = (remembered, std::fs::File::open("/dev/tty")) {
        // Nothing is left to do for a terminal that is gone.
        tcsetattr(&tty, OptionalActions::Now, &settings).ok();
    }
}

#[cfg(not(unix))]
fn remember_terminal() {}

#[cfg(not(unix))]
pub(crate) fn restore_terminal() {}

/// Whether questions can be asked.
pub(crate) fn is_at_terminal() -> bool {
    std::io::stdin().is_terminal()
}

/// Asks for a secret, which does not show.
pub(crate) async fn secret(prompt: String) -> Result<SecretString, Failure> {
    remember_terminal();
    let prompt = printable::one_line(&prompt);
    on_a_thread(move || Ok(SecretString::from(rpassword::prompt_password(prompt)?))).await
}

/// Reads a secret from standard input until its end.
pub(crate) async fn piped_secret() -> Result<SecretString, Failure> {
    let text = on_a_thread(|| {
        let mut text = String::new();
        std::io::stdin().take(LONGEST + 1).read_to_string(&mut text)?;
        Ok(SecretString::from(text))
    })
    .await?;
    if u64::try_from(text.expose_secret().len()).is_ok_and(|bytes| bytes > LONGEST) {
        return Err(Failure::Usage(format!(
            "standard input has more than {LONGEST} bytes; pipe tenant keys in"
        )));
    }
    Ok(text)
}

/// Asks to type an answer, unless a flag has already given it.
///
/// `loss` says what is lost, `flag` is the flag for scripts, and `kept` says what a wrong answer leaves unchanged.
pub(crate) async fn confirm(
    loss: &str,
    answer: (&str, String),
    given: Option<String>,
    flag: &str,
    kept: &str,
) -> Result<(), Failure> {
    let (question, expected) = answer;
    let typed = match given {
        Some(given) => given,
        None if is_at_terminal() => {
            let prompt = format!("{}\n{}", printable::text(loss), printable::one_line(question));
            on_a_thread(move || {
                eprint!("{prompt}");
                std::io::stderr().flush()?;
                let mut line = String::new();
                std::io::stdin().lock().take(LONGEST).read_line(&mut line)?;
                Ok(line)
            })
            .await?
        }
        None => return Err(Failure::Usage(format!("{kept} is not confirmed; pass {flag}"))),
    };
    if typed.trim() == expected {
        return Ok(());
    }
    Err(Failure::Usage(format!("the confirmation is not {expected:?}; nothing was deleted")))
}

async fn on_a_thread<T: Send + 'static>(
    read: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, Failure> {
    let read = tokio::task::spawn_blocking(read).await;
    Ok(read.map_err(|error| Failure::Io(error.to_string()))??)
}
