-- The digest: schedules of newsletters, what readers chose, plans with what they were made from, edits, variants, waves.

ALTER TABLE newsletters ADD COLUMN days TEXT NOT NULL DEFAULT 'mon,tue,wed,thu,fri,sat,sun';
-- On whose clock send_time is read.
ALTER TABLE newsletters ADD COLUMN clock TEXT NOT NULL DEFAULT 'newsletter' CHECK (clock IN ('newsletter', 'reader'));
ALTER TABLE newsletters ADD COLUMN selection TEXT NOT NULL DEFAULT 'news' CHECK (selection IN ('news', 'round_up'));
-- Where there is none, the configured number holds.
ALTER TABLE newsletters ADD COLUMN min_stories BIGINT;
ALTER TABLE newsletters ADD COLUMN max_stories BIGINT;
ALTER TABLE newsletters ADD COLUMN needs_approval BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE newsletters ADD COLUMN logo_url TEXT;
ALTER TABLE newsletters ADD COLUMN accent TEXT;
ALTER TABLE newsletters ADD COLUMN fonts TEXT NOT NULL DEFAULT 'serif' CHECK (fonts IN ('serif', 'sans'));

-- What a reader chose. Sections are keys, sorted, with commas between; none: all. Where zone or time are missing, the
-- newsletter's hold.
ALTER TABLE subscriptions ADD COLUMN cadence TEXT NOT NULL DEFAULT 'every_issue'
    CHECK (cadence IN ('every_issue', 'weekdays', 'weekly'));
ALTER TABLE subscriptions ADD COLUMN sections TEXT NOT NULL DEFAULT '';
ALTER TABLE subscriptions ADD COLUMN time_zone TEXT;
ALTER TABLE subscriptions ADD COLUMN send_time TEXT;
ALTER TABLE subscriptions ADD COLUMN clock TEXT
    GENERATED ALWAYS AS (COALESCE(time_zone, '') || '|' || COALESCE(send_time, '')) STORED;
ALTER TABLE subscriptions ADD COLUMN audience TEXT GENERATED ALWAYS AS (cadence || '|' || sections) STORED;
CREATE INDEX subscriptions_by_clock ON subscriptions (newsletter_id, clock, audience) WHERE status = 'active';

-- The feed that brought an article first: its source.
ALTER TABLE articles ADD COLUMN feed_id BIGINT REFERENCES feeds (id);
UPDATE articles SET feed_id = (SELECT min(s.feed_id) FROM article_sources s WHERE s.article_id = articles.id);
CREATE INDEX articles_by_feed ON articles (feed_id, fresh_at);

-- What an operator wrote for an issue, and when they approved it; the last moment at which readers of it are due.
ALTER TABLE issues ADD COLUMN subject TEXT;
ALTER TABLE issues ADD COLUMN preheader TEXT;
ALTER TABLE issues ADD COLUMN note TEXT;
ALTER TABLE issues ADD COLUMN approved_at TIMESTAMPTZ;
ALTER TABLE issues ADD COLUMN reminded_at TIMESTAMPTZ;
ALTER TABLE issues ADD COLUMN last_due_at TIMESTAMPTZ;
-- What it waits for beside its time: an operator's approval, or their word on too few stories.
ALTER TABLE issues ADD COLUMN waits_for TEXT CHECK (waits_for IN ('approval', 'stories'));
-- An operator had it sent: all its readers are due at once, on whatever clock.
ALTER TABLE issues ADD COLUMN at_once BOOLEAN NOT NULL DEFAULT FALSE;
-- How often it was edited.
ALTER TABLE issues ADD COLUMN revision BIGINT NOT NULL DEFAULT 0;

-- What an issue's plan was made from: the same inputs make the same plan.
CREATE TABLE issue_plans (
    issue_id   BIGINT PRIMARY KEY REFERENCES issues (id) ON DELETE CASCADE,
    planned_at TIMESTAMPTZ NOT NULL,
    inputs     TEXT    NOT NULL,
    outcome    TEXT    NOT NULL
);

