//! The consent text of the signup form, in several languages. Each signup stores its wording as proof of
//! consent.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignupWording {
    /// BCP 47 tag.
    pub language: &'static str,
    /// The version of the text in this language. Raise it with each change of the text.
    pub version: i64,
    pub text: &'static str,
}

/// The first entry is the fallback.
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

/// Returns the wording for a language tag: `pt-BR` gets `pt`, and unsupported languages get English.
pub fn signup_wording(language: Option<&str>) -> &'static SignupWording {
    in_language(WORDINGS, language)
}

/// Picks the wording in a language, or the first one.
pub(super) fn in_language(
    wordings: &'static [SignupWording],
    language: Option<&str>,
) -> &'static SignupWording {
    let primary = language.and_then(|tag| tag.split(['-', '_']).next()).unwrap_or_default();
    let first = &wordings[0];
    wordings.iter().find(|wording| wording.language.eq_ignore_ascii_case(primary)).unwrap_or(first)
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
        for wording in WORDINGS {
            assert!(WORDINGS.iter().filter(|it| it.text == wording.text).count() == 1 && wording.version > 0);
        }
    }
}
