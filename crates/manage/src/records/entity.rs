//! The mapping between values and versioned records.

use keyward_core::Timestamp;
use keyward_core::store::StoreError;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::json;
use crate::error::ManagementError;
use crate::store::{Kind, Record, Write};

pub(crate) trait Entity: Serialize + DeserializeOwned {
    const KIND: Kind;
    fn id(&self) -> String;
    fn sort(&self) -> i64 {
        self.expires_at().map_or(0, Timestamp::as_millis)
    }
    fn owner(&self) -> String {
        String::new()
    }
    fn subject(&self) -> String {
        String::new()
    }
    fn key(&self) -> Option<String> {
        None
    }
    fn expires_at(&self) -> Option<Timestamp> {
        None
    }

    fn to_record(&self, version: u64) -> Result<Record, ManagementError> {
        Ok(Record {
            kind: Self::KIND,
            id: self.id(),
            owner: self.owner(),
            subject: self.subject(),
            key: self.key(),
            sort: self.sort(),
            expires_at: self.expires_at(),
            version,
            body: serde_json::to_string(self).map_err(|_| ManagementError::Internal)?,
        })
    }

    fn insert(&self) -> Result<Write, ManagementError> {
        Ok(Write::Insert(self.to_record(1)?))
    }

    /// The batch fails if there is a record with this id. It leaves none.
    fn expect_missing(&self) -> Result<[Write; 2], ManagementError> {
        Ok([self.insert()?, Write::Remove { kind: Self::KIND, id: self.id(), version: 1 }])
    }
}

/// A value with the version of its record.
///
/// # Examples
/// ```
/// use keyward::manage::{Plan, Versioned};
///
/// let plan = Versioned { value: Plan::new("Pro").with_key_limit(100), version: 3 };
/// assert_eq!(plan.key_limit, Some(100));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned<T> {
    /// The value.
    pub value: T,
    /// The version. Every change increments it.
    pub version: u64,
}

impl<T> std::ops::Deref for Versioned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

#[allow(private_bounds, reason = "these methods are for this crate only")]
impl<T: Entity> Versioned<T> {
    pub(crate) fn of(record: &Record) -> Result<Self, StoreError> {
        let value = json::read(&record.body).map_err(StoreError::corrupt)?;
        Ok(Self { value, version: record.version })
    }

    pub(crate) fn replace(&self, value: &T) -> Result<Write, ManagementError> {
        Ok(Write::Replace(value.to_record(self.version)?))
    }

    pub(crate) fn remove(&self) -> Write {
        Write::Remove { kind: T::KIND, id: self.value.id(), version: self.version }
    }

    /// The batch fails if another writer has changed the record.
    pub(crate) fn expect(&self) -> Write {
        Write::Expect { kind: T::KIND, id: self.value.id(), version: self.version }
    }
}
