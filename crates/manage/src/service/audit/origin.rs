//! From where actors act, as others see it.

use std::collections::HashMap;
use std::net::IpAddr;

use keyward_core::AccountId;
use keyward_core::network::around;

use super::AuditEntry;
use crate::actor::{ActorName, Principal, principal_of};
use crate::error::ManagementError;
use crate::records::{ActivityMark, Member, Versioned};
use crate::service::Management;
use crate::service::device_name::device_name;
use crate::store::{Kind, List};

impl Management {
    /// Operators act in every account. Their customers see that, but not from where.
    pub(super) async fn hide_origins_of_strangers(
        &self,
        account: &AccountId,
        entries: &mut [Versioned<AuditEntry>],
    ) -> Result<(), ManagementError> {
        let mut known = HashMap::new();
        for entry in entries {
            let actor = (entry.actor.kind.clone(), entry.actor.id.clone());
            let is_stranger = match known.get(&actor) {
                Some(is_stranger) => *is_stranger,
                None => {
                    let is_stranger = self.is_stranger(account, &entry.actor).await?;
                    known.insert(actor, is_stranger);
                    is_stranger
                }
            };
            if is_stranger {
                entry.value = with_less_of_origin(entry.value.clone());
            }
        }
        Ok(())
    }

    /// Returns `true` for users who never were members of the account, and for keys of other accounts.
    async fn is_stranger(&self, account: &AccountId, actor: &ActorName) -> Result<bool, ManagementError> {
        match principal_of(actor) {
            Some(Principal::User(user)) => {
                if self.get::<Member>(&Member::id_of(account, &user)).await?.is_some() {
                    return Ok(false);
                }
                // A member has signed in. Owners may need to know where a member was who has left since.
                let marks = List::of(Kind::ActivityMark, 1).owner(account.as_str()).subject(user.as_str());
                Ok(self.list::<ActivityMark>(&marks).await?.is_empty())
            }
            Some(Principal::Key(key)) => Ok(self.0.keys.get(&key).await?.is_none_or(|key| key.account != *account)),
            Some(Principal::System) | None => Ok(false),
        }
    }
}

/// An entry with the network instead of the address, and the device instead of the program.
pub(super) fn with_less_of_origin(entry: AuditEntry) -> AuditEntry {
    let network = |address: String| address.parse::<IpAddr>().ok().map(|address| around(address).to_string());
    AuditEntry {
        address: entry.address.and_then(network),
        user_agent: entry.user_agent.map(|agent| device_name(Some(&agent))),
        request_id: None,
        ..entry
    }
}
