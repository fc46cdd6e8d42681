-- Feeds as they behave, and articles as their pages show them. See migrations/sqlite for what the columns mean.

ALTER TABLE feeds ADD COLUMN host TEXT GENERATED ALWAYS AS (
    CASE WHEN url LIKE 'http%' THEN split_part(split_part(url, '://', 2), '/', 1) ELSE url END) STORED;
ALTER TABLE feeds ADD COLUMN not_before TIMESTAMPTZ;
ALTER TABLE feeds ADD COLUMN failing_since TIMESTAMPTZ;
ALTER TABLE feeds ADD COLUMN last_item_at TIMESTAMPTZ;
ALTER TABLE feeds ADD COLUMN usual_gap_seconds BIGINT;
ALTER TABLE feeds ADD COLUMN longest_gap_seconds BIGINT;
ALTER TABLE feeds ADD COLUMN entries TEXT NOT NULL DEFAULT '';
ALTER TABLE feeds ADD COLUMN moved_from TEXT;
ALTER TABLE feeds ADD COLUMN trouble_kind TEXT CHECK (trouble_kind IN ('failing', 'silent', 'retired'));
ALTER TABLE feeds ADD COLUMN trouble TEXT;
ALTER TABLE feeds ADD COLUMN trouble_since TIMESTAMPTZ;
ALTER TABLE feeds ADD COLUMN trouble_reported_at TIMESTAMPTZ;

CREATE INDEX feeds_by_host ON feeds (host);

ALTER TABLE articles ADD COLUMN host TEXT
    GENERATED ALWAYS AS (split_part(split_part(url, '://', 2), '/', 1)) STORED;
ALTER TABLE articles ADD COLUMN image_alt TEXT;
ALTER TABLE articles ADD COLUMN image_width BIGINT;
ALTER TABLE articles ADD COLUMN image_height BIGINT;
ALTER TABLE articles ADD COLUMN image_ok BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE articles ADD COLUMN image_checked_at TIMESTAMPTZ;
ALTER TABLE articles ADD COLUMN image_problem TEXT;
ALTER TABLE articles ADD COLUMN page_title TEXT;
ALTER TABLE articles ADD COLUMN checked_at TIMESTAMPTZ;
ALTER TABLE articles ADD COLUMN check_after TIMESTAMPTZ;
ALTER TABLE articles ADD COLUMN check_tries BIGINT NOT NULL DEFAULT 0;
ALTER TABLE articles ADD COLUMN check_woken_at TIMESTAMPTZ;
ALTER TABLE articles ADD COLUMN check_error TEXT;
ALTER TABLE articles ADD COLUMN moved_to TEXT;
CREATE INDEX articles_to_check ON articles (host, check_after, id) WHERE check_after IS NOT NULL;

-- An index entry must stay below 2,700 bytes.
UPDATE article_sources SET guid = NULL WHERE length(guid) > 600;
CREATE INDEX article_sources_by_guid ON article_sources (feed_id, guid) WHERE guid IS NOT NULL;
DROP INDEX article_sources_by_feed;
CREATE INDEX article_sources_by_feed ON article_sources (feed_id, seen_at);

-- The latest stories are looked at, so that their pictures are not lost.
UPDATE articles SET check_after = first_seen_at WHERE id > (SELECT max(id) - 200 FROM articles);
