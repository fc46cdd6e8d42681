-- Single mails: when a reader was last said goodbye to.
CREATE INDEX mails_goodbye ON mails (subscription_id, created_at) WHERE kind = 'goodbye';
