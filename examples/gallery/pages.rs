//! Every page of readers in every state: requests to a running Daily, as readers' browsers send them.

use super::{
    newsroom::{NEWSLETTER, Newsroom, empty_name_server},
    publishers::{Publisher, publishers},
    signup_box,
};
use gallery::{Case, Error};

/// Publishers whose pages are shown as contact sheets of stress, too.
const STRESSED: [&str; 2] = ["courier", "hard"];
/// Pages of theirs that are.
const STRESSED_PAGES: [&str; 5] = ["signup", "preferences", "unsubscribe", "archive", "issue"];

/// Returns the cases of all pages, and of the signup box. `only` may spare those of other publishers.
pub async fn cases(only: Option<&str>) -> Result<Vec<Case>, Error> {
    let is_of_emails =
        only.is_some_and(|only| gallery::emails::cases().iter().any(|it| it.name.contains(only)));
    let mut cases = Vec::new();
    for publisher in publishers() {
        let is_of_another = only.is_some_and(|only| {
            let other = publishers().into_iter().find(|it| only.contains(it.name));
            other.is_some_and(|other| other.name != publisher.name)
        });
        if !is_of_another && !is_of_emails {
            cases.extend(Box::pin(Walk::through(&publisher)).await?);
        }
    }
    Ok(cases)
}

/// A walk through the pages of one publisher.
struct Walk<'p> {
    publisher: &'p Publisher,
    newsroom: Newsroom,
    cases: Vec<Case>,
}

impl<'p> Walk<'p> {
    async fn through(publisher: &'p Publisher) -> Result<Vec<Case>, Error> {
        let newsroom = Newsroom::open(publisher, |_| {}).await?;
        let mut walk = Self { publisher, newsroom, cases: Vec::new() };
        if publisher.has_all_pages {
            walk.open("archive-empty", &format!("/issues?newsletter={NEWSLETTER}")).await?;
        }
        // Ann has read for a month.
        walk.reader("ann@example.org").await?;
        let latest = walk.newsroom.send_issues(publisher).await?;
        walk.reading(latest).await?;
        if publisher.has_all_pages {
            walk.signing_up().await?;
            walk.confirming().await?;
            walk.choosing().await?;
            walk.leaving().await?;
            walk.errors().await?;
        } else {
            walk.open("signup", &format!("/?newsletter={NEWSLETTER}")).await?;
            walk.open("preferences", &walk.newsroom.link("ann@example.org", "/preferences/")?).await?;
            walk.open("unsubscribe", &walk.newsroom.link("ann@example.org", "/unsubscribe/")?).await?;
        }
        walk.cases.extend(signup_box::cases(publisher, &walk.newsroom).await?);
        Ok(walk.cases)
    }

    /// Signs up and confirms.
    async fn reader(&self, address: &str) -> Result<(), Error> {
        self.sign_up(address).await?;
        self.newsroom.submit(&self.newsroom.link(address, "/confirm/")?, &[]).await?;
        Ok(())
    }

    async fn sign_up(&self, address: &str) -> Result<String, Error> {
        let language = self.publisher.masthead.language;
        let fields = [("email", address), ("newsletter", NEWSLETTER), ("lang", language)];
        self.newsroom.submit("/subscribe", &fields).await
    }

    async fn open(&mut self, name: &str, place: &str) -> Result<(), Error> {
        let html = self.newsroom.open_page(place).await?;
        self.add(name, &html).await
    }

    async fn submit(&mut self, name: &str, place: &str, fields: &[(&str, &str)]) -> Result<(), Error> {
        let html = self.newsroom.submit(place, fields).await?;
        self.add(name, &html).await
    }

    async fn add(&mut self, name: &str, html: &str) -> Result<(), Error> {
        let group = self.publisher.name;
        let html = self_contained(html, &self.newsroom).await?;
        let case = Case::page(group, format!("{group}-{name}"), html);
        let is_stressed = STRESSED.contains(&group) && STRESSED_PAGES.contains(&name);
        self.cases.push(if is_stressed { case.stressed() } else { case });
        Ok(())
    }

    async fn reading(&mut self, latest: &str) -> Result<(), Error> {
        self.open("issue", &format!("/issues/{latest}?newsletter={NEWSLETTER}")).await?;
        self.open("issue-1", &format!("/issues/2026-11-27?newsletter={NEWSLETTER}")).await?;
        self.open("archive", &format!("/issues?newsletter={NEWSLETTER}")).await
    }

    async fn signing_up(&mut self) -> Result<(), Error> {
        let (page, language) = (format!("/?newsletter={NEWSLETTER}"), self.publisher.masthead.language);
        let fields = |address| [("newsletter", NEWSLETTER), ("lang", language), ("email", address)];
        self.open("signup", &page).await?;
        self.open("frame", &format!("/embed?newsletter={NEWSLETTER}")).await?;
        self.submit("signup-problem", "/subscribe", &fields("eve@localhost")).await?;
        self.submit("signup-typo", "/subscribe", &fields("eve@gmial.com")).await?;
        self.submit("inbox", "/subscribe", &fields("eve@example.org")).await?;
        self.newsroom.add_newsletter("other", self.publisher.other).await?;
        self.open("signup-several", &page).await?;
        self.open("archives", "/issues").await
    }

    async fn confirming(&mut self) -> Result<(), Error> {
        let link = self.newsroom.link("eve@example.org", "/confirm/")?;
        self.open("confirm", &link).await?;
        self.submit("confirmed", &link, &[]).await?;
        self.open("confirm-broken", "/confirm/x").await
    }

