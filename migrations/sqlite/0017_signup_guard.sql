-- How signups are going, over all processes: one row, made when they are first looked at.
CREATE TABLE signup_watch (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    looked_at  INTEGER NOT NULL,
    alarm      TEXT    CHECK (alarm IN ('limit_reached', 'flood', 'few_confirm')),
    since      INTEGER,
    seen_at    INTEGER,
    ended_at   INTEGER,
    waiting    INTEGER NOT NULL DEFAULT 0,
    told_at    INTEGER
) STRICT;

-- Proofs of work and waiting tickets that were used: nobody may use one twice. Names are keyed hashes; `client` is there for
-- tickets only, of which a client gets few.
CREATE TABLE used_proofs (
    name       TEXT    PRIMARY KEY,
    used_at    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    client     TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX used_proofs_past ON used_proofs (expires_at);
CREATE INDEX used_proofs_tickets ON used_proofs (used_at) WHERE client IS NOT NULL;

-- How many of those who signed up lately have confirmed.
CREATE INDEX confirmations_by_time ON confirmations (created_at);
