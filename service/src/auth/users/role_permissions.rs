//! Permissions of roles.

use std::collections::{HashMap, HashSet};

use crate::auth::users::role::Role;
use crate::auth::users::user::User;

/// The name of a permission that the application defines.
///
/// ```
/// use watertight::auth::Permission;
///
/// const EDIT_BOOKINGS: Permission = Permission::new("bookings:edit");
/// assert_eq!(EDIT_BOOKINGS.as_str(), "bookings:edit");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Permission(&'static str);

impl Permission {
    /// Takes a name. The same name in [`Permissions`](crate::auth::Permissions) grants it to a user beyond the role.
    ///
    /// ```
    /// use watertight::auth::{Permission, Permissions};
    ///
    /// const REFUND: Permission = Permission::new("payments:refund");
    /// let beyond_the_role = Permissions(vec![REFUND.as_str().to_owned()]);
    /// ```
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// The name.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        self.0
    }
}

/// The permissions of each role, as the application builds them once.
///
/// A permission that is not listed is denied. A role that is not listed has no permissions.
///
/// ```
/// use watertight::auth::{Permission, Role, RolePermissions};
///
/// const READ: Permission = Permission::new("bookings:read");
/// const EDIT: Permission = Permission::new("bookings:edit");
///
/// let permissions = RolePermissions::new()
///     .grant(Role::Viewer, [READ])
///     .grant(Role::Editor, [READ, EDIT])
///     .grant_all(Role::BusinessOwner);
/// assert!(permissions.role_allows(&Role::Editor, EDIT));
/// assert!(permissions.role_allows(&Role::BusinessOwner, EDIT));
/// assert!(!permissions.role_allows(&Role::Viewer, EDIT));
/// assert!(!permissions.role_allows(&Role::Member, READ));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RolePermissions {
    granted: HashMap<Role, HashSet<Permission>>,
    all: HashSet<Role>,
}

impl RolePermissions {
    /// A table in which no role has a permission.
    ///
    /// ```
    /// use watertight::auth::{Permission, Role, RolePermissions};
    ///
    /// let none = RolePermissions::new();
    /// assert!(!none.role_allows(&Role::SuperAdmin, Permission::new("bookings:read")));
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Grants permissions to a role, besides those that it has.
    ///
    /// ```
    /// use watertight::auth::{Permission, RolePermissions};
    ///
    /// const READ: Permission = Permission::new("bookings:read");
    /// let permissions = RolePermissions::new().grant("front_desk".parse()?, [READ]);
    /// # Ok::<(), watertight::Error>(())
    /// ```
    #[must_use]
    pub fn grant(mut self, role: Role, permissions: impl IntoIterator<Item = Permission>) -> Self {
        self.granted.entry(role).or_default().extend(permissions);
        self
    }

    /// Grants every permission to a role.
    ///
    /// ```
    /// use watertight::auth::{Role, RolePermissions};
    ///
    /// let permissions = RolePermissions::new().grant_all(Role::SuperAdmin);
    /// ```
    #[must_use]
    pub fn grant_all(mut self, role: Role) -> Self {
        self.all.insert(role);
        self
    }

    /// Returns true if a role has a permission.
    #[must_use]
    pub fn role_allows(&self, role: &Role, permission: Permission) -> bool {
        self.all.contains(role) || self.granted.get(role).is_some_and(|granted| granted.contains(&permission))
    }

    /// Returns true if a user has a permission, by the role or beyond it. A user who is inactive, or locked by an
    /// administrator, has none.
    ///
    /// ```no_run
    /// use watertight::Tenant;
    /// use watertight::auth::{AuthError, Permission, RolePermissions};
    ///
    /// const REFUND: Permission = Permission::new("payments:refund");
    ///
    /// async fn may_refund(
    ///     tenant: &impl Tenant,
    ///     permissions: &RolePermissions,
    ///     cookie: &str,
    /// ) -> Result<bool, AuthError> {
    ///     let known = tenant.auth().authenticate(cookie).await?;
    ///     Ok(known.is_some_and(|known| permissions.allows(&known.user, REFUND)))
    /// }
    /// ```
    #[must_use]
    pub fn allows(&self, user: &User, permission: Permission) -> bool {
        // A lock of failed logins takes no rights: anyone can cause it.
        let is_barred = !user.is_active || (user.is_locked && user.locked_until.is_none());
        let own =
            user.permissions.as_ref().is_some_and(|own| own.0.iter().any(|name| name == permission.as_str()));
        !is_barred && (own || self.role_allows(&user.role, permission))
    }
}
