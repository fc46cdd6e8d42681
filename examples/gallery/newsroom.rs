//! A running Daily with the newsletters, stories, issues and readers of one publisher.

use super::publishers::Publisher;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use daily::{
    actions::{
        issue::{
            edit_issue::edit_issue,
            send_issue::{begin_issue, send_issue},
        },
        newsletter::set_newsletter::set_newsletter,
    },
    app::App,
    clock::Clock,
    db::{
        DatabaseUrl, DbError,
        content::articles::{self, FoundPicture, Origin},
        issues::IssueWords,
        newsletters::{self, NewsletterRecord},
    },
    domain::{
        actor::Actor,
        brand::SocialLinks,
        content::article::FoundArticle,
        delivery::relay::RelayUrl,
        ids::OperatorId,
        issue::{days::Days, schedule::date_at, sections::SectionOrder},
        newsletter::{Newsletter, parse_send_time},
        signup::form_token::form_token,
        theme::{Colour, Fonts},
        token::Purpose,
    },
    queue,
    service::run::{Role, run},
    settings::{Relay, Settings},
};
use email_templates::digest::Story;
use gallery::Error;
use jiff::Timestamp;
use mail_parser::MessageParser;
use std::{net::SocketAddr, path::PathBuf, time::Duration};
use tokio::net::{TcpListener, UdpSocket};
use tokio_util::sync::{CancellationToken, DropGuard};

/// The public address of the pages. Requests go to this machine.
pub const PUBLIC_URL: &str = "https://news.courier.example";
/// The short name of the first newsletter.
pub const NEWSLETTER: &str = "daily";
/// The dates of the issues, each at five in the morning. The last one is the latest issue.
const DATES: [&str; 4] = ["2026-10-30", "2026-11-26", "2026-11-27", "2026-11-30"];
const OPERATOR: Actor = Actor::Operator { id: OperatorId(1) };
/// Pause between two looks at the queue.
const QUEUE_PAUSE: Duration = Duration::from_millis(10);
/// Longest wait for the queue.
const QUEUE_LIMIT: Duration = Duration::from_mins(2);

/// A running Daily. It ends when this is dropped.
pub struct Newsroom {
    app: App,
    clock: Clock,
    address: SocketAddr,
    client: reqwest::Client,
    folder: tempfile::TempDir,
    _stop: DropGuard,
}

impl Newsroom {
    /// Starts Daily with a newsletter of this publisher.
    pub async fn open(publisher: &Publisher, change: impl FnOnce(&mut Settings)) -> Result<Self, Error> {
        let folder = tempfile::tempdir()?;
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let address = listener.local_addr()?;
        let mut settings = Settings::defaults()?;
        settings.database.url = DatabaseUrl::Sqlite(folder.path().join("daily.db"));
        settings.data.folder = folder.path().to_owned();
        settings.http.listen = address;
        settings.http.public_url = PUBLIC_URL.into();
        settings.relays = vec![Relay::new(RelayUrl::Mailbox(folder.path().join("mailbox")))];
        // All readers are one client, at a time that stands still.
        settings.http.trusted_proxies = vec!["127.0.0.1/32".parse()?];
        settings.signup.client_per_hour = 0;
        settings.signup.minimum_seconds = 0;
        settings.signup.check_mx = false;
        // No site of these stories exists.
        settings.feeds.look_at_pages = false;
        settings.schedule.recheck_seconds = 0;
        settings.schedule.require_ready = false;
        change(&mut settings);
        let clock = Clock::fixed(morning_of(DATES[0])?);
        let app = App::start(settings, clock.clone()).await?;
        let stop = CancellationToken::new();
        tokio::spawn(run(app.clone(), Role::Worker, None, stop.clone()));
        tokio::spawn(run(app.clone(), Role::Web, Some(listener), stop.clone()));
        let headers = HeaderMap::from_iter([(
            HeaderName::from_static("x-forwarded-for"),
            HeaderValue::from_static("192.0.2.1"),
        )]);
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .default_headers(headers)
            .build()?;
        let newsroom = Self { app, clock, address, client, folder, _stop: stop.drop_guard() };
        let id = newsroom.newsletter().await?.id;
        set_newsletter(&newsroom.app.actions, &OPERATOR, id, |it| {
            brand(publisher, it);
            Ok::<_, DbError>(())
        })
        .await?;
        Ok(newsroom)
    }

