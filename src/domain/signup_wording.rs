//! What the signup form promises, in several languages. It is kept with each request, so that it can be shown later what was agreed
//! to.

/// A promise in one language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignupWording {
    /// The language's tag (BCP 47).
    pub language: &'static str,
    /// Of the text in this language. Change the text, raise the version.
    pub version: i64,
    /// The text.
    pub text: &'static str,
}

/// The first one is what everybody else gets.
const WORDINGS: &[SignupWording] = &[
    SignupWording {
        language: "en",
        version: 1,
        text: "One mail with the latest articles on each day an issue is sent. We send a link to confirm first; nothing else arrives \
               until you follow it. Every mail has a link to leave.",
    },
    SignupWording {
        language: "de",
        version: 1,
        text: "Eine Mail mit den neuesten Artikeln an jedem Tag, an dem eine Ausgabe erscheint. Zuerst schicken wir einen Link zum \
               Bestätigen; bis Sie ihm folgen, kommt nichts anderes. In jeder Mail steht ein Link zum Abmelden.",
    },
    SignupWording {
        language: "es",
        version: 1,
        text: "Un mensaje con los últimos artículos cada día en que sale un número. Primero enviamos un enlace para confirmar; no \
               llega nada más hasta que lo siga. Cada mensaje lleva un enlace para darse de baja.",
    },
    SignupWording {
        language: "fr",
        version: 1,
        text: "Un message avec les derniers articles chaque jour où paraît un numéro. Nous envoyons d’abord un lien de confirmation ; \
               rien d’autre n’arrive tant que vous ne l’avez pas suivi. Chaque message contient un lien de désinscription.",
    },
    SignupWording {
        language: "pt",
        version: 1,
        text: "Uma mensagem com os artigos mais recentes em cada dia em que sai uma edição. Primeiro enviamos uma ligação para \
               confirmar; nada mais chega até a seguir. Cada mensagem tem uma ligação para cancelar a inscrição.",
    },
];

/// The promise in a language, by its tag: `pt-BR` is served with `pt`, and what is not spoken here with English.
pub fn signup_wording(language: Option<&str>) -> &'static SignupWording {
    spoken(WORDINGS, language)
}

/// The one of a promise's wordings that is in a language.
pub(super) fn spoken(wordings: &'static [SignupWording], language: Option<&str>) -> &'static SignupWording {
    let primary = language.and_then(|tag| tag.split(['-', '_']).next()).unwrap_or_default();
    let first = &wordings[0];
    wordings.iter().find(|it| it.language.eq_ignore_ascii_case(primary)).unwrap_or(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_language_has_its_text_and_all_others_get_english() {
        for (asked, language) in
            [(Some("de-AT"), "de"), (Some("PT_br"), "pt"), (Some("ja"), "en"), (Some(""), "en"), (None, "en")]
        {
            assert_eq!(signup_wording(asked).language, language, "{asked:?}");
        }
        for one in WORDINGS {
            assert!(WORDINGS.iter().filter(|it| it.text == one.text).count() == 1 && one.version > 0);
        }
    }
}
