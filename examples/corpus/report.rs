//! Compares results, counts them, and prints tables.

/// The result of a comparison.
pub enum Verdict {
    Right,
    Differs {
        expected: String,
        found: String,
    },
    /// A value was found where none is expected.
    More(String),
}

/// Compares a value with the expected one, both as text.
pub fn compare(expected: Option<&str>, found: Option<&str>) -> Verdict {
    let (expected, found) = (expected.and_then(collapsed), found.and_then(collapsed));
    match (expected, found) {
        (None, Some(found)) => Verdict::More(found),
        (expected, found) if expected == found => Verdict::Right,
        (expected, found) => {
            let or_nothing = |text: Option<String>| text.unwrap_or_else(|| "nothing".to_owned());
            Verdict::Differs { expected: or_nothing(expected), found: or_nothing(found) }
        }
    }
}

/// Returns the text with single spaces, or `None` if it is empty.
pub fn collapsed(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// One row of a table.
pub struct Tally {
    pub name: &'static str,
    right: u32,
    more: u32,
    total: u32,
    /// Wrong values, one per line.
    notes: Vec<String>,
}

impl Tally {
    pub const fn new(name: &'static str) -> Self {
        Self { name, right: 0, more: 0, total: 0, notes: Vec::new() }
    }

    /// Counts one value of a sample.
    pub fn add(&mut self, sample: &str, verdict: Verdict) {
        self.total += 1;
        match verdict {
            Verdict::Right => self.right += 1,
            Verdict::Differs { expected, found } => {
                self.notes.push(format!("{sample}: expected “{expected}”, found “{found}”"));
            }
            Verdict::More(found) => {
                self.more += 1;
                self.notes.push(format!("{sample}: more: “{found}”"));
            }
        }
    }

    /// Counts several values of a sample at once.
    pub fn add_many(&mut self, sample: &str, right: usize, total: usize, note: Option<String>) {
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        self.right += number(right.min(total));
        self.total += number(total);
        self.notes.extend(note.map(|note| format!("{sample}: {note}")));
    }

    /// Returns the percentage of values that are as expected. Finding a value where none is expected doesn't
    /// count against it.
    pub fn percentage(&self) -> u32 {
        ((self.right + self.more) * 100).checked_div(self.total).unwrap_or(100)
    }
}

/// Prints a table, and the wrong values below it.
pub fn print(title: &str, tallies: &[Tally]) {
    println!("\n{title}\n  {:<12} {:>5} {:>5} {:>8} {:>5}", "", "right", "total", "percent", "more");
    for Tally { name, right, more, total, .. } in tallies {
        let percent = (right * 100).checked_div(*total).unwrap_or(100);
        println!("  {name:<12} {right:>5} {total:>5} {percent:>7}% {more:>5}");
    }
    for tally in tallies {
        for note in &tally.notes {
            println!("    {}, {note}", tally.name);
        }
    }
}
