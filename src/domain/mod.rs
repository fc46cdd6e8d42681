//! Domain types and rules, without I/O.
//!
//! Nothing here knows SQL, HTTP or SMTP. Each file owns one term of the glossary: its values, and the rules
//! that follow from them.

pub mod actor;
pub mod brand;
pub mod content;
pub mod delivery;
pub mod encoding;
pub mod figures;
pub mod ids;
pub mod import;
pub mod installation;
pub mod issue;
pub mod join_wording;
pub mod newsletter;
pub mod newsletter_text;
pub mod operator;
pub mod rate_limit;
pub mod signup;
pub mod signup_wording;
pub mod string_enum;
pub mod subscriber;
pub mod theme;
pub mod token;
pub mod validation;
pub mod zones;

pub use crate::domain::string_enum::UnknownVariant;
