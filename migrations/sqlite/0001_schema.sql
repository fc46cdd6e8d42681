-- Daily's own tables. migrations/postgres has the same ones in the same order.
-- Until the first release this file is edited in place. Later changes get files of their own.
--
-- Times, such as `created_at`, are microseconds since 1970-01-01 UTC. Booleans are 0 or 1.
-- Columns that end in `_key` hold a normalised form that equal things share.
-- `woken_at` is the time the row's job was last queued; NULL means that no job is known to be queued.

-- =====================================================================================================================
-- Newsletters and operators
-- =====================================================================================================================

-- A newsletter: its identity, schedule and look.
CREATE TABLE newsletters (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    slug            TEXT    NOT NULL UNIQUE, -- the short name, used in addresses and commands
    title           TEXT    NOT NULL,
    tagline         TEXT    NOT NULL,
    language        TEXT    NOT NULL, -- BCP 47 tag
    sender_name     TEXT    NOT NULL,
    sender_address  TEXT    NOT NULL,
    reply_to        TEXT, -- where replies go; NULL: to sender_address
    postal_address  TEXT    NOT NULL,
    -- The publisher: site, privacy policy, a line for the footer, profiles (Name=URL, separated by commas), and the
    -- tags that links to stories get.
    site_url        TEXT,
    privacy_url     TEXT,
    footer          TEXT,
    social          TEXT,
    link_tags       TEXT,
    section_order   TEXT    NOT NULL DEFAULT '', -- names, separated by commas; empty: issues have no sections
    logo_url        TEXT,
    accent          TEXT, -- a colour such as #0a6048
    fonts           TEXT    NOT NULL DEFAULT 'serif' CHECK (fonts IN ('serif', 'sans')),
    time_zone       TEXT    NOT NULL, -- IANA name
    send_time       TEXT    NOT NULL, -- HH:MM
    -- The clock that send_time refers to: the newsletter's, or each reader's own.
    clock           TEXT    NOT NULL DEFAULT 'newsletter' CHECK (clock IN ('newsletter', 'reader')),
    days            TEXT    NOT NULL DEFAULT 'mon,tue,wed,thu,fri,sat,sun',
    -- Slots due before this time get no issue. Set when the newsletter is created and when its schedule changes.
    scheduled_since INTEGER NOT NULL,
    selection       TEXT    NOT NULL DEFAULT 'news' CHECK (selection IN ('news', 'round_up')),
    -- Fewest and most stories in an issue. NULL: the configured number.
    min_stories     INTEGER,
    max_stories     INTEGER,
    needs_approval  INTEGER NOT NULL DEFAULT 0,
    -- Past issues on the web: listed, reachable by link only, or not there at all.
    archive         TEXT    NOT NULL DEFAULT 'public' CHECK (archive IN ('public', 'unlisted', 'none')),
    created_at      INTEGER NOT NULL,
    removed_at      INTEGER -- from then on there are no signups and no issues; the archive stays
) STRICT;

-- A person who runs newsletters: gets alerts, and may sign in to the operators' pages.
CREATE TABLE operators (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    address       TEXT NOT NULL,
    address_key   TEXT NOT NULL UNIQUE,
    name          TEXT NOT NULL DEFAULT '',
    gets_alerts   INTEGER NOT NULL DEFAULT 1,
    roles         TEXT NOT NULL DEFAULT '', -- sorted, separated by commas; empty: can't sign in
    password_hash TEXT, -- argon2id in PHC form; NULL: no password was chosen yet
    -- The second factor's key is derived from this and the installation's secret. NULL: none is set up.
    totp_nonce    TEXT,
    totp_step     INTEGER, -- the last time step whose code was used
    -- The account at an OpenID provider that signs in as this operator. NULL: none has yet.
    oidc_issuer   TEXT,
    oidc_subject  TEXT,
    created_at    INTEGER NOT NULL,
    CHECK ((oidc_issuer IS NULL) = (oidc_subject IS NULL)),
    UNIQUE (oidc_issuer, oidc_subject)
) STRICT;

-- A code that replaces the second factor once.
CREATE TABLE operator_recovery_codes (
    operator_id INTEGER NOT NULL REFERENCES operators (id) ON DELETE CASCADE,
    code_hash   TEXT NOT NULL, -- SHA-256 in hex
    PRIMARY KEY (operator_id, code_hash)
) STRICT;

-- A link that lets one person choose a password, once, or, in `daily demo`, opens the pages.
CREATE TABLE operator_links (
    token_hash  TEXT PRIMARY KEY, -- SHA-256 in hex
    operator_id INTEGER REFERENCES operators (id) ON DELETE CASCADE, -- NULL: makes the first account
    purpose     TEXT NOT NULL CHECK (purpose IN ('password', 'open')),
    expires_at  INTEGER NOT NULL
) STRICT;

-- A browser in which an operator signed in.
CREATE TABLE operator_sessions (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    token_hash  TEXT NOT NULL UNIQUE, -- SHA-256 in hex; a new one after each step of signing in
    operator_id INTEGER NOT NULL REFERENCES operators (id) ON DELETE CASCADE,
    stage       TEXT NOT NULL CHECK (stage IN ('second_factor', 'enrolment', 'open')),
    user_agent  TEXT NOT NULL,
    client      TEXT NOT NULL, -- IP address
    flash       TEXT, -- what the next page says, as JSON
    totp_nonce  TEXT, -- of a second factor that is being set up in it
    -- The account at an OpenID provider with which it began. NULL: it began with a password or a link.
    oidc_issuer TEXT,
    oidc_subject TEXT,
    created_at  INTEGER NOT NULL,
    seen_at     INTEGER NOT NULL
) STRICT;
CREATE INDEX operator_sessions_by_operator ON operator_sessions (operator_id, seen_at);

-- The revision of an issue that an operator looked at last, to tell what is new.
CREATE TABLE operator_views (
    operator_id   INTEGER NOT NULL REFERENCES operators (id) ON DELETE CASCADE,
    newsletter_id INTEGER NOT NULL REFERENCES newsletters (id),
    issue_date    TEXT NOT NULL,
    revision      TEXT NOT NULL,
    seen_at       INTEGER NOT NULL,
    PRIMARY KEY (operator_id, newsletter_id, issue_date)
) STRICT;

-- Named groups of addresses that tests of a newsletter go to.
CREATE TABLE test_addresses (
    newsletter_id INTEGER NOT NULL REFERENCES newsletters (id),
    group_name    TEXT    NOT NULL,
    address_key   TEXT    NOT NULL,
    address       TEXT    NOT NULL,
    PRIMARY KEY (newsletter_id, group_name, address_key)
) STRICT, WITHOUT ROWID;

