-- Single mails by the subscription they are about: those of one reader.
CREATE INDEX mails_by_subscription ON mails (subscription_id) WHERE subscription_id IS NOT NULL;

-- Whoever waits for a confirmation, also if they had confirmed and left before.
DROP INDEX subscriptions_pending;
CREATE INDEX subscriptions_pending ON subscriptions (requested_at) WHERE status = 'pending';
-- Its first column tells the planner that it is the smaller one.
DROP INDEX subscriptions_unreminded;
CREATE INDEX subscriptions_unreminded ON subscriptions (reminded_at, requested_at)
    WHERE status = 'pending' AND confirmed_at IS NULL AND reminded_at IS NULL;

-- Confirmations that remind of another one: they are no signups.
ALTER TABLE confirmations ADD COLUMN is_reminder INTEGER NOT NULL DEFAULT 0;
UPDATE confirmations SET is_reminder = 1
    WHERE id IN (SELECT confirmation_id FROM mails WHERE kind = 'confirmation_reminder');

-- When signups looked like an attack: nobody is reminded of what arrived then.
CREATE TABLE signup_alarms (
    id         INTEGER PRIMARY KEY,
    reaches_to INTEGER NOT NULL, -- signups back to here are doubtful
    ended_at   INTEGER
) STRICT;
INSERT INTO signup_alarms (reaches_to, ended_at) SELECT since, ended_at FROM signup_watch WHERE since IS NOT NULL;

-- Nothing of a person is left of a subscription: its reader was forgotten, or never confirmed.
ALTER TABLE subscriptions ADD COLUMN erased_at INTEGER;
UPDATE subscriptions SET erased_at = r.forgotten_at FROM subscribers r
    WHERE r.id = subscriptions.subscriber_id AND r.forgotten_at IS NOT NULL;
-- Readers who left long ago, in the order they left, as long as there is something to erase.
DROP INDEX subscriptions_ended;
CREATE INDEX subscriptions_ended ON subscriptions (ended_at, id)
    WHERE ended_at IS NOT NULL AND erased_at IS NULL;

-- Readers who never confirmed were made nobody while another subscription of theirs kept what is personal.
UPDATE consent_chain SET salt = NULL
    WHERE salt IS NOT NULL AND subscription_id IN (SELECT id FROM subscriptions WHERE erased_at IS NOT NULL);
UPDATE consent_events SET address = NULL, client_address = NULL, user_agent = NULL, source_url = NULL
    WHERE subscription_id IN (SELECT id FROM subscriptions WHERE erased_at IS NOT NULL)
        AND (address IS NOT NULL OR client_address IS NOT NULL OR user_agent IS NOT NULL OR source_url IS NOT NULL);
UPDATE leaving_reasons SET remark = NULL
    WHERE remark IS NOT NULL AND subscription_id IN (SELECT id FROM subscriptions WHERE erased_at IS NOT NULL);
DELETE FROM mails WHERE subscription_id IN (SELECT id FROM subscriptions WHERE erased_at IS NOT NULL);
