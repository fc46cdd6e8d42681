//! The texts of one language: a group for each email, a field for each text. `en.toml` has the same names,
//! and shows the placeholders of each text.

use serde::Deserialize;

/// Defines groups of texts.
macro_rules! texts {
    ($($name:ident { $($text:ident,)+ })+) => {$(
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $name { $(pub(crate) $text: String,)+ }
    )+};
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Texts {
    pub(crate) date: crate::dates::Dates,
    pub(crate) shared: Shared,
    pub(crate) promise: Promise,
    pub(crate) confirmation: Confirmation,
    pub(crate) already_subscribed: AlreadySubscribed,
    pub(crate) welcome: Welcome,
    pub(crate) goodbye: Goodbye,
    pub(crate) request: Request,
    pub(crate) digest: Digest,
}

texts! {
    Shared {
        at_site,
        label,
        unsubscribe,
        change,
        privacy,
        one_day,
        days,
        untitled,
        or_open,
        reading_one,
        reading,
    }

    Promise {
        title,
        daily,
        weekdays,
        all_but,
        on_days,
        about_one,
        about_eight,
        about,
        any_time,
    }

    Confirmation {
        subject,
        reminder,
        preheader,
        question,
        asked,
        button,
        expiry,
        ignore,
        why,
        why_again,
    }

    AlreadySubscribed {
        subject,
        preheader,
        asked,
        done,
        several,
        button,
        missing,
        leave,
        paused_preheader,
        paused,
        resume,
    }

    Welcome {
        subject,
        greeting,
        preheader,
        first,
        until_then,
        joined,
        not_you,
        today,
        tomorrow,
        later,
        clock,
        read_day,
        read,
        yours,
        topics_or_weekly,
        topics,
        weekly,
        choices,
        pick,
        spam,
        contacts,
        why,
        why_joined,
    }

    Goodbye {
        subject,
        headline,
        preheader,
        ended,
        thanks,
        mistake,
        again,
        why,
    }

    Request {
        export_subject,
        export_asked,
        export_button,
        export_ignore,
        old_subject,
        old_asked,
        old_ignore,
        new_subject,
        new_asked,
        new_ignore,
        change_button,
        expiry,
        why,
    }

    Digest {
        also,
        test_subject,
        test,
        web,
        in_day,
        in_issue,
        read,
        by,
        more_day,
        more_week,
        more_issue,
        brief,
        close_day,
        close_week,
        tip,
        forwarded,
        get_own,
        why,
        no_stories,
    }
}
