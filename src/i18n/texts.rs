//! What there is to say: a group a page, a field a text. `en.toml` has the same names.

use serde::{Deserialize, Serialize};

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
    /// What is wrong with what was entered.
    pub problems: crate::i18n::problems::ProblemTexts,
    /// An address that looks mistyped.
    pub slip: Slip,
    /// Why a page is not there, or a request can't be answered.
    pub errors: Errors,
    /// The page that a confirmation mail leads to.
    pub confirm: Confirm,
    /// The reader's choices.
    pub preferences: crate::i18n::preferences::Preferences,
    /// The link to what is held about them.
    pub data_export: crate::i18n::preferences::DataExport,
    /// The links that change their address.
    pub address_change: crate::i18n::preferences::AddressChange,
    /// Leaving.
    pub unsubscribe: Unsubscribe,
    /// While signups look like an attack.
    pub challenge: Challenge,
    /// A form that came back too fast.
    pub timing_guard: TimingGuard,
}

texts! {
    /// What the signup box says.
    Embed {
        /// While it waits for the answer.
        sending,
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
        /// The question where there are several newsletters.
        which,
        /// The answer to a program, such as the box.
        accepted,
    }

    /// An address that looks mistyped.
    Slip {
        /// The browser's title.
        title,
        /// What was entered; `{address}`.
        entered,
        /// The button that takes what was meant; `{address}`.
        take,
        /// The button that insists; `{address}`.
        keep,
    }

    /// Why a page is not there, or a request can't be answered.
    Errors {
        /// A headline.
        not_found,
        /// No page at the address.
        no_page,
        /// No such newsletter; `{newsletter}`.
        no_newsletter,
        /// No issue of a date; `{newsletter}`.
        no_issue,
        /// No archive of a newsletter; `{newsletter}`.
        no_issues_of,
        /// No feed of issues.
        no_feed,
        /// A headline, for a link out of a mail.
        broken_link,
        /// What may have happened to it.
        cut_off,
        /// Likewise, for a link to confirm.
        cut_off_confirm,
        /// A headline, for a link out of a test mail.
        test,
        /// What the link to leave does there.
        test_leave,
        /// A headline, for limits that are reached.
        later,
        /// When to come again; `{minutes}`, two or more.
        too_many,
        /// When to come again: in a minute.
        too_many_minute,
        /// A headline, for trouble on our side.
        moment,
        /// What to do about it.
        trouble,
        /// A headline, for a wrong method.
        not_so,
        /// Why; `{method}`.
        method,
        /// A headline for everything else.
        failed,
        /// The body is too long.
        too_long,
        /// Nothing more is known.
        not_understood,
        /// A headline, for a request with problems.
        invalid,
        /// A headline, for an address that can't be used.
        address_refused,
        /// What bodies are taken.
        body_kind,
    }

    /// The form, while signups look like an attack.
    Challenge {
        /// While the browser solves a challenge.
        working,
    }

    /// The page for a form that came back faster than people type.
    TimingGuard {
        /// The headline.
        title,
        /// What to do.
        too_soon,
        /// The button.
        button,
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
