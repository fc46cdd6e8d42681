//! Domain types as columns.

use crate::domain::subscriber::email_address::EmailAddress;
use sqlx::{Database, Decode, Type, error::BoxDynError};

impl<DB: Database> Type<DB> for EmailAddress
where
    String: Type<DB>,
{
    fn type_info() -> DB::TypeInfo {
        String::type_info()
    }

    fn compatible(ty: &DB::TypeInfo) -> bool {
        String::compatible(ty)
    }
}

impl<'row, DB: Database> Decode<'row, DB> for EmailAddress
where
    String: Decode<'row, DB>,
{
    fn decode(value: DB::ValueRef<'row>) -> Result<Self, BoxDynError> {
        Ok(Self::from_stored(&String::decode(value)?)?)
    }
}
