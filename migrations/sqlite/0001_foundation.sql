-- Daily's own tables. Moments are INTEGER microseconds since 1970 (UTC); the same names stand in migrations/postgres.

CREATE TABLE newsletters (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    slug           TEXT    NOT NULL UNIQUE,
    title          TEXT    NOT NULL,
    tagline        TEXT    NOT NULL,
    sender_name    TEXT    NOT NULL,
    sender_address TEXT    NOT NULL,
    time_zone      TEXT    NOT NULL,
    send_time      TEXT    NOT NULL,
    postal_address TEXT    NOT NULL,
    language       TEXT    NOT NULL,
    created_at     INTEGER NOT NULL,
    -- Slots due before this moment are nobody's: set when the newsletter is made and when its time or zone is changed.
    scheduled_since INTEGER NOT NULL
) STRICT;

CREATE TABLE feeds (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    url            TEXT    NOT NULL UNIQUE,
    title          TEXT    NOT NULL,
    site_url       TEXT,
    status         TEXT    NOT NULL CHECK (status IN ('active', 'retired')),
    etag           TEXT,
    last_modified  TEXT,
    next_poll_at   INTEGER NOT NULL,
    polled_at      INTEGER,
    succeeded_at   INTEGER,
    failures       INTEGER NOT NULL DEFAULT 0,
    last_error     TEXT,
    woken_at       INTEGER,
    created_at     INTEGER NOT NULL
) STRICT;
CREATE INDEX feeds_due ON feeds (next_poll_at) WHERE status = 'active';

