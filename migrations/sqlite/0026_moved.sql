-- When the reader last moved to this address; pages that links of mails lead to name none any more.
ALTER TABLE subscribers ADD COLUMN moved_at INTEGER;
UPDATE subscribers SET moved_at = m.moved_at
    FROM (SELECT s.subscriber_id, MAX(e.occurred_at) AS moved_at FROM consent_events e
          JOIN subscriptions s ON s.id = e.subscription_id WHERE e.method = 'address_change' GROUP BY s.subscriber_id) m
    WHERE m.subscriber_id = subscribers.id AND subscribers.forgotten_at IS NULL;

-- Whoever was not mailed is not reminded, either.
DROP INDEX subscriptions_unreminded;
CREATE INDEX subscriptions_unreminded ON subscriptions (reminded_at, requested_at)
    WHERE status = 'pending' AND confirmed_at IS NULL AND reminded_at IS NULL AND signup_mailed_at IS NOT NULL;

-- Signups of one reader, who asks for a copy or is forgotten.
CREATE INDEX signups_by_address ON signups (address_key);
