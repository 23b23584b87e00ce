use crate::vocabulary::text_enum::text_enum;

text_enum! {
    /// A role of a user. The application defines the rights of each role.
    ///
    /// ```
    /// use watertight::auth::Role;
    ///
    /// assert_eq!("business_owner".parse::<Role>()?, Role::BusinessOwner);
    /// let own: Role = "front_desk".parse()?;
    /// assert_eq!(own.as_str(), "front_desk");
    /// # Ok::<(), watertight::Error>(())
    /// ```
    #[derive(Default)]
    pub enum Role as "role" {
        /// `super_admin`
        SuperAdmin = "super_admin",
        /// `admin`
        Admin = "admin",
        /// `moderator`
        Moderator = "moderator",
        /// `editor`
        Editor = "editor",
        /// `event_manager`
        EventManager = "event_manager",
        /// `contributor`
        Contributor = "contributor",
        /// `member`
        Member = "member",
        /// `viewer`: the default.
        #[default]
        Viewer = "viewer",
        /// `business_owner`
        BusinessOwner = "business_owner",
        /// `developer`
        Developer = "developer",
        ; custom CustomRole of at most 32
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn every_role_and_an_applications_own_round_trip() {
        let own: Role = "front_desk".parse().unwrap();
        assert_eq!(Role::ALL.len(), 10);
        for role in Role::ALL.iter().chain([&own]) {
            assert_eq!(&role.to_string().parse::<Role>().unwrap(), role);
            let json = serde_json::to_string(role).unwrap();
            assert_eq!(json, format!("{:?}", role.as_str()));
            assert_eq!(&serde_json::from_str::<Role>(&json).unwrap(), role);
        }
        for bad in ["", "two words", &"x".repeat(33), "a\0"] {
            assert!(bad.parse::<Role>().is_err(), "{bad:?}");
        }
    }
}
