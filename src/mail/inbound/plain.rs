//! Failures in prose: the reports of mailers that don't write RFC 3464.
//!
//! A report names each recipient at the start of a line, and then says what happened. Sendmail's old
//! transcripts name the recipient behind a reply code. If no line begins with an address, the whole text is
//! about the first address in it that isn't our own.

use super::{
    codes::codes,
    wordings::{Cause, cause, normal},
};

/// A failure that a text describes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlainFailure {
    pub recipient: Option<String>,
    pub diagnostic: String,
}

/// Finds the failures that a text describes. `failed` are the addresses of an `X-Failed-Recipients` header.
/// `own` are addresses that the report was sent to, which are no recipients.
pub fn failures(text: &str, failed: &[String], own: &[String]) -> Vec<PlainFailure> {
    let is_own = |address: &str| own.iter().any(|it| it.eq_ignore_ascii_case(address));
    let mut found =
        if text.contains("Transcript of session follows") { transcript(text) } else { Vec::new() };
    if found.is_empty() {
        found = paragraphs(text);
    }
    found.retain(|it| it.recipient.as_deref().is_none_or(|address| !is_own(address)));
    // A report in two languages describes each failure twice.
    let mut seen: Vec<String> = Vec::new();
    found.retain(|it| {
        let Some(address) = it.recipient.as_deref().map(str::to_ascii_lowercase) else { return true };
        let is_new = !seen.contains(&address);
        seen.push(address);
        is_new
    });
    if found.is_empty() {
        let mut addresses = text.lines().flat_map(|line| {
            let is_named = line.to_ascii_lowercase().contains("rcpt to");
            addresses(line).map(move |it| (is_named, it.to_owned()))
        });
        let mut candidates: Vec<(bool, String)> = addresses.by_ref().filter(|(_, it)| !is_own(it)).collect();
        candidates.sort_by_key(|(is_named, _)| !is_named);
        let recipient = failed.first().cloned().or_else(|| candidates.into_iter().next().map(|(_, it)| it));
        found.push(PlainFailure { recipient, diagnostic: telling_paragraphs(text) });
    }
    if let [only] = found.as_mut_slice()
        && says_nothing(&only.diagnostic)
    {
        only.diagnostic = telling_paragraphs(text);
    }
    found
}

/// Returns the paragraphs that quote a server or name a failure in the mailer's own words, else the whole text.
/// The others are advice, which would match by chance.
fn telling_paragraphs(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let is_telling = |paragraph: &&str| {
        let codes = codes(paragraph);
        codes.reply.is_some()
            || codes.enhanced.is_some()
            || cause(&normal(paragraph)) == Some(Cause::NoUserHere)
    };
    let telling: Vec<&str> = text.split("\n\n").filter(is_telling).map(str::trim).collect();
    if telling.is_empty() { text.trim().to_owned() } else { telling.join("\n") }
}

/// Whether a paragraph holds no failure: it may stand before the address.
fn says_nothing(paragraph: &str) -> bool {
    let codes = codes(paragraph);
    codes.reply.is_none() && codes.enhanced.is_none() && cause(&normal(paragraph)).is_none()
}

fn paragraphs(text: &str) -> Vec<PlainFailure> {
    let mut found: Vec<PlainFailure> = Vec::new();
    for line in text.lines() {
        if let Some((address, rest)) = address_first(line) {
            let recipient = Some(address.to_owned());
            found.push(PlainFailure { recipient, diagnostic: format!("{rest}\n") });
        } else if let Some(failure) = found.last_mut() {
            failure.diagnostic.push_str(line);
            failure.diagnostic.push('\n');
        }
    }
    for failure in &mut found {
        failure.diagnostic = failure.diagnostic.trim().to_owned();
    }
    found
}

