-- Readers who left long ago, in the order they left.
CREATE INDEX subscriptions_ended ON subscriptions (ended_at, id) WHERE ended_at IS NOT NULL;
-- Single mails that came to an end long ago; and those of one reader.
CREATE INDEX mails_finished ON mails (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX mails_by_recipient ON mails (lower(recipient));
