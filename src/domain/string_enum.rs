//! Enums whose variants each have one spelling, such as the status of an issue.

/// Declares an enum whose variants have one spelling everywhere: database, API, pages and command output.
macro_rules! string_enum {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$vmeta])* #[serde(rename = $text)] $variant),+ }

        impl $name {
            /// All values, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The spelling in the database, the API, pages and command output.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::domain::string_enum::UnknownVariant;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|value| value.as_str() == text).ok_or_else(|| {
                    $crate::domain::string_enum::UnknownVariant { text: text.to_owned(), kind: stringify!($name) }
                })
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::domain::string_enum::UnknownVariant;
            fn try_from(text: String) -> Result<Self, Self::Error> { text.parse() }
        }
    };
}
pub(crate) use string_enum;

/// A text that is no variant of the enum: the row is damaged, or a newer version wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a {kind}")]
pub struct UnknownVariant {
    /// The text that was read.
    pub text: String,
    /// The name of the enum.
    pub kind: &'static str,
}
