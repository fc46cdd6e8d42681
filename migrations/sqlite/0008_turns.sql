-- Work that only one process may do at a time, who does it, and until when it is theirs.
CREATE TABLE turns (
    name   TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    until  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Plans that were made by an older version are made anew, with what they are made from.
UPDATE issues SET planned_at = NULL WHERE status = 'planned';
