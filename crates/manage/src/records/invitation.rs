use keyward_core::{AccountId, Timestamp};
use serde::{Deserialize, Serialize};

use super::entity::Entity;
use super::secret::digest_of;
use crate::actor::ActorName;
use crate::role::Role;
use crate::store::Kind;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Invitation {
    pub(crate) id: String,
    pub(crate) digest: String,
    pub(crate) account: AccountId,
    pub(crate) email: String,
    pub(crate) role: Role,
    pub(crate) invited_by: ActorName,
    /// The maker of the sign-in link, if a session of a link made this. Using it checks the authority of this maker, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) link_maker: Option<ActorName>,
    pub(crate) created_at: Timestamp,
    pub(crate) ends_at: Timestamp,
    /// Only the invited address gets the link, so using it proves the address.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_mailed: bool,
}

impl Invitation {
    /// One invitation for each account and address.
    pub(crate) fn id_of(account: &AccountId, email: &str) -> String {
        let digest = digest_of(&format!("{account}\n{email}"));
        format!("inv_{}", digest.chars().take(24).collect::<String>())
    }
}

impl Entity for Invitation {
    const KIND: Kind = Kind::Invitation;
    fn id(&self) -> String {
        self.id.clone()
    }
    fn sort(&self) -> i64 {
        self.created_at.as_millis()
    }
    fn owner(&self) -> String {
        self.account.to_string()
    }
    fn subject(&self) -> String {
        self.email.clone()
    }
    fn key(&self) -> Option<String> {
        Some(self.digest.clone())
    }
    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.ends_at)
    }
}
