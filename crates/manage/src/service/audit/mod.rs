//! The audit log. Changes in the key store are first recorded as pending, in case of a crash.

mod activity;
mod append;
mod chain;
mod draft;
mod list;
mod origin;
mod prune;
mod refused;
#[cfg(feature = "dashboard")]
mod search;
mod verify;

pub use keyward_api_types::{AuditEntry, Outcome, Target};

pub(crate) use activity::MOST_ACCOUNTS;
pub(crate) use append::DoesNotFit;
pub(crate) use chain::Head;
pub(crate) use draft::Draft;
pub use list::AuditQuery;
pub(crate) use refused::Refused;
#[cfg(feature = "dashboard")]
pub(crate) use search::{AuditFound, AuditSearch};
pub use verify::{AuditCheckpoint, AuditVerdict};

use crate::records::Entity;
use crate::store::Kind;

impl Entity for AuditEntry {
    const KIND: Kind = Kind::Audit;
    fn id(&self) -> String {
        self.number.to_string()
    }
    fn sort(&self) -> i64 {
        i64::try_from(self.number).unwrap_or(i64::MAX)
    }
    fn owner(&self) -> String {
        self.account.as_ref().map(ToString::to_string).unwrap_or_default()
    }
    fn subject(&self) -> String {
        self.actor.id.clone()
    }
}
