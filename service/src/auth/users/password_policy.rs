//! Rules for new passwords.

use std::collections::HashSet;

use secrecy::SecretString;
use watertight_schema::text;
use zeroize::Zeroizing;

use crate::auth::error::AuthError;
use crate::auth::users::password::Password;
use crate::vocabulary::code::CodeFormat;
use crate::vocabulary::{Email, Handle};

/// Rules for new passwords: a length, and no password that is easy to guess.
///
/// They follow NIST SP 800-63B: there are no rules about kinds of characters, and no expiry. A password is refused if it is
/// in the application's list of common passwords, if it consists of the user's names and little else, or if it repeats three
/// characters or fewer.
///
/// ```
/// use watertight::auth::{Password, PasswordPolicy};
///
/// let policy = PasswordPolicy::default().common(["correct horse battery staple", "acme dental 2026"]);
/// let (handle, email) = ("jess".parse()?, "jess@example.com".parse()?);
/// policy.check(&Password::new("purple elephants dance")?, Some((&handle, &email)))?;
/// for weak in ["too short", "Acme Dental 2026", "jess@example.com", "aaaaaaaaaaaaaaaaaaaa"] {
///     assert!(policy.check(&Password::new(weak)?, Some((&handle, &email))).is_err());
/// }
/// # Ok::<(), watertight::auth::AuthError>(())
/// ```
#[derive(Debug, Clone)]
pub struct PasswordPolicy {
    min_chars: usize,
    common: HashSet<String>,
}

/// The reason why a password is weak.
///
/// ```
/// use watertight::auth::{AuthError, Password, PasswordPolicy, WeakPassword};
///
/// let refused = PasswordPolicy::default().check(&Password::new("hunter2")?, None);
/// assert_eq!(refused, Err(WeakPassword::TooShort { min_chars: 15 }));
/// # Ok::<(), AuthError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WeakPassword {
    /// The password is shorter than the minimum.
    #[error(
        "the password has fewer than {min_chars} characters; choose a longer one, such as four random words"
    )]
    TooShort {
        /// The minimum, in characters.
        min_chars: usize,
    },
    /// The password is in the list of common passwords.
    #[error("the password is a common one; choose another password")]
    Common,
    /// The password consists of the user's handle or address and little else.
    #[error("the password contains the user's name and little else; choose another password")]
    Name,
    /// The password repeats three characters or fewer.
    #[error("the password repeats a few characters; choose another password")]
    Repetitive,
}

/// The characters that a password has besides the user's names.
const BESIDES_NAMES: usize = 8;
/// The shortest name that is looked for.
const SHORTEST_NAME: usize = 3;

impl Default for PasswordPolicy {
    /// At least 15 characters, as for a password that is the only factor, and no list.
    fn default() -> Self {
        Self { min_chars: 15, common: HashSet::new() }
    }
}

impl PasswordPolicy {
    /// The fewest characters; 15 by default. Use 8 if a second factor is required.
    ///
    /// ```
    /// use watertight::auth::{Password, PasswordPolicy};
    ///
    /// let policy = PasswordPolicy::default().min_chars(8);
    /// policy.check(&Password::new("k9!trombone")?, None)?;
    /// # Ok::<(), watertight::auth::AuthError>(())
    /// ```
    #[must_use]
    pub const fn min_chars(mut self, chars: usize) -> Self {
        self.min_chars = chars;
        self
    }

    /// Adds common passwords, which are refused in upper and lower case.
    ///
    /// Examples are the most frequent passwords of a public list, and the name of the business.
    ///
    /// ```
    /// use watertight::auth::{Password, PasswordPolicy, WeakPassword};
    ///
    /// let policy = PasswordPolicy::default().min_chars(8).common(["password1", "letmein99"]);
    /// assert_eq!(policy.check(&Password::new("LetMeIn99")?, None), Err(WeakPassword::Common));
    /// # Ok::<(), watertight::auth::AuthError>(())
    /// ```
    #[must_use]
    pub fn common<T: AsRef<str>>(mut self, passwords: impl IntoIterator<Item = T>) -> Self {
        self.common.extend(passwords.into_iter().map(|password| text::name(password.as_ref())));
        self
    }

