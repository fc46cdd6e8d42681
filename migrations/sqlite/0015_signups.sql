-- Signups as they arrived, for as long as it takes to make something of them: the answer to a form does not wait for what is
-- known of its address, and so can't tell it.
CREATE TABLE signups (
    id             INTEGER PRIMARY KEY,
    received_at    INTEGER NOT NULL,
    address        TEXT    NOT NULL,
    address_key    TEXT    NOT NULL,
    newsletters    TEXT    NOT NULL, -- rows of newsletters, a JSON array
    method         TEXT    NOT NULL,
    language       TEXT,
    time_zone      TEXT,
    client_address TEXT,
    user_agent     TEXT,
    source_url     TEXT
) STRICT;

-- The language the reader signed up in, by its tag; NULL: the newsletter's.
ALTER TABLE subscriptions ADD COLUMN language TEXT;

-- Several newsletters confirmed by one link: the confirmation whose link it is.
ALTER TABLE confirmations ADD COLUMN with_id INTEGER;
CREATE INDEX confirmations_with ON confirmations (with_id) WHERE with_id IS NOT NULL;
