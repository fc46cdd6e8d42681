//! Roles, and the one table of what each allows.

use crate::domain::string_enum::string_enum;
use std::{collections::BTreeSet, fmt, str::FromStr};

string_enum! {
    /// A part that an operator has. Operators may have several.
    Role {
        /// Looks, and changes nothing.
        Viewer = "viewer",
        /// Edits issues, stories and feeds, and sends tests.
        Editor = "editor",
        /// Approves, sends and stops issues. Editing doesn't include it.
        Sender = "sender",
        /// Manages readers, newsletters and people. Neither editing nor sending is included.
        Admin = "admin",
    }
}

string_enum! {
    /// Something that a page lets an operator do.
    Permission {
        /// Open the pages about issues, stories and feeds.
        See = "see",
        /// Change an issue's stories and texts.
        EditIssue = "edit_issue",
        /// Add, pin and hide stories; add, read and accept feeds.
        EditStories = "edit_stories",
        /// Send a test of an issue.
        SendTest = "send_test",
        /// Approve, send, pause, resume and cancel issues, and decide about copies in doubt.
        SendIssue = "send_issue",
        /// Look up readers by their addresses.
        SeeReaders = "see_readers",
        /// Add, pause, unsubscribe, suppress and erase readers.
        ChangeReaders = "change_readers",
        /// Change a newsletter's name, schedule and look.
        ChangeNewsletter = "change_newsletter",
        /// Invite people, change their roles, end their sessions, and read the audit log.
        ManagePeople = "manage_people",
        /// See workers, relays and settings.
        SeeSystem = "see_system",
    }
}

impl Role {
    /// The table of roles and permissions.
    pub const fn allows(self, permission: Permission) -> bool {
        use Permission as P;
        match self {
            Self::Viewer => matches!(permission, P::See),
            Self::Editor => matches!(permission, P::See | P::EditIssue | P::EditStories | P::SendTest),
            Self::Sender => matches!(permission, P::See | P::SendTest | P::SendIssue | P::SeeSystem),
            Self::Admin => matches!(
                permission,
                P::See
                    | P::SeeReaders
                    | P::ChangeReaders
                    | P::ChangeNewsletter
                    | P::ManagePeople
                    | P::SeeSystem
            ),
        }
    }
}

/// The roles of an operator. Empty: they can't sign in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roles(BTreeSet<Role>);

impl Roles {
    pub fn all() -> Self {
        Self(Role::ALL.iter().copied().collect())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn has(&self, role: Role) -> bool {
        self.0.contains(&role)
    }

    pub fn allow(&self, permission: Permission) -> bool {
        self.0.iter().any(|role| role.allows(permission))
    }

    /// Returns the roles in words, such as "editor, may send".
    pub fn in_words(&self) -> String {
        let words: Vec<&str> = [Role::Admin, Role::Editor, Role::Sender, Role::Viewer]
            .into_iter()
            .filter(|role| self.has(*role) && (*role != Role::Viewer || self.0.len() == 1))
            .map(|role| if role == Role::Sender { "may send" } else { role.as_str() })
            .collect();
        words.join(", ")
    }
}

impl FromIterator<Role> for Roles {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Self {
        Self(roles.into_iter().collect())
    }
}

impl FromStr for Roles {
    type Err = crate::domain::string_enum::UnknownVariant;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split(',').map(str::trim).filter(|role| !role.is_empty()).map(str::parse).collect()
    }
}

impl TryFrom<String> for Roles {
    type Error = crate::domain::string_enum::UnknownVariant;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each cell of the table, so that no change of it goes unnoticed.
    #[test]
    fn every_role_and_permission_is_as_decided() {
        use Permission as P;
        let table: [(P, [bool; 4]); 10] = [
            (P::See, [true, true, true, true]),
            (P::EditIssue, [false, true, false, false]),
            (P::EditStories, [false, true, false, false]),
            (P::SendTest, [false, true, true, false]),
            (P::SendIssue, [false, false, true, false]),
            (P::SeeReaders, [false, false, false, true]),
            (P::ChangeReaders, [false, false, false, true]),
            (P::ChangeNewsletter, [false, false, false, true]),
            (P::ManagePeople, [false, false, false, true]),
            (P::SeeSystem, [false, false, true, true]),
        ];
        assert_eq!(table.map(|(permission, _)| permission), *Permission::ALL);
        for (permission, row) in table {
            for (role, allowed) in Role::ALL.iter().zip(row) {
                assert_eq!(role.allows(permission), allowed, "{role} {permission}");
                assert_eq!(Roles::from_iter([*role]).allow(permission), allowed);
            }
            assert!(Roles::all().allow(permission) && !Roles::default().allow(permission));
        }
    }

    #[test]
    fn roles_read_back_as_they_were_written() {
        for text in ["", "viewer", "editor,sender", "viewer,editor,sender,admin"] {
            assert_eq!(text.parse::<Roles>().unwrap().to_string(), text);
        }
        assert_eq!("sender, editor".parse::<Roles>().unwrap().to_string(), "editor,sender");
        assert!("editor,king".parse::<Roles>().is_err());
        let words = |text: &str| text.parse::<Roles>().unwrap().in_words();
        assert_eq!(
            [words("editor,sender"), words("viewer"), words("viewer,admin")],
            ["editor, may send", "viewer", "admin"]
        );
    }
}
