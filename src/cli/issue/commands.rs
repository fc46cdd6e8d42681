//! Commands that messages about an issue name, so that they work when pasted.

use crate::{
    app::App,
    db::{DbError, newsletters},
    domain::ids::NewsletterId,
};

/// The commands about a newsletter's issues.
#[derive(Debug, Default)]
pub struct Commands {
    /// Its short name. `None`: there is no other newsletter, so commands need not name it.
    newsletter: Option<String>,
}

impl Commands {
    pub async fn of(app: &App, newsletter: NewsletterId) -> Result<Self, DbError> {
        let all = newsletters::list(&mut app.db.read().await?).await?;
        let named = all.iter().find(|it| it.id == newsletter && all.len() > 1);
        Ok(Self { newsletter: named.map(|it| it.newsletter.slug.clone()) })
    }

    /// Returns a command in backticks. `verb` is what follows `daily issue`.
    pub fn issue(&self, verb: &str) -> String {
        match &self.newsletter {
            Some(slug) => format!("`daily issue {verb} --newsletter {slug}`"),
            None => format!("`daily issue {verb}`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_name_the_newsletter_if_there_are_several() {
        let one = Commands { newsletter: None };
        assert_eq!(one.issue("resume"), "`daily issue resume`");
        let several = Commands { newsletter: Some("weekly".into()) };
        assert_eq!(several.issue("resolve --help"), "`daily issue resolve --help --newsletter weekly`");
    }
}
