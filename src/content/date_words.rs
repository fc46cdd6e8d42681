//! Words in dates: months and weekdays in seven languages and related ones, and time zones.

/// Month names without accents. A prefix of three letters or more is an abbreviation.
const MONTHS: [&[&str]; 12] = [
    &["january", "januar", "janner", "janvier", "enero", "janeiro", "gennaio", "januari"],
    &["february", "februar", "februari", "feber", "fevrier", "febrero", "fevereiro", "febbraio"],
    &["march", "marz", "maerz", "mars", "marzo", "marco", "maart", "mrz", "mrt"],
    &["april", "avril", "abril", "aprile"],
    &["may", "mai", "mayo", "maio", "maggio", "mei", "maj"],
    &["june", "juni", "juin", "junio", "junho", "giugno"],
    &["july", "juli", "juillet", "julio", "julho", "luglio"],
    &["august", "aout", "agosto", "augustus", "augusti"],
    &["september", "septembre", "septiembre", "setiembre", "setembro", "settembre"],
    &["october", "oktober", "octobre", "octubre", "outubro", "ottobre"],
    &["november", "novembre", "noviembre", "novembro"],
    &["december", "dezember", "decembre", "diciembre", "dezembro", "dicembre", "desember"],
];

/// Weekday names without accents. A prefix of two letters or more is an abbreviation.
const WEEKDAYS: &[&str] = &[
    "monday",
    "tuesday",
    "wednesday",
    "weds",
    "thursday",
    "friday",
    "saturday",
    "sunday", // English
    "montag",
    "dienstag",
    "mittwoch",
    "donnerstag",
    "freitag",
    "samstag",
    "sonnabend",
    "sonntag", // German
    "lundi",
    "mardi",
    "mercredi",
    "jeudi",
    "vendredi",
    "samedi",
    "dimanche", // French
    "lunes",
    "martes",
    "miercoles",
    "jueves",
    "viernes",
    "sabado",
    "domingo", // Spanish
    "segunda",
    "terca",
    "quarta",
    "quinta",
    "sexta",
    "feira", // Portuguese
    "lunedi",
    "martedi",
    "mercoledi",
    "giovedi",
    "venerdi",
    "sabato",
    "domenica", // Italian
    "maandag",
    "dinsdag",
    "woensdag",
    "donderdag",
    "vrijdag",
    "zaterdag",
    "zondag", // Dutch
    "mandag",
    "tirsdag",
    "tisdag",
    "onsdag",
    "torsdag",
    "fredag",
    "lordag",
    "sondag", // Scandinavian
];

/// Words around dates that don't affect the value.
const FILLERS: &[&str] = &[
    "at",
    "on",
    "of",
    "the",
    "date",
    "time",
    "posted",
    "published",
    "updated",
    "last",
    "modified",
    "created",
    "first",
    "originally",
    "released",
    "edited",
    "added",
    "st",
    "nd",
    "rd",
    "th",
    "um",
    "am",
    "den",
    "der",
    "dem",
    "vom",
    "uhr",
    "stand",
    "veroffentlicht",
    "aktualisiert",
    "erstellt",
    "geandert",
    "zuletzt",
    "datum",
    "a",
    "le",
    "les",
    "de",
    "er",
    "h",
    "publie",
    "mis",
    "jour",
    "modifie",
    "cree",
    "el",
    "la",
    "las",
    "del",
    "hs",
    "hrs",
    "publicado",
    "actualizado",
    "creado",
    "modificado",
    "fecha",
    "horas",
    "as",
    "em",
    "atualizado",
    "data",
    "alle",
    "ore",
    "il",
    "pubblicato",
    "aggiornato",
    "creato",
    "modificato",
    "om",
    "op",
    "uur",
    "u",
    "gepubliceerd",
    "bijgewerkt",
    "gewijzigd",
    "laatst",
    "geplaatst",
    "kl",
    "klo",
    "t",
    "年",
    "月",
    "日",
    "分",
    "년",
    "월",
    "일",
    "분",
];

