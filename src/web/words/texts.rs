//! What there is to say: a group a page, a field a text. `en.toml` has the same names.

use serde::{Deserialize, Serialize};

/// Groups of texts. A place to fill is written in braces, and named in the text's description.
macro_rules! texts {
    ($($(#[$meta:meta])* $name:ident { $($(#[$tmeta:meta])* $text:ident,)+ })+) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name { $($(#[$tmeta])* pub $text: String,)+ }
    )+};
}

/// All that is said in one language.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// The signup box on other sites' pages.
    pub embed: Embed,
    /// Around every page.
    pub frame: Frame,
    /// The archive.
    pub issues: Issues,
    /// The form, and the page after it.
    pub signup: Signup,
    /// The page that a confirmation mail leads to.
    pub confirm: Confirm,
    /// Leaving.
    pub unsubscribe: Unsubscribe,
    /// Where a signup needs a proof.
    pub proof: Proof,
    /// An address whose domain takes no mail.
    pub unreachable: Unreachable,
}

texts! {
    /// What the signup box says.
    Embed {
        /// While it waits for the answer.
        sending,
        /// The signup was taken.
        accepted,
        /// What was entered is no address.
        bad_address,
        /// Limits are reached.
        too_many,
        /// It can't be sent from there; a link to our page follows.
        trouble,
        /// That link.
        page,
    }

    /// What stands around every page.
    Frame {
        /// The link to the form.
        sign_up,
        /// The link to the archive.
        past_issues,
    }

    /// What the archive says.
    Issues {
        /// The headline.
        title,
        /// The browser's title; `{newsletter}`.
        title_of,
        /// Nothing went out so far.
        none_yet,
        /// The link after it.
        get_first,
        /// The link to the next page.
        older,
        /// The link to one newsletter's issues; `{newsletter}`.
        all_of,
        /// The link to the feed.
        feed,
        /// The link to the feed of all newsletters.
        feed_of_all,
        /// Nobody but readers may see them.
        readers_only,
        /// The link after it.
        get_next,
        /// A day; `{day}`, `{month}`, `{year}`.
        date,
        /// The twelve months, with spaces between.
        months,
    }

    /// The form, and the page after it.
    Signup {
        /// The headline; `{newsletter}`.
        headline,
        /// The field.
        address,
        /// The button.
        button,
        /// After it: the headline.
        check,
        /// What happened; `{newsletter}`.
        sent,
        /// What to do when nothing comes.
        missing,
    }

    /// The page where a signup needs a proof.
    Proof {
        /// The headline.
        title,
        /// What it is for.
        why,
        /// While the browser works.
        working,
        /// Without scripts; `{seconds}`.
        wait,
        /// The button for then.
        button,
    }

    /// What is wrong with an address whose domain takes no mail. A full stop follows.
    Unreachable {
        /// What to do; `{domain}`.
        check,
        /// What was probably meant; `{domain}`, `{address}`.
        meant,
    }

    /// The page that a confirmation mail leads to.
    Confirm {
        /// The headline for an old link.
        expired,
        /// Why.
        why_expired,
        /// The button for a new one.
        renew,
        /// The headline before; `{newsletter}`.
        ready,
        /// What the button does; `{address}`.
        one_click,
        /// The button.
        button,
        /// For who did not sign up.
        not_you,
        /// The headline after.
        done,
        /// What comes; `{newsletter}`.
        next,
        /// The link to the archive.
        until_then,
    }

    /// Leaving.
    Unsubscribe {
        /// The headline before; `{newsletter}`.
        ready,
        /// What the button does; `{address}`.
        no_more,
        /// The button.
        button,
        /// The headline after.
        done,
        /// What comes: nothing; `{newsletter}`.
        gone,
        /// For who did not mean to.
        by_mistake,
        /// The link to the form.
        again,
        /// To who said why.
        thanks,
        /// Likewise.
        helps,
        /// The question.
        why,
        /// That it need not be answered.
        either_way,
        /// A reason.
        too_many,
        /// A reason.
        not_interested,
        /// A reason.
        elsewhere,
        /// A reason.
        hard_to_read,
        /// A reason.
        never_asked,
        /// A reason.
        other,
        /// The field for other words.
        remark,
        /// That it may be left empty.
        optional,
        /// The button.
        send,
    }
}
