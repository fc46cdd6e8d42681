-- How many of a mail's attempts ended with trouble of the relay: they do not make the next pause longer. An attempt's number is used
-- once only, so that a late answer never meets another attempt.
ALTER TABLE mails ADD COLUMN relay_waits BIGINT NOT NULL DEFAULT 0;
