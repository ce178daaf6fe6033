use keyward_core::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::AuditEntry;
use crate::actor::ActorName;
use crate::error::ManagementError;
use crate::records::{Entity, Versioned, json};
use crate::service::Management;
use crate::store::{Kind, Record, Write};

pub(super) const ZEROS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(super) number: u64,
    pub(super) hash: String,
    /// Another node may have pruned the log.
    pub(super) anchor: Option<Write>,
}

impl Head {
    pub(super) fn entry(number: u64, hash: String) -> Self {
        let anchor = Write::Expect { kind: Kind::Audit, id: number.to_string(), version: 1 };
        Self { number, hash, anchor: Some(anchor) }
    }
}

const ID: &str = "cut";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Cut {
    pub(super) number: u64,
    pub(super) hash: String,
    pub(super) at: Timestamp,
    pub(super) by: ActorName,
}

impl Entity for Cut {
    const KIND: Kind = Kind::AuditCut;
    fn id(&self) -> String {
        ID.to_owned()
    }
}

impl Versioned<Cut> {
    pub(super) fn head(&self) -> Head {
        let anchor = Write::Expect { kind: Kind::AuditCut, id: ID.to_owned(), version: self.version };
        Head { number: self.number, hash: self.hash.clone(), anchor: Some(anchor) }
    }
}

impl Management {
    pub(super) async fn audit_cut(&self) -> Result<Option<Versioned<Cut>>, ManagementError> {
        Ok(self.get(ID).await?)
    }
}

pub(super) fn hash_of(body: &str) -> String {
    hex::encode(Sha256::new().chain_update(b"keyward audit 1\n").chain_update(body.as_bytes()).finalize())
}

pub(super) fn check_entry(record: &Record, last: u64, hash: &str) -> Result<(), String> {
    let entry: AuditEntry = json::read(&record.body).map_err(|_| "the record is not an entry".to_owned())?;
    if entry.number != last + 1 {
        return Err(format!("entry {} is in its place", entry.number));
    }
    if entry.previous != hash {
        return Err("its hash of the previous entry does not match".to_owned());
    }
    if record.key.as_deref() != Some(hash_of(&record.body).as_str()) {
        return Err("its contents have changed".to_owned());
    }
    if record.id != entry.id()
        || record.sort != entry.sort()
        || record.owner != entry.owner()
        || record.subject != entry.subject()
    {
        return Err("its record has other fields than the entry".to_owned());
    }
    Ok(())
}
