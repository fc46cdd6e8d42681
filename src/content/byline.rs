//! Extracts names from author lines. "Posted by Ann Lee on May 1, 2024" gives Ann Lee. "Last updated: May 1,
//! 2024" and AL7567 give no name.

use crate::{
    content::{
        budget,
        date_words::{DayOrder, is_silent, month, simplified},
        dates, markup,
    },
    domain::content::article::MAX_AUTHOR_CHARS,
};

/// Labels before names, in lower case. A label comes before its own prefixes.
const LABELS: &[&str] = &[
    "article by",
    "story by",
    "posted by",
    "published by",
    "written by",
    "reported by",
    "words by",
    "text by",
    "review by",
    "reviewed by",
    "submitted by",
    "contributed by",
    "authored by",
    "created by",
    "author:",
    "authors:",
    "author",
    "by:",
    "by",
    "from",
    "interview:", // English
    "geschrieben von",
    "verfasst von",
    "veröffentlicht von",
    "ein artikel von",
    "ein beitrag von",
    "von:",
    "von",
    "autor:",
    "autorin:",
    "autoren:",
    "text:",
    "autor",
    "autorin", // German
    "écrit par",
    "publié par",
    "rédigé par",
    "par:",
    "par",
    "auteur:",
    "auteur", // French
    "escrito por",
    "publicado por",
    "redactado por",
    "por:",
    "por",
    "autora:",
    "texto:", // Spanish and Portuguese
    "scritto da",
    "pubblicato da",
    "a cura di",
    "autore:",
    "testo:",
    "di", // Italian
    "geschreven door",
    "gepubliceerd door",
    "door:",
    "door",
    "tekst:",
    "van onze redacteur",
    "van onze verslaggever",
    "van onze correspondent", // Dutch
];
/// Separators between other text and names.
const WITHIN: &[&str] = &[" by ", " von ", " par ", " por ", " door ", " By ", " berichtet "];
/// Separators between names and where they write from or for.
const BEHIND: &[&str] = &[" in ", " for ", " aus ", " für "];
/// Separators between names and an agency.
const WITH: &[&str] = &[" with ", " avec ", " mit ", " con ", " met ", " und ", " et ", " y "];
/// Words before "by" that name another task than writing, in lower case.
const OTHER_TASKS: &[&str] = &[
    "edited",
    "reviewed",
    "checked",
    "translated",
    "photo",
    "photos",
    "photograph",
    "photographs",
    "photography",
    "pictures",
    "images",
    "illustration",
    "illustrations",
    "illustrated",
    "graphics",
    "video",
    "fotos",
    "foto",
];
/// Words that end a name, in lower case.
const ENDS_NAME: &[&str] = &["follow", "share", "stand", "email", "contact", "medically", "last", "first"];
/// Words of lines that are not bylines, in lower case.
const NO_NAME: &[&str] = &[
    "updated",
    "update",
    "published",
    "posted",
    "modified",
    "reading",
    "minutes",
    "comments",
    "comment",
    "subscribe",
    "aktualisiert",
    "veröffentlicht",
    "lesezeit",
    "publié",
    "jour",
    "mis",
    "mise",
    "lecture",
    "actualizado",
    "publicado",
    "atualizado",
    "aggiornato",
    "pubblicato",
    "gepubliceerd",
    "uhr",
    "copyright",
    "archives",
    "menu",
    "advertisement",
    "undefined",
    "null",
    "unknown",
    "none",
    "share",
    "aktualisierung",
    "actualización",
    "atualização",
    "aggiornamento",
];
/// Account names of programs and roles, in lower case.
const ACCOUNTS: &[&str] = &[
    "admin",
    "administrator",
    "webmaster",
    "root",
    "user",
    "author",
    "guest",
    "test",
    "wordpress",
    "wpadmin",
    "siteadmin",
    "superuser",
    "web",
    "info",
    "support",
    "default",
];
/// Words of professions, in lower case. Text after a comma that contains one of these is not a second author.
const ROLES: &[&str] = &[
    "writer",
    "editor",
    "reporter",
    "correspondent",
    "contributor",
    "journalist",
    "columnist",
    "staff",
    "critic",
    "producer",
    "redakteur",
    "redakteurin",
    "korrespondent",
    "korrespondentin",
    "journaliste",
    "correspondant",
    "periodista",
    "chief",
    "photographer",
    "analyst",
    "director",
    "envoyé",
    "envoyée",
    "spécial",
    "spéciale",
    "corresponsal",
    "enviado",
    "enviada",
    "inviato",
    "inviata",
    "giornalista",
    "redacteur",
    "verslaggever",
];
/// Agencies that follow a name, in lower case.
const AGENCIES: &[&str] = &[
    "dpa",
    "afp",
    "ap",
    "reuters",
    "associated press",
    "the associated press",
    "epd",
    "kna",
    "sid",
    "apa",
    "sda",
    "ats",
    "efe",
    "ansa",
    "anp",
    "pa media",
    "upi",
    "tass",
    "dts",
    "lusa",
];
/// Most words of an author line. A longer line is a sentence.
const MAX_WORDS: usize = 16;
const MAX_NAME_WORDS: usize = 6;

