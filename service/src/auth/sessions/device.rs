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

impl DeviceType {
    /// The kind of device that a user agent names; `Unknown` for programs and for texts that name none.
    ///
    /// Browsers of tablets can pretend to be on a desktop, as Safari on an iPad does by default.
    ///
    /// ```
    /// use watertight::auth::DeviceType;
    ///
    /// let agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148";
    /// assert_eq!(DeviceType::of_user_agent(agent), DeviceType::Mobile);
    /// assert_eq!(DeviceType::of_user_agent("curl/8.7.1"), DeviceType::Unknown);
    /// ```
    #[must_use]
    pub fn of_user_agent(user_agent: &str) -> Self {
        let agent = user_agent.to_ascii_lowercase();
        let names = |words: &[&str]| words.iter().any(|word| agent.contains(word));
        if names(&["bot", "crawler", "spider", "headless"]) {
            Self::Unknown
        } else if names(&["ipad", "tablet", "kindle", "silk/", "playbook"])
            || (agent.contains("android") && !agent.contains("mobile"))
        {
            Self::Tablet
        } else if names(&[
            "mobile",
            "iphone",
            "ipod",
            "windows phone",
            "blackberry",
            "opera mini",
            "opera mobi",
        ]) {
            Self::Mobile
        } else if names(&["windows nt", "macintosh", "x11;", "linux"]) {
            Self::Desktop
        } else {
            Self::Unknown
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_agents_name_the_kind_of_device() {
        use DeviceType::{Desktop, Mobile, Tablet, Unknown};
        for (agent, device) in [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36",
                Desktop,
            ),
            ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Safari/605.1.15", Desktop),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0", Desktop),
            ("Mozilla/5.0 (X11; Linux i686) AppleWebKit/537.36 Chrome/126.0", Desktop),
            ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Mobile/15E148 Safari/604.1", Mobile),
            ("Mozilla/5.0 (Linux; Android 14; Pixel 8) Chrome/126.0 Mobile Safari/537.36", Mobile),
            ("Mozilla/5.0 (Android 14; Mobile; rv:127.0) Gecko/127.0 Firefox/127.0", Mobile),
            ("Mozilla/5.0 (iPad; CPU OS 12_5 like Mac OS X) Mobile/15E148 Safari/604.1", Tablet),
            ("Mozilla/5.0 (Linux; Android 14; SM-X710) Chrome/126.0 Safari/537.36", Tablet),
            ("Mozilla/5.0 (Android 14; Tablet; rv:127.0) Gecko/127.0 Firefox/127.0", Tablet),
            ("Mozilla/5.0 (Windows NT 10.0; Tablet PC 2.0)", Tablet),
            ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", Unknown),
            ("curl/8.7.1", Unknown),
            ("", Unknown),
            ("unknown", Unknown),
            ("\u{130}\u{1f4f1}", Unknown),
        ] {
            assert_eq!(DeviceType::of_user_agent(agent), device, "{agent}");
        }
    }
}
