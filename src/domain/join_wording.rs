//! The consent text for readers who add another newsletter on their preferences page. It is stored with the
//! new subscription, like the wording of the signup form.

use super::signup_wording::{SignupWording, in_language};

/// The first entry is the fallback.
const WORDINGS: &[SignupWording] = &[
    SignupWording {
        language: "en",
        version: 1,
        text: "A newsletter that you get here comes to your address from now on: one mail with the latest articles on each day an \
               issue is sent. A mail tells you so at once, and every mail has a link to leave.",
    },
    SignupWording {
        language: "en",
        version: 2,
        text: "We'll start sending the newsletter to your address: one email for each issue, with the latest articles. We'll also \
               email you right away to say so. Unsubscribe any time.",
    },
    SignupWording {
        language: "en",
        version: 3,
        text: "If you subscribe to another newsletter, you’ll get it from its next issue on. We’ll email you right away to let you \
               know. Unsubscribe any time.",
    },
    SignupWording {
        language: "en",
        version: 4,
        text: "If you subscribe to another newsletter, you’ll get one email per issue, with the latest articles, from \
               its next issue on. We’ll email you right away to let you know. Unsubscribe any time.",
    },
    SignupWording {
        language: "de",
        version: 1,
        text: "Ein Newsletter, den Sie hier bestellen, kommt von nun an zu Ihrer Adresse: eine Mail mit den neuesten Artikeln an jedem \
               Tag, an dem eine Ausgabe erscheint. Eine Mail sagt es Ihnen sofort, und in jeder Mail steht ein Link zum Abmelden.",
    },
    SignupWording {
        language: "de",
        version: 2,
        text: "Wir schicken Ihnen den Newsletter ab sofort: eine E-Mail je Ausgabe, mit den neuesten Artikeln. Sie bekommen gleich \
               eine E-Mail dazu. Abmelden können Sie sich jederzeit.",
    },
    SignupWording {
        language: "de",
        version: 3,
        text: "Abonnieren Sie einen weiteren Newsletter, bekommen Sie ihn ab der nächsten Ausgabe. Wir sagen Ihnen gleich per E-Mail \
               Bescheid. Abbestellen können Sie jederzeit.",
    },
    SignupWording {
        language: "de",
        version: 4,
        text: "Wenn Sie einen weiteren Newsletter abonnieren, bekommen Sie ab der nächsten Ausgabe eine E-Mail je \
               Ausgabe, mit den neuesten Artikeln. Wir sagen Ihnen gleich per E-Mail Bescheid. Abbestellen können Sie \
               ihn jederzeit.",
    },
    SignupWording {
        language: "es",
        version: 1,
        text: "El boletín que pida aquí llega a su dirección a partir de ahora: un mensaje con los últimos artículos cada día en que \
               sale un número. Un mensaje se lo dice de inmediato, y cada mensaje lleva un enlace para darse de baja.",
    },
    SignupWording {
        language: "es",
        version: 2,
        text: "Empezaremos a enviarle el boletín: un correo por número, con los últimos artículos. Le avisaremos ahora mismo por \
               correo. Puede darse de baja cuando quiera.",
    },
    SignupWording {
        language: "es",
        version: 3,
        text: "Si se suscribe a otro boletín, lo recibirá a partir del próximo número. Le avisaremos enseguida por correo. Puede darse \
               de baja en cualquier momento.",
    },
    SignupWording {
        language: "es",
        version: 4,
        text: "Si se suscribe a otro boletín, recibirá, a partir del próximo número, un correo por número, con los \
               últimos artículos. Le avisaremos enseguida por correo. Puede darse de baja en cualquier momento.",
    },
    SignupWording {
        language: "fr",
        version: 1,
        text: "Une lettre que vous demandez ici arrive désormais à votre adresse : un message avec les derniers articles chaque jour \
               où paraît un numéro. Un message vous le dit aussitôt, et chaque message contient un lien de désinscription.",
    },
    SignupWording {
        language: "fr",
        version: 2,
        text: "Nous vous enverrons désormais cette newsletter : un e-mail par numéro, avec les derniers articles. Un e-mail vous le \
               confirmera tout de suite. Vous pouvez vous désabonner à tout moment.",
    },
    SignupWording {
        language: "fr",
        version: 3,
        text: "Si vous vous abonnez à une autre newsletter, vous la recevrez dès le prochain numéro. Un e-mail vous en informera \
               aussitôt. Vous pouvez vous désabonner à tout moment.",
    },
    SignupWording {
        language: "fr",
        version: 4,
        text: "Si vous vous abonnez à une autre newsletter, vous recevrez, dès le prochain numéro, un e-mail par \
               numéro, avec les derniers articles. Un e-mail vous en informera aussitôt. Vous pouvez vous désabonner \
               à tout moment.",
    },
    SignupWording {
        language: "pt",
        version: 1,
        text: "Uma newsletter que peça aqui passa a chegar ao seu endereço: uma mensagem com os artigos mais recentes em cada dia em \
               que sai uma edição. Uma mensagem diz-lho de imediato, e cada mensagem tem uma ligação para cancelar a inscrição.",
    },
    SignupWording {
        language: "pt",
        version: 2,
        text: "Passaremos a enviar-lhe a newsletter: um e-mail por edição, com os artigos mais recentes. Avisamos já por e-mail. \
               Pode cancelar a subscrição quando quiser.",
    },
    SignupWording {
        language: "pt",
        version: 3,
        text: "Se subscrever outra newsletter, passa a recebê-la a partir da próxima edição. Recebe logo um e-mail a confirmar a \
               mudança. Pode cancelar quando quiser.",
    },
    SignupWording {
        language: "pt",
        version: 4,
        text: "Se subscrever outra newsletter, passa a receber, a partir da próxima edição, um e-mail por edição, com \
               os artigos mais recentes. Avisamos logo por e-mail. Pode cancelar a subscrição quando quiser.",
    },
];

/// Returns the latest wording for a language tag, or for English.
pub fn join_wording(language: Option<&str>) -> &'static SignupWording {
    in_language(WORDINGS, language)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::signup_wording::assert_versions_are_distinct;

    #[test]
    fn each_language_has_a_text_of_its_own() {
        for (asked, language) in [(Some("fr-CH"), "fr"), (Some("ja"), "en"), (None, "en")] {
            assert_eq!(join_wording(asked).language, language, "{asked:?}");
        }
        assert_eq!(join_wording(Some("en")).version, 4);
        assert_versions_are_distinct(WORDINGS);
    }
}
