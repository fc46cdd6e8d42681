-- A pause: the date of the first issue that the reader gets again, and the moment at which that day begins on their clock. A
-- paused subscription without a date rests until the reader says otherwise.
ALTER TABLE subscriptions ADD COLUMN paused_until TEXT COLLATE "C";
ALTER TABLE subscriptions ADD COLUMN resumes_at TIMESTAMPTZ;
CREATE INDEX subscriptions_resuming ON subscriptions (resumes_at) WHERE status = 'paused';
CREATE INDEX subscriptions_paused ON subscriptions (newsletter_id, paused_until) WHERE status = 'paused';