/// Offsets from UTC in minutes. Ambiguous names have the meaning that is most common in feeds.
const ZONES: &[(&str, i32)] = &[
    ("z", 0),
    ("ut", 0),
    ("utc", 0),
    ("gmt", 0),
    ("wet", 0),
    ("west", 60),
    ("bst", 60),
    ("cet", 60),
    ("mez", 60),
    ("cest", 120),
    ("mest", 120),
    ("mesz", 120),
    ("met", 60),
    ("hnec", 60),
    ("haec", 120),
    ("idt", 180),
    ("eet", 120),
    ("eest", 180),
    ("sast", 120),
    ("cat", 120),
    ("wat", 60),
    ("eat", 180),
    ("msk", 180),
    ("msd", 240),
    ("trt", 180),
    ("gst", 240),
    ("irst", 210),
    ("irdt", 270),
    ("pkt", 300),
    ("ist", 330),
    ("npt", 345),
    ("ict", 420),
    ("wib", 420),
    ("wita", 480),
    ("wit", 540),
    ("hkt", 480),
    ("sgt", 480),
    ("myt", 480),
    ("pht", 480),
    ("awst", 480),
    ("jst", 540),
    ("kst", 540),
    ("acst", 570),
    ("acdt", 630),
    ("aest", 600),
    ("aedt", 660),
    ("nzst", 720),
    ("nzdt", 780),
    ("nst", -210),
    ("ndt", -150),
    ("ast", -240),
    ("adt", -180),
    ("est", -300),
    ("edt", -240),
    ("cst", -360),
    ("cdt", -300),
    ("mst", -420),
    ("mdt", -360),
    ("pst", -480),
    ("pdt", -420),
    ("akst", -540),
    ("akdt", -480),
    ("hst", -600),
    ("brt", -180),
    ("brst", -120),
    ("art", -180),
    ("clt", -240),
    ("clst", -180),
    ("cot", -300),
    ("pet", -300),
    ("vet", -240),
    ("bot", -240),
    ("uyt", -180),
    ("pyt", -180),
];

/// Zone names that mean standard time in winter and daylight saving time in summer.
const PLACES: &[(&str, &str)] = &[
    ("et", "America/New_York"),
    ("ct", "America/Chicago"),
    ("mt", "America/Denver"),
    ("pt", "America/Los_Angeles"),
];

/// Names of time zones as programs write them in full, and what they are short for. A longer name comes before
/// a name that it contains.
const ZONE_NAMES: &[(&str, &str)] = &[
    ("coordinated universal time", "utc"),
    ("greenwich mean time", "gmt"),
    ("gmt daylight time", "bst"),
    ("british summer time", "bst"),
    ("irish standard time", "bst"),
    ("western european summer time", "west"),
    ("western european standard time", "wet"),
    ("western european time", "wet"),
    ("central european summer time", "cest"),
    ("central european standard time", "cet"),
    ("central european time", "cet"),
    ("eastern european summer time", "eest"),
    ("eastern european standard time", "eet"),
    ("eastern european time", "eet"),
    ("moscow standard time", "msk"),
    ("india standard time", "ist"),
    ("japan standard time", "jst"),
    ("australian eastern standard time", "aest"),
    ("australian eastern daylight time", "aedt"),
    ("eastern standard time", "est"),
    ("eastern daylight time", "edt"),
    ("eastern time", "et"),
    ("central standard time", "cst"),
    ("central daylight time", "cdt"),
    ("central time", "ct"),
    ("mountain standard time", "mst"),
    ("mountain daylight time", "mdt"),
    ("mountain time", "mt"),
    ("pacific standard time", "pst"),
    ("pacific daylight time", "pdt"),
    ("pacific time", "pt"),
    ("mitteleuropaische sommerzeit", "mesz"),
    ("mitteleuropaische normalzeit", "mez"),
    ("mitteleuropaische zeit", "mez"),
];

/// The order of day and month in a date such as 5/6/2024.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DayOrder {
    #[default]
    MonthFirst,
    DayFirst,
}

