//! What the pages of choices say. `en.toml` has the same names.

use serde::{Deserialize, Serialize};

texts! {
    /// What the page of choices says.
    Preferences {
        /// This language's own name.
        language_name,
        /// The headline; `{newsletter}`.
        title,
        /// Whose; `{address}`.
        for_address,
        /// The button.
        save,
        /// After it.
        saved,
        /// The first question.
        how_often,
        /// An answer.
        every_issue,
        /// An answer.
        weekdays,
        /// An answer.
        weekly,
        /// All days.
        every_day,
        /// The weekdays.
        monday_to_friday,
        /// The seven days, with spaces between.
        day_names,
        /// Several days; `{days}` with commas between, and the `{last}` one.
        and,
        /// The second question.
        about_what,
        /// How to answer it.
        about_what_hint,
        /// The third question.
        when,
        /// A field.
        time_of_day,
        /// How to leave it; `{time}`.
        time_hint,
        /// A field.
        zone,
        /// The first answer; `{zone}`.
        own_zone,
        /// The links to this page in other languages.
        languages,
        /// What is chosen.
        comes_always,
        /// What is chosen.
        comes_on_weekdays,
        /// What is chosen; `{day}`.
        comes_weekly,
        /// What is chosen.
        with_sections,
        /// What is chosen; `{time}`, `{zone}`.
        comes_at,
        /// A question.
        language,
        /// The field.
        language_hint,
        /// The list of the others.
        newsletters,
        /// How they come and go.
        newsletters_hint,
        /// The link to the choices of one; `{newsletter}`.
        choose,
        /// The button; `{newsletter}`.
        leave_it,
        /// The button; `{newsletter}`.
        get_it,
        /// After it; `{newsletter}`.
        joined,
        /// After it; `{newsletter}`.
        left,
        /// A problem; `{newsletter}`.
        refused,
        /// A question.
        address,
        /// How it changes.
        address_hint,
        /// The field.
        new_address,
        /// The button.
        change_address,
        /// After it.
        address_asked,
        /// A problem.
        same_address,
        /// A problem.
        refused_address,
        /// A question.
        data_export,
        /// What there is.
        data_export_hint,
        /// The button.
        ask_data_export,
        /// After it.
        data_export_sent,
        /// A problem.
        too_often,
        /// For who wants none; `{newsletter}`.
        rather_not,
        /// The link.
        leave,
        /// A question.
        break_title,
        /// What a break is.
        break_hint,
        /// The field.
        until,
        /// The button.
        take_break,
        /// The button during a break.
        other_day,
        /// During a break; `{date}`.
        paused_until,
        /// During a break without an end.
        paused,
        /// What that means; `{newsletter}`.
        nothing_comes,
        /// The button.
        resume,
        /// After it.
        resumed,
        /// The headline for who has left.
        not_subscribed,
        /// Why there is no form; `{newsletter}`.
        nothing_to_choose,
        /// The link to the form.
        sign_up,
        /// The headline for a link that is none.
        bad_link,
        /// What to do.
        cut_off,
        /// The headline for the link of a test mail.
        test,
        /// Why.
        test_hint,
        /// The headline for what is no form.
        bad_body,
        /// What to do.
        send_form,
    }

    /// The page that a data export is downloaded from.
    DataExport {
        /// The headline.
        title,
        /// What the button does; `{address}`.
        one_click,
        /// The button.
        button,
        /// The headline for an old link.
        expired,
        /// What to do.
        ask_again,
    }

    /// What the page says that changes an address.
    AddressChange {
        /// The headline.
        title,
        /// What the button does, at the old address; `{old}`, `{new}`.
        at_old,
        /// The same, at the new one; `{new}`.
        at_new,
        /// What the new address keeps; `{new}`, `{newsletters}`.
        already_subscribed,
        /// The button.
        button,
        /// For who did not ask.
        not_you,
        /// The headline between the two.
        waiting,
        /// What to do.
        other_end,
        /// The headline after both.
        done,
        /// What comes; `{new}`.
        comes_there,
        /// The headline for a link that is no more.
        expired,
        /// What to do.
        ask_again,
    }
}
