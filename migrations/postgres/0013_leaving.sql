-- Why readers left, if they said so: one answer for each time a subscription ended, which they may correct.
CREATE TABLE leaving_reasons (
    subscription_id BIGINT      NOT NULL REFERENCES subscriptions (id),
    left_at         TIMESTAMPTZ NOT NULL,
    reason          TEXT        NOT NULL,
    remark          TEXT,
    given_at        TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (subscription_id, left_at)
);
CREATE INDEX leaving_reasons_by_time ON leaving_reasons (left_at);