    /// Checks a new password, with the names of its user if they are known.
    ///
    /// # Errors
    /// [`WeakPassword`], which is also a variant of [`AuthError`].
    pub fn check(&self, password: &Password, user: Option<(&Handle, &Email)>) -> Result<(), WeakPassword> {
        let chars = password.as_str().chars().count();
        if chars < self.min_chars {
            return Err(WeakPassword::TooShort { min_chars: self.min_chars });
        }
        let lower = Zeroizing::new(text::name(password.as_str()));
        if self.common.contains(lower.as_str()) {
            return Err(WeakPassword::Common);
        }
        if lower.chars().collect::<HashSet<_>>().len() <= 3 {
            return Err(WeakPassword::Repetitive);
        }
        if let Some((handle, email)) = user {
            let local = email.as_str().rsplit_once('@').map_or("", |(local, _)| local);
            let mut besides = lower;
            // The longest first, so that a part of it does not hide it.
            let mut names = [email.as_str(), handle.as_str(), local];
            names.sort_by_key(|name| std::cmp::Reverse(name.len()));
            for name in names.into_iter().filter(|name| name.chars().count() >= SHORTEST_NAME) {
                besides = Zeroizing::new(besides.replace(name, ""));
            }
            let rest = besides.chars().count();
            if rest < BESIDES_NAMES.min(self.min_chars) {
                return Err(WeakPassword::Name);
            }
        }
        Ok(())
    }

    /// Generates a random password that satisfies the rules.
    ///
    /// It consists of groups of letters and digits, with at least 100 random bits.
    ///
    /// ```
    /// use watertight::auth::{Password, PasswordPolicy};
    /// use watertight::secrecy::ExposeSecret;
    ///
    /// let policy = PasswordPolicy::default();
    /// let generated = policy.generate()?;
    /// println!("Your first password: {}", generated.expose_secret());
    /// policy.check(&Password::new(generated)?, None)?;
    /// # Ok::<(), watertight::auth::AuthError>(())
    /// ```
    ///
    /// # Errors
    /// [`AuthError::NoRandomness`]; [`AuthError::InvalidSecret`] if [`min_chars`](Self::min_chars) is more than 71.
    pub fn generate(&self) -> Result<SecretString, AuthError> {
        // A group is five characters of 5 bits each, and a dash follows it.
        let groups = self.min_chars.saturating_add(1).div_ceil(6).max(4);
        if groups.saturating_mul(6) > Password::MAX_BYTES + 1 {
            let reason = "would be longer than the 72 bytes that bcrypt reads; set `min_chars` to at most 71";
            return Err(AuthError::InvalidSecret { what: "generated password", reason });
        }
        Ok(CodeFormat::new(groups, 5).generate()?.into())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    fn check(policy: &PasswordPolicy, password: &str) -> Result<(), WeakPassword> {
        let (handle, email) = ("jess".parse().unwrap(), "j.sullivan@example.com".parse().unwrap());
        policy.check(&Password::new(password).unwrap(), Some((&handle, &email)))
    }

    #[test]
    fn weak_passwords_are_refused_and_others_are_not() {
        let policy =
            PasswordPolicy::default().common(["correct horse battery staple", "Zo\u{cb} Central 2026 yes"]);
        for (weak, reason) in [
            ("fourteen chars", WeakPassword::TooShort { min_chars: 15 }),
            ("Correct Horse Battery Staple", WeakPassword::Common),
            ("zoe\u{308} central 2026 yes", WeakPassword::Common),
            ("jess.jess.jess.jess", WeakPassword::Name),
            ("j.sullivan@example.com", WeakPassword::Name),
            ("J.Sullivan1234567", WeakPassword::Name),
            ("xyxyxyxyxyxyxyxy", WeakPassword::Repetitive),
        ] {
            assert_eq!(check(&policy, weak), Err(reason), "{weak}");
        }
        // Lower case alone, spaces and any script are allowed.
        for good in [
            "purple elephants dance",
            "jess plays the trombone",
            "\u{6b63}\u{3044}\u{306a}\u{99ac}\u{306e}\u{96fb}\u{6c60}\u{3068}\u{30db}\u{30c1}\u{30ad}\u{30b9}\u{3092}\u{98df}\u{3079}\u{308b}",
        ] {
            assert_eq!(check(&policy, good), Ok(()), "{good}");
        }
        assert_eq!(check(&PasswordPolicy::default().min_chars(4), "4096"), Ok(()), "a PIN");
    }

    #[test]
    fn generated_passwords_satisfy_any_policy_that_a_password_can_satisfy() {
        for chars in [0, 8, 15, 23, 24, 29, 30, 71] {
            let policy = PasswordPolicy::default().min_chars(chars);
            let (one, other) = (policy.generate().unwrap(), policy.generate().unwrap());
            assert_ne!(one.expose_secret(), other.expose_secret());
            assert!(one.expose_secret().len() >= 23, "100 random bits");
            assert_eq!(check(&policy, one.expose_secret()), Ok(()));
        }
        assert!(PasswordPolicy::default().min_chars(72).generate().is_err());
        assert!(PasswordPolicy::default().min_chars(usize::MAX).generate().is_err());
    }
}
