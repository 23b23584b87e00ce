//! A user of a bootstrap, parsed.

use serde_json::json;
use watertight_entity::auth::users;

use crate::auth::error::AuthError;
use crate::auth::users::bootstrap::user::{BootstrapFields, BootstrapUser};
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
    pub(in crate::auth) is_active: Option<bool>,
    pub(in crate::auth) needs_onboarding: Option<bool>,
    pub(in crate::auth) onboarding_step: Option<u16>,
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
                display_name: user
                    .display_name
                    .map(|name| name.trim().to_owned())
                    .filter(|name| !name.is_empty()),
                permissions: user.permissions,
                is_active: user.is_active,
                needs_onboarding: user.needs_onboarding,
                onboarding_step: user.onboarding_step,
            };
            requested.update(BootstrapFields::ALL).check()?;
            Ok(requested)
        };
        parse().map_err(|source| refused(position, handle, source))
    }

    pub(in crate::auth) fn refused(&self, source: AuthError) -> AuthError {
        refused(self.position, self.handle.to_string(), source)
    }

    /// The changes of the chosen fields.
    pub(in crate::auth) fn update(&self, fields: BootstrapFields) -> UserUpdate {
        fn given<T>(chosen: bool, value: Option<T>) -> Change<T> {
            value.filter(|_| chosen).map_or(Change::Keep, Change::Set)
        }
        let display_name = given(fields.display_name, self.display_name.clone().map(Some));
        UserUpdate {
            email: given(fields.email, Some(self.email.clone())),
            role: given(fields.role, Some(self.role.clone())),
            profile: ProfileUpdate { display_name, ..Default::default() },
            permissions: given(fields.permissions, self.permissions.clone().map(Some)),
            is_active: given(fields.is_active, self.is_active),
            needs_onboarding: given(fields.needs_onboarding, self.needs_onboarding),
            onboarding_step: given(fields.onboarding_step, self.onboarding_step),
            ..Default::default()
        }
    }

    pub(in crate::auth) fn new_user(&self) -> NewUser {
        let profile = Profile { display_name: self.display_name.clone(), ..Default::default() };
        NewUser {
            role: self.role.clone(),
            profile,
            permissions: self.permissions.clone(),
            is_active: self.is_active.unwrap_or(true),
            needs_onboarding: self.needs_onboarding.unwrap_or(false),
            onboarding_step: self.onboarding_step.unwrap_or(0),
            ..NewUser::new(self.handle.clone(), self.email.clone(), self.credential.clone())
        }
    }

    /// The given fields in which a user differs, except the password: those that are to be updated, and the others.
    pub(in crate::auth) fn differences(
        &self,
        row: &users::Model,
        fields: BootstrapFields,
    ) -> (Vec<&'static str>, Vec<&'static str>) {
        let permissions = self.permissions.as_ref().map(|Permissions(names)| json!(names));
        let step = self.onboarding_step.map(i32::from);
        let all = [
            ("email", fields.email, self.email.as_str() != row.email),
            ("role", fields.role, self.role.as_str() != row.role),
            (
                "display_name",
                fields.display_name,
                differs(self.display_name.as_ref(), row.display_name.as_ref()),
            ),
            ("permissions", fields.permissions, differs(permissions.as_ref(), row.permissions.as_ref())),
            ("is_active", fields.is_active, differs(self.is_active.as_ref(), Some(&row.is_active))),
            (
                "needs_onboarding",
                fields.needs_onboarding,
                differs(self.needs_onboarding.as_ref(), Some(&row.needs_onboarding)),
            ),
            ("onboarding_step", fields.onboarding_step, differs(step.as_ref(), Some(&row.onboarding_step))),
        ];
        let differing = all.into_iter().filter(|(_, _, differs)| *differs);
        let (chosen, left): (Vec<_>, Vec<_>) = differing.partition(|(_, chosen, _)| *chosen);
        let names =
            |fields: Vec<(&'static str, bool, bool)>| fields.into_iter().map(|(name, ..)| name).collect();
        (names(chosen), names(left))
    }
}

fn differs<T: PartialEq>(given: Option<&T>, stored: Option<&T>) -> bool {
    given.is_some() && given != stored
}

fn refused(position: usize, handle: String, source: AuthError) -> AuthError {
    AuthError::Bootstrap { position, handle, source: Box::new(source) }
}
