//! Operations on a whole database: inspecting it, maintaining it, and routing tenants to it.

pub(crate) mod configuration;
pub mod doctor;
mod error;
pub(crate) mod inspection;
pub mod maintenance;

pub use self::configuration::ConfigurationError;
pub use self::error::{ConnectError, MaintenanceError, RoutingError};
pub use self::inspection::isolable::NotIsolable;
