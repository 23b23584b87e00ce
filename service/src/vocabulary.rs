//! Types that all domains share, with the rules for their values.

#[cfg(any(feature = "auth", feature = "content", feature = "history"))]
pub(crate) mod calendar;
#[cfg(any(feature = "auth", feature = "content"))]
mod change;
#[cfg(any(feature = "auth", feature = "intake"))]
mod client_address;
#[cfg(any(feature = "auth", feature = "booking"))]
pub(crate) mod code;
#[cfg(any(feature = "content", feature = "history"))]
pub(crate) mod currency;
#[cfg(any(feature = "auth", feature = "content"))]
mod email;
mod error;
#[cfg(any(feature = "auth", feature = "content"))]
mod handle;
#[cfg(any(feature = "auth", feature = "booking", feature = "history"))]
pub(crate) mod json;
#[cfg(any(feature = "auth", feature = "content", feature = "history"))]
pub(crate) mod limits;
#[cfg(any(feature = "auth", feature = "content", feature = "history"))]
pub(crate) mod text;
#[cfg(any(feature = "auth", feature = "content", feature = "history"))]
pub(crate) mod text_enum;

#[cfg(any(feature = "auth", feature = "content"))]
pub use self::change::Change;
#[cfg(any(feature = "auth", feature = "intake"))]
pub use self::client_address::{AddressKind, ClientAddress};
#[cfg(any(feature = "auth", feature = "content"))]
pub use self::email::Email;
pub use self::error::{InvalidInput, MalformedRow, NoRandomness};
#[cfg(any(feature = "auth", feature = "content"))]
pub use self::handle::Handle;
