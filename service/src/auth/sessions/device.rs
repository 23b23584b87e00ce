//! Kinds of devices.

use crate::vocabulary::text_enum::text_enum;

text_enum! {
    /// Kind of device of a session.
    #[derive(Default)]
    #[non_exhaustive]
    pub enum DeviceType as "device type" {
        /// A telephone.
        Mobile = "mobile",
        /// A tablet.
        Tablet = "tablet",
        /// A desktop or portable computer.
        Desktop = "desktop",
        /// Not given.
        #[default]
        Unknown = "unknown",
    }
}