/// Returns the names in an author line, separated by ", ", or `None` if there are none.
pub fn names(line: &str) -> Option<String> {
    let line = line.get(..line.floor_char_boundary(1_000))?.replace('\u{200b}', "");
    let line = markup::collapse(&line).replace(" :", ":");
    if line.split(' ').count() > 4 * MAX_WORDS {
        return None;
    }
    let parts = line
        .split(['|', '•', '·', '‧', '\u{2022}'])
        .flat_map(|part| part.split(" - "))
        .flat_map(|part| part.split(" – "));
    parts.flat_map(|part| part.split(" — ")).find_map(names_in)
}

/// Removes the label before the names: "By Ann Lee" becomes "Ann Lee".
pub fn without_label(line: &str) -> &str {
    let mut line = line.trim();
    while let Some(rest) = LABELS.iter().find_map(|label| strip_label(line, label)) {
        line = rest;
    }
    line
}

fn strip_label<'a>(line: &'a str, label: &str) -> Option<&'a str> {
    let head = line.get(..label.len())?;
    let rest = &line[label.len()..];
    let ends = label.ends_with(':') || rest.starts_with([' ', ':', '\u{a0}']);
    let rest = rest.trim_start_matches([' ', ':', '\u{a0}']);
    // "Di" is a word of names, too.
    let is_label = label != "di" || rest.contains(' ');
    (ends && head.to_lowercase() == label && !rest.is_empty() && is_label).then_some(rest)
}

/// Returns whether a line is the full name of one person.
pub fn is_person(line: &str) -> bool {
    line.contains(' ') && !line.contains(", ") && is_name(line)
}

/// Removes the part behind the names that names other tasks: "Ann Lee, photos by Bo Ek".
fn without_other_tasks(part: &str) -> &str {
    let mut before: Option<(usize, &str)> = None;
    let mut at = 0;
    for word in part.split(' ') {
        if let Some((start, task)) = before
            && WITHIN.iter().any(|by| by.trim().eq_ignore_ascii_case(word))
            && OTHER_TASKS.contains(&task.to_lowercase().as_str())
        {
            return part[..start].trim_end_matches([' ', ',', '.', ';', '&']);
        }
        before = Some((at, word));
        at += word.len() + 1;
    }
    part
}

/// Removes a role before or behind the names: "our correspondent Ann Lee", "Ann Lee Staff Writer".
fn without_role(name: &str) -> &str {
    let is_role = |word: &str| {
        let plain = word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
        // With the endings of German and French.
        ROLES.iter().any(|role| {
            plain.strip_prefix(role).is_some_and(|ending| ["", "s", "e", "es", "en", "in"].contains(&ending))
        })
    };
    let mut before = 0;
    let mut is_names = true;
    let mut rest = name;
    while let Some((word, behind)) = rest.split_once(' ') {
        if is_role(word) {
            let head = &name[..name.len() - rest.len()];
            if is_names && before >= 2 {
                return head.trim_end();
            }
            let mut behind = behind;
            while let Some((_, more)) = behind.split_once(' ').filter(|(word, _)| is_role(word)) {
                behind = more;
            }
            return if behind.contains(' ') { behind } else { name };
        }
        is_names &= !word.starts_with(char::is_lowercase);
        before += 1;
        rest = behind;
    }
    if is_names && before >= 2 && is_role(rest) { name[..name.len() - rest.len()].trim_end() } else { name }
}

/// Removes what follows the names: an address, a number, or a word such as "Follow".
fn without_rest(part: &str) -> &str {
    let mut at = 0;
    for word in part.split(' ') {
        let plain = word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
        let ends = word.contains('@')
            || word.starts_with('<')
            || plain.starts_with(|c: char| c.is_ascii_digit())
            || ENDS_NAME.contains(&plain.as_str());
        // One word before "updated" is no name: "Laatste update".
        let head = part[..at].trim_end();
        let is_named = head.contains(' ')
            && head.rsplit(' ').next().is_some_and(|it| it.starts_with(char::is_uppercase));
        let is_label = NO_NAME.contains(&plain.as_str()) && is_named;
        if at > 0 && (ends || is_label) {
            return part[..at].trim_end_matches([' ', ',', '(', '.', ';']);
        }
        at += word.len() + 1;
    }
    part
}