-- What an operator wants of a story in one issue. Kept apart from the plan, which is made anew.
CREATE TABLE issue_edits (
    issue_id   BIGINT NOT NULL REFERENCES issues (id) ON DELETE CASCADE,
    article_id BIGINT NOT NULL REFERENCES articles (id),
    wish       TEXT    CHECK (wish IN ('pin', 'drop')),
    place      BIGINT,
    title      TEXT,
    dek        TEXT,
    PRIMARY KEY (issue_id, article_id)
);

-- Variants of an issue: from 1, the first is what the archive shows; the stories of each, in order.
ALTER TABLE issue_variants ADD COLUMN number BIGINT NOT NULL DEFAULT 1;
CREATE TABLE variant_stories (
    variant_id BIGINT NOT NULL REFERENCES issue_variants (id) ON DELETE CASCADE,
    article_id BIGINT NOT NULL REFERENCES articles (id),
    position   BIGINT NOT NULL,
    PRIMARY KEY (variant_id, article_id)
);
CREATE INDEX variant_stories_by_article ON variant_stories (article_id, variant_id);
INSERT INTO variant_stories (variant_id, article_id, position)
    SELECT v.id, t.article_id, t.position FROM issue_variants v JOIN issue_stories t ON t.issue_id = v.issue_id
    WHERE t.position IS NOT NULL;

-- Readers of an issue who chose the same and have had the same, and the variant they get; none: nothing is left for them.
CREATE TABLE issue_groups (
    issue_id   BIGINT NOT NULL REFERENCES issues (id) ON DELETE CASCADE,
    key        TEXT    NOT NULL,
    cadence    TEXT    NOT NULL,
    readers    BIGINT NOT NULL,
    variant_id BIGINT REFERENCES issue_variants (id) ON DELETE CASCADE,
    PRIMARY KEY (issue_id, key)
);
CREATE INDEX issue_groups_by_variant ON issue_groups (variant_id);
INSERT INTO issue_groups (issue_id, key, cadence, readers, variant_id)
    SELECT v.issue_id, 'every_issue||', 'every_issue', i.recipients, v.id FROM issue_variants v
    JOIN issues i ON i.id = v.issue_id WHERE v.id = (SELECT min(x.id) FROM issue_variants x WHERE x.issue_id = v.issue_id);

-- When an issue is due on each clock of its readers. A wave is all of one moment.
CREATE TABLE issue_waves (
    issue_id BIGINT NOT NULL REFERENCES issues (id) ON DELETE CASCADE,
    clock    TEXT    NOT NULL,
    due_at   TIMESTAMPTZ NOT NULL,
    readers  BIGINT NOT NULL,
    PRIMARY KEY (issue_id, clock)
);
-- Deliveries come from one statement that takes them from the very rows they name, and nothing ever removes those. To prove it
-- again for each of a million rows takes three quarters of the time, and locks (that is, writes) every subscriber's row for each
-- issue. SQLite, which checks in passing, goes on doing so.
ALTER TABLE deliveries
    DROP CONSTRAINT deliveries_issue_id_fkey,
    DROP CONSTRAINT deliveries_variant_id_fkey,
    DROP CONSTRAINT deliveries_subscriber_id_fkey,
    DROP CONSTRAINT deliveries_subscription_id_fkey;
-- Up to which subscription an issue's deliveries have been made; none: all are.
ALTER TABLE issues ADD COLUMN fanned_out_to BIGINT;

-- Which variant a welcome mail showed its reader: they have had its stories.
CREATE TABLE welcomes (
    subscriber_id BIGINT NOT NULL REFERENCES subscribers (id),
    variant_id    BIGINT NOT NULL REFERENCES issue_variants (id) ON DELETE CASCADE,
    welcomed_at   TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (subscriber_id, variant_id)
);

-- Who is told what needs a decision.
CREATE TABLE operators (
    id          BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    address     TEXT    NOT NULL,
    address_key TEXT    NOT NULL UNIQUE,
    created_at  TIMESTAMPTZ NOT NULL
);
-- What an operator's notice is about, besides an issue.
ALTER TABLE mails ADD COLUMN feed_id BIGINT REFERENCES feeds (id);
