//! The cards of the preferences page.

/// A part of the page with its own button. Pressing it saves this card only. The inputs of other cards stay as
/// typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Card {
    Cadence,
    Sections,
    Clock,
    Newsletters,
    Pause,
    Address,
    Language,
    DataExport,
}

impl Card {
    pub(super) const ALL: [Self; 8] = [
        Self::Cadence,
        Self::Sections,
        Self::Clock,
        Self::Newsletters,
        Self::Pause,
        Self::Address,
        Self::Language,
        Self::DataExport,
    ];

    /// Returns the card's identifier on the page.
    pub(super) const fn id(self) -> &'static str {
        match self {
            Self::Cadence => "how-often",
            Self::Sections => "topics",
            Self::Clock => "delivery-time",
            Self::Newsletters => "newsletters",
            Self::Pause => "break",
            Self::Address => "email",
            Self::Language => "languages",
            Self::DataExport => "data",
        }
    }

    /// Returns the value that its button sends as `do`. Buttons of newsletters send their names instead.
    pub(super) const fn action(self) -> &'static str {
        match self {
            Self::Cadence => "cadence",
            Self::Sections => "sections",
            Self::Clock => "clock",
            Self::Newsletters => "newsletters",
            Self::Pause => "pause",
            Self::Address => "address",
            Self::Language => "language",
            Self::DataExport => "data_export",
        }
    }
}
