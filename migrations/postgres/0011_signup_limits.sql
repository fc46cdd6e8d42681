-- How much of a signup limit is taken up: until when its time is, in microseconds since 1970. Names are keyed hashes of client
-- networks and addresses; a row whose time is past means nothing and is tidied away.
CREATE TABLE signup_limits (
    name        TEXT PRIMARY KEY,
    taken_until BIGINT NOT NULL
);
CREATE INDEX signup_limits_past ON signup_limits (taken_until);
