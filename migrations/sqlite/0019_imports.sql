-- Who left a newsletter elsewhere: no list brings them into it, until they confirm here themselves. What they signed up for here
-- may be erased meanwhile, this stays.
CREATE TABLE newsletter_suppressions (
    newsletter_id INTEGER NOT NULL REFERENCES newsletters (id),
    address_key   TEXT    NOT NULL,
    reason        TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    PRIMARY KEY (address_key, newsletter_id)
) STRICT, WITHOUT ROWID;

-- Those that lists have brought so far.
INSERT INTO newsletter_suppressions (newsletter_id, address_key, reason, created_at)
    SELECT s.newsletter_id, r.address_key, 'unsubscribed: as ' || COALESCE(e.source_url, 'a list') || ' has it', e.occurred_at
    FROM consent_events e JOIN subscriptions s ON s.id = e.subscription_id JOIN subscribers r ON r.id = s.subscriber_id
    WHERE e.method = 'import' AND e.kind = 'unsubscribed' AND s.status IN ('pending', 'unsubscribed')
        AND r.forgotten_at IS NULL AND r.address_key NOT LIKE 'erased-%@erased.invalid'
        AND e.id = (SELECT max(x.id) FROM consent_events x WHERE x.subscription_id = s.id AND x.kind IN ('confirmed', 'unsubscribed'));

-- Addresses of signups that nobody confirmed were erased: they are of nobody, as those of readers who were forgotten.
UPDATE subscribers SET forgotten_at = created_at
    WHERE forgotten_at IS NULL AND address_key LIKE 'erased-%@erased.invalid';

-- Entries of consent that still get their links in the chain: those after one up to another one. What an import adds, and all from
-- before there was a chain.
CREATE TABLE consent_backlog (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    after_event INTEGER NOT NULL,
    up_to_event INTEGER NOT NULL
) STRICT;
CREATE INDEX consent_backlog_in_order ON consent_backlog (after_event, id);
INSERT INTO consent_backlog (after_event, up_to_event)
    SELECT 0, max(id) FROM consent_events HAVING max(id) IS NOT NULL;
