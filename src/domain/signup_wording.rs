//! The consent text of the signup form, in several languages. Each signup stores its wording as proof of
//! consent.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignupWording {
    /// BCP 47 tag.
    pub language: &'static str,
    /// Counts the versions of the text in this language, from 1. A changed text is a new entry; the old ones
    /// stay.
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
        language: "en",
        version: 2,
        text: "One email for each issue, with the latest articles. We'll ask you to confirm first. Unsubscribe any time.",
    },
    SignupWording {
        language: "en",
        version: 3,
        text: "We'll ask you to confirm first. Unsubscribe any time.",
    },
    SignupWording {
        language: "en",
        version: 4,
        text: "We’ll ask you to confirm first. Unsubscribe any time.",
    },
    SignupWording {
        language: "de",
        version: 1,
        text: "Eine Mail mit den neuesten Artikeln an jedem Tag, an dem eine Ausgabe erscheint. Zuerst schicken wir einen Link zum \
               Bestätigen; bis Sie ihm folgen, kommt nichts anderes. In jeder Mail steht ein Link zum Abmelden.",
    },
    SignupWording {
        language: "de",
        version: 2,
        text: "Wir bitten Sie zuerst, Ihre Anmeldung zu bestätigen. Abmelden können Sie sich jederzeit.",
    },
    SignupWording {
        language: "de",
        version: 3,
        text: "Bitte bestätigen Sie Ihre Anmeldung anschließend per E-Mail. Abbestellen können Sie jederzeit.",
    },
    SignupWording {
        language: "de",
        version: 4,
        text: "Wir schicken Ihnen zuerst eine E-Mail mit einem Link, über den Sie Ihre Anmeldung bestätigen. Den \
               Newsletter können Sie jederzeit abbestellen.",
    },
    SignupWording {
        language: "es",
        version: 1,
        text: "Un mensaje con los últimos artículos cada día en que sale un número. Primero enviamos un enlace para confirmar; no \
               llega nada más hasta que lo siga. Cada mensaje lleva un enlace para darse de baja.",
    },
    SignupWording {
        language: "es",
        version: 2,
        text: "Primero le pediremos que confirme. Puede darse de baja cuando quiera.",
    },
    SignupWording {
        language: "es",
        version: 3,
        text: "Le enviaremos un correo para que confirme su suscripción. Puede darse de baja en cualquier momento.",
    },
    SignupWording {
        language: "fr",
        version: 1,
        text: "Un message avec les derniers articles chaque jour où paraît un numéro. Nous envoyons d’abord un lien de confirmation ; \
               rien d’autre n’arrive tant que vous ne l’avez pas suivi. Chaque message contient un lien de désinscription.",
    },
    SignupWording {
        language: "fr",
        version: 2,
        text: "Nous vous demanderons d’abord de confirmer. Vous pouvez vous désabonner à tout moment.",
    },
    SignupWording {
        language: "fr",
        version: 3,
        text: "Un e-mail vous demandera d’abord de confirmer votre inscription. Vous pouvez vous désabonner à tout moment.",
    },
    SignupWording {
        language: "pt",
        version: 1,
        text: "Uma mensagem com os artigos mais recentes em cada dia em que sai uma edição. Primeiro enviamos uma ligação para \
               confirmar; nada mais chega até a seguir. Cada mensagem tem uma ligação para cancelar a inscrição.",
    },
    SignupWording {
        language: "pt",
        version: 2,
        text: "Primeiro vamos pedir-lhe que confirme. Pode cancelar a subscrição quando quiser.",
    },
    SignupWording {
        language: "pt",
        version: 3,
        text: "Enviamos-lhe primeiro um e-mail para confirmar a subscrição. Pode cancelá-la quando quiser.",
    },
    SignupWording {
        language: "pt",
        version: 4,
        text: "Enviamos-lhe primeiro um e-mail para que confirme a subscrição. Pode cancelá-la quando quiser.",
    },
];

/// Returns the latest wording for a language tag: `pt-BR` gets `pt`, and unsupported languages get English.
pub fn signup_wording(language: Option<&str>) -> &'static SignupWording {
    in_language(WORDINGS, language)
}

/// Picks the latest version in a language, or in that of the first entry.
pub(super) fn in_language(
    wordings: &'static [SignupWording],
    language: Option<&str>,
) -> &'static SignupWording {
    let primary = language.and_then(|tag| tag.split(['-', '_']).next()).unwrap_or_default();
    let latest = |language: &str| {
        let versions = wordings.iter().filter(|wording| wording.language.eq_ignore_ascii_case(language));
        versions.max_by_key(|wording| wording.version)
    };
    latest(primary).or_else(|| latest(wordings[0].language)).unwrap_or(&wordings[0])
}

/// Checks that each language counts its versions from 1 and that no text occurs twice.
#[cfg(test)]
pub(super) fn assert_versions_are_distinct(wordings: &[SignupWording]) {
    for (index, wording) in wordings.iter().enumerate() {
        let earlier = wordings[..index].iter().filter(|other| other.language == wording.language).count();
        assert_eq!(wording.version, i64::try_from(earlier).unwrap() + 1, "{}", wording.text);
        assert_eq!(wordings.iter().filter(|other| other.text == wording.text).count(), 1);
    }
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
    }

    #[test]
    fn old_versions_stay_and_the_latest_is_shown() {
        let first = WORDINGS.iter().find(|wording| wording.language == "en").unwrap();
        assert_eq!((first.version, signup_wording(Some("en")).version), (1, 4));
        assert!(first.text.starts_with("One mail with the latest articles on each day an issue is sent."));
        assert_versions_are_distinct(WORDINGS);
    }
}
