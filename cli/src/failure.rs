//! Failures of commands, and their exit codes.

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use sea_orm::DbErr;
use watertight::ConnectError;
use watertight::Error;
use watertight::InvalidInput;
use watertight::MaintenanceError;
use watertight::SigningError;
use watertight::TenantIdError;
use watertight::auth::AuthError;
use watertight_schema::printable;

use crate::Format;
use crate::signals::Signal;

/// The failure of a command. `--help` lists the exit codes.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The request is refused, and nothing was changed.
    #[error("{0}")]
    Refused(String),
    /// An argument, a variable or the file of users is wrong, or a file cannot be opened.
    #[error("{0}")]
    Usage(String),
    /// The database cannot be reached or fails.
    #[error("{0}")]
    Database(String),
    /// An export is malformed, or the database rejects its rows.
    #[error("{0}")]
    Data(String),
    /// Reading or writing failed.
    #[error("{0}")]
    Io(String),
    /// The reader of the output has closed it, as `head` does. Nothing is printed.
    #[error("the output was closed")]
    OutputClosed,
    /// A signal ended the command.
    #[error("ended by {}", .0.name)]
    Signal(Signal),
}

impl Failure {
    pub(crate) const REFUSED: u8 = 1;

    const fn code(&self) -> u8 {
        match self {
            Self::Refused(_) => Self::REFUSED,
            Self::Usage(_) => 2,
            Self::Database(_) => 3,
            Self::Data(_) => 4,
            Self::Io(_) => 5,
            // As shells report a program that SIGPIPE ends.
            Self::OutputClosed => 128 + 13,
            Self::Signal(signal) => 128 + signal.number,
        }
    }

    pub(crate) fn print(&self, format: Format) -> ExitCode {
        let line = match (self, format) {
            (Self::OutputClosed, _) => None,
            // After the prompt that may stand on the line.
            (Self::Signal(_), Format::Text | Format::Sarif) => Some(format!("\nwatertight: {self}")),
            (_, Format::Text | Format::Sarif) => {
                Some(format!("watertight: {}", printable::one_line(&self.message())))
            }
            (_, Format::Json) => {
                let json = serde_json::json!({ "error": self.message(), "exit_code": self.code() });
                Some(printable::json(&json.to_string()))
            }
        };
        if let Some(line) = line {
            // Nobody is left to tell.
            writeln!(std::io::stderr(), "{line}").ok();
        }
        ExitCode::from(self.code())
    }

    /// The message. The driver adds a line of the server's source code to the server's errors, which is left out.
    fn message(&self) -> String {
        let text = self.to_string();
        let number = |line: &str| !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit());
        match text.rsplit_once(" at line ") {
            Some((message, line)) if matches!(self, Self::Database(_)) && number(line) => message.to_owned(),
            _ => text,
        }
    }

    /// The failure to open a file that an argument names.
    pub(crate) fn opening(path: &std::path::Path, error: &std::io::Error) -> Self {
        let text = format!("{}: {error}", path.display());
        match error.kind() {
            ErrorKind::NotFound
            | ErrorKind::PermissionDenied
            | ErrorKind::AlreadyExists
            | ErrorKind::IsADirectory
            | ErrorKind::NotADirectory
            | ErrorKind::InvalidInput
            | ErrorKind::InvalidFilename => Self::Usage(text),
            _ => Self::Io(text),
        }
    }

    /// The failure of an import, whose rows the database can reject.
    pub(crate) fn importing(error: MaintenanceError) -> Self {
        let rejected = match &error {
            MaintenanceError::Database(error) => rejects_data(error),
            _ => false,
        };
        if rejected { Self::Data(error.to_string()) } else { error.into() }
    }
}

/// Whether the SQLSTATE is of the classes of wrong data and of violated constraints.
fn rejects_data(error: &DbErr) -> bool {
    let (DbErr::Exec(source) | DbErr::Query(source)) = error else { return false };
    let sea_orm::RuntimeErr::SqlxError(source) = source else { return false };
    let code = source.as_database_error().and_then(sea_orm::sqlx::error::DatabaseError::code);
    code.is_some_and(|code| code.starts_with("22") || code.starts_with("23"))
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        if error.database().is_some() {
            return Self::Database(text);
        }
        match &error {
            Error::Connect(
                ConnectError::EmptyUrl
                | ConnectError::MalformedUrl { .. }
                | ConnectError::UnknownRole { .. }
                | ConnectError::Signing(SigningError::TenantKey(_) | SigningError::NoTenantKey),
            )
            | Error::Auth(AuthError::Bootstrap { .. })
            | Error::Maintenance(MaintenanceError::InvalidInput(_)) => Self::Usage(text),
            Error::Maintenance(
                MaintenanceError::MalformedExport { .. } | MaintenanceError::LineTooLong { .. },
            ) => Self::Data(text),
            Error::Maintenance(MaintenanceError::Io(error)) if error.kind() == ErrorKind::BrokenPipe => {
                Self::OutputClosed
            }
            Error::Maintenance(MaintenanceError::Io(_)) => Self::Io(text),
            _ if error.is_invalid_input() => Self::Usage(text),
            _ => Self::Refused(text),
        }
    }
}

/// Converts errors of the domains through the root error.
macro_rules! from_domain {
    ($($error:ty),+) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Error::from(error).into()
            }
        })+
    };
}

from_domain!(AuthError, ConnectError, InvalidInput, MaintenanceError, SigningError, TenantIdError);

impl From<DbErr> for Failure {
    fn from(error: DbErr) -> Self {
        Self::Database(error.to_string())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            ErrorKind::BrokenPipe => Self::OutputClosed,
            _ => Self::Io(error.to_string()),
        }
    }
}
