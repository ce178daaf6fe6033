//! Keys of other systems.

use super::{Keys, KeysError, check_key, check_order};
use crate::clock::Timestamp;
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
    /// A key that works must not live longer than the maximum [`Lifetimes`](super::Lifetimes) from now on.
    ///
    /// The authenticators need its format and [hasher](KeyRecord::hashed_with).
    ///
    /// # Errors
    /// As for [`issue`](Self::issue), and [`WriteRefused::Duplicate`] for another account's key.
    pub async fn import(&self, record: &KeyRecord) -> Result<Imported, KeysError> {
        check_imported(record)?;
        if let Err(too_long) = self.check_imported_end(record) {
            // A key that is there keeps its end.
            return match self.known_import(record).await? {
                Some(there) => Ok(Imported::AlreadyThere(Box::new(there))),
                None => Err(too_long.into()),
            };
        }
        let record = &KeyRecord { expires_at: record.expires_at.and_then(Timestamp::as_end), ..record.clone() };
        match self.store.create(record).await {
            Ok(_) => {
                tracing::info!(id = %record.id, account = %record.account, "key imported");
                Ok(Imported::New)
            }
            Err(AdminError::Denied(WriteRefused::Duplicate)) => match self.known_import(record).await? {
                Some(there) => Ok(Imported::AlreadyThere(Box::new(there))),
                None => Err(WriteRefused::Duplicate.into()),
            },
            Err(error) => Err(error.into()),
        }
    }

    async fn known_import(&self, record: &KeyRecord) -> Result<Option<KeyRecord>, KeysError> {
        Ok(self.find(&record.digest).await?.filter(|there| there.account == record.account))
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
            None => {
                self.check_imported_end(record)?;
                if self.get(&record.id).await?.is_some() {
                    return Err(WriteRefused::Duplicate.into());
                }
                let account = self.get_account(&record.account).await?;
                account.map(|_| Imported::New).ok_or_else(|| WriteRefused::NoSuchAccount.into())
            }
        }
    }
}

fn check_imported(record: &KeyRecord) -> Result<(), KeysError> {
    check_key(&record.name, record.kind, &record.scopes)?;
    check_order(record.expires_at, record.not_before)
}
