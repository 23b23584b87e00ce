//! A user of a bootstrap, parsed.

use serde_json::json;
use watertight_entity::auth::users;

use crate::auth::error::AuthError;
use crate::auth::users::bootstrap::user::BootstrapUser;
use crate::auth::users::new_user::NewUser;
use crate::auth::users::password::Credential;
use crate::auth::users::permissions::Permissions;
use crate::auth::users::profile::{Profile, ProfileUpdate};
use crate::auth::users::role::Role;
use crate::auth::users::update::UserUpdate;
use crate::vocabulary::{Change, Email, Handle};

/// A user of a bootstrap, parsed.
pub(in crate::auth) struct RequestedUser {
    pub(in crate::auth) position: usize,
    pub(in crate::auth) handle: Handle,
    pub(in crate::auth) email: Email,
    pub(in crate::auth) role: Role,
    pub(in crate::auth) credential: Credential,
    pub(in crate::auth) display_name: Option<String>,
    pub(in crate::auth) permissions: Option<Permissions>,
    pub(in crate::auth) needs_onboarding: Option<bool>,
}

impl RequestedUser {
    pub(in crate::auth) fn parse(position: usize, user: BootstrapUser) -> Result<Self, AuthError> {
        let handle = user.handle.clone();
        let parse = || {
            let missing = "is missing; pass a password, a PIN or a hash";
            let requested = Self {
                position,
                handle: user.handle.parse()?,
                email: user.email.parse()?,
                role: user.role.trim().parse()?,
                credential: user
                    .credential
                    .ok_or(AuthError::InvalidSecret { what: "credential", reason: missing })?,
                display_name: user.display_name,
                permissions: user.permissions,
                needs_onboarding: user.needs_onboarding,
            };
            requested.update().check()?;
            Ok(requested)
        };
        parse().map_err(|source| refused(position, handle, source))
    }

    pub(in crate::auth) fn refused(&self, source: AuthError) -> AuthError {
        refused(self.position, self.handle.to_string(), source)
    }

    pub(in crate::auth) fn update(&self) -> UserUpdate {
        let given = |name: &Option<String>| name.clone().map_or(Change::Keep, |name| Change::Set(Some(name)));
        UserUpdate {
            email: self.email.clone().into(),
            role: self.role.clone().into(),
            profile: ProfileUpdate { display_name: given(&self.display_name), ..Default::default() },
            permissions: self.permissions.clone().map_or(Change::Keep, |names| Change::Set(Some(names))),
            needs_onboarding: self.needs_onboarding.map_or(Change::Keep, Change::Set),
            ..Default::default()
        }
    }

    pub(in crate::auth) fn new_user(&self) -> NewUser {
        NewUser {
            role: self.role.clone(),
            profile: Profile { display_name: self.display_name.clone(), ..Default::default() },
            permissions: self.permissions.clone(),
            needs_onboarding: self.needs_onboarding.unwrap_or(true),
            ..NewUser::new(self.handle.clone(), self.email.clone(), self.credential.clone())
        }
    }

    pub(in crate::auth) fn is_as(&self, row: &users::Model) -> bool {
        let permissions = self.permissions.as_ref().map(|Permissions(names)| json!(names));
        self.email.as_str() == row.email
            && self.role.as_str() == row.role
            && (self.display_name.is_none() || self.display_name == row.display_name)
            && (permissions.is_none() || permissions == row.permissions)
            && self.needs_onboarding.is_none_or(|needed| needed == row.needs_onboarding)
    }
}

fn refused(position: usize, handle: String, source: AuthError) -> AuthError {
    AuthError::Bootstrap { position, handle, source: Box::new(source) }
}
