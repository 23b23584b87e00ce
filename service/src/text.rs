//! Texts that a column holds, as types: enumerations closed or open, and names that cannot be bad.

use crate::Error;

/// Takes a text for a column: not longer than the column, and nothing that PostgreSQL cannot store.
pub(crate) fn check(what: &'static str, text: &str, max_chars: usize) -> Result<(), Error> {
    let refuse = |reason: String| Err(Error::InvalidInput { what, value: text.to_owned(), reason });
    if text.contains('\0') {
        return refuse("holds a NUL character, which PostgreSQL cannot store; remove it".to_owned());
    }
    let chars = text.chars().count();
    if chars > max_chars {
        return refuse(format!("has {chars} characters; the most is {max_chars}"));
    }
    Ok(())
}

/// As [`check`], for what may be absent.
#[cfg(any(feature = "auth", feature = "booking"))]
pub(crate) fn check_optional(
    what: &'static str,
    text: Option<&String>,
    max_chars: usize,
) -> Result<(), Error> {
    text.map_or(Ok(()), |text| check(what, text, max_chars))
}

/// Takes a JSON value for a column: nothing in it that PostgreSQL cannot store.
pub(crate) fn check_json(what: &'static str, json: &serde_json::Value) -> Result<(), Error> {
    fn holds_nul(value: &serde_json::Value) -> bool {
        use serde_json::Value::{Array, Object, String};
        match value {
            String(text) => text.contains('\0'),
            Array(values) => values.iter().any(holds_nul),
            Object(fields) => fields.iter().any(|(name, value)| name.contains('\0') || holds_nul(value)),
            _ => false,
        }
    }
    if holds_nul(json) {
        let reason = "holds a NUL character, which PostgreSQL cannot store; remove it".to_owned();
        return Err(Error::InvalidInput { what, value: json.to_string(), reason });
    }
    Ok(())
}

/// As [`check_json`], for an object.
pub(crate) fn check_object(what: &'static str, json: &serde_json::Value) -> Result<(), Error> {
    if !json.is_object() {
        let reason = "is not a JSON object; give one".to_owned();
        return Err(Error::InvalidInput { what, value: json.to_string(), reason });
    }
    check_json(what, json)
}

/// Takes a word: not empty, no white space and no control characters, of at most so many characters.
pub(crate) fn check_word(what: &'static str, text: &str, max_chars: usize) -> Result<(), Error> {
    let refuse =
        |reason: &str| Err(Error::InvalidInput { what, value: text.to_owned(), reason: reason.to_owned() });
    if text.is_empty() {
        return refuse("is empty; give at least one character");
    }
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return refuse("holds white space or control characters; remove them");
    }
    check(what, text, max_chars)
}

/// Defines an enumeration over the texts that a column holds, with `as_str`, `Display`, `FromStr`, serde and what
/// SeaORM asks of a column's type. With `custom` at its end it is open: an application's own texts are kept.
macro_rules! text_enum {
    (
        $(#[$meta:meta])*
        pub enum $name:ident as $what:literal {
            $( $(#[$variant_meta:meta])* $variant:ident = $text:literal, )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, sea_orm::DeriveValueType)]
        #[sea_orm(value_type = "String")]
        pub enum $name { $( $(#[$variant_meta])* $variant, )+ }

        impl $name {
            /// Every value.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The text that the database holds.
            #[must_use]
            pub const fn as_str(&self) -> &str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::Error;

            fn from_str(text: &str) -> Result<Self, crate::Error> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(crate::Error::InvalidInput {
                        what: $what,
                        value: text.to_owned(),
                        reason: format!("is not one of {}", [$($text),+].join(", ")),
                    }),
                }
            }
        }

        crate::text::text_traits!($name);
    };
    (
        $(#[$meta:meta])*
        pub enum $name:ident as $what:literal {
            $( $(#[$variant_meta:meta])* $variant:ident = $text:literal, )+
            ; custom $custom:ident of at most $max:literal
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, sea_orm::DeriveValueType)]
        #[sea_orm(value_type = "String")]
        #[non_exhaustive]
        pub enum $name {
            $( $(#[$variant_meta])* $variant, )+
            /// One of the application's own, as [`FromStr`](std::str::FromStr) makes it.
            Custom($custom),
        }

        #[doc = concat!("A ", $what, " of the application's own: a word of at most ", $max, " characters.")]
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $custom(String);

        impl $name {
            /// Every value but the application's own.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The text that the database holds.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Custom(custom) => &custom.0,
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::Error;

            fn from_str(text: &str) -> Result<Self, crate::Error> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => {
                        crate::text::check_word($what, text, $max)?;
                        Ok(Self::Custom($custom(text.to_owned())))
                    }
                }
            }
        }

        crate::text::text_traits!($name);
    };
}

/// What every type over a text has in common, given `as_str` and `FromStr`.
macro_rules! text_traits {
    ($name:ident) => {
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(crate) use {text_enum, text_traits};
