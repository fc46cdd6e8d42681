//! The wordings of failures, as mail servers write them: one table, from phrases to causes.
//!
//! A diagnostic is compared in lower case, with single spaces, and without addresses, URLs and host names,
//! which would match by chance (`spam-filter.example.org said: …`). The first cause with a phrase in it wins.
//! Causes that don't blame the address come first, so a doubtful text suppresses nobody.

mod table;

use table::WORDINGS;

/// The cause of a failure, as a diagnostic words it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    Authentication,
    Blocked,
    Spam,
    MailboxFull,
    Content,
    Policy,
    Rate,
    /// The mailbox is disabled, locked or inactive. It may come back.
    Suspended,
    /// Time, network or server trouble.
    Network,
    /// The mailbox has moved away.
    Moved,
    /// The domain doesn't exist or takes no email.
    NoHost,
    /// No such mailbox, in the words of a remote server.
    NoUser,
    /// No such mailbox, in the words of the mailer that wrote the report, so that no status is needed.
    NoUserHere,
}

/// Returns the cause that a diagnostic names, from its [`normal`] form.
pub fn cause(text: &str) -> Option<Cause> {
    WORDINGS
        .iter()
        .find(|(_, phrases)| phrases.iter().any(|phrase| text.contains(phrase)))
        .map(|&(cause, _)| cause)
}

/// Whether a diagnostic, in its [`normal`] form, has words about a bad address among others.
pub fn is_about_address(text: &str) -> bool {
    WORDINGS
        .iter()
        .filter(|(cause, _)| {
            matches!(cause, Cause::Moved | Cause::NoHost | Cause::NoUser | Cause::NoUserHere)
        })
        .any(|(_, phrases)| phrases.iter().any(|phrase| text.contains(phrase)))
}

/// Brings a diagnostic into the form that phrases are compared with.
pub fn normal(text: &str) -> String {
    let mut normal = String::with_capacity(text.len());
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        if word.is_empty() || is_name(word) {
            continue;
        }
        normal.push_str(&word.to_lowercase().replace('’', "'"));
        normal.push(' ');
    }
    normal
}

/// Whether a word is an address, a URL or a host name.
fn is_name(word: &str) -> bool {
    let inner = word.trim_matches(|c: char| !c.is_alphanumeric());
    if word.contains('@') || word.contains("://") {
        return true;
    }
    let labels: Vec<&str> = inner.split('.').collect();
    let is_label =
        |it: &&str| !it.is_empty() && it.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    labels.len() >= 3
        && labels.iter().all(is_label)
        && labels.last().is_some_and(|it| it.len() >= 2 && it.chars().all(|c| c.is_ascii_alphabetic()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_are_in_the_form_they_are_compared_in() {
        for (_, phrases) in WORDINGS {
            for phrase in *phrases {
                assert_eq!(*phrase, phrase.to_lowercase(), "lower case");
                assert!(!phrase.contains("  ") && !phrase.contains(['@', '’']), "{phrase}");
            }
        }
    }

    #[test]
    fn no_phrase_is_hidden_by_an_earlier_one() {
        let mut hidden = Vec::new();
        for (index, (later, phrases)) in WORDINGS.iter().enumerate() {
            for phrase in *phrases {
                let earlier = WORDINGS[..index].iter().filter(|(cause, _)| cause != later);
                let hides = |it: &&str| phrase.contains(*it);
                hidden.extend(
                    earlier
                        .flat_map(|(_, it)| it.iter())
                        .copied()
                        .filter(|it| hides(it))
                        .map(|it| (phrase, it)),
                );
            }
        }
        assert!(hidden.is_empty(), "{hidden:#?}");
    }

    #[test]
    fn names_are_left_out_and_the_milder_cause_wins() {
        let of = |text: &str| cause(&normal(text));
        assert_eq!(of("host spam-filter.example.org said: no such user"), Some(Cause::NoUser));
        assert_eq!(of("<spam@example.org>... User  Unknown"), Some(Cause::NoUser));
        assert_eq!(of("See https://example.org/mailbox-full: user unknown"), Some(Cause::NoUser));
        assert_eq!(of("Mailbox full, or no such user"), Some(Cause::MailboxFull));
        assert_eq!(of("Recipient address rejected: Access denied"), Some(Cause::NoUser));
        assert_eq!(of("Access denied"), Some(Cause::Blocked));
        assert_eq!(of("nothing is known"), None);
    }
}
