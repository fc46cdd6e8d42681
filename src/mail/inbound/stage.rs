//! The stage of the SMTP session that a report quotes. An answer to RCPT is about the recipient. An answer to
//! the message itself may be a filter's.

use crate::domain::delivery::{incoming::stage_of_command, status::Stage};

/// Words before the name of a command, as mailers introduce it.
const INTRODUCTIONS: [&str; 11] = [
    "in reply to ",
    "in response to ",
    "server after ",
    "server for ",
    "smtp:",
    "did not like our ",
    "error following ",
    "reply to ",
    "smtp command ",
    "sent >>> ",
    "while sending ",
];

/// Whole phrases, with the stage that each means.
const PHRASES: [(&str, Stage); 18] = [
    ("end of data", Stage::Message),
    ("our final data", Stage::Message),
    ("after i sent the message", Stage::Message),
    ("(data)", Stage::Message),
    ("state 15)", Stage::Message),
    ("state 17)", Stage::Message),
    ("state 18)", Stage::Message),
    ("state 14)", Stage::Rcpt),
    ("does not like recipient", Stage::Rcpt),
    ("rejected recipient", Stage::Rcpt),
    ("[rcpt_to]", Stage::Rcpt),
    ("(rcpt)", Stage::Rcpt),
    ("for text command", Stage::Message),
    ("sender was rejected", Stage::Mail),
    ("my name was rejected", Stage::Hello),
    ("greeting failed", Stage::Greeting),
    ("after initial connection", Stage::Connect),
    ("initial connection", Stage::Connect),
];

/// Returns the stage that a report's text names.
pub fn stage(text: &str) -> Option<Stage> {
    if let Some(stage) = of_transcript(text) {
        return Some(stage);
    }
    let lower = text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    for (phrase, stage) in PHRASES {
        if lower.contains(phrase) {
            return Some(stage);
        }
    }
    INTRODUCTIONS.iter().find_map(|words| {
        let at = lower.find(words)? + words.len();
        stage_of_command(
            lower.get(at..)?.split(|c: char| !c.is_ascii_alphanumeric()).find(|it| !it.is_empty())?,
        )
    })
}

/// Reads a transcript such as Sendmail's, in which `>>>` marks what was sent and `<<<` the answers. The first
/// refusal counts.
fn of_transcript(text: &str) -> Option<Stage> {
    let mut sent = None;
    for line in text.lines().map(str::trim) {
        if let Some((_, command)) = line.split_once(">>>") {
            sent = command.split_whitespace().next().and_then(stage_of_command).or(sent);
        } else if let Some((_, answer)) = line.split_once("<<<")
            && answer.trim_start().starts_with(['4', '5'])
        {
            return sent;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mailers_way_to_name_the_stage_is_known() {
        for (text, stage_of_text) in [
            ("<a@example.org>: host mx said: 550 no (in reply to RCPT TO\n command)", Some(Stage::Rcpt)),
            ("mx said: 550 no (in reply to end of DATA command)", Some(Stage::Message)),
            ("SMTP error from remote mail server after RCPT TO:<a@example.org>:", Some(Stage::Rcpt)),
            ("error from remote mail server after MAIL FROM:<x@example.org> SIZE=1:", Some(Stage::Mail)),
            ("SMTP error from remote mail server after end of data:", Some(Stage::Message)),
            ("192.0.2.1 does not like recipient.", Some(Stage::Rcpt)),
            ("192.0.2.1 failed after I sent the message.", Some(Stage::Message)),
            ("mx [192.0.2.1] did not like our RCPT TO:\n550 no", Some(Stage::Rcpt)),
            ("mx [192.0.2.1] did not like our final DATA:\n550 no", Some(Stage::Message)),
            (
                ">>> MAIL From:<x@example.org>\n<<< 250 ok\n>>> RCPT To:<a@example.org>\n<<< 550 no",
                Some(Stage::Rcpt),
            ),
            ("No stage is named.", None),
        ] {
            assert_eq!(stage(text), stage_of_text, "{text}");
        }
    }
}
