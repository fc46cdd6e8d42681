-- The text that was agreed to, as it stood when the signup arrived.
ALTER TABLE signups ADD COLUMN wording TEXT;
ALTER TABLE signups ADD COLUMN wording_version INTEGER;

-- How often nothing could be made of a signup, and when that is tried next.
ALTER TABLE signups ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE signups ADD COLUMN try_after INTEGER;
