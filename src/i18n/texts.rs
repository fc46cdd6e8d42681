//! The texts of one language: a group for each page, a field for each text. `en.toml` has the same names, and
//! shows the placeholders of each text.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Texts {
    /// The language tag.
    #[serde(skip)]
    pub language: &'static str,
    pub embed: Embed,
    pub frame: Frame,
    pub dates: Dates,
    pub issues: Issues,
    pub signup: Signup,
    pub problems: crate::i18n::problems::ProblemTexts,
    pub typo: Typo,
    pub errors: Errors,
    pub confirm: Confirm,
    pub preferences: crate::i18n::preferences::Preferences,
    pub data_export: crate::i18n::preferences::DataExport,
    pub address_change: crate::i18n::preferences::AddressChange,
    pub unsubscribe: Unsubscribe,
    pub challenge: Challenge,
    pub timing_guard: TimingGuard,
}

texts! {
    Embed {
        sending,
        trouble,
        page,
        spam,
        again,
    }

    Frame {
        skip,
        newsletter,
        sign_up,
        past_issues,
        privacy,
        privacy_policy,
    }

    Dates {
        each,
        every_day,
        every_weekday,
        every,
        at,
        at_readers_clock,
        today,
        tomorrow,
        on,
    }

    Issues {
        title,
        title_of,
        none_yet,
        get_first,
        older,
        all,
        all_of,
        feed,
        feed_of_all,
        readers_only,
        get_next,
        by_month,
        others,
        minutes,
        read_story,
        by,
        more,
        in_brief,
    }

    Signup {
        headline,
        get,
        get_next,
        address,
        button,
        promise,
        reading_time,
        check,
        sent,
        missing,
        spam,
        again,
        different,
        which,
        accepted,
        latest,
        read,
    }

    Typo {
        title,
        entered,
        take,
        keep,
    }

    Errors {
        not_found,
        no_page,
        no_newsletter,
        no_issue,
        no_issues_of,
        no_feed,
        broken_link,
        cut_off,
        cut_off_confirm,
        test_link,
        test_link_hint,
        test_preferences_hint,
        too_many_title,
        too_many_minutes,
        too_many_minute,
        unavailable,
        unavailable_hint,
        unsupported,
        unsupported_method,
        unsupported_form,
        failed,
        too_long,
        not_understood,
        invalid,
        address_refused,
        unsupported_body,
    }

    Challenge {
        working,
    }

    TimingGuard {
        title,
        too_soon,
        button,
    }

    Confirm {
        expired,
        why_expired,
        renew,
        ready,
        ready_hint,
        ready_several,
        button,
        not_you,
        done,
        first_issue,
        next_issue,
        read_past_issues,
        topics,
        save_topics,
        contacts,
        contacts_hint,
        manage,
    }

    Unsubscribe {
        ready,
        ready_hint,
        less,
        less_hint,
        less_button,
        less_done,
        break_title,
        break_hint,
        break_button,
        break_for,
        stop,
        stop_hint,
        button,
        only_topics,
        choose_topics,
        preferences,
        done,
        done_hint,
        undo,
        undo_hint,
        undone,
        undone_hint,
        mistake,
        sign_up_again,
        thanks,
        thanks_hint,
        reason,
        reason_hint,
        too_many,
        not_interested,
        elsewhere,
        hard_to_read,
        never_asked,
        other,
        remark,
        optional,
        send,
    }
}
