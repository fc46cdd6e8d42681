//! The reading time of an issue, from its words and pictures.

/// Words a minute of an adult who reads silently (Brysbaert 2019: 238), less a little for a screen.
const WORDS_PER_MINUTE: usize = 220;
/// Characters that take as long as a word in scripts without spaces.
const CHARS_PER_WORD: usize = 2;
/// Time for the look at a picture, in seconds.
const SECONDS_PER_PICTURE: usize = 6;

/// Counts words and pictures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReadingTime {
    words: usize,
    characters: usize,
    pictures: usize,
}

impl ReadingTime {
    #[must_use]
    pub fn text(mut self, text: &str) -> Self {
        for word in text.split_whitespace() {
            let dense = word.chars().filter(|c| is_dense(*c)).count();
            self.characters += dense;
            self.words += usize::from(dense == 0 && word.contains(char::is_alphanumeric));
        }
        self
    }

    #[must_use]
    pub fn picture(mut self) -> Self {
        self.pictures += 1;
        self
    }

    /// Returns whole minutes, at least 1.
    pub fn minutes(self) -> u32 {
        let words = self.words + self.characters / CHARS_PER_WORD;
        let seconds = words * 60 / WORDS_PER_MINUTE + self.pictures * SECONDS_PER_PICTURE;
        u32::try_from((seconds + 30) / 60).unwrap_or(u32::MAX).max(1)
    }
}

/// Characters of scripts that write words without spaces between them: Thai, Kana, Han.
fn is_dense(c: char) -> bool {
    matches!(u32::from(c), 0x0E00..=0x0E7F | 0x3040..=0x30FF | 0x3400..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x3FFFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_pictures_and_dense_scripts_take_time() {
        let time = ReadingTime::default();
        assert_eq!(time.minutes(), 1, "nothing takes less than a minute");
        assert_eq!(time.text(&"word ".repeat(880)).minutes(), 4);
        assert_eq!(
            time.text(&"word ".repeat(440)).picture().picture().picture().picture().picture().minutes(),
            3
        );
        assert_eq!(time.text(&"灯".repeat(880)).minutes(), 2);
        assert_eq!(time.text("— · –"), time);
    }
}
