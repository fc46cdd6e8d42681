-- When the subscription last moved to its reader's address; pages that links of mails lead to name none any more.
ALTER TABLE subscriptions ADD COLUMN moved_at TIMESTAMPTZ;

-- Whoever was not mailed is not reminded, either.
DROP INDEX subscriptions_unreminded;
CREATE INDEX subscriptions_unreminded ON subscriptions (reminded_at, requested_at)
    WHERE status = 'pending' AND confirmed_at IS NULL AND reminded_at IS NULL AND signup_mailed_at IS NOT NULL;

-- Signups of one reader, who asks for a copy or is forgotten.
CREATE INDEX signups_by_address ON signups (address_key);
