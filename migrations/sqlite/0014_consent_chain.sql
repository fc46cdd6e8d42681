-- Which address was used, and which confirmation mail the entry is about.
ALTER TABLE consent_events ADD COLUMN address TEXT;
ALTER TABLE consent_events ADD COLUMN confirmation_id INTEGER;

-- Entries stay as they are; but what is personal in them can be erased, and only all of it at once.
DROP TRIGGER consent_events_are_not_changed;
CREATE TRIGGER consent_events_are_not_changed BEFORE UPDATE ON consent_events
WHEN NOT (NEW.id IS OLD.id AND NEW.subscription_id IS OLD.subscription_id AND NEW.kind IS OLD.kind
    AND NEW.occurred_at IS OLD.occurred_at AND NEW.method IS OLD.method AND NEW.wording IS OLD.wording
    AND NEW.wording_version IS OLD.wording_version AND NEW.confirmation_id IS OLD.confirmation_id
    AND NEW.address IS NULL AND NEW.client_address IS NULL AND NEW.user_agent IS NULL AND NEW.source_url IS NULL)
BEGIN SELECT RAISE(ABORT, 'consent_events is append-only'); END;

-- Each subscription's entries as a chain of hashes. What is personal enters as a salted digest: without the salt it tells
-- nothing, and the chain holds.
CREATE TABLE consent_chain (
    subscription_id INTEGER NOT NULL,
    position        INTEGER NOT NULL,
    event_id        INTEGER NOT NULL UNIQUE REFERENCES consent_events (id),
    salt            TEXT,
    personal        TEXT    NOT NULL,
    chain           TEXT    NOT NULL,
    PRIMARY KEY (subscription_id, position)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER consent_chain_is_not_changed BEFORE UPDATE ON consent_chain
WHEN NOT (NEW.subscription_id IS OLD.subscription_id AND NEW.position IS OLD.position AND NEW.event_id IS OLD.event_id
    AND NEW.salt IS NULL AND NEW.personal IS OLD.personal AND NEW.chain IS OLD.chain)
BEGIN SELECT RAISE(ABORT, 'consent_chain is append-only'); END;
CREATE TRIGGER consent_chain_is_not_removed BEFORE DELETE ON consent_chain
BEGIN SELECT RAISE(ABORT, 'consent_chain is append-only'); END;