CREATE TABLE articles (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    url           TEXT    NOT NULL,
    url_key       TEXT    NOT NULL UNIQUE,
    title         TEXT    NOT NULL,
    title_key     TEXT    NOT NULL,
    dek           TEXT,
    author        TEXT,
    section       TEXT,
    site_name     TEXT,
    image_url     TEXT,
    language      TEXT,
    text          TEXT,
    published_at  INTEGER,
    fresh_at      INTEGER,
    first_seen_at INTEGER NOT NULL,
    pinned        INTEGER NOT NULL DEFAULT 0,
    hidden        INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX articles_by_title ON articles (title_key);
CREATE INDEX articles_fresh ON articles (fresh_at);
CREATE INDEX articles_seen ON articles (first_seen_at);
CREATE INDEX articles_pinned ON articles (id) WHERE pinned;

-- Which feeds carry an article: the same story from two feeds is one article with two sources.
CREATE TABLE article_sources (
    article_id INTEGER NOT NULL REFERENCES articles (id) ON DELETE CASCADE,
    feed_id    INTEGER NOT NULL REFERENCES feeds (id) ON DELETE CASCADE,
    guid       TEXT,
    seen_at    INTEGER NOT NULL,
    PRIMARY KEY (article_id, feed_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX article_sources_by_feed ON article_sources (feed_id);

CREATE TABLE subscribers (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    address     TEXT    NOT NULL,
    address_key TEXT    NOT NULL UNIQUE,
    created_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE subscriptions (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    subscriber_id    INTEGER NOT NULL REFERENCES subscribers (id),
    newsletter_id    INTEGER NOT NULL REFERENCES newsletters (id),
    status           TEXT    NOT NULL CHECK (status IN
                         ('pending', 'active', 'paused', 'unsubscribed', 'undeliverable', 'complained')),
    requested_at     INTEGER NOT NULL,
    confirmed_at     INTEGER,
    ended_at         INTEGER,
    signup_mailed_at INTEGER,
    UNIQUE (subscriber_id, newsletter_id)
) STRICT;
CREATE INDEX subscriptions_active ON subscriptions (newsletter_id, id) WHERE status = 'active';

-- The consent ledger: rows are added, never changed or removed.
CREATE TABLE consent_events (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    subscription_id INTEGER NOT NULL REFERENCES subscriptions (id),
    kind            TEXT    NOT NULL CHECK (kind IN ('requested', 'confirmed', 'unsubscribed')),
    occurred_at     INTEGER NOT NULL,
    method          TEXT    NOT NULL,
    client_address  TEXT,
    user_agent      TEXT,
    source_url      TEXT,
    wording         TEXT,
    wording_version INTEGER
) STRICT;
CREATE INDEX consent_events_by_subscription ON consent_events (subscription_id, id);
CREATE TRIGGER consent_events_are_not_changed BEFORE UPDATE ON consent_events
BEGIN SELECT RAISE(ABORT, 'consent_events is append-only'); END;
CREATE TRIGGER consent_events_are_not_removed BEFORE DELETE ON consent_events
BEGIN SELECT RAISE(ABORT, 'consent_events is append-only'); END;

CREATE TABLE confirmations (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    subscription_id INTEGER NOT NULL REFERENCES subscriptions (id),
    created_at      INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    used_at         INTEGER
) STRICT;
CREATE INDEX confirmations_by_subscription ON confirmations (subscription_id);

CREATE TABLE suppressions (
    address_key TEXT    PRIMARY KEY,
    reason      TEXT    NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE issues (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    newsletter_id INTEGER NOT NULL REFERENCES newsletters (id),
    issue_date    TEXT    NOT NULL,
    status        TEXT    NOT NULL CHECK (status IN
                      ('planned', 'frozen', 'sending', 'paused', 'held', 'sent', 'skipped', 'cancelled')),
    due_at        INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    planned_at    INTEGER,
    frozen_at     INTEGER,
    closed_at     INTEGER,
    woken_at      INTEGER,
    message_key   TEXT    NOT NULL,
    reason        TEXT,
    UNIQUE (newsletter_id, issue_date)
) STRICT;
CREATE INDEX issues_open ON issues (status, due_at) WHERE status IN ('planned', 'frozen', 'sending');

-- Every candidate of an issue with its fate; `position` (from 1) only for those that are in.
CREATE TABLE issue_stories (
    issue_id   INTEGER NOT NULL REFERENCES issues (id) ON DELETE CASCADE,
    article_id INTEGER NOT NULL REFERENCES articles (id),
    position   INTEGER,
    reason     TEXT    NOT NULL,
    PRIMARY KEY (issue_id, article_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX issue_stories_by_article ON issue_stories (article_id) WHERE position IS NOT NULL;

-- What readers of an issue get, rendered once; per-reader links are marked places in it.
CREATE TABLE issue_variants (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    issue_id   INTEGER NOT NULL REFERENCES issues (id) ON DELETE CASCADE,
    subject    TEXT    NOT NULL,
    preheader  TEXT    NOT NULL,
    html       TEXT    NOT NULL,
    text       TEXT    NOT NULL,
    web_html   TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX issue_variants_by_issue ON issue_variants (issue_id);

CREATE TABLE deliveries (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    issue_id        INTEGER NOT NULL REFERENCES issues (id),
    variant_id      INTEGER NOT NULL REFERENCES issue_variants (id),
    subscriber_id   INTEGER NOT NULL REFERENCES subscribers (id),
    subscription_id INTEGER NOT NULL REFERENCES subscriptions (id),
    status          TEXT    NOT NULL CHECK (status IN
                        ('queued', 'claimed', 'sending', 'sent', 'deferred', 'failed', 'uncertain', 'skipped')),
    due_at          INTEGER NOT NULL,
    next_attempt_at INTEGER NOT NULL,
    attempts        INTEGER NOT NULL DEFAULT 0,
    claim           TEXT,
    claimed_until   INTEGER,
    relay           TEXT,
    reply_code      INTEGER,
    reply_text      TEXT,
    finished_at     INTEGER,
    UNIQUE (issue_id, subscriber_id)
) STRICT;
CREATE INDEX deliveries_waiting ON deliveries (issue_id, next_attempt_at, id) WHERE status IN ('queued', 'deferred');
CREATE INDEX deliveries_leased ON deliveries (issue_id, claimed_until) WHERE status IN ('claimed', 'sending');
CREATE INDEX deliveries_claimed ON deliveries (claim) WHERE status = 'claimed';
CREATE INDEX deliveries_uncertain ON deliveries (issue_id, id) WHERE status = 'uncertain';
CREATE INDEX deliveries_by_status ON deliveries (issue_id, status);
CREATE INDEX deliveries_by_subscriber ON deliveries (subscriber_id, issue_id);

-- Single mails: confirmations, test sends. What they say is made when they are sent, from the rows they point at.
CREATE TABLE mails (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    kind            TEXT    NOT NULL,
    newsletter_id   INTEGER NOT NULL REFERENCES newsletters (id),
    recipient       TEXT    NOT NULL,
    subscription_id INTEGER REFERENCES subscriptions (id),
    confirmation_id INTEGER REFERENCES confirmations (id),
    issue_id        INTEGER REFERENCES issues (id),
    message_id      TEXT    NOT NULL,
    status          TEXT    NOT NULL CHECK (status IN ('queued', 'sending', 'sent', 'failed')),
    created_at      INTEGER NOT NULL,
    next_attempt_at INTEGER NOT NULL,
    attempts        INTEGER NOT NULL DEFAULT 0,
    claimed_until   INTEGER,
    woken_at        INTEGER,
    relay           TEXT,
    reply_code      INTEGER,
    reply_text      TEXT,
    finished_at     INTEGER
) STRICT;
CREATE INDEX mails_open ON mails (next_attempt_at) WHERE status IN ('queued', 'sending');

-- Running processes, so that a command can tell at once when nobody would do the work it asks for.
CREATE TABLE processes (
    id         TEXT    PRIMARY KEY,
    role       TEXT    NOT NULL,
    started_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
