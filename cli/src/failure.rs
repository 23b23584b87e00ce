//! Failures of commands, and their exit codes.

use std::process::ExitCode;

use sea_orm::DbErr;
use watertight::ConnectError;
use watertight::Error;
use watertight::InvalidInput;
use watertight::MaintenanceError;
use watertight::SigningError;
use watertight::TenantIdError;
use watertight::auth::AuthError;

use crate::Format;

/// The failure of a command.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The request is refused, and nothing was changed.
    #[error("{0}")]
    Refused(String),
    /// An argument, a file or an environment variable is wrong.
    #[error("{0}")]
    Usage(String),
    /// The database cannot be reached or fails.
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
        if error.database().is_some() {
            return Self::Database(text);
        }
        let is_usage = matches!(
            error,
            Error::Connect(
                ConnectError::EmptyUrl
                    | ConnectError::MalformedUrl { .. }
                    | ConnectError::Signing(SigningError::TenantKey(_) | SigningError::NoTenantKey)
            ) | Error::Auth(AuthError::Bootstrap { .. })
                | Error::Maintenance(
                    MaintenanceError::MalformedExport { .. }
                        | MaintenanceError::Io(_)
                        | MaintenanceError::InvalidInput(_)
                )
        );
        if is_usage || error.is_invalid_input() { Self::Usage(text) } else { Self::Refused(text) }
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
        Self::Usage(error.to_string())
    }
}
