//! One-line texts of newsletters, and the error of a setting that can't be used.

/// Reports an invalid setting of a newsletter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}; {cure}")]
pub struct NewsletterError {
    pub field: &'static str,
    pub problem: String,
    pub cure: &'static str,
}

/// Parses a one-line text for use in headers.
pub fn parse_line(field: &'static str, text: &str, max_chars: usize) -> Result<String, NewsletterError> {
    let line = text.trim();
    let error = |problem: String, cure| NewsletterError { field, problem, cure };
    if line.is_empty() {
        return Err(error("it is empty".into(), "enter a text"));
    }
    if line.chars().any(char::is_control) {
        return Err(error("it contains a line break or control character".into(), "write it as one line"));
    }
    if line.chars().count() > max_chars {
        return Err(error(format!("it is longer than {max_chars} characters"), "shorten it"));
    }
    Ok(line.to_owned())
}
