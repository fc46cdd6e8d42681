-- Readers who asked to be forgotten: of their addresses a salted hash is kept, so that no import brings them back, and whether
-- they must not be mailed.
CREATE TABLE forgotten (
    print        TEXT    PRIMARY KEY,
    reason       TEXT,
    forgotten_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- The salt: one row, drawn when the first reader is forgotten.
CREATE TABLE forgotten_salt (
    id   INTEGER PRIMARY KEY CHECK (id = 1),
    salt TEXT    NOT NULL
) STRICT;

ALTER TABLE subscribers ADD COLUMN forgotten_at INTEGER;

-- The one change that the consent ledger allows: what is personal in an entry goes, all of it at once. What happened and when
-- stays. (When it was erased, subscribers.forgotten_at tells.)
DROP TRIGGER consent_events_are_not_changed;
CREATE TRIGGER consent_events_are_not_changed BEFORE UPDATE ON consent_events
WHEN NOT (NEW.id IS OLD.id AND NEW.subscription_id IS OLD.subscription_id AND NEW.kind IS OLD.kind
    AND NEW.occurred_at IS OLD.occurred_at AND NEW.method IS OLD.method AND NEW.wording IS OLD.wording
    AND NEW.wording_version IS OLD.wording_version
    AND NEW.client_address IS NULL AND NEW.user_agent IS NULL AND NEW.source_url IS NULL)
BEGIN SELECT RAISE(ABORT, 'consent_events is append-only'); END;
