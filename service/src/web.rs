#![doc = include_str!("../docs/links.md")]
#![cfg_attr(feature = "auth", doc = include_str!("../docs/links/auth.md"))]
#![doc = include_str!("../docs/links/axum.md")]
#![doc = include_str!("../docs/web.md")]

mod authority;
#[cfg(feature = "auth")]
mod cookie;
mod csrf;
mod headers;
mod host;
#[cfg(feature = "auth")]
mod permitted;
mod rejection;
#[cfg(feature = "auth")]
mod renewal;
#[cfg(feature = "auth")]
mod session;
mod tenancy;

#[cfg(feature = "auth")]
pub use self::cookie::{SessionCookie, SetSessionCookie};
pub use self::csrf::{CsrfLayer, CsrfProtection};
pub use self::headers::{SecureResponses, SecurityHeaders};
pub use self::host::Host;
#[cfg(feature = "auth")]
pub use self::permitted::{PermissionRejection, Permitted, RequiredPermission};
pub use self::rejection::TenantRejection;
#[cfg(feature = "auth")]
pub use self::renewal::{RenewalLayer, RenewedSessions};
#[cfg(feature = "auth")]
pub use self::session::{LoggedIn, SessionRejection};
pub use self::tenancy::{ResolveTenant, Tenancy};
