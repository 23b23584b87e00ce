//! Severity and source of audit events.

use crate::vocabulary::text_enum::text_enum;

text_enum! {
    /// Severity of an audit event.
    #[derive(Default)]
    #[non_exhaustive]
    pub enum Severity as "severity" {
        /// Normal operation.
        #[default]
        Info = "info",
        /// Suspicious: a failed login, a locked account.
        Warning = "warning",
        /// An unexpected failure.
        Error = "error",
        /// Needs immediate attention.
        Critical = "critical",
    }
}

text_enum! {
    /// Source of an audit event.
    #[derive(Default)]
    #[non_exhaustive]
    pub enum Source as "source" {
        /// The application.
        #[default]
        System = "system",
        /// The user, or a client that claims to be the user.
        User = "user",
        /// An administrator who acts on another user.
        Admin = "admin",
    }
}