-- Lists of readers that operators uploaded on their pages. A file is removed when it was imported, or after a day.
CREATE TABLE imports (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    newsletter_id INTEGER NOT NULL REFERENCES newsletters (id),
    operator_id   INTEGER REFERENCES operators (id) ON DELETE SET NULL, -- who uploaded it; NULL: they were removed
    file_name     TEXT NOT NULL,
    file_bytes    INTEGER NOT NULL DEFAULT 0,
    options       TEXT NOT NULL DEFAULT '{}', -- how to read it, as JSON
    status        TEXT NOT NULL
        CHECK (status IN ('receiving', 'received', 'checking', 'checked', 'importing', 'done', 'failed')),
    read_bytes    INTEGER NOT NULL DEFAULT 0, -- progress
    summary       TEXT, -- the last result, as JSON
    left_out      INTEGER NOT NULL DEFAULT 0, -- rows that were left out, of which import_rows has the first ones
    error         TEXT,
    alive_at      INTEGER, -- the last sign of life while it is read
    created_at    INTEGER NOT NULL,
    finished_at   INTEGER
) STRICT;
CREATE INDEX imports_by_newsletter ON imports (newsletter_id, id);
CREATE TABLE import_parts (
    import_id INTEGER NOT NULL REFERENCES imports (id) ON DELETE CASCADE,
    number    INTEGER NOT NULL,
    bytes     BLOB NOT NULL,
    PRIMARY KEY (import_id, number)
) STRICT;
CREATE TABLE import_rows (
    import_id   INTEGER NOT NULL REFERENCES imports (id) ON DELETE CASCADE,
    line        INTEGER NOT NULL,
    outcome     TEXT NOT NULL,
    address     TEXT,
    address_key TEXT, -- to find the rows of a reader who is erased
    reason      TEXT NOT NULL,
    PRIMARY KEY (import_id, line)
) STRICT;
CREATE INDEX import_rows_by_address ON import_rows (address_key) WHERE address_key IS NOT NULL;

-- A change that somebody made: who, what, and the values before and after. Rows are added, never changed or removed.
-- Readers are named by number only, so erasing a reader leaves entries that name nobody.
CREATE TABLE audit (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    occurred_at   INTEGER     NOT NULL,
    actor         TEXT NOT NULL, -- JSON, see domain::actor
    action        TEXT NOT NULL, -- such as issue.approve
    subject_id    INTEGER, -- the row that was changed; the action says of which table
    before_values TEXT, -- JSON with the changed fields only. NULL: there was nothing before
    after_values  TEXT -- likewise. NULL: there is nothing left
) STRICT;
CREATE INDEX audit_by_subject ON audit (action, subject_id, id);
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
CREATE TRIGGER audit_is_not_removed BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;

-- =====================================================================================================================
-- Feeds and articles
-- =====================================================================================================================

-- A feed, its polling state, and how it usually publishes.
CREATE TABLE feeds (
    id                  INTEGER PRIMARY KEY AUTOINCREMENT,
    url                 TEXT    NOT NULL UNIQUE,
    -- Host and port of the URL. For a file, the whole URL.
    host                TEXT    GENERATED ALWAYS AS (
        CASE WHEN url LIKE 'http%' THEN substr(substr(url, instr(url, '://') + 3), 1,
            instr(substr(url, instr(url, '://') + 3) || '/', '/') - 1) ELSE url END) VIRTUAL,
    moved_from          TEXT, -- the URL before the last permanent move
    title               TEXT    NOT NULL,
    site_url            TEXT,
    status              TEXT    NOT NULL CHECK (status IN ('active', 'retired')),
    -- Validators of the last response, sent with the next request.
    etag                TEXT,
    last_modified       TEXT,
    next_poll_at        INTEGER NOT NULL,
    not_before          INTEGER, -- the server asked for no request before this time
    woken_at            INTEGER,
    polled_at           INTEGER, -- the last attempt
    succeeded_at        INTEGER, -- the last success
    failures            INTEGER NOT NULL DEFAULT 0, -- since the last success
    failing_since       INTEGER, -- the first of these failures
    last_error          TEXT,
    entries             TEXT    NOT NULL DEFAULT '', -- ids of the articles in it at the last read, separated by commas
    notes               TEXT, -- what the last read found odd, as JSON
    last_item_at        INTEGER,
    -- Median and longest gap between recent items. NULL: too few items to tell.
    usual_gap_seconds   INTEGER,
    longest_gap_seconds INTEGER,
    -- Articles seen since then are in no issue until an operator accepts them: there were too many at once.
    held_since          INTEGER,
    -- A lasting problem that operators are told about. NULL: there is none.
    trouble_kind        TEXT    CHECK (trouble_kind IN ('failing', 'silent', 'undated', 'flood', 'retired')),
    trouble             TEXT, -- the problem in words
    trouble_since       INTEGER,
    trouble_reported_at INTEGER, -- NULL: operators were not told yet
    created_at          INTEGER NOT NULL
) STRICT;
CREATE INDEX feeds_due ON feeds (next_poll_at) WHERE status = 'active';
CREATE INDEX feeds_by_host ON feeds (host);

-- An article, stored once however many feeds carry it.
CREATE TABLE articles (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    url              TEXT    NOT NULL, -- canonical
    url_key          TEXT    NOT NULL UNIQUE, -- without scheme, leading www. and trailing slash
    host             TEXT    GENERATED ALWAYS AS (substr(substr(url, instr(url, '://') + 3), 1,
        instr(substr(url, instr(url, '://') + 3) || '/', '/') - 1)) VIRTUAL,
    moved_to         TEXT, -- the URL its feed gives now, used if the old one is gone
    feed_id          INTEGER REFERENCES feeds (id), -- the feed that carried it first; NULL: an operator added it
    title            TEXT    NOT NULL,
    title_key        TEXT    NOT NULL, -- lower case, letters and digits only
    dek              TEXT, -- the summary below the headline
    author           TEXT,
    section          TEXT,
    site_name        TEXT,
    language         TEXT,
    published_at     INTEGER,
    fresh_at         INTEGER, -- the date it counts as news from; NULL: no date is known
    first_seen_at    INTEGER NOT NULL,
    pinned           INTEGER NOT NULL DEFAULT 0, -- an operator wants it in the next issue
    hidden           INTEGER NOT NULL DEFAULT 0, -- an operator wants it in no issue
    -- The image is used in email only after it was checked (image_ok). image_problem says why it is unfit.
    image_url        TEXT,
    image_alt        TEXT,
    image_width      INTEGER, -- pixels
    image_height     INTEGER, -- pixels
    image_ok         INTEGER NOT NULL DEFAULT 0,
    image_checked_at INTEGER,
    image_problem    TEXT,
    -- The check of the article's page.
    page_title       TEXT, -- the headline found on the page
    checked_at       INTEGER,
    check_after      INTEGER, -- the next check; NULL: none is due
    check_tries      INTEGER NOT NULL DEFAULT 0, -- failed attempts in a row
    check_woken_at   INTEGER, -- as woken_at, for the check
    check_error      TEXT,
    text             TEXT -- last, because SQLite reads past long values to reach later columns
) STRICT;
CREATE INDEX articles_by_title ON articles (title_key);
CREATE INDEX articles_fresh ON articles (fresh_at);
CREATE INDEX articles_seen ON articles (first_seen_at);
CREATE INDEX articles_pinned ON articles (id) WHERE pinned;
CREATE INDEX articles_by_feed ON articles (feed_id, fresh_at);
CREATE INDEX articles_to_check ON articles (host, check_after, id) WHERE check_after IS NOT NULL;

