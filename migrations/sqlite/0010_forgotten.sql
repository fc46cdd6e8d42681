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
