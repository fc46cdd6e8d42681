use email_templates::confirmation::{self, Confirmation, PromisedNewsletter};
use email_templates::digest::{Digest, Picture, Story, render};
use email_templates::{Email, Masthead};

use crate::fixtures::{BRAND, PROMISE, STORIES, digest, masthead, values_of};
use email_templates::{Brand, SocialLink};

fn of_story(story: Story<'_>) -> Email {
    render(&Digest { stories: &[story, story], ..digest(STORIES) })
}

#[test]
fn a_hostile_title_is_escaped_in_html() {
    let title = "<script>alert('1')</script> & \"more\"";
    let email =
        of_story(Story { title, dek: Some(title), author: Some(title), section: Some(title), ..STORIES[0] });
    assert!(!email.html.contains("<script"));
    assert!(email.html.contains("&lt;script&gt;alert('1')&lt;/script&gt; &amp; &quot;more&quot;"));
    assert!(email.text.contains(title), "text is text: nothing is escaped there");
    assert_eq!(email.subject, title);
}

#[test]
fn a_hostile_image_description_stays_in_its_attribute() {
    let email = of_story(Story {
        picture: STORIES[0].picture.map(|it| Picture { alt: Some("\" onerror=\"alert(1)"), ..it }),
        ..STORIES[0]
    });
    assert!(email.html.contains("alt=\"&quot; onerror=&quot;alert(1)\""));
}

#[test]
fn a_title_with_line_breaks_stays_on_one_line() {
    let email = of_story(Story { title: "Breaking\r\nBcc: everybody@example.org", ..STORIES[0] });
    assert_eq!(email.subject, "Breaking Bcc: everybody@example.org");
    assert!(email.text.contains("1. Breaking Bcc: everybody@example.org\n"));
}

#[test]
fn javascript_urls_never_become_links() {
    for url in
        ["javascript:alert(1)", "JaVaScRiPt://example.org/%0aalert(1)", "data:text/html,hi", "//example.org"]
    {
        let email =
            of_story(Story { url, picture: Some(Picture { url, ..Picture::default() }), ..STORIES[0] });
        for attribute in ["href", "src"] {
            assert!(!values_of(&email.html, attribute).contains(&url), "{url} is in a {attribute}");
        }
        assert!(email.html.contains(STORIES[0].title), "the story itself is told all the same");
        assert!(!email.text.contains(url));
    }
}

#[test]
fn a_site_url_that_is_no_web_address_is_not_linked() {
    let bad = Some("javascript:alert(1)");
    let social = [SocialLink { name: "Bad", url: "javascript:alert(1)" }];
    let brand = Brand { site_url: bad, privacy_url: bad, social: &social, ..BRAND };
    let masthead = Masthead { sign_up_url: "javascript:alert(1)", brand, ..masthead() };
    let digest = render(&Digest { masthead, ..digest(STORIES) });
    let confirmation = confirmation::render(&Confirmation {
        masthead,
        confirm_url: "https://daily.example/confirm/x",
        expires_in_days: 7,
        address: "reader@mail.example",
        newsletters: &[PromisedNewsletter { title: masthead.title, promise: PROMISE }],
    });
    for email in [digest, confirmation] {
        assert!(!email.html.contains("javascript:") && !email.text.contains("javascript:"));
    }
}

#[test]
fn nothing_is_loaded_but_the_stories_own_pictures() {
    let html = render(&digest(STORIES)).html;
    let pictures: Vec<&str> = STORIES.iter().filter_map(|story| Some(story.picture?.url)).collect();
    assert_eq!(values_of(&html, "src"), pictures);
    for loader in ["<script", "<link", "<iframe", "@import", "@font-face", "url("] {
        assert!(!html.contains(loader), "{loader} loads something from elsewhere");
    }
}
