//! The time zones that readers choose from.

use std::collections::BTreeMap;

/// The regions whose zones are places. The others hold old names and fixed offsets.
const REGIONS: [&str; 10] = [
    "Africa",
    "America",
    "Antarctica",
    "Arctic",
    "Asia",
    "Atlantic",
    "Australia",
    "Europe",
    "Indian",
    "Pacific",
];

/// The zones of places, `Europe/Berlin`, by their region: what this machine knows of them.
pub fn by_region() -> BTreeMap<&'static str, Vec<String>> {
    let mut regions: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for name in jiff::tz::db().available() {
        let region =
            name.as_str().split_once('/').and_then(|(region, _)| REGIONS.iter().find(|it| **it == region));
        if let Some(region) = region {
            regions.entry(region).or_default().push(name.as_str().to_owned());
        }
    }
    regions.values_mut().for_each(|names| names.sort_unstable());
    regions
}

/// A zone as people say it: `Buenos Aires, Argentina` of `America/Argentina/Buenos_Aires`.
pub fn spoken(zone: &str) -> String {
    let place = zone.split_once('/').map_or(zone, |(_, place)| place);
    place.rsplit('/').collect::<Vec<_>>().join(", ").replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::newsletter::parse_time_zone;

    #[test]
    fn every_place_is_a_zone() {
        let regions = by_region();
        assert!(regions["Europe"].contains(&"Europe/Berlin".to_owned()));
        assert_eq!(regions.len(), REGIONS.len());
        for zone in regions.values().flatten() {
            assert!(parse_time_zone(zone).is_ok(), "{zone}");
        }
    }

    #[test]
    fn zones_are_written_as_people_say_them() {
        assert_eq!(spoken("America/Argentina/Buenos_Aires"), "Buenos Aires, Argentina");
        assert_eq!(spoken("UTC"), "UTC");
    }
}
