//! Operators: the recipients of alerts, their accounts, how they sign in, and what they do to an installation.

pub mod account;
pub mod add_operator;
pub mod address;
pub mod arm;
pub mod change_operator;
pub mod context;
pub mod links;
pub mod oidc;
pub mod remove_operator;
pub mod second_factor;
pub mod second_person;
pub mod sessions;
pub mod sign_in;
