//! Texts for what is wrong with a field, by its code.

use crate::{
    domain::validation::{Code, Problem},
    i18n::{Words, fill},
};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A text for each code. A test checks that every language has all of them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct ProblemTexts(BTreeMap<Code, String>);

impl Words {
    /// Puts a problem into words.
    pub fn problem(&self, problem: &Problem) -> String {
        let text = self.problems.0.get(&problem.code).map_or("", String::as_str);
        let params: Vec<(&str, String)> = problem
            .params
            .iter()
            .map(|(name, value)| (name.as_str(), self.param(problem.code, value)))
            .collect();
        let params: Vec<(&str, &str)> = params.iter().map(|(name, value)| (*name, value.as_str())).collect();
        fill(text, &params)
    }

    /// Dates are written out, everything else stays as it is.
    fn param(&self, code: Code, value: &str) -> String {
        let date = value.parse::<Date>().ok().filter(|_| code == Code::PauseUntil);
        date.map_or_else(|| value.to_owned(), |date| self.issues.long_date(date))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n;

    #[test]
    fn every_code_has_a_text_in_every_language() {
        for (language, _) in i18n::languages() {
            let texts = &i18n::of(language).problems.0;
            for code in Code::ALL {
                assert!(texts.contains_key(code), "{language}.toml lacks problems.{code}");
            }
        }
    }

    #[test]
    fn texts_name_what_the_problem_holds() {
        let problem = Code::PauseUntil.at("until").with("first", "2026-05-02").with("last", "2027-05-02");
        assert_eq!(i18n::of("en").problem(&problem), "Choose a day from 2 May 2026 to 2 May 2027.");
        let problem = Code::TextTooLong.at("title").with("limit", 100);
        assert!(i18n::of("de").problem(&problem).contains("100"));
    }
}
