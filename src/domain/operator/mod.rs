//! Operators: the people who run newsletters, what they may do, and how they prove who they are.

pub mod oidc;
pub mod password;
pub mod recovery_code;
pub mod role;
pub mod session;
pub mod totp;
