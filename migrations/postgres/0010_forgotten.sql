-- Readers who asked to be forgotten: of their addresses a salted hash is kept, so that no import brings them back, and whether
-- they must not be mailed.
CREATE TABLE forgotten (
    print        TEXT        PRIMARY KEY,
    reason       TEXT,
    forgotten_at TIMESTAMPTZ NOT NULL
);
-- The salt: one row, drawn when the first reader is forgotten.
CREATE TABLE forgotten_salt (
    id   BIGINT PRIMARY KEY CHECK (id = 1),
    salt TEXT   NOT NULL
);

ALTER TABLE subscribers ADD COLUMN forgotten_at TIMESTAMPTZ;

-- The one change that the consent ledger allows: what is personal in an entry goes, all of it at once. What happened and when
-- stays. (When it was erased, subscribers.forgotten_at tells.)
CREATE OR REPLACE FUNCTION consent_events_append_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF (NEW.id, NEW.subscription_id, NEW.kind, NEW.occurred_at, NEW.method, NEW.wording, NEW.wording_version)
            IS NOT DISTINCT FROM
            (OLD.id, OLD.subscription_id, OLD.kind, OLD.occurred_at, OLD.method, OLD.wording, OLD.wording_version)
            AND NEW.client_address IS NULL AND NEW.user_agent IS NULL AND NEW.source_url IS NULL THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'consent_events is append-only';
END $$;
