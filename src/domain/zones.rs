//! The time zones that readers choose from.

use std::collections::BTreeMap;

/// Regions whose zones are named after places. Others hold legacy names and fixed offsets.
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

/// Returns the place-based zones in this system's database, such as `Europe/Berlin`, grouped by region.
pub fn by_region() -> BTreeMap<&'static str, Vec<String>> {
    let mut regions: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for name in jiff::tz::db().available() {
        let region =
            name.as_str().split_once('/').and_then(|(region, _)| REGIONS.iter().find(|it| **it == region));
        if let Some(region) = region {
            regions.entry(region).or_default().push(name.as_str().to_owned());
        }
    }
    for names in regions.values_mut() {
        names.sort_unstable();
    }
    regions
}

/// Returns a readable name: `Buenos Aires, Argentina` for `America/Argentina/Buenos_Aires`.
pub fn display_name(zone: &str) -> String {
    let place = zone.split_once('/').map_or(zone, |(_, place)| place);
    place.rsplit('/').collect::<Vec<_>>().join(", ").replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::newsletter::parse_time_zone;

    #[test]
    fn every_listed_zone_can_be_parsed() {
        let regions = by_region();
        assert!(regions["Europe"].contains(&"Europe/Berlin".to_owned()));
        assert_eq!(regions.len(), REGIONS.len());
        for zone in regions.values().flatten() {
            assert!(parse_time_zone(zone).is_ok(), "{zone}");
        }
    }

    #[test]
    fn zones_have_readable_names() {
        assert_eq!(display_name("America/Argentina/Buenos_Aires"), "Buenos Aires, Argentina");
        assert_eq!(display_name("UTC"), "UTC");
    }
}
