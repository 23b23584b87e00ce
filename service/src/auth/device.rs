use crate::vocabulary::text_enum::text_enum;

text_enum! {
    /// What kind of device a session was begun from.
    #[derive(Default)]
    pub enum DeviceType as "device type" {
        /// A telephone.
        Mobile = "mobile",
        /// A tablet.
        Tablet = "tablet",
        /// A desktop or portable computer.
        Desktop = "desktop",
        /// Not told.
        #[default]
        Unknown = "unknown",
    }
}