    async fn choosing(&mut self) -> Result<(), Error> {
        let ann = self.newsroom.link("ann@example.org", "/preferences/")?;
        self.open("preferences", &ann).await?;
        let weekly = [("do", "cadence"), ("cadence", "weekly")];
        self.submit("preferences-saved", &ann, &weekly).await?;
        self.submit("preferences-problem", &ann, &[("do", "address"), ("address", "ann@")]).await?;
        self.submit("preferences-paused", &ann, &[("do", "pause"), ("until", "2026-12-28")]).await?;
        self.newsroom.submit(&ann, &[("do", "resume")]).await?;
        self.submit("preferences-address", &ann, &[("do", "address"), ("address", "ann@example.net")])
            .await?;
        self.newsroom.submit(&ann, &[("do", "data_export")]).await?;
        self.open("data-export", &self.newsroom.link("ann@example.org", "/data-export/")?).await?;
        let link = self.newsroom.link("ann@example.org", "/address/")?;
        self.open("address", &link).await?;
        self.submit("address-waiting", &link, &[]).await?;
        self.submit("address-changed", &self.newsroom.link("ann@example.net", "/address/")?, &[]).await
    }

    async fn leaving(&mut self) -> Result<(), Error> {
        let preferences = self.newsroom.link("ann@example.org", "/preferences/")?;
        let link = preferences.replace("/preferences/", "/unsubscribe/");
        // Every issue again, so that the page offers a weekly one.
        self.newsroom.submit(&preferences, &[("do", "cadence"), ("cadence", "every_issue")]).await?;
        self.open("unsubscribe", &link).await?;
        self.submit("unsubscribe-weekly", &link, &[("instead", "weekly")]).await?;
        self.submit("unsubscribe-pause", &link, &[("instead", "pause"), ("until", "2026-12-28")]).await?;
        self.submit("unsubscribed", &link, &[]).await?;
        self.submit("unsubscribed-undone", &link, &[("instead", "undo")]).await?;
        self.newsroom.submit(&link, &[]).await?;
        self.submit("unsubscribed-thanks", &link, &[("reason", "too_many")]).await?;
        self.open("preferences-none", &preferences).await
    }

    async fn errors(&mut self) -> Result<(), Error> {
        let language = self.publisher.masthead.language;
        self.open("error-missing", &format!("/nowhere?lang={language}")).await?;
        self.open("error-link", &format!("/unsubscribe/x?lang={language}")).await?;
        self.submit("error-method", &format!("/issues?lang={language}"), &[]).await?;
        self.open("error-query", &format!("/issues?before=x&lang={language}")).await?;
        // A link that is too old.
        self.sign_up("late@example.org").await?;
        self.newsroom.advance_days(30);
        self.open("confirm-expired", &self.newsroom.link("late@example.org", "/confirm/")?).await?;
        self.test_links().await?;
        self.protection().await
    }

    /// The links of a test email, which do nothing.
    async fn test_links(&mut self) -> Result<(), Error> {
        let token = self.newsroom.test_token();
        let language = self.publisher.masthead.language;
        self.open("test-unsubscribe", &format!("/unsubscribe/{token}?lang={language}")).await?;
        self.open("test-preferences", &format!("/preferences/{token}?lang={language}")).await
    }

    /// Answers of a Daily that looks up domains and counts signups, and of one without its database.
    async fn protection(&mut self) -> Result<(), Error> {
        let names = empty_name_server().await?;
        let strict = Newsroom::open(self.publisher, |settings| {
            settings.signup.minimum_seconds = 2;
            settings.signup.check_mx = true;
            settings.signup.dns_server = Some(names);
            settings.signup.client_per_hour = 3;
        })
        .await?;
        let (publisher, language) = (self.publisher, self.publisher.masthead.language);
        let started = strict.form_token();
        let too_soon = [("email", "eve@example.org"), ("lang", language), ("started", &started)];
        self.add("one-moment", &strict.submit("/subscribe", &too_soon).await?).await?;
        let fields = |address| [("email", address), ("lang", language)];
        // Each unknown domain counts as a signup.
        self.add("signup-no-mail", &strict.submit("/subscribe", &fields("eve@lampe.org")).await?).await?;
        for (state, entered) in [("no-mail", "eve@lampe.org"), ("no-mail-meant", "eve@gmial.com")] {
            self.cases.push(signup_box::case(publisher, &strict, state, entered).await?);
        }
        strict.submit("/subscribe", &fields("one@desk.example")).await?;
        self.add("error-too-many", &strict.submit("/subscribe", &fields("two@desk.example")).await?).await?;
        self.cases.push(signup_box::case(publisher, &strict, "too-many", "six@desk.example").await?);
        strict.lose_database().await;
        let html = strict.open_page(&format!("/?lang={language}")).await?;
        self.add("error-unavailable", &html).await
    }
}

/// Puts the style sheets into a page and takes out its scripts, so that it can be opened as a file.
async fn self_contained(html: &str, newsroom: &Newsroom) -> Result<String, Error> {
    const LINK: &str = "<link rel=\"stylesheet\" href=\"";
    let mut out = String::with_capacity(html.len() + 32 * 1024);
    let mut rest = html;
    while let Some((before, link)) = rest.split_once(LINK) {
        let (path, after) = link.split_once("\">").ok_or("a link to a style sheet does not end")?;
        out += before;
        out.extend(["<style>", &newsroom.open_page(path).await?, "</style>"]);
        rest = after;
    }
    out += rest;
    let mut parts = out.split("<script");
    let first = parts.next().unwrap_or_default().to_owned();
    Ok(parts.fold(first, |out, part| out + part.split_once("</script>").map_or("", |(_, after)| after)))
}
