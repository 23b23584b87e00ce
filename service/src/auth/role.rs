use super::text::text_enum;

text_enum! {
    /// What a user may do, by name. What each role permits is the application's to say.
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
        /// `viewer`: what a user is unless told otherwise.
        #[default]
        Viewer = "viewer",
        /// `business_owner`
        BusinessOwner = "business_owner",
        /// `developer`
        Developer = "developer",
        ; custom CustomRole of at most 32
    }
}
