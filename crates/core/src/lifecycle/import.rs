//! Keys of other systems.

use super::{Keys, KeysError, check_key, check_order};
use crate::store::{AdminError, KeyRecord, WriteRefused};

/// The outcome of an import.
#[derive(Clone, Debug, PartialEq)]
pub enum Imported {
    /// The key was added.
    New,
    /// The account already had it.
    AlreadyThere(Box<KeyRecord>),
}

impl Keys {
    /// Imports another system's key by its digest. Importing it again changes nothing.
    ///
    /// The authenticators need its format and [hasher](KeyRecord::hashed_with).
    ///
    /// # Errors
    /// As for [`issue`](Self::issue), and [`WriteRefused::Duplicate`] for another account's key.
    pub async fn import(&self, record: &KeyRecord) -> Result<Imported, KeysError> {
        check_imported(record)?;
        match self.store.create(record).await {
            Ok(_) => {
                tracing::info!(id = %record.id, account = %record.account, "key imported");
                Ok(Imported::New)
            }
            Err(AdminError::Denied(WriteRefused::Duplicate)) => match self.find(&record.digest).await? {
                Some(there) if there.account == record.account => Ok(Imported::AlreadyThere(Box::new(there))),
                _ => Err(WriteRefused::Duplicate.into()),
            },
            Err(error) => Err(error.into()),
        }
    }

    /// Returns what [`import`](Self::import) would do.
    ///
    /// # Errors
    /// As for [`import`](Self::import).
    pub async fn preview_import(&self, record: &KeyRecord) -> Result<Imported, KeysError> {
        check_imported(record)?;
        match self.find(&record.digest).await? {
            Some(there) if there.account == record.account => Ok(Imported::AlreadyThere(Box::new(there))),
            Some(_) => Err(WriteRefused::Duplicate.into()),
            None if self.get(&record.id).await?.is_some() => Err(WriteRefused::Duplicate.into()),
            None if self.get_account(&record.account).await?.is_none() => Err(WriteRefused::NoSuchAccount.into()),
            None => Ok(Imported::New),
        }
    }
}

fn check_imported(record: &KeyRecord) -> Result<(), KeysError> {
    check_key(&record.name, record.kind, &record.scopes)?;
    check_order(record.expires_at, record.not_before)
}
