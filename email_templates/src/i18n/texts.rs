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
    pub(crate) date: Dates,
    pub(crate) shared: Shared,
    pub(crate) confirmation: Confirmation,
    pub(crate) already_subscribed: AlreadySubscribed,
    pub(crate) welcome: Welcome,
    pub(crate) goodbye: Goodbye,
    pub(crate) request: Request,
    pub(crate) digest: Digest,
}

texts! {
    Dates {
        months,
        weekdays,
        first,
        long,
        of_year,
        short,
        coming,
    }

    Shared {
        at_site,
        label,
        unsubscribe,
        one_day,
        days,
        untitled,
    }

    Confirmation {
        subject,
        reminder,
        preheader,
        question,
        asked,
        confirm,
        button,
        open,
        expiry,
        or_open,
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
        preheader,
        greeting,
        next,
        joined,
        not_you,
        today,
        tomorrow,
        later,
        clock,
        change,
        preferences,
        contacts,
        why,
        why_joined,
        until_then,
        read,
        read_all,
    }

    Goodbye {
        subject,
        preheader,
        ended,
        mistake,
        again,
        thanks,
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
        test_page,
        why,
        preferences,
        web,
        get,
        read,
        others,
        more,
        by,
        no_stories,
    }
}
