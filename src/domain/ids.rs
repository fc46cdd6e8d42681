//! Typed row ids, so that a subscriber's id can't be used to look up an issue.

macro_rules! ids {
    ($($(#[$meta:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$meta])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl From<i64> for $name {
            fn from(id: i64) -> Self { Self(id) }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { self.0.fmt(f) }
        }
    )+};
}

ids! {
    /// A newsletter, such as "Daily".
    NewsletterId,
    /// An email address that signed up at some time.
    SubscriberId,
    /// A subscriber's relation to one newsletter.
    SubscriptionId,
    /// A request to confirm a subscription; confirmation links point to it.
    ConfirmationId,
    /// A feed that is polled for articles.
    FeedId,
    /// An article, however many feeds carry it.
    ArticleId,
    /// One dated digest of a newsletter.
    IssueId,
    /// A rendering of an issue for a group of its readers.
    VariantId,
    /// Readers with the same audience and past.
    CohortId,
    /// One reader's copy of an issue.
    DeliveryId,
    /// A worker's claim on deliveries.
    ClaimId,
    /// An email outside an issue, such as a confirmation or a test.
    EmailId,
    /// A reader's request on their preferences page.
    RequestId,
    /// A person who runs newsletters.
    OperatorId,
    /// A browser in which an operator signed in.
    OperatorSessionId,
    /// A list of readers that an operator uploaded.
    ImportId,
    /// An entry of the audit log.
    AuditId,
}
