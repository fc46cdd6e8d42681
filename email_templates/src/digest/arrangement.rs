//! Decides how each story after the lead is shown: in a pair of columns, in a row, or in brief.
//!
//! The order is that of the issue. Prominence falls from top to bottom, and pictures decide the form:
//!
//! - The second and third story stand side by side if both have a picture that is fit for it. Otherwise they
//!   are rows with a larger headline.
//! - Four rows follow.
//! - The rest is in brief: a headline and a sentence. A single story left over becomes a row.
//!
//! In an issue with sections, each section has rows and then stories in brief, and the first one may begin
//! with the pair.

use super::story_view::{Group, Issue, StoryView};

/// Rows after the second tier, and in a section.
const ROWS_MAX: usize = 4;
/// Stories of the second tier.
const SECOND_TIER: usize = 2;

/// A part of the issue below the lead.
#[derive(Debug)]
pub(super) enum Block<'v> {
    Heading(Heading<'v>),
    Pair([&'v StoryView; 2]),
    Row { story: &'v StoryView, size: Size },
    Brief(&'v [StoryView]),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heading<'v> {
    Section(&'v str),
    /// Above the rows that follow a pair.
    More,
    Brief,
}

/// The size of a row's headline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Size {
    Large,
    Regular,
}

/// Arranges the stories after the lead.
pub(super) fn arrange(issue: &Issue) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    for (index, group) in issue.groups.iter().enumerate() {
        arrange_group(group, index == 0, &mut blocks);
    }
    blocks
}

fn arrange_group<'v>(group: &'v Group, is_first: bool, blocks: &mut Vec<Block<'v>>) {
    if group.is_brief {
        blocks.extend([Block::Heading(Heading::Brief), Block::Brief(&group.stories)]);
        return;
    }
    let heading = group.heading.as_deref();
    blocks.extend(heading.map(|heading| Block::Heading(Heading::Section(heading))));
    let mut rest = group.stories.as_slice();
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

fn has_card(story: &StoryView) -> bool {
    story.picture.as_ref().is_some_and(|picture| picture.card.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::{File, PictureView};

    fn story(number: usize, has_picture: bool) -> StoryView {
        let file = File { url: "https://a.example/x.png".into(), size: Some((600, 338)) };
        let picture = PictureView {
            alt: String::new(),
            lead: None,
            card: Some(file.clone()),
            thumbnail: Some(file.clone()),
            largest: file,
        };
        StoryView {
            number,
            title: String::new(),
            section: None,
            site: None,
            dek: None,
            author: None,
            date: None,
            url: None,
            picture: has_picture.then_some(picture),
        }
    }

    /// Arranges stories given as `p` (picture) or `-` (none), numbered from 2, with sections as "Name: p-".
    fn outcome(groups: &[&str]) -> String {
        let mut number = 1;
        let groups = groups.iter().map(|group| {
            let (heading, stories) =
                group.split_once(": ").map_or((None, *group), |(name, it)| (Some(name), it));
            let stories = stories.chars().map(|c| {
                number += 1;
                story(number, c == 'p')
            });
            Group { heading: heading.map(str::to_owned), is_brief: false, stories: stories.collect() }
        });
        let issue = Issue { lead: None, groups: groups.collect(), reading_minutes: 1 };
        let names = arrange(&issue).into_iter().map(|block| match block {
            Block::Heading(Heading::Section(name)) => format!("[{name}]"),
            Block::Heading(Heading::More) => "[more]".to_owned(),
            Block::Heading(Heading::Brief) => "[brief]".to_owned(),
            Block::Pair([one, other]) => format!("{}+{}", one.number, other.number),
            Block::Row { story, size: Size::Large } => format!("{}!", story.number),
            Block::Row { story, size: Size::Regular } => story.number.to_string(),
            Block::Brief(stories) => {
                stories.iter().map(|story| story.number.to_string()).collect::<Vec<_>>().join(",")
            }
        });
        names.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn pictures_and_numbers_decide() {
        assert_eq!(outcome(&[]), "");
        assert_eq!(outcome(&["p"]), "2!");
        assert_eq!(outcome(&["pp"]), "2+3");
        assert_eq!(outcome(&["p-"]), "2! 3!");
        assert_eq!(outcome(&["pp-p"]), "2+3 [more] 4 5");
        assert_eq!(outcome(&["----"]), "2! 3! 4 5");
        assert_eq!(outcome(&["ppppppp"]), "2+3 [more] 4 5 6 7 8", "a single one is no list");
        assert_eq!(outcome(&["pppppppp"]), "2+3 [more] 4 5 6 7 [brief] 8,9");
        assert_eq!(outcome(&["-----------"]), "2! 3! 4 5 6 7 [brief] 8,9,10,11,12");
    }

    #[test]
    fn sections_keep_their_headings_whatever_they_hold() {
        assert_eq!(outcome(&["Local: pp-", "Food: p", "More: pp"]), "[Local] 2+3 4 [Food] 5 [More] 6 7");
        assert_eq!(outcome(&["Local: -", "Food: pppppp"]), "[Local] 2! [Food] 3 4 5 6 7,8");
        assert_eq!(outcome(&["pp", "Food: pp"]), "2+3 [Food] 4 5");
    }
}
