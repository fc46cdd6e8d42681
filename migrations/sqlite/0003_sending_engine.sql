-- Claims with leases of their own, paces, shares of relays, and the history of issues.

ALTER TABLE subscribers ADD COLUMN domain TEXT GENERATED ALWAYS AS (substr(address, instr(address, '@') + 1)) VIRTUAL;

-- Readers of an issue, and how their relays have answered since it was begun or last resumed: what the breaker judges by.
ALTER TABLE issues ADD COLUMN recipients INTEGER NOT NULL DEFAULT 0;
ALTER TABLE issues ADD COLUMN answered   INTEGER NOT NULL DEFAULT 0;
ALTER TABLE issues ADD COLUMN refused    INTEGER NOT NULL DEFAULT 0;
-- When an operator let it go on: what waited meanwhile is not late.
ALTER TABLE issues ADD COLUMN resumed_at INTEGER;

-- What happened to an issue, and why.
CREATE TABLE issue_events (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    issue_id    INTEGER NOT NULL REFERENCES issues (id) ON DELETE CASCADE,
    status      TEXT    NOT NULL,
    reason      TEXT,
    occurred_at INTEGER NOT NULL
) STRICT;
CREATE INDEX issue_events_by_issue ON issue_events (issue_id, id);

-- Who works on which deliveries, and until when nobody else may take them over. Rows name their claim, so that a lease is
-- renewed by touching one row. The numbers are never used again.
CREATE TABLE claims (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    issue_id INTEGER NOT NULL REFERENCES issues (id),
    process  TEXT    NOT NULL,
    until    INTEGER NOT NULL
) STRICT;
CREATE INDEX claims_by_issue ON claims (issue_id, until);

DROP INDEX deliveries_waiting;
DROP INDEX deliveries_leased;
DROP INDEX deliveries_claimed;
DROP INDEX deliveries_uncertain;
DROP INDEX deliveries_by_status;
ALTER TABLE deliveries DROP COLUMN claim;
ALTER TABLE deliveries DROP COLUMN claimed_until;
ALTER TABLE deliveries ADD COLUMN claim_id INTEGER;
-- The enhanced status code of the reply (RFC 3463), such as 5.1.1.
ALTER TABLE deliveries ADD COLUMN enhanced_code TEXT;
-- The destination domain, where its pace is limited: such rows are not taken with the others but as permits come.
ALTER TABLE deliveries ADD COLUMN paced TEXT;
CREATE INDEX deliveries_waiting ON deliveries (issue_id, next_attempt_at, id)
    WHERE status IN ('queued', 'deferred') AND paced IS NULL;
CREATE INDEX deliveries_paced ON deliveries (issue_id, paced, next_attempt_at, id)
    WHERE status IN ('queued', 'deferred') AND paced IS NOT NULL;
CREATE INDEX deliveries_leased ON deliveries (issue_id, claim_id) WHERE status IN ('claimed', 'sending');
CREATE INDEX deliveries_deferred ON deliveries (issue_id, subscriber_id) WHERE status = 'deferred';
-- Those that ended otherwise than by being sent: few, and what operators ask for.
CREATE INDEX deliveries_unsent ON deliveries (issue_id, status, subscriber_id) WHERE status IN ('failed', 'uncertain', 'skipped');

-- Domains that have rows of an issue set apart.
CREATE TABLE issue_paces (
    issue_id INTEGER NOT NULL REFERENCES issues (id) ON DELETE CASCADE,
    domain   TEXT    NOT NULL,
    PRIMARY KEY (issue_id, domain)
) STRICT, WITHOUT ROWID;

-- Up to which moment permits to send have been given out, and what complaints have made of the pace; `scope` is
-- `relay URL` or `domain NAME`.
CREATE TABLE paces (
    scope       TEXT    PRIMARY KEY,
    given_until INTEGER NOT NULL,
    slowed_to   INTEGER,
    slowed_at   INTEGER,
    complaint   TEXT
) STRICT, WITHOUT ROWID;

-- How many connections to a relay each process may have open.
CREATE TABLE relay_shares (
    relay       TEXT    NOT NULL,
    process     TEXT    NOT NULL,
    connections INTEGER NOT NULL,
    until       INTEGER NOT NULL,
    PRIMARY KEY (relay, process)
) STRICT, WITHOUT ROWID;

UPDATE issues SET recipients = (SELECT count(*) FROM deliveries d WHERE d.issue_id = issues.id);
