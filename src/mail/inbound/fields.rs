//! Report fields, such as those of `message/delivery-status`: blocks of `Name: value` lines (RFC 3464
//! section 2.1).

/// A block of fields, in the order of the report.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Block(Vec<(String, String)>);

impl Block {
    /// Returns the value of a field. The first field of that name counts.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(it, _)| it.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Returns the value after a type such as `rfc822;`, without angle brackets.
    pub fn typed(&self, name: &str) -> Option<&str> {
        let value = self.get(name)?;
        let value = value.split_once(';').map_or(value, |(_, value)| value).trim();
        let value = value.trim_start_matches('<').trim_end_matches('>').trim();
        (!value.is_empty()).then_some(value)
    }

    fn is_about_recipient(&self) -> bool {
        ["Final-Recipient", "Original-Recipient", "Action", "Diagnostic-Code"]
            .iter()
            .any(|it| self.get(it).is_some())
    }
}

/// Parses all blocks of a report. Continuation lines are joined. Lines that are no fields are skipped.
pub fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut block = Block::default();
    for line in text.lines() {
        let line = line.trim_end();
        if line.trim_start().is_empty() {
            finish(&mut blocks, &mut block);
        } else if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = block.0.last_mut() {
                value.push(' ');
                value.push_str(line.trim_start());
            }
        } else if let Some((name, value)) = field(line) {
            block.0.push((name.to_owned(), value.trim().to_owned()));
        } else if let Some((_, value)) = block.0.last_mut() {
            // Some mailers break long values without indenting the next line.
            value.push(' ');
            value.push_str(line);
        }
    }
    finish(&mut blocks, &mut block);
    blocks
}

fn finish(blocks: &mut Vec<Block>, block: &mut Block) {
    if !block.0.is_empty() {
        blocks.push(std::mem::take(block));
    }
}

fn field(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    is_name.then_some((name, value))
}

/// The fields of a delivery report: about the message, and about each recipient.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct DeliveryFields {
    pub message: Block,
    pub recipients: Vec<Block>,
}

/// Parses a delivery report. Some mailers write all fields into one block.
pub fn delivery_fields(text: &str) -> DeliveryFields {
    let mut found = DeliveryFields::default();
    for block in blocks(text) {
        if block.is_about_recipient() {
            found.recipients.push(block);
        } else {
            found.message.0.extend(block.0);
        }
    }
    // A mailer that names the recipient in one block and the action in the next means one recipient.
    found.recipients.dedup_by(|next, previous| {
        let is_rest = next.get("Final-Recipient").is_none()
            && next.get("Original-Recipient").is_none()
            && previous.get("Action").is_none();
        if is_rest {
            previous.0.append(&mut next.0);
        }
        is_rest
    });
    found
}

/// Returns the fields of a delivery report inside a text, for mailers that write it there instead of into a
/// part of its own.
pub fn inlined_delivery_fields(text: &str) -> Option<DeliveryFields> {
    const NAMES: [&str; 11] = [
        "reporting-mta",
        "received-from-mta",
        "arrival-date",
        "final-recipient",
        "original-recipient",
        "x-actual-recipient",
        "action",
        "status",
        "remote-mta",
        "diagnostic-code",
        "last-attempt-date",
    ];
    let mut kept = String::new();
    let mut is_open = false;
    for line in text.lines() {
        let is_known =
            field(line).is_some_and(|(name, _)| NAMES.contains(&name.to_ascii_lowercase().as_str()));
        let is_continuation = is_open && line.starts_with([' ', '\t']) && !line.trim().is_empty();
        is_open = is_known || is_continuation;
        kept.push_str(if is_open { line } else { "" });
        kept.push('\n');
    }
    let found = delivery_fields(&kept);
    let is_report = |it: &Block| {
        let has_address = ["Final-Recipient", "Original-Recipient"]
            .iter()
            .any(|name| it.get(name).is_some_and(|value| value.contains('@')));
        it.get("Action").is_some() && has_address
    };
    found.recipients.iter().any(is_report).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_unfolded_and_grouped_by_recipient() {
        let found = delivery_fields(
            "Reporting-MTA: dns; mx.example.org\r\n\r\nFinal-Recipient: rfc822; <ann@example.org>\r\n\
             Action: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 no\r\n such user\r\n\r\n\
             Final-Recipient: rfc822;bob@example.org\r\nAction: delayed\r\n",
        );
        assert_eq!(found.message.typed("reporting-mta"), Some("mx.example.org"));
        assert_eq!(found.recipients.len(), 2);
        assert_eq!(found.recipients[0].typed("Final-Recipient"), Some("ann@example.org"));
        assert_eq!(found.recipients[0].get("diagnostic-code"), Some("smtp; 550 5.1.1 no such user"));
        assert_eq!(found.recipients[1].get("Action"), Some("delayed"));
    }

    #[test]
    fn a_report_is_found_inside_a_text_and_prose_is_none() {
        let text = "We could not deliver it.\n\nFinal-Recipient: rfc822; ann@example.org\nAction: failed\n\
                    Status: 5.2.2\nDiagnostic-Code: smtp; 552\n full\n\nRegards\n";
        let found = inlined_delivery_fields(text).expect("a report");
        assert_eq!(found.recipients[0].get("Diagnostic-Code"), Some("smtp; 552 full"));
        assert_eq!(inlined_delivery_fields("Action: please call Ann\nStatus: we are closed\n\nBye"), None);
        assert_eq!(inlined_delivery_fields("Our action: none"), None);
    }
}
