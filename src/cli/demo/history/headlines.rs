//! The headlines of a month, written for this demo.

pub(super) struct Headline {
    pub(super) title: &'static str,
    pub(super) dek: &'static str,
    pub(super) section: &'static str,
}

const fn local(title: &'static str, dek: &'static str) -> Headline {
    Headline { title, dek, section: "Local" }
}

const fn science(title: &'static str, dek: &'static str) -> Headline {
    Headline { title, dek, section: "Science" }
}

const fn culture(title: &'static str, dek: &'static str) -> Headline {
    Headline { title, dek, section: "Culture" }
}

const fn food(title: &'static str, dek: &'static str) -> Headline {
    Headline { title, dek, section: "Food" }
}

/// The oldest first.
pub(super) const HEADLINES: &[Headline] = &[
    local("The pier gets its last plank", "It was sawn from the mast of the old pilot boat."),
    food("Herring, and what to do with the second dozen", "Three jars, one evening, no smell."),
    science("A tide that came eleven minutes early", "The gauge was right, and the almanac was not."),
    culture("The brass band rents a lighthouse", "The neighbours are whales, and have not complained."),
    local("Council buys a second snow shovel", "The first one has earned a rest."),
    food("Soup for people who dislike leeks", "It has leeks in it."),
    science("Seven new mosses on one wall", "Nobody had looked at its north side."),
    local("School bus keeps its conductor", "Ninety letters, most of them in pencil."),
    culture("A film shot in a single rowing boat", "The camera got wet only twice."),
    local("Market moves indoors for the winter", "The cheese stall chose the warm corner."),
    food("The case for burnt edges", "Our columnist defends her tin."),
    science("Why the fog lifts at ten", "A kite, a thermometer and a patient aunt."),
    local("Ferry finds its lost anchor", "It was under the ferry."),
    culture("The library reads aloud on Thursdays", "Chapter one drew eleven people and a dog."),
    local("Harbour office paints its door green", "The vote was close, and the paint was old."),
    science("Students map the bay’s quietest places", "The quietest is behind the fish hall, on Sundays."),
    food("Bread without a kitchen", "A pot, a beach and six hours."),
    local("Post arrives by bicycle again", "The van has been sold to the theatre."),
    culture("Forty portraits of one cat", "She attended the opening, and left early."),
    local("Footbridge closes for a week", "Otters have moved in, and have asked for nothing."),
    science("A meteor, three witnesses, four directions", "We drew all of them on one map."),
    food("Apples that keep until May", "Wrap them in last week’s paper."),
    local("Night watchman retires after 41 years", "He saw two burglars, and knew both."),
    culture("Amateur opera needs a bass", "Any bass."),
    local("The clock tower gets a handrail", "The gull has been informed."),
    science("Seaweed, weighed", "There is more of it, and we can now say how much."),
    food("Coffee at the end of the pier", "The kiosk opens at five, for those who must."),
    local("Town hall stairs turn out to be 99", "The plaque says 100, and will stay."),
    culture("Puppets for grown-ups", "Nobody died, which surprised the critics."),
    local("Bakers and ferrymen tie at tug of war", "The rope is to be measured."),
    science("The old well is deeper than the map", "A stone, a stopwatch and some arithmetic."),
    food("What the lifeboat crew eats", "Dumplings, at any hour."),
    local("Third bench for the lookout", "It faces the other two."),
    culture("A choir that only hums", "Its director lost the words in June."),
    local("Chess club beats the chess club", "Half of it had travelled to Eastholm by mistake."),
    science("Bats prefer the new lamps off", "So does the lamplighter."),
    food("Pickled walnuts, reconsidered", "They were never the problem."),
    local("Road sign points the right way", "It had been wrong since the regatta."),
    culture("The harbour in 300 postcards", "Most say that the weather is improving."),
    local("Fire engine passes its test", "The second attempt took four minutes."),
    science("How far a whistle carries", "To the second buoy, and to the mayor."),
    food("Pancakes, thin", "The batter rests longer than the cook."),
    local("New ropes for the school swing", "The old ones went to the sailing club."),
    culture("Theatre opens in a former van", "It seats nine, or seven and a dog."),
    local("Eastholm returns the borrowed piano", "It has been tuned, and sulks."),
    science("A year of puddles, photographed", "Number 212 froze first."),
    food("One lemon, a week", "Seven dinners and a clean kettle."),
    local("Harbour master learns to knit", "The bollards will be warm by March."),
    culture("The poet of the parking tickets", "Each has four lines and a fine."),
    local("Lost glove festival finds a pair", "Its owners have never met."),
    science("Rain gauge overflows politely", "A saucer had been put under it."),
    food("Toast as a main course", "With something on it, and a napkin."),
    local("Swimming club counts itself", "There are 31 of them, one more than allowed."),
    culture("A map you can hear", "The ferry is a cello."),
    local("Allotments vote on slugs", "The slugs abstained."),
    science("The lighthouse logs its thousandth guest", "She came in out of the rain."),
    food("Marmalade weather", "It sets when the wind turns east."),
    local("Two mayors for an afternoon", "A clerk, a calendar and a good lunch."),
];