fn names_in(part: &str) -> Option<String> {
    // "ann@example.org (Ann Lee)"
    let address = part.split_once('(').filter(|(address, _)| address.contains('@'));
    let part = address.map_or(part, |(_, name)| name);
    let part = without_other_tasks(part);
    let part = WITHIN.iter().find_map(|by| Some(part.split_once(by)?.1)).unwrap_or(part);
    let part = without_label(part);
    let part = BEHIND.iter().fold(part, |part, word| part.split(word).next().unwrap_or(part));
    let part = without_rest(without_date(part));
    let part = [" at", " on", " um", " am"].iter().find_map(|word| part.strip_suffix(word)).unwrap_or(part);
    let is_agency = |text: &str| AGENCIES.contains(&text.to_lowercase().as_str());
    let agency = WITH.iter().find_map(|with| part.split_once(with)).filter(|(_, agency)| is_agency(agency));
    let part = agency.map_or(part, |(names, _)| names);
    let mut names: Vec<&str> = Vec::new();
    for name in part.split([',', ';', '/']).map(|name| name.split('(').next().unwrap_or(name)) {
        if name.trim_end().ends_with(':') {
            continue;
        }
        let name =
            without_label(name.trim_matches(|c: char| !c.is_alphanumeric() && c != '.' && c != '\'').trim());
        let lower = name.to_lowercase();
        let is_role = lower.split(' ').any(|word| ROLES.contains(&word));
        // "Ann Lee, Oslo" and "Ann Lee, PhD" name one person.
        let is_alone = !name.contains(' ') && names.first().is_some_and(|first| first.contains(' '));
        let is_place = lower.starts_with("special to ") || lower.starts_with("the ");
        let is_other = is_role || is_agency(name) || is_alone || is_place;
        let name = without_role(name);
        if (names.is_empty() || !is_other) && is_name(name) {
            names.push(name);
        }
    }
    let line = names.join(", ");
    (!line.is_empty() && line.chars().count() <= MAX_AUTHOR_CHARS).then_some(line)
}

/// Removes a date at the start or end of a part.
fn without_date(part: &str) -> &str {
    budget::count(part.len());
    let ends: Vec<usize> = part.match_indices(' ').map(|(at, _)| at).collect();
    let order = DayOrder::default();
    let is_date = |text: &str| {
        let text = text.trim_matches(|c: char| !c.is_alphanumeric());
        let first = simplified(text.split([' ', ',', '.']).next().unwrap_or_default());
        let begins =
            first.starts_with(|c: char| c.is_ascii_digit()) || month(&first).is_some() || is_silent(&first);
        begins && text.contains(|c: char| c.is_ascii_digit()) && dates::parse_ordered(text, order).is_some()
    };
    if is_date(part) {
        return "";
    }
    if let Some(at) = ends.iter().rev().take(8).rev().find(|at| is_date(&part[**at..])) {
        let head = &part[..*at];
        let cut =
            [" on", " am", " le", " el", " at", " il", " op"].iter().find_map(|word| head.strip_suffix(word));
        return cut.unwrap_or(head);
    }
    ends.iter().take(8).rev().find(|at| is_date(&part[..**at])).map_or(part, |at| &part[*at..])
}