-- A feed that carries an article.
CREATE TABLE article_sources (
    article_id INTEGER NOT NULL REFERENCES articles (id) ON DELETE CASCADE,
    feed_id    INTEGER NOT NULL REFERENCES feeds (id) ON DELETE CASCADE,
    guid       TEXT, -- the feed's id for it; NULL: none, or too long for PostgreSQL's index
    seen_at    INTEGER NOT NULL,
    PRIMARY KEY (article_id, feed_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX article_sources_by_feed ON article_sources (feed_id, seen_at);
CREATE INDEX article_sources_by_guid ON article_sources (feed_id, guid) WHERE guid IS NOT NULL;

-- A file that Daily made of a story's picture, for emails.
CREATE TABLE pictures (
    hash       TEXT    NOT NULL PRIMARY KEY, -- the beginning of the SHA-256 of its bytes, in hex
    format     TEXT    NOT NULL CHECK (format IN ('jpeg', 'png')),
    planned_at INTEGER NOT NULL, -- the last time a plan had it
    sent_at    INTEGER, -- the first time an issue with its story was frozen; then it is kept for good. NULL: never
    bytes      BLOB NOT NULL -- last, because SQLite reads past long values to reach later columns
) STRICT;
CREATE INDEX pictures_never_sent ON pictures (planned_at) WHERE sent_at IS NULL;

-- The pictures that were made for an article, and failed attempts.
CREATE TABLE article_pictures (
    article_id  INTEGER NOT NULL REFERENCES articles (id) ON DELETE CASCADE,
    source_url  TEXT    NOT NULL, -- the image that they were made of: the article's own, or an operator's
    made        TEXT, -- file names and sizes by shape, as JSON; NULL: there are none
    tries       INTEGER NOT NULL DEFAULT 0, -- failed attempts in a row
    retry_after INTEGER, -- NULL: they were made, or no attempt will succeed
    problem     TEXT, -- why the last attempt failed
    PRIMARY KEY (article_id, source_url)
) STRICT;

-- =====================================================================================================================
-- Subscribers, subscriptions and the consent ledger
-- =====================================================================================================================

-- A person's address. After erasure it holds a placeholder that never takes email.
CREATE TABLE subscribers (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    address      TEXT    NOT NULL,
    address_key  TEXT    NOT NULL UNIQUE,
    domain       TEXT    GENERATED ALWAYS AS (substr(address, instr(address, '@') + 1)) VIRTUAL,
    erased_at INTEGER, -- the erasure; NULL: not erased
    created_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX subscribers_by_domain ON subscribers (domain, id);

-- A subscriber's relation to one newsletter: its status and the reader's preferences.
CREATE TABLE subscriptions (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    subscriber_id    INTEGER NOT NULL REFERENCES subscribers (id),
    newsletter_id    INTEGER NOT NULL REFERENCES newsletters (id),
    status           TEXT    NOT NULL CHECK (status IN
        ('pending', 'active', 'paused', 'unsubscribed', 'undeliverable', 'complained')),
    requested_at     INTEGER NOT NULL, -- the last signup
    confirmed_at     INTEGER, -- the last confirmation
    ended_at         INTEGER,
    signup_mailed_at INTEGER, -- the last email caused by a signup; confirming or unsubscribing clears it
    reminded_at      INTEGER, -- the reminder to confirm
    erased_at        INTEGER, -- from then on no personal data is left
    moved_at         INTEGER, -- the last change of address; pages reached from old emails no longer show the address
    cadence          TEXT    NOT NULL DEFAULT 'every_issue' CHECK (cadence IN ('every_issue', 'weekdays', 'weekly')),
    sections         TEXT    NOT NULL DEFAULT '', -- sorted keys, separated by commas; empty: all sections
    language         TEXT, -- BCP 47 tag; NULL: the newsletter's
    time_zone        TEXT, -- IANA name; NULL: the newsletter's
    send_time        TEXT, -- HH:MM; NULL: the newsletter's
    -- The date of the first issue after a pause, and the time that day begins for the reader. NULL: no end is set.
    paused_until     TEXT,
    resumes_at       INTEGER,
    -- The readers that share this one's audience and past. NULL: not sorted yet, so the past is looked up.
    cohort_id        INTEGER,
    -- Readers with the same clock get an issue at the same time.
    clock            TEXT    GENERATED ALWAYS AS (COALESCE(time_zone, '') || '|' || COALESCE(send_time, '')) VIRTUAL,
    audience         TEXT    GENERATED ALWAYS AS (cadence || '|' || sections) VIRTUAL,
    UNIQUE (subscriber_id, newsletter_id)
) STRICT;
CREATE INDEX subscriptions_active ON subscriptions (newsletter_id, id) WHERE status = 'active';
CREATE INDEX subscriptions_by_clock ON subscriptions (newsletter_id, clock, audience) WHERE status = 'active';
CREATE INDEX subscriptions_by_cohort ON subscriptions (newsletter_id, cohort_id) WHERE status = 'active';
CREATE INDEX subscriptions_resuming ON subscriptions (resumes_at) WHERE status = 'paused';
CREATE INDEX subscriptions_paused ON subscriptions (newsletter_id, paused_until) WHERE status = 'paused';
CREATE INDEX subscriptions_pending ON subscriptions (requested_at) WHERE status = 'pending';
-- The column reminded_at is always NULL here. It tells the planner that this index is smaller than subscriptions_pending.
CREATE INDEX subscriptions_unreminded ON subscriptions (reminded_at, requested_at)
    WHERE status = 'pending' AND confirmed_at IS NULL AND reminded_at IS NULL AND signup_mailed_at IS NOT NULL;
-- Ended subscriptions that still hold data to erase, in the order they ended.
CREATE INDEX subscriptions_ended ON subscriptions (ended_at, id)
    WHERE ended_at IS NOT NULL AND erased_at IS NULL;
-- Counts unsubscribes, erased ones included.
CREATE INDEX subscriptions_left ON subscriptions (ended_at) WHERE status = 'unsubscribed';
-- Readers whose audience or status changes leave their cohort.
CREATE TRIGGER subscriptions_leave_cohort AFTER UPDATE OF status, cadence, sections, subscriber_id ON subscriptions
WHEN NEW.cohort_id IS NOT NULL AND NOT (NEW.status IS OLD.status AND NEW.cadence IS OLD.cadence
    AND NEW.sections IS OLD.sections AND NEW.subscriber_id IS OLD.subscriber_id)
BEGIN UPDATE subscriptions SET cohort_id = NULL WHERE id = NEW.id; END;

-- Counts of subscriptions, which triggers keep: counting a million rows takes too long for a page.
-- The view counted_readers defines them.
CREATE TABLE reader_counts (
    newsletter_id INTEGER NOT NULL,
    what          TEXT    NOT NULL CHECK (what IN ('status', 'clock', 'cohort')),
    key           TEXT    NOT NULL, -- STATUS; of active ones also CADENCE|CLOCK, and AUDIENCE|COHORT, 0 being no cohort
    readers       INTEGER NOT NULL,
    PRIMARY KEY (newsletter_id, what, key)
) STRICT, WITHOUT ROWID;
-- A key may have several rows, to be added up.
CREATE VIEW counted_readers (newsletter_id, what, key, readers) AS
    SELECT newsletter_id, 'status', status, count(*) FROM subscriptions GROUP BY newsletter_id, status
    UNION ALL SELECT newsletter_id, 'clock', substr(audience, 1, instr(audience, '|')) || clock, count(*)
    FROM subscriptions WHERE status = 'active' GROUP BY newsletter_id, clock, audience
    UNION ALL SELECT newsletter_id, 'cohort', audience || '|' || COALESCE(cohort_id, 0), count(*)
    FROM subscriptions WHERE status = 'active' GROUP BY newsletter_id, cohort_id, audience;
CREATE TRIGGER subscriptions_are_counted AFTER INSERT ON subscriptions
BEGIN
    INSERT INTO reader_counts (newsletter_id, what, key, readers)
    SELECT NEW.newsletter_id, 'status', NEW.status, 1
    UNION ALL SELECT NEW.newsletter_id, 'clock', NEW.cadence || '|' || NEW.clock, 1 WHERE NEW.status = 'active'
    UNION ALL SELECT NEW.newsletter_id, 'cohort', NEW.audience || '|' || COALESCE(NEW.cohort_id, 0), 1
    WHERE NEW.status = 'active'
    ON CONFLICT (newsletter_id, what, key) DO UPDATE SET readers = readers + excluded.readers;
END;
CREATE TRIGGER subscriptions_are_counted_by_status AFTER UPDATE OF status ON subscriptions
WHEN NEW.status IS NOT OLD.status
BEGIN
    INSERT INTO reader_counts (newsletter_id, what, key, readers)
    SELECT NEW.newsletter_id, 'status', OLD.status, -1
    UNION ALL SELECT NEW.newsletter_id, 'status', NEW.status, 1 WHERE true
    ON CONFLICT (newsletter_id, what, key) DO UPDATE SET readers = readers + excluded.readers;
END;
CREATE TRIGGER subscriptions_are_counted_by_clock AFTER UPDATE OF status, cadence, time_zone, send_time ON subscriptions
WHEN 'active' IN (NEW.status, OLD.status)
    AND NOT (NEW.status IS OLD.status AND NEW.cadence IS OLD.cadence AND NEW.clock IS OLD.clock)
BEGIN
    INSERT INTO reader_counts (newsletter_id, what, key, readers)
    SELECT NEW.newsletter_id, 'clock', OLD.cadence || '|' || OLD.clock, -1 WHERE OLD.status = 'active'
    UNION ALL SELECT NEW.newsletter_id, 'clock', NEW.cadence || '|' || NEW.clock, 1 WHERE NEW.status = 'active'
    ON CONFLICT (newsletter_id, what, key) DO UPDATE SET readers = readers + excluded.readers;
END;
CREATE TRIGGER subscriptions_are_counted_by_cohort AFTER UPDATE OF status, cadence, sections, cohort_id ON subscriptions
WHEN 'active' IN (NEW.status, OLD.status)
    AND NOT (NEW.status IS OLD.status AND NEW.audience IS OLD.audience AND NEW.cohort_id IS OLD.cohort_id)
BEGIN
    INSERT INTO reader_counts (newsletter_id, what, key, readers)
    SELECT NEW.newsletter_id, 'cohort', OLD.audience || '|' || COALESCE(OLD.cohort_id, 0), -1 WHERE OLD.status = 'active'
    UNION ALL SELECT NEW.newsletter_id, 'cohort', NEW.audience || '|' || COALESCE(NEW.cohort_id, 0), 1
    WHERE NEW.status = 'active'
    ON CONFLICT (newsletter_id, what, key) DO UPDATE SET readers = readers + excluded.readers;
END;

-- An entry of the consent ledger, which is append-only.
-- Its personal data (address, client_address, user_agent, source_url) can be erased, but only all at once.
CREATE TABLE consent_events (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    subscription_id INTEGER NOT NULL REFERENCES subscriptions (id),
    kind            TEXT    NOT NULL CHECK (kind IN ('requested', 'confirmed', 'unsubscribed', 'complained')),
    occurred_at     INTEGER NOT NULL,
    method          TEXT    NOT NULL, -- such as form, json, link, one_click, command, import
    confirmation_id INTEGER, -- the confirmation email it led to or came from
    wording         TEXT, -- the text the reader agreed to; NULL: none was shown
    wording_version INTEGER,
    address         TEXT,
    client_address  TEXT, -- IP address
    user_agent      TEXT,
    source_url      TEXT -- the page with the form, or the imported list
) STRICT;
CREATE INDEX consent_events_by_subscription ON consent_events (subscription_id, id);
CREATE TRIGGER consent_events_are_not_changed BEFORE UPDATE ON consent_events
WHEN NOT (NEW.id IS OLD.id AND NEW.subscription_id IS OLD.subscription_id AND NEW.kind IS OLD.kind
    AND NEW.occurred_at IS OLD.occurred_at AND NEW.method IS OLD.method AND NEW.wording IS OLD.wording
    AND NEW.wording_version IS OLD.wording_version AND NEW.confirmation_id IS OLD.confirmation_id
    AND NEW.address IS NULL AND NEW.client_address IS NULL AND NEW.user_agent IS NULL AND NEW.source_url IS NULL)
BEGIN SELECT RAISE(ABORT, 'consent_events is append-only'); END;
CREATE TRIGGER consent_events_are_not_removed BEFORE DELETE ON consent_events
BEGIN SELECT RAISE(ABORT, 'consent_events is append-only'); END;

-- A link of a subscription's hash chain over its ledger entries.
-- Personal data enters as a salted digest, so erasing the data and the salt leaves the chain valid.
CREATE TABLE consent_chain (
    subscription_id INTEGER NOT NULL,
    position        INTEGER NOT NULL, -- the link's place in the subscription's chain
    event_id        INTEGER NOT NULL UNIQUE REFERENCES consent_events (id),
    salt            TEXT, -- NULL: the personal data is erased
    personal        TEXT    NOT NULL, -- the digest of the personal data
    chain           TEXT    NOT NULL, -- the hash over this entry and the link before it
    PRIMARY KEY (subscription_id, position)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER consent_chain_is_not_changed BEFORE UPDATE ON consent_chain
WHEN NOT (NEW.subscription_id IS OLD.subscription_id AND NEW.position IS OLD.position AND NEW.event_id IS OLD.event_id
    AND NEW.salt IS NULL AND NEW.personal IS OLD.personal AND NEW.chain IS OLD.chain)
BEGIN SELECT RAISE(ABORT, 'consent_chain is append-only'); END;
CREATE TRIGGER consent_chain_is_not_removed BEFORE DELETE ON consent_chain
BEGIN SELECT RAISE(ABORT, 'consent_chain is append-only'); END;

-- A range of ledger entries, added by an import, that still need their links in the chain.
CREATE TABLE consent_backlog (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    after_event INTEGER NOT NULL, -- exclusive
    up_to_event INTEGER NOT NULL -- inclusive
) STRICT;
CREATE INDEX consent_backlog_in_order ON consent_backlog (after_event, id);

-- The reason a reader gave for unsubscribing, one per time a subscription ended. The reader may correct it.
CREATE TABLE unsubscribe_reasons (
    subscription_id INTEGER NOT NULL REFERENCES subscriptions (id),
    left_at         INTEGER NOT NULL, -- the subscription's ended_at
    reason          TEXT    NOT NULL, -- one of the reasons offered, such as too_many
    remark          TEXT, -- the reader's own words
    given_at        INTEGER NOT NULL,
    PRIMARY KEY (subscription_id, left_at)
) STRICT, WITHOUT ROWID;
CREATE INDEX unsubscribe_reasons_by_time ON unsubscribe_reasons (left_at);

-- A reader's request that needs a link by email: a copy of their data, or a new address.
-- A new address takes effect once both the old and the new address have confirmed it.
CREATE TABLE reader_requests (
    id                 INTEGER PRIMARY KEY AUTOINCREMENT,
    subscription_id    INTEGER NOT NULL REFERENCES subscriptions (id),
    kind               TEXT    NOT NULL CHECK (kind IN ('data_export', 'address')),
    requested_at       INTEGER NOT NULL,
    expires_at         INTEGER NOT NULL, -- the links stop working
    old_address        TEXT    NOT NULL,
    new_address        TEXT,
    new_address_key    TEXT,
    -- How each address confirmed, for the consent ledger. NULL: not yet.
    old_confirmed_at   INTEGER,
    old_client_address TEXT, -- IP address
    old_user_agent     TEXT,
    new_confirmed_at   INTEGER,
    new_client_address TEXT, -- IP address
    new_user_agent     TEXT,
    done_at            INTEGER
) STRICT;
CREATE INDEX reader_requests_by_subscription ON reader_requests (subscription_id, requested_at);
CREATE INDEX reader_requests_by_address ON reader_requests (new_address_key, requested_at) WHERE new_address_key IS NOT NULL;
CREATE INDEX reader_requests_expired ON reader_requests (expires_at);

-- =====================================================================================================================
-- Signups and limits
-- =====================================================================================================================

-- A received signup that is not processed yet.
-- The form answers before the address is looked up, so the response time reveals nothing about it.
CREATE TABLE signups (
    id              INTEGER PRIMARY KEY,
    received_at     INTEGER NOT NULL,
    address         TEXT    NOT NULL,
    address_key     TEXT    NOT NULL,
    newsletters     TEXT    NOT NULL, -- ids, as a JSON array
    method          TEXT    NOT NULL,
    language        TEXT, -- of the page with the form, BCP 47 tag
    time_zone       TEXT, -- the reader's, IANA name
    client_address  TEXT, -- IP address
    user_agent      TEXT,
    source_url      TEXT, -- the page with the form
    wording         TEXT, -- the text the reader agreed to, as shown at that time
    wording_version INTEGER,
    attempts        INTEGER NOT NULL DEFAULT 0, -- failed attempts to process it
    try_after       INTEGER, -- the next attempt; NULL: now
    held_until      INTEGER -- it came without a solved challenge during an attack, and is discarded then; NULL: not held
) STRICT;
CREATE INDEX signups_by_address ON signups (address_key);
CREATE INDEX signups_held ON signups (held_until, id) WHERE held_until IS NOT NULL;

-- The target of a confirmation link.
CREATE TABLE confirmations (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    subscription_id INTEGER NOT NULL REFERENCES subscriptions (id),
    with_id         INTEGER, -- the confirmation whose link also confirms this one; NULL: it has its own link
    is_reminder     INTEGER NOT NULL DEFAULT 0, -- a repeated request, not counted as a signup
    created_at      INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    used_at         INTEGER
) STRICT;
CREATE INDEX confirmations_by_subscription ON confirmations (subscription_id);
CREATE INDEX confirmations_with ON confirmations (with_id) WHERE with_id IS NOT NULL;
-- The share of recent signups that were confirmed.
CREATE INDEX confirmations_by_time ON confirmations (created_at);

-- The state of a rate limit (generic cell rate algorithm). A row whose time is past has no effect and is removed.
CREATE TABLE rate_limits (
    key TEXT    PRIMARY KEY, -- a keyed hash of what is limited, such as a client network or an address
    tat INTEGER NOT NULL -- theoretical arrival time, in microseconds since 1970-01-01 UTC
) STRICT, WITHOUT ROWID;
CREATE INDEX rate_limits_past ON rate_limits (tat);

-- The attack detection for signups, shared by all processes. There is at most one row.
CREATE TABLE signup_watch (
    id        INTEGER PRIMARY KEY CHECK (id = 1),
    looked_at INTEGER NOT NULL, -- the last check
    alarm     TEXT    CHECK (alarm IN ('limit_reached', 'flood', 'few_confirm')), -- the current or last attack
    since     INTEGER, -- the attack's start
    seen_at   INTEGER, -- the last check that found the attack going on
    ended_at  INTEGER, -- NULL: the attack goes on, or there was none
    waiting   INTEGER NOT NULL DEFAULT 0, -- unconfirmed signups at the last check, or the most during the attack
    told_at   INTEGER -- the last notice to operators
) STRICT;

-- A period in which signups looked like an attack. Signups from it get no reminder.
CREATE TABLE signup_alarms (
    id         INTEGER PRIMARY KEY,
    reaches_to INTEGER NOT NULL, -- the start: signups from then on are doubtful
    ended_at   INTEGER -- NULL: it goes on
) STRICT;

-- A solved challenge (proof of work) that was used, so that it can't be used again.
CREATE TABLE redeemed_challenges (
    signature  TEXT    PRIMARY KEY, -- a keyed hash
    expires_at INTEGER NOT NULL -- the row can be removed
) STRICT, WITHOUT ROWID;
CREATE INDEX redeemed_challenges_past ON redeemed_challenges (expires_at);

-- =====================================================================================================================
-- Issues, stories, variants and edits
-- =====================================================================================================================

-- An issue: the edition of a newsletter for one date.
CREATE TABLE issues (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    newsletter_id INTEGER NOT NULL REFERENCES newsletters (id),
    issue_date    TEXT    NOT NULL, -- YYYY-MM-DD on the newsletter's clock
    status        TEXT    NOT NULL CHECK (status IN
        ('planned', 'frozen', 'sending', 'paused', 'held', 'sent', 'skipped', 'cancelled')),
    reason        TEXT, -- for being skipped, paused or held
    due_at        INTEGER NOT NULL, -- for the first readers
    last_due_at   INTEGER, -- for the last readers; NULL: all are due at due_at
    at_once       INTEGER NOT NULL DEFAULT 0, -- an operator made it due for all readers at once, whatever their clock
    by_hand       INTEGER NOT NULL DEFAULT 0, -- it was begun after its time, and goes out only when an operator sends it
    anyway        INTEGER NOT NULL DEFAULT 0, -- an operator let it go out although not everything is set up
    lost          INTEGER NOT NULL DEFAULT 0, -- it was skipped because the database was restored, and may have gone out before
    sender_name   TEXT, -- these three as they were when it was frozen; NULL before
    sender_address TEXT,
    reply_to      TEXT,
    woken_at      INTEGER,
    planned_at    INTEGER, -- the last choice of stories; NULL: none, or out of date
    frozen_at     INTEGER, -- rendered; the content is final
    closed_at     INTEGER, -- nothing was left to do
    -- Its deliveries are folded into receipts and figures: begun at folded_at, done up to this subscriber.
    -- folded_to is NULL before and after.
    folded_at     INTEGER,
    folded_to     INTEGER,
    -- The next call of the heartbeat URL. NULL: none is due, because the issue is not sent or the call has succeeded.
    heartbeat_after INTEGER,
    heartbeat_tries INTEGER NOT NULL DEFAULT 0,
    -- An operator resumed it. Deliveries that waited meanwhile don't count as late.
    resumed_at    INTEGER,
    -- An operator's edits. NULL: Daily's own subject and preheader, and no note.
    subject       TEXT,
    preheader     TEXT, -- the line that inboxes show after the subject
    note          TEXT, -- Markdown, above the stories
    version       INTEGER NOT NULL DEFAULT 0, -- how often an operator or the schedule changed it
    waits_for     TEXT    CHECK (waits_for IN ('approval', 'stories', 'send', 'setup')), -- the decision it needs from an operator
    reminded_at   INTEGER, -- operators were told so
    told_revision TEXT, -- the revision that they were told about
    approved_at   INTEGER,
    approved_revision TEXT, -- exactly what goes out; NULL: the approval named no revision
    message_key   TEXT    NOT NULL, -- the random part of its Message-IDs
    -- The last subscription whose delivery was made. NULL before the fan-out and after it.
    fanned_out_to INTEGER,
    recipients    INTEGER NOT NULL DEFAULT 0,
    -- Copies that relays took. Kept, so that the copies that wait need not be counted while they are many.
    sent          INTEGER NOT NULL DEFAULT 0,
    -- Answers from relays, and permanent refusals among them, since it started or was last resumed.
    -- The circuit breaker judges by these.
    answered      INTEGER NOT NULL DEFAULT 0,
    refused       INTEGER NOT NULL DEFAULT 0,
    created_at    INTEGER NOT NULL,
    UNIQUE (newsletter_id, issue_date)
) STRICT;
CREATE INDEX issues_open ON issues (status, due_at) WHERE status IN ('planned', 'frozen', 'sending');
CREATE INDEX issues_fanning_out ON issues (id) WHERE fanned_out_to IS NOT NULL;
CREATE INDEX issues_folded ON issues (folded_at) WHERE folded_at IS NOT NULL;
CREATE INDEX issues_heartbeat ON issues (heartbeat_after) WHERE heartbeat_after IS NOT NULL;

-- A revision of an issue that an operator was shown, so that a later one can be compared with it.
CREATE TABLE issue_revisions (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    newsletter_id INTEGER NOT NULL REFERENCES newsletters (id),
    issue_date    TEXT    NOT NULL,
    revision      TEXT    NOT NULL, -- SHA-256 of the content, in hex; people see eight digits
    content       TEXT    NOT NULL, -- JSON
    shown_at      INTEGER NOT NULL,
    UNIQUE (newsletter_id, issue_date, revision)
) STRICT;

-- A change of an issue's status.
CREATE TABLE issue_events (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    issue_id    INTEGER NOT NULL REFERENCES issues (id) ON DELETE CASCADE,
    status      TEXT    NOT NULL, -- the new one
    reason      TEXT,
    occurred_at INTEGER NOT NULL
) STRICT;
CREATE INDEX issue_events_by_issue ON issue_events (issue_id, id);

-- An issue's latest plan with its inputs. The same inputs give the same plan.
CREATE TABLE issue_plans (
    issue_id   INTEGER PRIMARY KEY REFERENCES issues (id) ON DELETE CASCADE,
    planned_at INTEGER NOT NULL,
    inputs     TEXT    NOT NULL, -- JSON
    outcome    TEXT    NOT NULL, -- JSON
    waves      TEXT    NOT NULL -- JSON: its readers by the time they are due
) STRICT;

-- A candidate for an issue, and why it is in or out.
CREATE TABLE issue_stories (
    issue_id   INTEGER NOT NULL REFERENCES issues (id) ON DELETE CASCADE,
    article_id INTEGER NOT NULL REFERENCES articles (id),
    position   INTEGER, -- from 1; NULL: not in the issue
    reason     TEXT    NOT NULL, -- such as pinned, fresh or hidden
    PRIMARY KEY (issue_id, article_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX issue_stories_by_article ON issue_stories (article_id) WHERE position IS NOT NULL;

-- An operator's edits of a story in one issue. They survive when the issue is planned again.
CREATE TABLE issue_edits (
    issue_id   INTEGER NOT NULL REFERENCES issues (id) ON DELETE CASCADE,
    article_id INTEGER NOT NULL REFERENCES articles (id),
    wish       TEXT    CHECK (wish IN ('pin', 'drop')), -- NULL: the plan decides
    place      INTEGER, -- from 1; NULL: the plan decides
    title      TEXT, -- NULL: unchanged
    dek        TEXT, -- NULL: unchanged; empty: none
    picture    TEXT, -- a URL. NULL: unchanged; empty: none
    PRIMARY KEY (issue_id, article_id)
) STRICT, WITHOUT ROWID;

-- A rendered version of an issue, shared by many readers. Personal links are placeholders in it.
CREATE TABLE issue_variants (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    issue_id   INTEGER NOT NULL REFERENCES issues (id) ON DELETE CASCADE,
    number     INTEGER NOT NULL DEFAULT 1, -- from 1; the archive shows the first
    subject    TEXT    NOT NULL,
    preheader  TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    html       TEXT    NOT NULL,
    text       TEXT    NOT NULL,
    -- The content of the archive page (JSON), and its beginning for lists.
    page       TEXT    NOT NULL,
    summary    TEXT    NOT NULL
) STRICT;
CREATE INDEX issue_variants_by_issue ON issue_variants (issue_id);

-- A story in a variant.
CREATE TABLE variant_stories (
    variant_id INTEGER NOT NULL REFERENCES issue_variants (id) ON DELETE CASCADE,
    article_id INTEGER NOT NULL REFERENCES articles (id),
    position   INTEGER NOT NULL,
    PRIMARY KEY (variant_id, article_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX variant_stories_by_article ON variant_stories (article_id, variant_id);

-- Readers of an issue with the same preferences and the same reading history, and the variant they get.
CREATE TABLE issue_groups (
    issue_id   INTEGER NOT NULL REFERENCES issues (id) ON DELETE CASCADE,
    key        TEXT    NOT NULL, -- CADENCE|SECTIONS|VARIANTS, the last being ids of variants they had before
    cadence    TEXT    NOT NULL,
    readers    INTEGER NOT NULL,
    variant_id INTEGER REFERENCES issue_variants (id) ON DELETE CASCADE, -- NULL: no story is left for them
    PRIMARY KEY (issue_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX issue_groups_by_variant ON issue_groups (variant_id);

-- Active subscriptions of a newsletter with the same audience whose readers got the same variants of its issues.
-- An issue moves a whole cohort on by one change of its row, so planning reads no deliveries.
CREATE TABLE cohorts (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    newsletter_id INTEGER NOT NULL REFERENCES newsletters (id),
    audience      TEXT   NOT NULL, -- as in subscriptions
    -- Ids of the variants whose deliveries are still rows, in order, separated by commas.
    past          TEXT   NOT NULL
) STRICT;
CREATE INDEX cohorts_by_newsletter ON cohorts (newsletter_id);

-- The variant that a cohort gets, while an issue is fanned out.
CREATE TABLE issue_cohorts (
    issue_id   INTEGER NOT NULL REFERENCES issues (id) ON DELETE CASCADE,
    cohort_id  INTEGER NOT NULL,
    variant_id INTEGER, -- NULL: no story is left for them
    PRIMARY KEY (issue_id, cohort_id)
) STRICT, WITHOUT ROWID;

-- The time an issue is due on one clock of its readers.
CREATE TABLE issue_waves (
    issue_id INTEGER NOT NULL REFERENCES issues (id) ON DELETE CASCADE,
    clock    TEXT    NOT NULL, -- as in subscriptions
    due_at   INTEGER NOT NULL,
    readers  INTEGER NOT NULL,
    PRIMARY KEY (issue_id, clock)
) STRICT, WITHOUT ROWID;

-- A variant shown to a subscriber in a welcome email. Its stories count as read.
CREATE TABLE welcomes (
    subscriber_id INTEGER NOT NULL REFERENCES subscribers (id),
    variant_id    INTEGER NOT NULL REFERENCES issue_variants (id) ON DELETE CASCADE,
    welcomed_at   INTEGER NOT NULL,
    PRIMARY KEY (subscriber_id, variant_id)
) STRICT, WITHOUT ROWID;

-- =====================================================================================================================
-- Deliveries, claims and throttling
-- =====================================================================================================================

-- One subscriber's copy of an issue.
-- PostgreSQL's table has no foreign keys, because checking them is slow there.
CREATE TABLE deliveries (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    issue_id        INTEGER NOT NULL REFERENCES issues (id),
    variant_id      INTEGER NOT NULL REFERENCES issue_variants (id),
    subscriber_id   INTEGER NOT NULL REFERENCES subscribers (id),
    subscription_id INTEGER NOT NULL REFERENCES subscriptions (id),
    status          TEXT    NOT NULL CHECK (status IN
        ('queued', 'claimed', 'sent', 'deferred', 'failed', 'uncertain', 'skipped')),
    due_at          INTEGER NOT NULL, -- originally
    next_attempt_at INTEGER NOT NULL,
    attempts        INTEGER NOT NULL DEFAULT 0, -- begun
    doubts          INTEGER NOT NULL DEFAULT 0, -- messages that a relay took without an answer
    -- The claim that holds it, or held it last. The claim's row may be gone.
    claim_id        INTEGER,
    -- The domain, if sending to it is throttled. Such rows are only claimed as the rate permits.
    throttled_domain           TEXT,
    -- The message may be on its way: the state `sending`. Only claimed deliveries are begun. No index has this
    -- column, so beginning changes the row alone.
    begun           INTEGER NOT NULL DEFAULT 0,
    doubted         INTEGER NOT NULL DEFAULT 0, -- a relay may have taken it once, so an operator can't have it sent again with those missed
    -- The last answer.
    relay           TEXT,
    reply_code      INTEGER,
    enhanced_code   TEXT, -- RFC 3463, such as 5.1.1
    reply_text      TEXT,
    finished_at     INTEGER,
    UNIQUE (issue_id, subscriber_id)
) STRICT;
CREATE INDEX deliveries_waiting ON deliveries (issue_id, next_attempt_at, id)
    WHERE status IN ('queued', 'deferred') AND throttled_domain IS NULL;
CREATE INDEX deliveries_throttled ON deliveries (issue_id, throttled_domain, next_attempt_at, id)
    WHERE status IN ('queued', 'deferred') AND throttled_domain IS NOT NULL;
CREATE INDEX deliveries_leased ON deliveries (issue_id, claim_id) WHERE status = 'claimed';
CREATE INDEX deliveries_deferred ON deliveries (issue_id, subscriber_id) WHERE status = 'deferred';
-- Deliveries that ended without being sent: few, and the ones operators ask about.
CREATE INDEX deliveries_unsent ON deliveries (issue_id, status, subscriber_id) WHERE status IN ('failed', 'uncertain', 'skipped');
CREATE INDEX deliveries_by_subscriber ON deliveries (subscriber_id, issue_id);

-- The readers of a folded issue: 4,096 subscribers by their ids, two bytes each. The first is the number of the variant,
-- 0 for subscribers that are not in it. The second is the state: 1 sent, 2 skipped.
CREATE TABLE receipts (
    issue_id INTEGER NOT NULL REFERENCES issues (id) ON DELETE CASCADE,
    chunk    INTEGER NOT NULL, -- subscriber_id / 4096
    entries  BLOB NOT NULL,
    PRIMARY KEY (issue_id, chunk)
) STRICT, WITHOUT ROWID;

-- Figures of a folded issue: how many of its deliveries had the same variant, due time, state and answer.
CREATE TABLE delivery_figures (
    issue_id      INTEGER NOT NULL REFERENCES issues (id) ON DELETE CASCADE,
    variant_id    INTEGER NOT NULL,
    due_at        INTEGER NOT NULL,
    status        TEXT NOT NULL,
    relay         TEXT NOT NULL, -- empty: none
    reply_code    INTEGER NOT NULL, -- 0: none
    enhanced_code TEXT NOT NULL, -- empty: none
    reason        TEXT NOT NULL, -- why they were skipped, or empty
    count         INTEGER NOT NULL,
    PRIMARY KEY (issue_id, variant_id, due_at, status, relay, reply_code, enhanced_code, reason)
) STRICT, WITHOUT ROWID;

-- Figures of a folded issue by domain. The empty domain stands for all small ones.
CREATE TABLE domain_figures (
    issue_id INTEGER NOT NULL REFERENCES issues (id) ON DELETE CASCADE,
    domain   TEXT NOT NULL,
    status   TEXT NOT NULL,
    count    INTEGER NOT NULL,
    PRIMARY KEY (issue_id, domain, status)
) STRICT, WITHOUT ROWID;

-- A worker's lease on the deliveries that name it. Renewing it touches this row only. Ids are never reused.
CREATE TABLE claims (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    issue_id INTEGER NOT NULL REFERENCES issues (id),
    process  TEXT    NOT NULL,
    until    INTEGER NOT NULL
) STRICT;
CREATE INDEX claims_by_issue ON claims (issue_id, until);

-- A throttled domain that has deliveries of an issue.
CREATE TABLE throttled_domains (
    issue_id INTEGER NOT NULL REFERENCES issues (id) ON DELETE CASCADE,
    domain   TEXT    NOT NULL,
    PRIMARY KEY (issue_id, domain)
) STRICT, WITHOUT ROWID;

-- The sending rate of a relay or a destination domain.
CREATE TABLE send_rates (
    scope       TEXT    PRIMARY KEY, -- `relay URL` or `domain NAME`
    given_until INTEGER NOT NULL, -- permits to send are given out up to this time
    slowed_to   INTEGER, -- emails per minute after a complaint; NULL: never slowed
    slowed_at   INTEGER,
    complaint   TEXT, -- the reply that asked to slow down
    -- The breaker holds a domain's email back until a time. NULL: it never did.
    held_since  INTEGER,
    held_until  INTEGER,
    held_reason TEXT,
    held_told_at INTEGER -- operators were told
) STRICT, WITHOUT ROWID;

-- The number of connections a process may have open to a relay.
CREATE TABLE connection_quotas (
    relay       TEXT    NOT NULL,
    process     TEXT    NOT NULL,
    connections INTEGER NOT NULL,
    until       INTEGER NOT NULL,
    PRIMARY KEY (relay, process)
) STRICT, WITHOUT ROWID;

-- =====================================================================================================================
-- Single emails
-- =====================================================================================================================

-- An email that is not a copy of an issue, such as a confirmation, a welcome, a test or a notice to operators.
-- Its text is made when it is sent, from the rows it refers to.
CREATE TABLE emails (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    kind            TEXT    NOT NULL,
    newsletter_id   INTEGER NOT NULL REFERENCES newsletters (id), -- the sender
    recipient       TEXT    NOT NULL,
    -- The rows it is about. NULL: none.
    subscription_id INTEGER REFERENCES subscriptions (id),
    confirmation_id INTEGER REFERENCES confirmations (id),
    request_id      INTEGER, -- in reader_requests
    issue_id        INTEGER REFERENCES issues (id),
    feed_id         INTEGER REFERENCES feeds (id),
    issue_date      TEXT, -- of the issue that a test shows
    revision        TEXT, -- the revision that a test showed
    message_id      TEXT    NOT NULL, -- the same at each attempt, without angle brackets
    status          TEXT    NOT NULL CHECK (status IN ('queued', 'sending', 'sent', 'failed', 'uncertain')),
    next_attempt_at INTEGER NOT NULL,
    woken_at        INTEGER,
    -- Attempts begun. The number is never reused, so a late answer can't be mistaken for another attempt's.
    attempts        INTEGER NOT NULL DEFAULT 0,
    -- Attempts that failed because of the relay. They don't lengthen the next pause.
    relay_waits     INTEGER NOT NULL DEFAULT 0,
    claimed_until   INTEGER, -- the end of the worker's lease
    -- The last answer.
    relay           TEXT,
    reply_code      INTEGER,
    reply_text      TEXT,
    finished_at     INTEGER,
    created_at      INTEGER NOT NULL,
    CHECK ((finished_at IS NULL) = (status IN ('queued', 'sending')))
) STRICT;
CREATE INDEX emails_open ON emails (next_attempt_at) WHERE finished_at IS NULL;
CREATE INDEX emails_finished ON emails (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX emails_tests ON emails (newsletter_id, issue_date, id) WHERE kind = 'test';
CREATE INDEX emails_by_recipient ON emails (lower(recipient));
CREATE INDEX emails_by_subscription ON emails (subscription_id) WHERE subscription_id IS NOT NULL;
CREATE INDEX emails_by_confirmation ON emails (confirmation_id) WHERE confirmation_id IS NOT NULL;
CREATE INDEX emails_by_request ON emails (request_id) WHERE request_id IS NOT NULL;
-- The last welcome and the last goodbye of a subscription.
CREATE INDEX emails_welcome ON emails (subscription_id, created_at) WHERE kind = 'welcome';
CREATE INDEX emails_goodbye ON emails (subscription_id, created_at) WHERE kind = 'goodbye';

-- =====================================================================================================================
-- Suppressions and erased readers
-- =====================================================================================================================

-- An address that must not be emailed at all.
CREATE TABLE suppressions (
    address_key TEXT    PRIMARY KEY,
    reason      TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    issue_id    INTEGER, -- the issue whose refusal suppressed it
    asked_at    INTEGER -- the last confirmation email after a new signup
) STRICT, WITHOUT ROWID;
CREATE INDEX suppressions_by_time ON suppressions (created_at, address_key);
CREATE INDEX suppressions_by_issue ON suppressions (issue_id) WHERE issue_id IS NOT NULL;

-- An address that unsubscribed from a newsletter elsewhere. Imports leave it out until its reader confirms here.
CREATE TABLE newsletter_suppressions (
    newsletter_id INTEGER NOT NULL REFERENCES newsletters (id),
    address_key   TEXT    NOT NULL,
    reason        TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    PRIMARY KEY (address_key, newsletter_id)
) STRICT, WITHOUT ROWID;

-- An erased reader's address as a salted hash, so that no import brings it back.
CREATE TABLE erased_addresses (
    address_hash        TEXT    PRIMARY KEY, -- HMAC-SHA-256 of the address key, in hex
    reason       TEXT, -- for an earlier suppression, which still holds; NULL: the address may sign up again
    erased_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The salt of these hashes. There is at most one row, made at the first erasure.
CREATE TABLE erasure_salt (
    id   INTEGER PRIMARY KEY CHECK (id = 1),
    salt TEXT    NOT NULL
) STRICT;

-- =====================================================================================================================
-- Incoming email
-- =====================================================================================================================

-- A failure to deliver an email, or a complaint about one: a relay's refusal of the address itself, or a report that
-- came back by email and proved which email it is about. One row per email and kind.
CREATE TABLE bounces (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    occurred_at     INTEGER NOT NULL,
    -- A relay, or what the report proved itself with: the key of the envelope sender, or the unsubscribe token.
    source          TEXT    NOT NULL CHECK (source IN ('relay', 'key', 'token')),
    kind            TEXT    NOT NULL, -- such as hard, mailbox_full or complaint
    ineffective     TEXT, -- why it changes nothing for its reader; NULL: it counts
    address_key     TEXT, -- the address it was sent to; NULL: unknown
    domain          TEXT, -- of that address
    -- The email: an issue's copy, or a single email.
    issue_id        INTEGER,
    subscription_id INTEGER,
    email_id        INTEGER,
    reply_code      INTEGER,
    enhanced_code   TEXT, -- RFC 3463, such as 5.1.1
    diagnostic      TEXT, -- the remote server's words
    reporting_mta   TEXT -- the server that wrote the report
) STRICT;
CREATE UNIQUE INDEX bounces_of_copies ON bounces (issue_id, subscription_id, kind) WHERE issue_id IS NOT NULL;
CREATE UNIQUE INDEX bounces_of_emails ON bounces (email_id, kind) WHERE email_id IS NOT NULL;
CREATE INDEX bounces_by_address ON bounces (address_key, occurred_at) WHERE address_key IS NOT NULL;

-- An incoming message that changed nothing, because it was not recognized or proved nothing. Operators may read it.
CREATE TABLE incoming_messages (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    received_at  INTEGER NOT NULL,
    recipient    TEXT, -- in the envelope
    sender       TEXT    NOT NULL, -- in From
    kind         TEXT    NOT NULL,
    reason       TEXT    NOT NULL, -- why it changed nothing
    message_hash TEXT    NOT NULL UNIQUE, -- SHA-256 in hex
    message      BLOB    NOT NULL -- its beginning
) STRICT;
CREATE INDEX incoming_messages_by_time ON incoming_messages (received_at);

-- =====================================================================================================================
-- Processes and leases
-- =====================================================================================================================

-- A running process. Commands fail early if no process would do the work they ask for.
CREATE TABLE processes (
    id         TEXT    PRIMARY KEY,
    role       TEXT    NOT NULL, -- all, web, worker or scheduler
    started_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL -- the last heartbeat
) STRICT, WITHOUT ROWID;

-- The time by the clocks of the schedulers. If it lies far in the future, a clock was wrong. There is at most one row.
CREATE TABLE scheduler_clock (
    id           INTEGER PRIMARY KEY CHECK (id = 1),
    seen_at      INTEGER NOT NULL, -- the last run of a scheduler, at a minute's precision
    wrong_at     INTEGER, -- what the clock showed when it was wrong last
    corrected_at INTEGER -- when that was noticed
) STRICT;

-- This database among others, and whether it may send. There is at most one row, made with the first newsletter.
CREATE TABLE installation (
    id              INTEGER PRIMARY KEY CHECK (id = 1),
    key             TEXT    NOT NULL, -- random
    epoch           INTEGER NOT NULL, -- how often it was armed
    -- PostgreSQL: the server's identifier and the database's oid, which a restored dump doesn't share. SQLite: empty.
    made_in         TEXT    NOT NULL,
    disarmed_at     INTEGER, -- since then nothing is sent; NULL: armed
    disarmed_reason TEXT,
    -- Something else than Daily answers at http.public_url, so issues wait.
    links_lead_elsewhere INTEGER NOT NULL DEFAULT 0
) STRICT;

-- A lease on work that only one process may do at a time.
CREATE TABLE leases (
    name   TEXT    PRIMARY KEY,
    holder TEXT    NOT NULL,
    until  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
