//! The pages of the paper: front page, articles, and the signup box at an article's end.

use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::json;

use super::stories::{STORIES, Story};
use super::{NAME, Site, TAGLINE, article_path, image_path};

/// Renders the front page, with the newest story on top.
pub(super) fn front(site: &Site) -> Markup {
    let head = html! {
        title { (NAME) }
        meta name="description" content=(TAGLINE);
        link rel="canonical" href=(site.url("/"));
        meta property="og:type" content="website";
        meta property="og:title" content=(NAME);
        meta property="og:description" content=(TAGLINE);
        meta property="og:url" content=(site.url("/"));
    };
    let main = html! {
        h1.hidden { "Today’s stories" }
        @if let Some((lead, others)) = STORIES.split_first() {
            article.lead {
                a.picture href=(article_path(lead)) tabindex="-1" aria-hidden="true" { (picture(lead, false)) }
                div {
                    (teaser(site, lead))
                }
            }
            div.grid {
                @for story in others {
                    article {
                        a.picture href=(article_path(story)) tabindex="-1" aria-hidden="true" { (picture(story, true)) }
                        (teaser(site, story))
                    }
                }
            }
        }
    };
    layout(site, head, main)
}

/// Renders an article with metadata for search engines and feed readers, and with the signup box.
pub(super) fn article(site: &Site, story: &Story) -> Markup {
    let published = site.published(story);
    let head = html! {
        title { (story.title) " | " (NAME) }
        meta name="description" content=(story.dek);
        meta name="author" content=(story.author);
        link rel="canonical" href=(site.article_url(story));
        meta property="og:type" content="article";
        meta property="og:site_name" content=(NAME);
        meta property="og:title" content=(story.title);
        meta property="og:description" content=(story.dek);
        meta property="og:url" content=(site.article_url(story));
        meta property="og:image" content=(site.image_url(story));
        meta property="og:image:width" content="1200";
        meta property="og:image:height" content="630";
        meta property="og:image:alt" content=(story.image_alt);
        meta property="article:published_time" content=(published);
        meta property="article:author" content=(story.author);
        meta property="article:section" content=(story.section);
        meta name="twitter:card" content="summary_large_image";
        script type="application/ld+json" { (PreEscaped(json_ld(site, story))) }
    };
    let main = html! {
        article.story {
            header {
                p.section { (story.section) }
                h1 { (story.title) }
                p.dek { (story.dek) }
                p.byline { "By " (story.author) ", " (time(published)) }
            }
            (picture(story, false))
            div.text { @for paragraph in story.paragraphs { p { (paragraph) } } }
        }
        (signup_box(site, story))
        nav.more aria-labelledby="more" {
            h2 #more { "More from the Courier" }
            ul {
                @for other in STORIES.iter().filter(|other| other.slug != story.slug).take(3) {
                    li { span.section { (other.section) } " " a href=(article_path(other)) { (other.title) } }
                }
            }
        }
    };
    layout(site, head, main)
}

/// Renders the page for unknown URLs.
pub(super) fn not_found(site: &Site) -> Markup {
    let head = html! { title { "Page not found | " (NAME) } };
    let main = html! {
        article.story {
            h1 { "This page isn’t in today’s paper" }
            p { "Perhaps it moved with the tide. " a href="/" { "Read today’s stories" } "." }
        }
    };
    layout(site, head, main)
}

/// Renders a plain form that works without its script. The script shows the answer inside the page.
fn signup_box(site: &Site, story: &Story) -> Markup {
    html! {
        div.signup {
            form data-daily method="post" action=(site.subscribe_url()) {
                input type="hidden" name="source" value=(site.article_url(story));
                label for="email" { "Email address" }
                input #email type="email" name="email" autocomplete="email" required maxlength="254";
                button type="submit" { "Sign up" }
            }
            script src=(site.signup_script_url()) async {}
        }
    }
}

fn teaser(site: &Site, story: &Story) -> Markup {
    html! {
        p.section { (story.section) }
        h2 { a href=(article_path(story)) { (story.title) } }
        p { (story.dek) }
        p.byline { "By " (story.author) ", " (time(site.published(story))) }
    }
}

/// Renders a story's picture. In a teaser, its link repeats the headline's and is hidden from screen readers.
fn picture(story: &Story, below_the_fold: bool) -> Markup {
    html! {
        img src=(image_path(story)) alt=(story.image_alt) width="1200" height="630"
            loading=[below_the_fold.then_some("lazy")];
    }
}

fn time(at: Timestamp) -> Markup {
    html! { time datetime=(at) { (at.strftime("%-d %B, %H:%M UTC")) } }
}

/// Returns the article as schema.org data. `<` is escaped, so no text can close the surrounding element.
fn json_ld(site: &Site, story: &Story) -> String {
    let published = site.published(story).to_string();
    json!({
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "headline": story.title,
        "description": story.dek,
        "image": [site.image_url(story)],
        "datePublished": published,
        "dateModified": published,
        "articleSection": story.section,
        "inLanguage": "en",
        "author": [{ "@type": "Person", "name": story.author }],
        "publisher": { "@type": "Organization", "name": NAME, "url": site.url("/") },
        "mainEntityOfPage": site.article_url(story),
    })
    .to_string()
    .replace('<', "\\u003c")
}

fn layout(site: &Site, head: Markup, main: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                link rel="stylesheet" href="/style.css";
                link rel="alternate" type="application/rss+xml" title=(NAME) href="/feed.xml";
                link rel="icon" href="data:,";
                (head)
            }
            body {
                a.skip href="#main" { "Skip to the stories" }
                header.top {
                    p.name { a href="/" { (NAME) } }
                    p.line { span { (site.now.strftime("%A, %-d %B %Y")) } span { (TAGLINE) } }
                }
                main #main { (main) }
                footer.bottom {
                    p { (NAME) " is an invented paper. It comes with Daily’s demo, and none of it happened." }
                    p { a href="/feed.xml" { "RSS feed" } }
                }
            }
        }
    }
}