impl DayOrder {
    /// Returns the order that is usual in a language, or the American one if the language is unknown.
    pub fn of(language: Option<&str>) -> Self {
        let tag = language.unwrap_or_default().trim().to_ascii_lowercase().replace('_', "-");
        match tag.as_str() {
            "" | "en" | "en-us" | "und" | "x-default" => Self::MonthFirst,
            _ => Self::DayFirst,
        }
    }
}

/// Returns the number of the month that `word` names. `word` is in lower case, without accents.
pub fn month(word: &str) -> Option<i8> {
    let names = |names: &&[&str]| word.len() >= 3 && names.iter().any(|name| name.starts_with(word));
    (1..).zip(&MONTHS).find(|(_, of)| names(of)).map(|(month, _)| month)
}

/// Returns whether `word` has no effect on the date around it.
pub fn is_silent(word: &str) -> bool {
    let is_weekday = || word.len() >= 2 && WEEKDAYS.iter().any(|name| name.starts_with(word));
    FILLERS.contains(&word) || is_weekday() || matches!(word, "tues" | "thur" | "thurs" | "wednes")
}

/// Returns `Some(true)` for words that mean the afternoon, `Some(false)` for the morning.
pub fn is_afternoon(word: &str) -> Option<bool> {
    match word {
        "am" | "midnight" | "上午" | "午前" | "오전" => Some(false),
        "pm" | "noon" | "下午" | "午後" | "오후" => Some(true),
        _ => None,
    }
}

/// Returns whether a word follows the hour, as in "10 Uhr" and "10h30".
pub fn is_hour_word(word: &str) -> bool {
    matches!(
        word,
        "h" | "uhr"
            | "uur"
            | "u"
            | "hs"
            | "hrs"
            | "ore"
            | "heures"
            | "heure"
            | "horas"
            | "hora"
            | "時"
            | "点"
            | "시"
    )
}

/// Returns whether a word precedes the hour, as in "ore 10" and "at 10".
pub fn precedes_hour(word: &str) -> bool {
    matches!(word, "at" | "um" | "ore" | "alle" | "las" | "as" | "om" | "kl" | "klo")
}

/// Replaces the full names of time zones with their abbreviations. `text` is in lower case, without accents.
pub fn with_short_zones(mut text: String) -> String {
    if text.contains("time") || text.contains("zeit") {
        for (name, short) in ZONE_NAMES.iter().filter(|(name, _)| text.contains(name)).collect::<Vec<_>>() {
            text = text.replace(name, short);
        }
    }
    text
}

/// Returns the offset from UTC, in minutes, of a zone's abbreviation.
pub fn zone(word: &str) -> Option<i32> {
    ZONES.iter().find(|(name, _)| *name == word).map(|(_, minutes)| *minutes)
}

/// Returns the IANA time zone for a name whose offset changes during the year.
pub fn place(word: &str) -> Option<&'static str> {
    PLACES.iter().find(|(name, _)| *name == word).map(|(_, place)| *place)
}

/// Returns `text` in lower case, without the accents of western European languages.
pub fn simplified(text: &str) -> String {
    let simple = |c: char| match c {
        'à' | 'á' | 'â' | 'ä' | 'ã' | 'å' => Some('a'),
        'è' | 'é' | 'ê' | 'ë' | 'ᵉ' => Some('e'),
        'ì' | 'í' | 'î' | 'ï' => Some('i'),
        'ò' | 'ó' | 'ô' | 'ö' | 'õ' | 'ø' => Some('o'),
        'ù' | 'ú' | 'û' | 'ü' => Some('u'),
        'ç' => Some('c'),
        'ñ' => Some('n'),
        '−' | '–' | '—' => Some('-'),
        '：' => Some(':'),
        'ʳ' => Some('r'),
        // Combining accents, "1º de maio", and marks that only direct the text.
        '\u{300}'..='\u{36f}'
        | 'º'
        | '°'
        | 'ª'
        | '\u{200b}'..='\u{200f}'
        | '\u{2066}'..='\u{2069}'
        | '\u{feff}' => None,
        c => Some(c),
    };
    text.chars().flat_map(char::to_lowercase).filter_map(simple).collect()
}
