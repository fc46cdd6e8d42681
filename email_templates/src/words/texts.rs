//! What there is to say: a group a mail, a field a text. `en.toml` has the same names.

use serde::Deserialize;

/// Groups of texts. A place to fill is written in braces, and named in the text's description.
macro_rules! texts {
    ($($(#[$meta:meta])* $name:ident { $($(#[$tmeta:meta])* $text:ident,)+ })+) => {$(
        $(#[$meta])*
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $name { $($(#[$tmeta])* pub(crate) $text: String,)+ }
    )+};
}

/// All that mails say in one language.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Words {
    /// Dates.
    pub(crate) date: Dates,
    /// What several mails say.
    pub(crate) letter: Letter,
    /// "Please confirm".
    pub(crate) confirmation: Confirmation,
    /// To somebody who signs up again.
    pub(crate) already_subscribed: AlreadySubscribed,
    /// To somebody who has just confirmed.
    pub(crate) welcome: Welcome,
    /// To somebody who has left.
    pub(crate) goodbye: Goodbye,
    /// To somebody who asked for a link.
    pub(crate) request: Request,
    /// An issue.
    pub(crate) digest: Digest,
}

texts! {
    /// Dates.
    Dates {
        /// The twelve months, with spaces between.
        months,
        /// The seven days of the week from Monday, with spaces between.
        weekdays,
        /// The first of a month.
        first,
        /// `{weekday}`, `{day}`, `{month}`, `{year}`.
        long,
        /// A day of another year; `{day}`, `{month}`, `{year}`.
        of_year,
        /// A day of this year; `{day}`, `{month}`.
        short,
        /// A day soon; `{weekday}`, `{day}`, `{month}`.
        coming,
    }

    /// What several mails say.
    Letter {
        /// Where somebody signed up; `{site}`.
        at_site,
        /// What stands before an address in a text part; `{words}`.
        label,
        /// The link to leave.
        unsubscribe,
        /// How long a link works: one day.
        one_day,
        /// How long a link works; `{days}`, two or more.
        days,
        /// A story without a title.
        untitled,
    }

    /// "Please confirm".
    Confirmation {
        /// The subject; `{title}`.
        subject,
        /// That of the reminder; `{title}`.
        reminder,
        /// The preheader; `{title}`, `{days}`.
        preheader,
        /// The headline; `{title}`.
        question,
        /// What happened; `{at_site}`, `{title}`, `{address}`.
        asked,
        /// What to do.
        confirm,
        /// The button.
        button,
        /// What to do without one.
        open,
        /// How long it can be done; `{days}`.
        expiry,
        /// What to do where the button does not work.
        or_open,
        /// For who did not sign up.
        ignore,
        /// Why it came; `{address}`, `{at_site}`.
        why,
        /// Why the reminder came; `{address}`, `{at_site}`.
        why_again,
    }

    /// To somebody who signs up again.
    AlreadySubscribed {
        /// Subject and headline; `{title}`.
        subject,
        /// The preheader.
        preheader,
        /// What happened; `{address}`, `{at_site}`.
        asked,
        /// What follows: nothing; `{title}`.
        done,
        /// The same of more than one newsletter; `{titles}`.
        several,
        /// The button to the archive.
        button,
        /// For who did not find the issues.
        missing,
        /// Before the link to leave.
        leave,
        /// What an inbox shows to who is taking a break.
        paused_preheader,
        /// To who is taking a break; `{title}`.
        paused,
        /// The button for it.
        resume,
    }

    /// To somebody who has just confirmed.
    Welcome {
        /// The subject; `{title}`.
        subject,
        /// The preheader; `{when}`.
        preheader,
        /// The headline.
        greeting,
        /// What comes; `{title}`, `{when}`, `{address}`.
        next,
        /// What comes to who took it on the page of preferences; `{title}`, `{when}`, `{address}`.
        joined,
        /// For who did not.
        not_you,
        /// When; `{time}`, `{clock}`.
        today,
        /// When; `{weekday}`, `{time}`, `{clock}`.
        tomorrow,
        /// When; `{date}`, `{time}`, `{clock}`.
        later,
        /// Whose clock that is; `{place}`.
        clock,
        /// That all of it can be changed.
        change,
        /// The link to do so.
        preferences,
        /// How not to miss issues.
        contacts,
        /// Why it came; `{title}`.
        why,
        /// Why it came to who took it on the page of preferences; `{title}`.
        why_joined,
        /// The headline above the latest issue; `{date}`.
        until_then,
        /// The button to all of it, where there is no more.
        read,
        /// The button to all of it; `{stories}`.
        read_all,
    }

    /// To somebody who has left.
    Goodbye {
        /// Subject and headline; `{title}`.
        subject,
        /// The preheader.
        preheader,
        /// What follows; `{title}`, `{address}`.
        ended,
        /// For who did not mean to.
        mistake,
        /// The link back.
        again,
        /// A last word.
        thanks,
        /// Why it came; `{title}`, `{address}`.
        why,
    }

    /// To somebody who asked for a link.
    Request {
        /// The copy: the subject; `{title}`.
        copy_subject,
        /// What it is; `{address}`.
        copy_asked,
        /// The button.
        copy_button,
        /// For who did not ask.
        copy_ignore,
        /// At the old address: the subject; `{title}`.
        old_subject,
        /// What it is; `{address}`, `{new}`.
        old_asked,
        /// For who did not ask.
        old_ignore,
        /// At the new address: the subject; `{title}`.
        new_subject,
        /// What it is; `{title}`, `{address}`.
        new_asked,
        /// For who did not ask.
        new_ignore,
        /// The button of both.
        change_button,
        /// How long; `{days}`.
        expiry,
        /// Why this mail came; `{title}`.
        why,
    }

    /// An issue.
    Digest {
        /// The preheader; `{stories}`.
        also,
        /// The subject of a test; `{subject}`.
        test_subject,
        /// What stands above a test; `{title}`.
        test,
        /// What stands above its page; `{title}`.
        test_page,
        /// Why it came; `{title}`, `{at_site}`.
        why,
        /// The link to change what comes.
        preferences,
        /// The link to the page of the issue.
        web,
        /// On that page, the link to the form; `{title}`.
        get,
        /// The link to the first story.
        read,
        /// The heading of the others.
        others,
        /// The heading of those without a section.
        more,
        /// Who wrote a story; `{author}`.
        by,
        /// In place of stories.
        no_stories,
    }
}