    async fn newsletter(&self) -> Result<NewsletterRecord, Error> {
        let mut tx = self.app.db.read().await?;
        newsletters::get_by_slug(&mut tx, NEWSLETTER).await?.ok_or_else(|| "there is no newsletter".into())
    }

    /// Adds a second newsletter.
    pub async fn add_newsletter(&self, slug: &str, title: &str) -> Result<(), Error> {
        let newsletter = Newsletter {
            slug: slug.to_owned(),
            title: title.to_owned(),
            tagline: String::new(),
            days: Days::parse("sun")?,
            ..self.newsletter().await?.newsletter
        };
        let mut tx = self.app.db.begin().await?;
        newsletters::insert_if_new(&mut tx, &newsletter, self.clock.now()).await?;
        Ok(tx.commit().await?)
    }

    /// Sends all issues of a publisher, and returns the date of the latest.
    pub async fn send_issues(&self, publisher: &Publisher) -> Result<&'static str, Error> {
        let [before @ .., latest] = DATES;
        for (date, title) in before.into_iter().zip(publisher.older) {
            self.clock.set(morning_of(date)?);
            let dek = publisher.stories.last().and_then(|story| story.dek);
            let picture = publisher.stories.get(1).and_then(|story| story.picture);
            self.add_story(&Story { title, dek, picture, ..Story::default() }, date).await?;
            self.send_issue("").await?;
        }
        self.clock.set(morning_of(latest)?);
        // Of stories that are equally new, the last one added leads.
        for (number, story) in publisher.stories.iter().enumerate().rev() {
            self.add_story(story, &format!("{latest}-{number}")).await?;
        }
        self.send_issue(publisher.note).await?;
        Ok(latest)
    }

    async fn add_story(&self, story: &Story<'_>, path: &str) -> Result<(), Error> {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let picture = story.picture.as_ref();
        let found = FoundArticle {
            url: Some(format!("https://www.courier.example/{path}").parse()?),
            dek: owned(story.dek),
            section: owned(story.section),
            author: owned(story.author),
            image_url: picture.map(|it| it.url.parse()).transpose()?,
            image_alt: picture.and_then(|it| owned(it.alt)),
            ..FoundArticle::titled(story.title)
        };
        let now = self.clock.now();
        let mut tx = self.app.db.begin().await?;
        let stored = articles::store(&mut tx, &found, Origin::Operator, now).await?;
        let id = stored.ok_or("a story has no address")?.id();
        if let Some((url, picture)) = found.image_url.zip(picture) {
            let (width, height) = picture.size.unwrap_or((600, 338));
            let size = Ok((width.into(), height.into()));
            articles::set_picture(&mut tx, id, &FoundPicture { url, alt: found.image_alt, size }, now)
                .await?;
        }
        Ok(tx.commit().await?)
    }

    async fn send_issue(&self, note: &str) -> Result<(), Error> {
        let newsletter = self.newsletter().await?;
        let today = date_at(&newsletter.newsletter, self.clock.now());
        if !note.is_empty() {
            let issue = begin_issue(&self.app.actions, &OPERATOR, &newsletter, today).await?;
            let words = IssueWords { note: Some(note.to_owned()), ..IssueWords::default() };
            edit_issue(&self.app.actions, &OPERATOR, issue.id, &words, &[]).await?;
        }
        send_issue(&self.app.actions, &OPERATOR, &newsletter, today).await?;
        self.settle().await
    }

    /// Waits until no job is left in the queue. A job that has failed would wait forever for its next attempt,
    /// because the time stands still.
    pub async fn settle(&self) -> Result<(), Error> {
        let emptied = async {
            while queue::depth(&self.app.db).await? > 0 {
                tokio::time::sleep(QUEUE_PAUSE).await;
            }
            Ok(())
        };
        let too_late = || Err("jobs are left in the queue; run this again with RUST_LOG=daily=debug".into());
        tokio::time::timeout(QUEUE_LIMIT, emptied).await.unwrap_or_else(|_| too_late())
    }

    /// Sets the clock forward.
    pub fn advance_days(&self, days: i64) {
        self.clock.advance(jiff::SignedDuration::from_hours(24 * days));
    }

    /// Opens a page, given as a path or as a link in an email.
    pub async fn open_page(&self, place: &str) -> Result<String, Error> {
        Ok(self.client.get(self.at(place)).send().await?.text().await?)
    }

    /// Submits a form.
    pub async fn submit(&self, place: &str, fields: &[(&str, &str)]) -> Result<String, Error> {
        let request = self.client.post(self.at(place));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let page = request.body(serde_urlencoded::to_string(fields)?).send().await?.text().await?;
        self.settle().await?;
        Ok(page)
    }

    /// Posts JSON, and returns the status and the answer.
    pub async fn submit_json(&self, place: &str, body: &serde_json::Value) -> Result<(u16, String), Error> {
        let request = self.client.post(self.at(place)).header("content-type", "application/json");
        let answer = request.body(body.to_string()).send().await?;
        Ok((answer.status().as_u16(), answer.text().await?))
    }

    /// Returns the token in the links of test emails.
    pub fn test_token(&self) -> String {
        self.app.signup.keys.sign(Purpose::Test, 1)
    }

    /// Returns the token of a form that is shown now.
    pub fn form_token(&self) -> String {
        form_token(&self.app.signup.keys, self.clock.now())
    }

    /// Closes the database. Every page that needs it fails from now on.
    pub async fn lose_database(&self) {
        self.app.db.close().await;
    }

    fn at(&self, place: &str) -> String {
        format!("http://{}{}", self.address, place.strip_prefix(PUBLIC_URL).unwrap_or(place))
    }

    /// Returns the latest link whose path begins like this, in the emails to an address.
    pub fn link(&self, address: &str, path: &str) -> Result<String, Error> {
        let mut files: Vec<PathBuf> = std::fs::read_dir(self.folder.path().join("mailbox"))?
            .map(|entry| entry.map(|it| it.path()))
            .collect::<Result<_, _>>()?;
        files.sort();
        for file in files.into_iter().rev().filter(|file| file.extension().is_some_and(|it| it == "eml")) {
            let bytes = std::fs::read(&file)?;
            let message = MessageParser::default().parse(&bytes).ok_or("an email can't be read")?;
            let to = message.to().and_then(|to| to.first()).and_then(|to| to.address());
            let text = message.body_text(0).unwrap_or_default();
            let begins = format!("{PUBLIC_URL}{path}");
            let link = text.split_whitespace().find(|word| word.starts_with(&begins));
            if let Some(link) = link.filter(|_| to == Some(address)) {
                return Ok(link.to_owned());
            }
        }
        Err(format!("{address} got no link to {path}").into())
    }
}