/// Returns whether a text is the name of a person or an organisation, not an address, account or sentence.
pub fn is_name(text: &str) -> bool {
    let text = text.trim();
    let lower = text.to_lowercase();
    let mut words = lower.split([' ', ':']);
    let account = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-' | '.');
    let is_account = !text.contains(' ') && text.chars().all(account);
    text.chars().any(char::is_alphabetic)
        && !text
            .chars()
            .any(|c| c.is_ascii_digit() || matches!(c, '@' | '_' | '<' | '>' | '{' | '}' | '=' | '#'))
        && !is_account
        && !text.ends_with([':', '?', '!'])
        && !text.contains("://")
        && !text.starts_with(['/', '.'])
        && !lower.starts_with("www.")
        && !ACCOUNTS.contains(&lower.as_str())
        && !LABELS.contains(&lower.as_str())
        && !words.any(|word| NO_NAME.contains(&word))
        && text.split(' ').count() <= MAX_NAME_WORDS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_names() {
        for (line, wanted) in [
            ("By Ann Lee", "Ann Lee"),
            ("by: Ann Lee", "Ann Lee"),
            ("Posted by Ann Lee", "Ann Lee"),
            ("Written by Ann Lee, Staff Writer", "Ann Lee"),
            ("Story by Ann Lee and Bo Ek", "Ann Lee and Bo Ek"),
            ("By Ann Lee, Bo Ek", "Ann Lee, Bo Ek"),
            ("Posted on May 14, 2024 by Ann Lee in Harbour", "Ann Lee"),
            ("By Ann Lee May 14, 2024", "Ann Lee"),
            ("By Ann Lee on May 14, 2024 at 10:30 AM", "Ann Lee"),
            ("May 14, 2024 | By Ann Lee", "Ann Lee"),
            ("Ann Lee | 14.05.2024, 10:30 Uhr", "Ann Lee"),
            ("Ann Lee - 14 May 2024", "Ann Lee"),
            ("Von Ann Lee, dpa", "Ann Lee"),
            ("Von Ann Lee (dpa)", "Ann Lee"),
            ("Ein Beitrag von Ann Lee, Redakteurin", "Ann Lee"),
            ("Autor: Ann Lee", "Ann Lee"),
            ("Par Ann Lee, publié le 14 mai 2024", "Ann Lee"),
            ("Por Ann Lee", "Ann Lee"),
            ("Scritto da Ann Lee", "Ann Lee"),
            ("Door Ann Lee", "Ann Lee"),
            ("By Ann Lee / Reuters", "Ann Lee"),
            ("Reuters", "Reuters"),
            ("BuzzFeed News", "BuzzFeed News"),
            ("J. R. O'Neill-Smith", "J. R. O'Neill-Smith"),
            ("李小龙", "李小龙"),
            ("By By Ann Lee", "Ann Lee"),
            ("Ann Lee • 5 min read", "Ann Lee"),
            ("Byron Lee", "Byron Lee"),
            ("Porter Lee", "Porter Lee"),
            ("By Ann Lee, Oslo", "Ann Lee"),
            ("By Ann Lee, PhD", "Ann Lee"),
            ("By Ann Lee for The Lamp", "Ann Lee"),
            ("By Ann Lee, Special to The Lamp", "Ann Lee"),
            ("Par Ann Lee avec AFP", "Ann Lee"),
            ("Words by Ann Lee, photos by Bo Ek", "Ann Lee"),
            ("Story by Ann Lee Photographs by Bo Ek", "Ann Lee"),
            ("Written by Ann Lee. Reviewed by Bo Ek", "Ann Lee"),
            ("Ann Lee, edited by Bo Ek", "Ann Lee"),
            ("By Ann Lee Updated: May 14, 2024", "Ann Lee"),
            ("By Ann Lee Tue 14 May 2024 10.30 BST", "Ann Lee"),
            ("Von Ann Lee Stand: 14.05.2024, 10:30 Uhr", "Ann Lee"),
            ("By Ann Lee 5 min read", "Ann Lee"),
            ("By Ann Lee ann@example.org", "Ann Lee"),
            ("Ann Lee <ann@example.org>", "Ann Lee"),
            ("ann@example.org (Ann Lee)", "Ann Lee"),
            ("By Ann Lee Follow @annlee", "Ann Lee"),
            ("Interview: Ann Lee", "Ann Lee"),
            ("Auteur : Ann Lee", "Ann Lee"),
            ("di Ann Lee", "Ann Lee"),
            ("Aus Berlin berichtet Ann Lee", "Ann Lee"),
            ("Van onze redacteur Ann Lee", "Ann Lee"),
            ("Von unserem Korrespondenten Ann Lee", "Ann Lee"),
            ("De notre envoyée spéciale Ann Lee", "Ann Lee"),
            ("Reporter: Ann Lee", "Ann Lee"),
            ("Par notre correspondante Ann Lee", "Ann Lee"),
            ("Ann Lee Staff Writer", "Ann Lee"),
            ("Updated by Ann Lee at 10:30", "Ann Lee"),
            ("by Ann Lee, The Harbour Post", "Ann Lee"),
            ("Von Ann Lee und dpa", "Ann Lee"),
        ] {
            assert_eq!(names(line).as_deref(), Some(wanted), "{line}");
        }
    }

    #[test]
    fn lines_about_something_else_name_nobody() {
        for line in [
            "",
            "Last Updated: January 7, 2025",
            "Updated 14 May 2024",
            "Published on May 14, 2024",
            "Veröffentlicht am 14. Mai 2024",
            "May 14, 2024",
            "14.05.2024, 10:30 Uhr",
            "AL7567",
            "admin",
            "Admin",
            "ann.lee",
            "ann_lee",
            "@annlee",
            "ann@example.org",
            "https://example.org/ann",
            "5 min read",
            "Share this:",
            "By",
            "None",
            "Mis à jour le 14 mai 2024",
            "Laatste update: 14 mei 2024",
            "Letzte Aktualisierung: 7. Januar 2025",
            "Última actualización: 7 de enero de 2025",
            "Share",
            "Add a comment",
            "Dernière mise à jour : 7 janvier 2025",
            "Posted in News",
        ] {
            assert_eq!(names(line), None, "{line}");
        }
    }
}
