//! The error type for functions that use several domains.

use sea_orm::DbErr;

#[cfg(feature = "auth")]
use crate::auth::AuthError;
#[cfg(any(feature = "content", feature = "history"))]
use crate::booking::BookingError;
use crate::operations::doctor::DoctorFailed;
use crate::operations::{ConnectError, MaintenanceError, RoutingError};
use crate::tenant::{
    JobError, LockError, NotificationError, NumberError, OutboxError, Refusal, RegistrationErrors,
    SigningError, TenantIdError, TimeoutError, is_outcome_unknown,
};
use crate::vocabulary::InvalidInput;

/// Any error of watertight, for functions that call several of its domains.
///
/// Each domain has its own error type, which `?` converts to this type. Statements that run through SeaORM's
/// traits return [`DbErr`]; [`refusal`](Self::refusal) finds the [`Refusal`] in it.
///
/// ```
/// use watertight::{Error, Tenant};
/// use watertight::auth::Handle;
///
/// async fn is_taken(tenant: &impl Tenant, handle: &Handle) -> Result<bool, Error> {
///     Ok(tenant.auth().users().find_by_handle(handle).await?.is_some())
/// }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An input value is invalid.
    #[error(transparent)]
    InvalidInput(#[from] InvalidInput),
    /// A value is not a valid tenant ID.
    #[error(transparent)]
    TenantId(#[from] TenantIdError),
    /// Tables cannot be registered.
    #[error(transparent)]
    Registration(#[from] RegistrationErrors),
    /// A database cannot be used.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// An operation of authentication was refused or failed.
    #[cfg(feature = "auth")]
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// An operation of content, scheduling, certificates, intake or history was refused or failed.
    #[cfg(any(feature = "content", feature = "history"))]
    #[error(transparent)]
    Booking(#[from] BookingError),
    /// An export, import, erasure, purge or count could not be completed.
    #[error(transparent)]
    Maintenance(#[from] MaintenanceError),
    /// A tenant cannot be routed to a database.
    #[error(transparent)]
    Routing(#[from] RoutingError),
    /// A job cannot be signed or opened.
    #[error(transparent)]
    Job(#[from] JobError),
    /// The messages of an outbox table cannot be taken.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// A lock of a tenant cannot be taken.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A number of a series cannot be taken or set.
    #[error(transparent)]
    Number(#[from] NumberError),
    /// A notification cannot be sent or received.
    #[error(transparent)]
    Notification(#[from] NotificationError),
    /// The database reported an error.
    #[error(transparent)]
    Database(#[from] DbErr),
}

impl Error {
    /// The refusal of a statement, if it is the cause.
    ///
    /// ```
    /// use sea_orm::DbErr;
    /// use watertight::{Error, Reason, Refusal, StatementKind};
    ///
    /// let refusal = Refusal::new(StatementKind::Transaction, Reason::Nesting);
    /// let error = Error::from(DbErr::from(refusal.clone()));
    /// assert_eq!(error.refusal(), Some(&refusal));
    /// ```
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        self.database().and_then(Refusal::of)
    }

    /// The error of the database, if it is the cause.
    #[must_use]
    pub fn database(&self) -> Option<&DbErr> {
        match self {
            Self::Database(error)
            | Self::Connect(
                ConnectError::Database(error)
                | ConnectError::Unreachable { source: error, .. }
                | ConnectError::Signing(SigningError::Database(error)),
            )
            | Self::Maintenance(MaintenanceError::Database(error))
            | Self::Routing(RoutingError::Database(error))
            | Self::Outbox(OutboxError::Database(error))
            | Self::Lock(LockError::Database(error))
            | Self::Number(NumberError::Database(error))
            | Self::Notification(NotificationError::Database(error)) => Some(error),
            #[cfg(feature = "auth")]
            Self::Auth(error) => error.database(),
            #[cfg(any(feature = "content", feature = "history"))]
            Self::Booking(error) => error.database(),
            _ => None,
        }
    }

    /// Whether the requested item does not exist: answer a request with 404.
    ///
    /// ```
    /// use watertight::{Error, RoutingError};
    ///
    /// let error = RoutingError::unrouted("7b0e8d3c-5a53-4f6e-9b0e-0f8a1f0f2a11".parse()?);
    /// assert!(Error::from(error).is_not_found());
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        match self {
            Self::Routing(RoutingError::UnroutedTenant { .. }) | Self::Database(DbErr::RecordNotFound(_)) => {
                true
            }
            #[cfg(feature = "auth")]
            Self::Auth(error) => error.is_not_found(),
            #[cfg(any(feature = "content", feature = "history"))]
            Self::Booking(error) => error.is_not_found(),
            _ => false,
        }
    }

    /// Whether the operation conflicts with the state of the tenant: answer a request with 409.
    ///
    /// An example is a slot that is already taken.
    ///
    /// ```
    /// use watertight::Error;
    ///
    /// fn status(error: &Error) -> u16 {
    ///     match error {
    ///         error if error.is_not_found() => 404,
    ///         error if error.is_conflict() => 409,
    ///         error if error.is_invalid_input() => 422,
    ///         error if error.is_unavailable() => 503,
    ///         _ => 500,
    ///     }
    /// }
    ///
    /// let error = Error::from(sea_orm::DbErr::RecordNotFound("service".to_owned()));
    /// assert_eq!(status(&error), 404);
    /// ```
    #[must_use]
    pub const fn is_conflict(&self) -> bool {
        match self {
            Self::Number(NumberError::Taken { .. }) => true,
            #[cfg(feature = "auth")]
            Self::Auth(error) => error.is_conflict(),
            #[cfg(any(feature = "content", feature = "history"))]
            Self::Booking(error) => error.is_conflict(),
            _ => false,
        }
    }

    /// Whether an input value is invalid: answer a request with 422. The message names the value and the
    /// rule.
    ///
    /// ```
    /// use watertight::{Error, TenantId};
    ///
    /// let error = "harbor-street".parse::<TenantId>().map_err(Error::from).err();
    /// assert!(error.is_some_and(|error| error.is_invalid_input()));
    /// ```
    #[must_use]
    pub fn is_invalid_input(&self) -> bool {
        match self {
            Self::InvalidInput(_)
            | Self::TenantId(_)
            | Self::Lock(LockError::InvalidInput(_))
            | Self::Number(NumberError::InvalidInput(_))
            | Self::Notification(
                NotificationError::InvalidInput(_) | NotificationError::PayloadTooLong { .. },
            ) => true,
            #[cfg(feature = "auth")]
            Self::Auth(error) => error.is_invalid_input(),
            #[cfg(any(feature = "content", feature = "history"))]
            Self::Booking(error) => error.is_invalid_input(),
            _ => false,
        }
    }

    /// Whether it is unknown if the database has carried out the operation.
    ///
    /// The connection was lost meanwhile. Look at the rows before you repeat the operation. See
    /// [`is_outcome_unknown`].
    #[must_use]
    pub fn is_outcome_unknown(&self) -> bool {
        self.database().is_some_and(is_outcome_unknown)
    }

    /// Whether the database or the queue for hashing had no place: answer a request with 503.
    ///
    /// ```
    /// use sea_orm::{ConnAcquireErr, DbErr};
    /// use watertight::Error;
    ///
    /// assert!(Error::from(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)).is_unavailable());
    /// ```
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        #[cfg(feature = "auth")]
        if let Self::Auth(AuthError::HashingQueueFull { .. }) = self {
            return true;
        }
        matches!(self.database(), Some(DbErr::Conn(_) | DbErr::ConnectionAcquire(_)))
    }
}

impl From<SigningError> for Error {
    fn from(error: SigningError) -> Self {
        Self::Connect(error.into())
    }
}

impl From<DoctorFailed> for Error {
    fn from(error: DoctorFailed) -> Self {
        Self::Connect(error.into())
    }
}

impl From<TimeoutError> for Error {
    fn from(error: TimeoutError) -> Self {
        match error {
            TimeoutError::InvalidInput(input) => input.into(),
            TimeoutError::Database(error) => error.into(),
        }
    }
}
