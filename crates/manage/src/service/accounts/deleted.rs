use std::collections::HashSet;

use keyward_core::{AccountId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::actor::ActorName;
use crate::error::ManagementError;
use crate::records::Entity;
use crate::service::Management;
use crate::service::audit::Draft;
use crate::store::Kind;

/// An account that was deleted, or is being deleted. The record stays, so that nobody gets the id again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct DeletedAccount {
    pub(super) id: AccountId,
    pub(super) at: Timestamp,
    pub(super) by: ActorName,
    pub(super) step: Step,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Step {
    /// Keys and records may be left. The audit log gets this entry when none is.
    Begun(Box<Draft>),
    /// Requests that began before may still write.
    Logged,
    Over,
}

impl DeletedAccount {
    /// The owner of deletions that are not over.
    pub(super) const OPEN: &str = "open";
}

impl Entity for DeletedAccount {
    const KIND: Kind = Kind::DeletedAccount;
    fn id(&self) -> String {
        self.id.to_string()
    }
    fn sort(&self) -> i64 {
        self.at.as_millis()
    }
    fn owner(&self) -> String {
        match self.step {
            Step::Begun(_) | Step::Logged => Self::OPEN.to_owned(),
            Step::Over => String::new(),
        }
    }
}

impl Management {
    /// Returns `true` if the account was deleted, also while its deletion runs.
    pub(crate) async fn is_deleted(&self, id: &AccountId) -> Result<bool, ManagementError> {
        Ok(self.0.store.get(Kind::DeletedAccount, id.as_str()).await?.is_some())
    }

    /// Returns those of these accounts that were deleted, in one read.
    pub(in crate::service) async fn deleted_of(&self, ids: &[String]) -> Result<HashSet<String>, ManagementError> {
        let found = self.0.store.get_many(Kind::DeletedAccount, ids).await?;
        Ok(found.into_iter().map(|record| record.id).collect())
    }

    /// A program chooses ids itself, so it learns why it cannot use this one.
    pub(in crate::service) async fn check_not_deleted(&self, id: &AccountId) -> Result<(), ManagementError> {
        if self.is_deleted(id).await? { Err(ManagementError::AccountDeleted(id.clone())) } else { Ok(()) }
    }
}
