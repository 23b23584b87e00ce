//! Enumerations of the texts in a column, closed or open.

/// Defines an enumeration of the texts in a column.
///
/// It implements `as_str`, `Display`, `FromStr`, serde and SeaORM's traits. With `custom` at the end the
/// enumeration is open, and an application can define its own values.
#[cfg(any(feature = "auth", feature = "booking", feature = "history"))]
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

            /// The text in the database.
            #[must_use]
            pub const fn as_str(&self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::vocabulary::InvalidInput;

            fn from_str(text: &str) -> Result<Self, crate::vocabulary::InvalidInput> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(crate::vocabulary::InvalidInput {
                        what: $what,
                        value: text.to_owned(),
                        reason: format!("is not one of {}", [$($text),+].join(", ")),
                    }),
                }
            }
        }

        crate::vocabulary::text_enum::text_traits!($name);
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
            /// A value of the application, created by [`FromStr`](std::str::FromStr).
            Custom($custom),
        }

        #[doc = concat!("An application-defined ", $what, ": a word of at most ", $max, " characters.")]
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $custom(String);

        impl $name {
            /// Every value except those of the application.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The text in the database.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Custom(custom) => &custom.0,
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::vocabulary::InvalidInput;

            fn from_str(text: &str) -> Result<Self, crate::vocabulary::InvalidInput> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => {
                        crate::vocabulary::text::check_word($what, text, $max)?;
                        Ok(Self::Custom($custom(text.to_owned())))
                    }
                }
            }
        }

        crate::vocabulary::text_enum::text_traits!($name);
    };
}

/// Implements the traits that every text type shares, from its `as_str` and `FromStr`.
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

#[cfg(any(feature = "auth", feature = "booking", feature = "history"))]
pub(crate) use text_enum;
pub(crate) use text_traits;
