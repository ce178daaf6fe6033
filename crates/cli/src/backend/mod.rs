//! Where commands do what they do: on a database, or through a server. Each command is written once, over [`Backend`].

mod database;
mod server;

use std::time::Duration;

use keyward_client::{
    Account, AuditEntry, AuditFilter, AuditVerdict, CreateKey, Invitation, Invited, Key, KeyFilter, Member, Page, Plan,
    PutPlan, Role, UpdateAccount, UpdateKey, Usage,
};
use keyward_core::id::UserId;
use keyward_core::lease::Propagation;
use keyward_core::store::async_trait;
use keyward_core::{AccountId, CredentialId, Timestamp};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::arguments::Arguments;
use crate::failure::{Failure, Kind};

pub(crate) use database::Database;
pub(crate) use server::Server;

/// What commands ask for, of a database or of a server.
#[async_trait]
pub(crate) trait Backend: Send + Sync {
    async fn create_key(&self, new: CreateKey) -> Result<Issued, Failure>;
    async fn keys(&self, filter: &KeyFilter) -> Result<Page<Key>, Failure>;
    async fn key(&self, id: &CredentialId) -> Result<Key, Failure>;
    /// Changes a key: one at this version, or whatever it is at.
    async fn update_key(&self, id: &CredentialId, update: UpdateKey, version: Option<u64>) -> Result<Changed, Failure>;
    async fn rotate_key(&self, id: &CredentialId, overlap: Duration) -> Result<Rotated, Failure>;
    async fn revoke_key(&self, id: &CredentialId) -> Result<Changed, Failure>;
    async fn set_key_disabled(&self, id: &CredentialId, disabled: bool) -> Result<Changed, Failure>;
    async fn key_usage(&self, id: &CredentialId, days: u32) -> Result<Usage, Failure>;
    async fn account_usage(&self, account: Option<&AccountId>, days: u32) -> Result<Usage, Failure>;

    async fn create_account(&self, new: NewAccount<'_>) -> Result<ChangedAccount, Failure>;
    async fn accounts(&self, all: bool) -> Result<Vec<Account>, Failure>;
    /// What is to be shown of an account.
    async fn account(&self, id: &AccountId) -> Result<Value, Failure>;
    async fn update_account(&self, id: &AccountId, update: UpdateAccount) -> Result<ChangedAccount, Failure>;

    async fn members(&self, account: Option<&AccountId>) -> Result<Vec<Member>, Failure>;
    async fn member(&self, account: Option<&AccountId>, user: &UserId) -> Result<Member, Failure>;
    async fn invite(&self, account: Option<&AccountId>, email: &str, role: Role) -> Result<Invited, Failure>;
    /// The open invitations of an account.
    async fn invitations(&self, account: Option<&AccountId>) -> Result<Vec<Invitation>, Failure>;
    async fn withdraw_invitation(&self, account: Option<&AccountId>, id: &str) -> Result<(), Failure>;
    async fn update_member(
        &self,
        account: Option<&AccountId>,
        user: &UserId,
        role: Role,
        version: u64,
    ) -> Result<Member, Failure>;
    async fn remove_member(&self, account: Option<&AccountId>, user: &UserId, version: u64) -> Result<(), Failure>;

    async fn plans(&self) -> Result<Vec<Plan>, Failure>;
    /// Adds a plan, or changes the one that is at this version.
    async fn put_plan(&self, name: &str, plan: PutPlan, version: Option<u64>) -> Result<Plan, Failure>;
    async fn remove_plan(&self, name: &str, version: u64) -> Result<(), Failure>;

    async fn audit_log(&self, filter: &AuditFilter) -> Result<Page<AuditEntry>, Failure>;
    async fn verify_audit_log(&self, since: Option<&str>) -> Result<AuditVerdict, Failure>;
    async fn prune_audit_log(&self, before: Timestamp) -> Result<u64, Failure>;
}

/// A key that was issued.
pub(crate) struct Issued {
    pub(crate) key: Zeroizing<String>,
    pub(crate) record: Key,
}

/// A key that was rotated.
pub(crate) struct Rotated {
    pub(crate) key: Zeroizing<String>,
    pub(crate) record: Key,
    pub(crate) predecessor: Key,
    pub(crate) effect: Effect,
}

/// A key that was changed.
pub(crate) struct Changed {
    pub(crate) record: Key,
    pub(crate) effect: Effect,
}

/// An account that is to be.
pub(crate) struct NewAccount<'a> {
    pub(crate) id: Option<&'a AccountId>,
    pub(crate) name: Option<&'a str>,
    pub(crate) plan: Option<&'a str>,
}

/// An account that was made or changed.
pub(crate) struct ChangedAccount {
    pub(crate) id: AccountId,
    /// How that became true on every node, where it is told.
    pub(crate) effect: Option<Effect>,
}

/// How a change became true on every node.
pub(crate) struct Effect {
    pub(crate) confirmed: u64,
    pub(crate) waited_out: u64,
    /// Who they were that were waited out, where it is told.
    pub(crate) names: Vec<String>,
    pub(crate) took_ms: u128,
}

impl From<&Propagation> for Effect {
    fn from(propagation: &Propagation) -> Self {
        Self {
            confirmed: propagation.confirmed.len() as u64,
            waited_out: propagation.waited_out.len() as u64,
            names: propagation.waited_out.iter().map(ToString::to_string).collect(),
            took_ms: propagation.took.as_millis(),
        }
    }
}

/// The place that is named: a server, or a database, which it is if neither is.
pub(crate) fn backend(arguments: &Arguments) -> Result<Box<dyn Backend + '_>, Failure> {
    match (&arguments.server, &arguments.database) {
        (Some(_), Some(_)) => Err(Failure::new(
            Kind::Usage,
            "KEYWARD_SERVER and KEYWARD_DATABASE are both set: say --server or --database",
        )),
        (Some(url), None) => Ok(Box::new(Server::of(arguments, url)?)),
        (None, _) => Ok(Box::new(Database::of(arguments))),
    }
}

/// The server, for what only a server does.
pub(crate) fn server(arguments: &Arguments) -> Result<Server, Failure> {
    Server::of(arguments, url(arguments)?)
}

/// The server, for signing in and out: whatever other credential there is, it is not the one that is meant.
pub(crate) fn server_signed_in(arguments: &Arguments) -> Result<Server, Failure> {
    Server::signed_in(arguments, url(arguments)?)
}

fn url(arguments: &Arguments) -> Result<&str, Failure> {
    let url = arguments.server.as_deref();
    url.ok_or_else(|| Failure::new(Kind::Usage, "which server is meant? say --server or KEYWARD_SERVER"))
}

/// The database, for what only a database is asked.
pub(crate) fn database<'a>(arguments: &'a Arguments, command: &str) -> Result<Database<'a>, Failure> {
    if arguments.server.is_some() {
        let message = format!("keyward {command} needs the database itself: say --database instead of --server");
        return Err(Failure::new(Kind::Usage, message));
    }
    Ok(Database::of(arguments))
}
