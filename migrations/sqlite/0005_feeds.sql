-- Feeds as they behave, and articles as their pages show them.

-- Whose server it is: host and port; for a file its address.
ALTER TABLE feeds ADD COLUMN host TEXT GENERATED ALWAYS AS (
    CASE WHEN url LIKE 'http%' THEN substr(substr(url, instr(url, '://') + 3), 1,
        instr(substr(url, instr(url, '://') + 3) || '/', '/') - 1) ELSE url END) VIRTUAL;
-- The site asked not to be asked again before this moment.
ALTER TABLE feeds ADD COLUMN not_before INTEGER;
ALTER TABLE feeds ADD COLUMN failing_since INTEGER;
-- Its habit: when the latest item came, and the usual (median) and longest time between two of its latest items.
ALTER TABLE feeds ADD COLUMN last_item_at INTEGER;
ALTER TABLE feeds ADD COLUMN usual_gap_seconds INTEGER;
ALTER TABLE feeds ADD COLUMN longest_gap_seconds INTEGER;
-- The numbers of the articles in it when it was last read, with commas between.
ALTER TABLE feeds ADD COLUMN entries TEXT NOT NULL DEFAULT '';
-- Where it was before it moved for good.
ALTER TABLE feeds ADD COLUMN moved_from TEXT;
-- What is wrong with it for so long that operators are told, since when, and when they were.
ALTER TABLE feeds ADD COLUMN trouble_kind TEXT CHECK (trouble_kind IN ('failing', 'silent', 'retired'));
ALTER TABLE feeds ADD COLUMN trouble TEXT;
ALTER TABLE feeds ADD COLUMN trouble_since INTEGER;
ALTER TABLE feeds ADD COLUMN trouble_reported_at INTEGER;

CREATE INDEX feeds_by_host ON feeds (host);

ALTER TABLE articles ADD COLUMN host TEXT GENERATED ALWAYS AS (substr(substr(url, instr(url, '://') + 3), 1,
    instr(substr(url, instr(url, '://') + 3) || '/', '/') - 1)) VIRTUAL;
-- The picture goes into mail only if it was looked at and is fit for it.
ALTER TABLE articles ADD COLUMN image_alt TEXT;
ALTER TABLE articles ADD COLUMN image_width INTEGER;
ALTER TABLE articles ADD COLUMN image_height INTEGER;
ALTER TABLE articles ADD COLUMN image_ok INTEGER NOT NULL DEFAULT 0;
ALTER TABLE articles ADD COLUMN image_checked_at INTEGER;
ALTER TABLE articles ADD COLUMN image_problem TEXT;
-- The headline its page gave, and when the page was looked at; when to look next, if at all, and what was wrong last.
ALTER TABLE articles ADD COLUMN page_title TEXT;
ALTER TABLE articles ADD COLUMN checked_at INTEGER;
ALTER TABLE articles ADD COLUMN check_after INTEGER;
ALTER TABLE articles ADD COLUMN check_tries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE articles ADD COLUMN check_woken_at INTEGER;
ALTER TABLE articles ADD COLUMN check_error TEXT;
-- The address its feed gives it now: taken if the old one turns out to be gone.
ALTER TABLE articles ADD COLUMN moved_to TEXT;
CREATE INDEX articles_to_check ON articles (host, check_after, id) WHERE check_after IS NOT NULL;

UPDATE article_sources SET guid = NULL WHERE length(guid) > 600;
CREATE INDEX article_sources_by_guid ON article_sources (feed_id, guid) WHERE guid IS NOT NULL;
DROP INDEX article_sources_by_feed;
CREATE INDEX article_sources_by_feed ON article_sources (feed_id, seen_at);

-- The latest stories are looked at, so that their pictures are not lost.
UPDATE articles SET check_after = first_seen_at WHERE id > (SELECT max(id) - 200 FROM articles);