/// Splits a line that begins with an address, in brackets or behind an ornament or a label.
fn address_first(line: &str) -> Option<(&str, &str)> {
    const LABELS: [&str; 6] = [
        "recipient:",
        "addressed to:",
        "unable to deliver message to:",
        "to:",
        "address:",
        "failed recipient:",
    ];
    let mut line =
        line.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '*' | '>' | '-' | '"' | '•'));
    for label in LABELS {
        if line.get(..label.len()).is_some_and(|it| it.eq_ignore_ascii_case(label)) {
            line = line[label.len()..].trim_start();
            break;
        }
    }
    let word = line.split_whitespace().next()?;
    let address = addresses(word).next()?;
    let starts_with_it = word.trim_start_matches(['<', '(', '[', '"', '\'']).starts_with(address);
    if !starts_with_it {
        return None;
    }
    Some((address, line[word.len()..].trim_start_matches([':', ' '])))
}

/// Reads a transcript: `550 <ann@example.org>... User unknown` ends the part about Ann.
fn transcript(text: &str) -> Vec<PlainFailure> {
    let mut found = Vec::new();
    let mut part = String::new();
    for line in text.lines() {
        let trimmed = line.trim();
        part.push_str(trimmed);
        part.push('\n');
        let is_answer = trimmed.len() > 4
            && trimmed.as_bytes()[..3].iter().all(u8::is_ascii_digit)
            && trimmed.contains("... ");
        if is_answer && let Some(address) = addresses(trimmed).next() {
            let recipient = Some(address.to_owned());
            found.push(PlainFailure { recipient, diagnostic: std::mem::take(&mut part).trim().to_owned() });
        }
    }
    found
}

/// Returns the addresses in a text.
pub fn addresses(text: &str) -> impl Iterator<Item = &str> {
    let is_part = |c: char| {
        c.is_alphanumeric()
            || matches!(c, '.' | '@' | '+' | '-' | '_' | '=' | '/' | '#' | '&' | '!' | '~' | '\'' | '%')
    };
    text.split(move |c: char| !is_part(c)).filter_map(|word| {
        let word = word.trim_matches(|c: char| matches!(c, '.' | '-' | '\'' | '/' | '='));
        let (local, domain) = word.split_once('@')?;
        let is_address =
            !local.is_empty() && domain.contains('.') && !domain.contains('@') && !domain.ends_with('.');
        is_address.then_some(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(String, String)> {
        let own = ["news@daily.example".to_owned()];
        let found = failures(text, &[], &own);
        found.into_iter().map(|it| (it.recipient.unwrap_or_default(), it.diagnostic)).collect()
    }

    fn pair(recipient: &str, diagnostic: &str) -> (String, String) {
        (recipient.to_owned(), diagnostic.to_owned())
    }

    #[test]
    fn each_address_at_the_start_of_a_line_has_its_own_words() {
        let filler = "This message was created automatically. ".repeat(12);
        let text = format!(
            "{filler}\n\n  ann@example.org\n    host mx.example.org: 550 no such user\n\n<bob@example.net>:\n\
             Remote host said: 552 mailbox full\n"
        );
        assert_eq!(
            found(&text),
            [
                pair("ann@example.org", "host mx.example.org: 550 no such user"),
                pair("bob@example.net", "Remote host said: 552 mailbox full"),
            ]
        );
    }

    #[test]
    fn words_before_the_address_count_if_none_follow() {
        let text = "Could not be delivered because of\n\n550 5.1.1 User unknown\n\nThese were affected:\n    ann@example.org\n";
        let [(recipient, diagnostic)] = &found(text)[..] else { panic!("one failure") };
        assert_eq!(recipient, "ann@example.org");
        assert!(diagnostic.contains("User unknown"));
    }

    #[test]
    fn our_own_addresses_are_no_recipients() {
        let text = "MAIL FROM: news@daily.example\nRCPT TO: ann@example.org\nNo such user.";
        assert_eq!(found(text)[0].0, "ann@example.org");
    }

    #[test]
    fn a_transcript_is_split_behind_each_answer() {
        let text = "----- Transcript of session follows -----\n>>> RCPT To:<ann@example.org>\n<<< 550 no\n\
                    550 <ann@example.org>... User unknown\n554 <bob@example.net>... 550 Host unknown\n";
        let found = found(text);
        assert_eq!(found.len(), 2);
        assert!(found[0].1.contains(">>> RCPT") && found[1].1.contains("Host unknown"));
    }
}