/// Starts a name server that knows no domain, and returns its address.
pub async fn empty_name_server() -> Result<SocketAddr, Error> {
    let socket = UdpSocket::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let address = socket.local_addr()?;
    tokio::spawn(async move {
        let mut packet = [0; 1500];
        while let Ok((length, client)) = socket.recv_from(&mut packet).await {
            // The question itself, marked as a response: recursion is available, the name does not exist (RFC 1035).
            packet[2] |= 0x80;
            packet[3] = 0x83;
            let _gone = socket.send_to(&packet[..length], client).await;
        }
    });
    Ok(address)
}

fn morning_of(date: &str) -> Result<Timestamp, Error> {
    Ok(format!("{date}T05:00:00Z").parse()?)
}

/// Gives a newsletter the publisher's name, links, colours and rhythm.
fn brand(publisher: &Publisher, it: &mut Newsletter) {
    let masthead = &publisher.masthead;
    let url = |text: &str| text.parse().ok();
    it.title = masthead.title.into();
    it.tagline = masthead.tagline.into();
    it.sender_name = masthead.title.into();
    it.postal_address = masthead.postal_address.replace('\n', ", ");
    it.language = masthead.language.into();
    it.theme.accent = masthead.theme.accent.map(Colour);
    it.theme.logo_url = masthead.theme.logo_url.and_then(url);
    it.theme.fonts = match masthead.theme.fonts {
        email_templates::Fonts::Serif => Fonts::Serif,
        email_templates::Fonts::Sans => Fonts::Sans,
    };
    it.brand.site_url = masthead.brand.site_url.and_then(url);
    it.brand.privacy_url = masthead.brand.privacy_url.and_then(url);
    it.brand.footer = Some(masthead.brand.footer.to_owned()).filter(|line| !line.is_empty());
    let social: Vec<String> =
        masthead.brand.social.iter().map(|it| format!("{}={}", it.name, it.url)).collect();
    it.brand.social = SocialLinks::parse(&social.join(",")).unwrap_or_default();
    it.sections = SectionOrder::parse(publisher.sections).unwrap_or_default();
    it.days = Days::WEEKDAYS;
    it.send_time = parse_send_time("06:30").unwrap_or(it.send_time);
}
