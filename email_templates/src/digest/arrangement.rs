//! Decides how each story of an issue is shown: as the lead, in a pair of columns, in a row, or in brief. The
//! email and the page ask here, so they tell the same stories in the same order, under the same headings.
//!
//! The order is that of the issue. Prominence falls from top to bottom, and pictures decide the form:
//!
//! - The first story leads, above all headings.
//! - The second and third story stand side by side if both have a picture that is fit for it. Otherwise they
//!   are rows with a larger headline.
//! - Four rows follow.
//! - The rest is in brief: a headline and a sentence. A single story left over becomes a row.
//!
//! In an issue with sections, each section has rows and then stories in brief, and the first one may begin
//! with the pair.

/// Rows after the second tier, and in a section.
const ROWS_MAX: usize = 4;
/// Longest dek of a story in brief, in characters.
pub const BRIEF_DEK_CHARS: usize = 120;
/// Stories of the second tier.
const SECOND_TIER: usize = 2;

/// Where a section begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SectionStart<'v> {
    /// Index of its first story.
    pub at: usize,
    /// `None`: stories without a section of their own, in brief.
    pub heading: Option<&'v str>,
}

/// An issue's stories, with the lead apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrangement<'v, S> {
    /// The first story.
    pub lead: Option<&'v S>,
    /// The other stories in order. No group is empty.
    pub groups: Vec<Group<'v, S>>,
}

/// Stories below one heading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group<'v, S> {
    /// The section that begins here. `None` for stories before the first section.
    pub start: Option<SectionStart<'v>>,
    pub stories: &'v [S],
}

