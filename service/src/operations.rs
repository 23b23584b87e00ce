//! Operations on a whole database: inspecting it, maintaining it, and routing tenants to it.

pub mod doctor;
pub(crate) mod inspection;
pub mod maintenance;
pub(crate) mod retention;
pub mod routing;
