//! The types that all domains share, and the rules that their values keep.

#[cfg(any(feature = "auth", feature = "booking"))]
mod change;
#[cfg(any(feature = "auth", feature = "booking"))]
pub(crate) mod code;
#[cfg(any(feature = "auth", feature = "booking"))]
mod email;
mod error;
#[cfg(any(feature = "auth", feature = "booking"))]
mod handle;
#[cfg(any(feature = "auth", feature = "booking", feature = "intake"))]
pub(crate) mod text;
#[cfg(any(feature = "auth", feature = "booking", feature = "intake"))]
pub(crate) mod text_enum;

#[cfg(any(feature = "auth", feature = "booking"))]
pub use self::change::Change;
#[cfg(any(feature = "auth", feature = "booking"))]
pub use self::email::Email;
pub use self::error::{InvalidInput, MalformedRow, NoRandomness};
#[cfg(any(feature = "auth", feature = "booking"))]
pub use self::handle::Handle;
