//! Domain types as columns and arguments, and lists of them as one argument.

use crate::{
    db::DbDate,
    domain::{
        content::feed_trouble::TroubleKind,
        delivery::{
            email::{EmailKind, EmailStatus},
            incoming::IncomingKind,
            status::DeliveryStatus,
        },
        ids::{
            ArticleId, AuditId, ClaimId, CohortId, ConfirmationId, DeliveryId, EmailId, FeedId, ImportId,
            IssueId, NewsletterId, OperatorId, OperatorSessionId, RequestId, SubscriberId, SubscriptionId,
            VariantId,
        },
        import::uploaded::ImportStatus,
        issue::{
            days::Days,
            revision::Revision,
            selection::{Reason, Wish},
            status::IssueStatus,
        },
        newsletter::{Archive, SelectionKind, SendClock},
        operator::session::{LinkPurpose, Stage},
        signup::alarm::Alarm,
        subscriber::{
            cadence::Cadence,
            consent::{ConsentEvent, UnsubscribeReason},
            email_address::EmailAddress,
            request::RequestKind,
            sections::Sections,
            subscription::SubscriptionStatus,
        },
        theme::Fonts,
    },
};
use sqlx::{
    Database, Decode, Encode, Postgres, Sqlite, Type,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo},
    sqlite::{SqliteArgumentsBuffer, SqliteTypeInfo},
};

/// Gives a type the column type of another one, on both engines.
macro_rules! travels_as {
    ($inner:ty: $($name:ty),+ $(,)?) => {$(
        impl<DB: Database> Type<DB> for $name
        where
            $inner: Type<DB>,
        {
            fn type_info() -> DB::TypeInfo {
                <$inner>::type_info()
            }

            fn compatible(ty: &DB::TypeInfo) -> bool {
                <$inner>::compatible(ty)
            }
        }
    )+};
}

/// Implements ids as BIGINT.
macro_rules! ids {
    ($($name:ident),+ $(,)?) => {
        travels_as!(i64: $($name),+);
        $(
            impl<'q, DB: Database> Encode<'q, DB> for $name
            where
                i64: Encode<'q, DB>,
            {
                fn encode_by_ref(&self, buffer: &mut DB::ArgumentBuffer) -> Result<IsNull, BoxDynError> {
                    self.0.encode_by_ref(buffer)
                }
            }

            impl<'r, DB: Database> Decode<'r, DB> for $name
            where
                i64: Decode<'r, DB>,
            {
                fn decode(value: DB::ValueRef<'r>) -> Result<Self, BoxDynError> {
                    i64::decode(value).map(Self)
                }
            }

            impl PgHasArrayType for $name {
                fn array_type_info() -> PgTypeInfo {
                    i64::array_type_info()
                }
            }
        )+
    };
}

/// Implements string enums as TEXT.
macro_rules! string_enums {
    ($($name:ty),+ $(,)?) => {
        travels_as!(String: $($name),+);
        $(
            impl<'q, DB: Database> Encode<'q, DB> for $name
            where
                &'static str: Encode<'q, DB>,
            {
                fn encode_by_ref(&self, buffer: &mut DB::ArgumentBuffer) -> Result<IsNull, BoxDynError> {
                    self.as_str().encode_by_ref(buffer)
                }
            }

            impl<'r, DB: Database> Decode<'r, DB> for $name
            where
                String: Decode<'r, DB>,
            {
                fn decode(value: DB::ValueRef<'r>) -> Result<Self, BoxDynError> {
                    Ok(String::decode(value)?.parse()?)
                }
            }

            impl PgHasArrayType for $name {
                fn array_type_info() -> PgTypeInfo {
                    String::array_type_info()
                }
            }
        )+
    };
}

ids!(
    ArticleId,
    AuditId,
    ClaimId,
    CohortId,
    ConfirmationId,
    DeliveryId,
    FeedId,
    ImportId,
    IssueId,
    EmailId,
    NewsletterId,
    OperatorId,
    OperatorSessionId,
    RequestId,
    SubscriberId,
    SubscriptionId,
    VariantId,
);

string_enums!(
    Alarm,
    Archive,
    Cadence,
    ConsentEvent,
    DeliveryStatus,
    Fonts,
    ImportStatus,
    IncomingKind,
    IssueStatus,
    LinkPurpose,
    UnsubscribeReason,
    EmailKind,
    EmailStatus,
    Reason,
    RequestKind,
    SelectionKind,
    SubscriptionStatus,
    TroubleKind,
    SendClock,
    Stage,
    Wish,
);

/// Implements types as TEXT, written and read by the given functions.
macro_rules! texts {
    ($($name:ty: $write:expr, $read:expr;)+) => {
        travels_as!(String: $($name),+);
        $(
            impl<'q, DB: Database> Encode<'q, DB> for $name
            where
                String: Encode<'q, DB>,
            {
                fn encode_by_ref(&self, buffer: &mut DB::ArgumentBuffer) -> Result<IsNull, BoxDynError> {
                    $write(self).encode(buffer)
                }
            }

            impl<'r, DB: Database> Decode<'r, DB> for $name
            where
                String: Decode<'r, DB>,
            {
                fn decode(value: DB::ValueRef<'r>) -> Result<Self, BoxDynError> {
                    Ok($read(&String::decode(value)?)?)
                }
            }
        )+
    };
}

texts!(
    DbDate: DbDate::to_string, |text: &str| text.parse().map(DbDate);
    Days: Days::to_string, Days::parse;
    EmailAddress: EmailAddress::to_string, EmailAddress::from_stored;
    Revision: |it: &Revision| it.full().to_owned(), Revision::parse;
    Sections: Sections::to_string, Sections::parse;
);

/// A list as one argument, for `{in}` and `{list}`: an array on PostgreSQL, JSON on SQLite.
#[derive(Debug, Clone, Copy)]
pub struct DbList<'a, T>(pub &'a [T]);

impl<T> Type<Sqlite> for DbList<'_, T> {
    fn type_info() -> SqliteTypeInfo {
        <String as Type<Sqlite>>::type_info()
    }
}

impl<T: serde::Serialize> Encode<'_, Sqlite> for DbList<'_, T> {
    fn encode_by_ref(&self, buffer: &mut SqliteArgumentsBuffer) -> Result<IsNull, BoxDynError> {
        Encode::<Sqlite>::encode(serde_json::to_string(self.0)?, buffer)
    }
}

impl<T: PgHasArrayType> Type<Postgres> for DbList<'_, T> {
    fn type_info() -> PgTypeInfo {
        T::array_type_info()
    }
}

impl<'q, T> Encode<'q, Postgres> for DbList<'_, T>
where
    for<'a> &'a [T]: Encode<'q, Postgres>,
    T: PgHasArrayType,
{
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        self.0.encode_by_ref(buffer)
    }
}
