//! The built-in mailbox, as readers see it.

use mail_parser::{Message, MessageParser};
use std::path::{Path, PathBuf};

/// An email in the mailbox.
#[derive(Debug, Clone)]
pub struct Mail {
    message: Message<'static>,
}

/// Returns the emails in a folder, in order of arrival.
pub fn read(folder: &Path) -> Vec<Mail> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("a folder entry").path()).collect();
    files.retain(|file| file.extension().is_some_and(|it| it == "eml"));
    files.sort();
    files.iter().map(|file| Mail::parse(&std::fs::read(file).expect("a mail"))).collect()
}

impl Mail {
    pub fn parse(bytes: &[u8]) -> Self {
        Self { message: MessageParser::default().parse(bytes).expect("a message").into_owned() }
    }

    pub fn to(&self) -> &str {
        self.message.to().and_then(|to| to.first()).and_then(|to| to.address()).expect("a recipient")
    }

    pub fn sender_name(&self) -> &str {
        self.message.from().and_then(|from| from.first()).and_then(|from| from.name()).unwrap_or_default()
    }

    pub fn subject(&self) -> &str {
        self.message.subject().unwrap_or_default()
    }

    pub fn header(&self, name: &'static str) -> Option<&str> {
        self.message.header_raw(name).map(str::trim)
    }

    pub fn text(&self) -> String {
        self.message.body_text(0).expect("a text part").into_owned()
    }

    pub fn html(&self) -> String {
        self.message.body_html(0).expect("an HTML part").into_owned()
    }

    /// Returns the first link in the text whose path begins like this.
    pub fn link(&self, path: &str) -> String {
        let text = self.text();
        let found = text.split_whitespace().find(|word| word.starts_with("http") && word.contains(path));
        found.unwrap_or_else(|| panic!("no link to {path} in:\n{text}")).to_owned()
    }
}
