-- How much of a signup limit is taken up: until when its time is, in microseconds since 1970. Names are keyed hashes of client
-- networks and addresses; a row whose time is past means nothing and is tidied away.
CREATE TABLE signup_limits (
    name        TEXT PRIMARY KEY,
    taken_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX signup_limits_past ON signup_limits (taken_until);

-- Signups that nobody has confirmed yet: who gets a reminder, and whose address is erased.
ALTER TABLE subscriptions ADD COLUMN reminded_at INTEGER;
CREATE INDEX subscriptions_pending ON subscriptions (requested_at) WHERE status = 'pending' AND confirmed_at IS NULL;
CREATE INDEX subscriptions_unreminded ON subscriptions (requested_at)
    WHERE status = 'pending' AND confirmed_at IS NULL AND reminded_at IS NULL;
CREATE INDEX mails_by_confirmation ON mails (confirmation_id) WHERE confirmation_id IS NOT NULL;
