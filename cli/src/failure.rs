//! Why a command did not do what it was asked, and the exit code that says so.

use std::process::ExitCode;

use sea_orm::DbErr;
use watertight::Error;

use crate::Format;

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// What was asked for is refused, and nothing was changed.
    #[error("{0}")]
    Refused(String),
    /// An argument, a file or a variable is wrong.
    #[error("{0}")]
    Usage(String),
    /// The database cannot be reached, or fails.
    #[error("{0}")]
    Database(String),
}

impl Failure {
    pub(crate) const REFUSED: u8 = 1;

    const fn code(&self) -> u8 {
        match self {
            Self::Refused(_) => Self::REFUSED,
            Self::Usage(_) => 2,
            Self::Database(_) => 3,
        }
    }

    pub(crate) fn print(&self, format: Format) -> ExitCode {
        match format {
            Format::Text => eprintln!("watertight: {self}"),
            Format::Json => {
                eprintln!("{}", serde_json::json!({ "error": self.to_string(), "exit_code": self.code() }));
            }
        }
        ExitCode::from(self.code())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        match error {
            Error::Unreachable { .. } | Error::Database(_) => Self::Database(text),
            Error::EmptyUrl
            | Error::MalformedUrl { .. }
            | Error::NilTenant
            | Error::MalformedTenant { .. }
            | Error::InvalidInput { .. }
            | Error::InvalidSecret { .. }
            | Error::MalformedTenantKey { .. }
            | Error::NoTenantKey
            | Error::Bootstrap { .. }
            | Error::MalformedExport { .. }
            | Error::Io(_) => Self::Usage(text),
            _ => Self::Refused(text),
        }
    }
}

impl From<DbErr> for Failure {
    fn from(error: DbErr) -> Self {
        Self::Database(error.to_string())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Usage(error.to_string())
    }
}
