//! Row identities as types of their own, so that an issue is never looked up by a subscriber's number.

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
    /// One request to confirm a subscription: what a confirmation link points at.
    ConfirmationId,
    /// A feed that is polled for articles.
    FeedId,
    /// A story, however many feeds carry it.
    ArticleId,
    /// One dated digest of a newsletter.
    IssueId,
    /// The rendering of an issue that a group of its readers gets.
    VariantId,
    /// One reader's copy of an issue.
    DeliveryId,
    /// A worker's hold on deliveries.
    ClaimId,
    /// A single mail outside an issue: confirmation, test send.
    EmailId,
    /// What a reader asked for on their own page.
    RequestId,
    /// A person who runs newsletters.
    OperatorId,
    /// An entry of the audit log.
    AuditId,
}
