#![doc = include_str!("../docs/axum.md")]

mod authority;
mod cookie;
mod csrf;
mod headers;
mod host;
mod rejection;
mod renewal;
mod session;
mod tenancy;

pub use self::cookie::{SessionCookie, SetSessionCookie};
pub use self::csrf::{CsrfLayer, CsrfProtection};
pub use self::headers::{SecureResponses, SecurityHeaders};
pub use self::host::Host;
pub use self::rejection::{SessionRejection, TenantRejection};
pub use self::renewal::{RenewalLayer, RenewedSessions};
pub use self::session::LoggedIn;
pub use self::tenancy::{ResolveTenant, Tenancy};
