-- Which address was used, and which confirmation mail the entry is about.
ALTER TABLE consent_events ADD COLUMN address TEXT;
ALTER TABLE consent_events ADD COLUMN confirmation_id BIGINT;

-- Entries stay as they are; but what is personal in them can be erased, and only all of it at once.
CREATE OR REPLACE FUNCTION consent_events_append_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF (NEW.id, NEW.subscription_id, NEW.kind, NEW.occurred_at, NEW.method, NEW.wording, NEW.wording_version,
            NEW.confirmation_id) IS NOT DISTINCT FROM (OLD.id, OLD.subscription_id, OLD.kind, OLD.occurred_at, OLD.method,
            OLD.wording, OLD.wording_version, OLD.confirmation_id)
            AND NEW.address IS NULL AND NEW.client_address IS NULL AND NEW.user_agent IS NULL AND NEW.source_url IS NULL THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'consent_events is append-only';
END $$;

-- Each subscription's entries as a chain of hashes. What is personal enters as a salted digest: without the salt it tells
-- nothing, and the chain holds.
CREATE TABLE consent_chain (
    subscription_id BIGINT NOT NULL,
    position        BIGINT NOT NULL,
    event_id        BIGINT NOT NULL UNIQUE REFERENCES consent_events (id),
    salt            TEXT,
    personal        TEXT   NOT NULL,
    chain           TEXT   NOT NULL,
    PRIMARY KEY (subscription_id, position)
);
CREATE FUNCTION consent_chain_append_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF (NEW.subscription_id, NEW.position, NEW.event_id, NEW.personal, NEW.chain) IS NOT DISTINCT FROM
            (OLD.subscription_id, OLD.position, OLD.event_id, OLD.personal, OLD.chain) AND NEW.salt IS NULL THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'consent_chain is append-only';
END $$;
CREATE TRIGGER consent_chain_is_append_only BEFORE UPDATE OR DELETE ON consent_chain
FOR EACH ROW EXECUTE FUNCTION consent_chain_append_only();
