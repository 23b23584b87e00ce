#![doc = include_str!("../docs/links.md")]
#![cfg_attr(feature = "auth", doc = include_str!("../docs/links/auth.md"))]
#![doc = include_str!("../docs/links/axum.md")]
#![cfg_attr(feature = "booking", doc = include_str!("../docs/links/booking.md"))]
#![doc = include_str!("../docs/web.md")]

mod address;
mod authority;
#[cfg(feature = "auth")]
mod cookie;
mod csrf;
#[cfg(feature = "auth")]
mod device;
mod headers;
mod host;
#[cfg(feature = "auth")]
mod permitted;
mod rejection;
#[cfg(feature = "auth")]
mod renewal;
mod server;
#[cfg(feature = "auth")]
mod session;
mod tenancy;

pub use self::address::network;
#[cfg(feature = "auth")]
pub use self::cookie::{SessionCookie, SetSessionCookie};
pub use self::csrf::{CsrfLayer, CsrfProtection};
#[cfg(feature = "auth")]
pub use self::device::Device;
pub use self::headers::{SecureResponses, SecurityHeaders};
pub use self::host::Host;
#[cfg(feature = "auth")]
pub use self::permitted::{PermissionRejection, Permitted, RequiredPermission};
pub use self::rejection::TenantRejection;
#[cfg(feature = "auth")]
pub use self::renewal::{RenewalLayer, RenewedSessions};
pub use self::server::signals::shutdown_signals;
pub use self::server::{Ended, Server};
#[cfg(feature = "auth")]
pub use self::session::{LoggedIn, SessionRejection};
pub use self::tenancy::{ResolveTenant, Tenancy};