/// A part of an issue below the lead.
#[derive(Debug, PartialEq, Eq)]
pub enum Block<'v, S> {
    Heading(Heading<'v>),
    Pair([&'v S; 2]),
    Row { story: &'v S, size: Size },
    Brief(&'v [S]),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heading<'v> {
    Section(&'v str),
    /// Above the rows that follow a pair.
    More,
    Brief,
}

/// The size of a row's headline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    Large,
    Regular,
}

impl<'v, S> Arrangement<'v, S> {
    /// Groups the stories by the sections, which are in order. Those before the first section have no heading.
    pub fn new(stories: &'v [S], sections: &[SectionStart<'v>]) -> Self {
        let first = sections.first().map_or(stories.len(), |section| section.at);
        let ends = sections.iter().skip(1).map(|section| section.at).chain([stories.len()]);
        let part = |from: usize, to: usize| stories.get(from.max(1)..to).unwrap_or_default();
        let groups = sections
            .iter()
            .zip(ends)
            .map(|(start, end)| Group { start: Some(*start), stories: part(start.at, end) });
        let groups = [Group { start: None, stories: part(0, first) }].into_iter().chain(groups);
        Self { lead: stories.first(), groups: groups.filter(|group| !group.stories.is_empty()).collect() }
    }

    /// Returns the parts below the lead. `has_card` says whether a story's picture is fit for a pair.
    pub fn blocks(&self, has_card: impl Fn(&S) -> bool) -> Vec<Block<'v, S>> {
        let mut blocks = Vec::new();
        for (index, group) in self.groups.iter().enumerate() {
            group.arrange(index == 0, &has_card, &mut blocks);
        }
        blocks
    }
}

impl<'v, S> Group<'v, S> {
    fn arrange(&self, is_first: bool, has_card: &impl Fn(&S) -> bool, blocks: &mut Vec<Block<'v, S>>) {
        let heading = match self.start {
            Some(SectionStart { heading: None, .. }) => {
                blocks.extend([Block::Heading(Heading::Brief), Block::Brief(self.stories)]);
                return;
            }
            Some(SectionStart { heading, .. }) => heading,
            None => None,
        };
        blocks.extend(heading.map(|heading| Block::Heading(Heading::Section(heading))));
        let mut rest = self.stories;
        if is_first {
            if let [one, other, after @ ..] = rest
                && has_card(one)
                && has_card(other)
            {
                blocks.push(Block::Pair([one, other]));
                rest = after;
                if heading.is_none() && !rest.is_empty() {
                    blocks.push(Block::Heading(Heading::More));
                }
            } else {
                let (tier, after) = rest.split_at(rest.len().min(SECOND_TIER));
                blocks.extend(tier.iter().map(|story| Block::Row { story, size: Size::Large }));
                rest = after;
            }
        }
        let rows = if rest.len() == ROWS_MAX + 1 { rest.len() } else { rest.len().min(ROWS_MAX) };
        let (rows, brief) = rest.split_at(rows);
        blocks.extend(rows.iter().map(|story| Block::Row { story, size: Size::Regular }));
        if !brief.is_empty() {
            blocks.extend(heading.is_none().then_some(Block::Heading(Heading::Brief)));
            blocks.push(Block::Brief(brief));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A story's number, and whether it has a picture.
    type Story = (usize, bool);

    /// Arranges stories given as `p` (picture) or `-` (none), numbered from 1, with sections as "Name: p-" and
    /// "In brief" as "*: p-".
    fn outcome(groups: &[&str]) -> String {
        let (mut stories, mut sections) = (Vec::new(), Vec::new());
        for group in groups {
            let (heading, marks) =
                group.split_once(": ").map_or((None, *group), |(name, it)| (Some(name), it));
            let at = stories.len();
            sections.extend(heading.map(|it| SectionStart { at, heading: Some(it).filter(|it| *it != "*") }));
            stories.extend(marks.chars().zip(at + 1..).map(|(mark, number)| (number, mark == 'p')));
        }
        let arrangement = Arrangement::<Story>::new(&stories, &sections);
        let lead = arrangement.lead.map(|(number, _)| format!("({number})"));
        let names =
            arrangement.blocks(|(_, has_picture)| *has_picture).into_iter().map(|block| match block {
                Block::Heading(Heading::Section(name)) => format!("[{name}]"),
                Block::Heading(Heading::More) => "[more]".to_owned(),
                Block::Heading(Heading::Brief) => "[brief]".to_owned(),
                Block::Pair([(one, _), (other, _)]) => format!("{one}+{other}"),
                Block::Row { story: (number, _), size: Size::Large } => format!("{number}!"),
                Block::Row { story: (number, _), size: Size::Regular } => number.to_string(),
                Block::Brief(stories) => {
                    stories.iter().map(|(number, _)| number.to_string()).collect::<Vec<_>>().join(",")
                }
            });
        lead.into_iter().chain(names).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn pictures_and_numbers_decide() {
        assert_eq!(outcome(&[]), "");
        assert_eq!(outcome(&["-"]), "(1)");
        assert_eq!(outcome(&["-p"]), "(1) 2!");
        assert_eq!(outcome(&["-pp"]), "(1) 2+3");
        assert_eq!(outcome(&["-p-"]), "(1) 2! 3!");
        assert_eq!(outcome(&["-pp-p"]), "(1) 2+3 [more] 4 5");
        assert_eq!(outcome(&["-----"]), "(1) 2! 3! 4 5");
        assert_eq!(outcome(&["pppppppp"]), "(1) 2+3 [more] 4 5 6 7 8", "a single one is no list");
        assert_eq!(outcome(&["ppppppppp"]), "(1) 2+3 [more] 4 5 6 7 [brief] 8,9");
        assert_eq!(outcome(&["------------"]), "(1) 2! 3! 4 5 6 7 [brief] 8,9,10,11,12");
    }

    #[test]
    fn sections_keep_their_headings_whatever_they_hold() {
        assert_eq!(
            outcome(&["-", "Local: pp-", "Food: p", "More: pp"]),
            "(1) [Local] 2+3 4 [Food] 5 [More] 6 7"
        );
        assert_eq!(outcome(&["-", "Local: -", "Food: pppppp"]), "(1) [Local] 2! [Food] 3 4 5 6 7,8");
        assert_eq!(outcome(&["-pp", "Food: pp"]), "(1) 2+3 [Food] 4 5");
        assert_eq!(outcome(&["Local: ppp", "*: p-"]), "(1) [Local] 2+3 [brief] 4,5");
        assert_eq!(outcome(&["Local: p", "Food: p"]), "(1) [Food] 2!", "the lead stands above all headings");
        assert_eq!(outcome(&["*: pp"]), "(1) [brief] 2");
    }
}
