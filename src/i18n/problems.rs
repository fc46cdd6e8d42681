//! The texts of validation problems, by code.

use crate::{
    domain::validation::{Code, Problem, Problems},
    i18n::{Texts, interpolate},
};
use email_templates::dates::Dates;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct ProblemTexts(BTreeMap<Code, String>);

impl Texts {
    /// Describes a problem to a user.
    pub fn problem(&self, problem: &Problem) -> String {
        let text = self.problems.0.get(&problem.code).map_or("", String::as_str);
        let params: Vec<(&str, String)> = problem
            .params
            .iter()
            .map(|(name, value)| (name.as_str(), self.param(problem.code, value)))
            .collect();
        let params: Vec<(&str, &str)> = params.iter().map(|(name, value)| (*name, value.as_str())).collect();
        interpolate(text, &params)
    }

    /// Describes all problems of a request: their distinct texts, joined.
    pub fn summary(&self, problems: &Problems) -> String {
        let mut sentences: Vec<String> = Vec::new();
        for text in problems.iter().map(|it| self.problem(it)) {
            if !sentences.contains(&text) {
                sentences.push(text);
            }
        }
        sentences.join(" ")
    }

    /// Formats a parameter: dates are written out.
    fn param(&self, code: Code, value: &str) -> String {
        let date = value.parse::<Date>().ok().filter(|_| code == Code::PauseUntil);
        date.map_or_else(|| value.to_owned(), |date| Dates::of(self.language).date(date))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n;

    #[test]
    fn every_code_has_a_text_in_every_language() {
        for (language, _) in i18n::languages() {
            let texts = &i18n::texts_in(language).problems.0;
            for code in Code::ALL {
                assert!(texts.contains_key(code), "{language}.toml lacks problems.{code}");
            }
        }
    }

    #[test]
    fn parameters_replace_placeholders() {
        let problem = Code::PauseUntil.at("until").with("first", "2026-05-02").with("last", "2027-05-02");
        assert_eq!(i18n::texts_in("en").problem(&problem), "Choose a day from 2 May 2026 to 2 May 2027.");
        let problem = Code::TextTooLong.at("title").with("limit", 100);
        assert!(i18n::texts_in("de").problem(&problem).contains("100"));
    }
}
