-- A pause: the date of the first issue that the reader gets again, and the moment at which that day begins on their clock. A
-- paused subscription without a date rests until the reader says otherwise.
ALTER TABLE subscriptions ADD COLUMN paused_until TEXT;
ALTER TABLE subscriptions ADD COLUMN resumes_at INTEGER;
CREATE INDEX subscriptions_resuming ON subscriptions (resumes_at) WHERE status = 'paused';
CREATE INDEX subscriptions_paused ON subscriptions (newsletter_id, paused_until) WHERE status = 'paused';

-- What a reader asked for on the page of preferences that needs a link by mail: all that is held about them; another
-- address, which is taken once both the old and the new one have confirmed it.
CREATE TABLE reader_requests (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    subscription_id  INTEGER NOT NULL REFERENCES subscriptions (id),
    kind             TEXT    NOT NULL CHECK (kind IN ('data_export', 'address')),
    requested_at     INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL,
    old_address      TEXT,
    new_address      TEXT,
    new_address_key  TEXT,
    old_confirmed_at INTEGER,
    new_confirmed_at INTEGER,
    done_at          INTEGER
) STRICT;
CREATE INDEX reader_requests_by_subscription ON reader_requests (subscription_id, requested_at);
CREATE INDEX reader_requests_by_address ON reader_requests (new_address_key, requested_at) WHERE new_address_key IS NOT NULL;
CREATE INDEX reader_requests_expired ON reader_requests (expires_at);
ALTER TABLE mails ADD COLUMN request_id INTEGER;
CREATE INDEX mails_by_request ON mails (request_id) WHERE request_id IS NOT NULL;
CREATE INDEX mails_welcome ON mails (subscription_id, created_at) WHERE kind = 'welcome';
