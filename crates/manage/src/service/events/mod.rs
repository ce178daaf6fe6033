//! Events. They are read from the audit log, which is written with each change, so a crash loses none.

mod announce;
mod event;
mod hook;

pub use event::Event;
pub(crate) use hook::EventHook;

use super::Management;
use super::audit::AuditEntry;
use crate::error::ManagementError;
use crate::store::{Kind, List};

/// The cursor of webhooks. The first webhook creates it.
pub(crate) const WEBHOOKS: &str = "webhooks";

impl Management {
    /// Returns entries after this number, oldest first.
    pub(in crate::service) async fn entries_after(
        &self,
        number: u64,
        limit: usize,
    ) -> Result<Vec<AuditEntry>, ManagementError> {
        let mut list = List::of(Kind::Audit, limit);
        list.after = Some((i64::try_from(number).unwrap_or(i64::MAX), number.to_string()));
        Ok(self.list::<AuditEntry>(&list).await?.into_iter().map(|entry| entry.value).collect())
    }
}
