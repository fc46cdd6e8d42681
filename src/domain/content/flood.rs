//! When a feed brings so much at once that something must be wrong with it: a site that moved and dates its
//! whole archive anew, a wrong feed at a known URL, a break-in.

/// Days whose busiest one is the measure.
pub const DAYS: i64 = 28;
/// How many times as much as on the busiest day …
const TIMES: usize = 5;
/// … and at least how many articles more than this are a flood.
const LEAST: usize = 20;

/// Returns whether so many new articles in one reading are a flood. `busiest_day` is the largest number of the
/// feed's articles on one day of the last [`DAYS`].
pub const fn is_flood(new: usize, busiest_day: usize) -> bool {
    new > LEAST && new > busiest_day.saturating_mul(TIMES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_over_twenty_and_over_five_times_the_busiest_day() {
        for (new, busiest_day, expected) in
            [(20, 0, false), (21, 0, true), (21, 4, true), (21, 5, false), (25, 5, false), (26, 5, true)]
        {
            assert_eq!(is_flood(new, busiest_day), expected, "{new} after {busiest_day} a day");
        }
    }
}
