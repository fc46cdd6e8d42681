-- Nothing of a person is left of what was asked for and never confirmed: no reason to keep its reader longer.
UPDATE subscriptions SET erased_at = ended_at
    WHERE status = 'unsubscribed' AND confirmed_at IS NULL AND ended_at IS NOT NULL AND erased_at IS NULL
        AND EXISTS (SELECT 1 FROM consent_events e WHERE e.subscription_id = subscriptions.id)
        AND NOT EXISTS (SELECT 1 FROM consent_events e WHERE e.subscription_id = subscriptions.id
            AND (e.kind <> 'requested' OR e.address IS NOT NULL OR e.client_address IS NOT NULL));

-- How many left since a moment: whoever was erased since counts, too.
CREATE INDEX subscriptions_left ON subscriptions (ended_at) WHERE status = 'unsubscribed';
