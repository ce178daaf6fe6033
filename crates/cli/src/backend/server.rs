//! A server, through the client of its management API.

use std::time::Duration;

use keyward_client::{
    Account, AuditEntry, AuditFilter, AuditVerdict, ChangedKey, Client, ClientError, CreateKey, Credential, Effective,
    Invitation, Invited, Key, KeyFilter, Member, Page, Plan, PutPlan, Role, Secret, UpdateAccount, UpdateKey, Usage,
};
use keyward_core::id::UserId;
use keyward_core::store::async_trait;
use keyward_core::{AccountId, CredentialId, Timestamp};
use serde_json::Value;

use super::{Backend, Changed, ChangedAccount, Effect, Issued, NewAccount, Rotated};
use crate::arguments::Arguments;
use crate::failure::{Failure, Kind};
use crate::login::{Kept, Login};

/// The variable with the credential.
const TOKEN: &str = "KEYWARD_TOKEN";

/// A server, and what is presented to it.
pub(crate) struct Server {
    client: Client,
}

impl Server {
    /// With the credential that the caller gives, or what they have signed in with.
    pub(super) fn of(arguments: &Arguments, url: &str) -> Result<Self, Failure> {
        match given(arguments)? {
            Some(secret) => Ok(Self { client: client(arguments, url)?.with_credential(Credential::bearer(secret)) }),
            None => Self::signed_in(arguments, url),
        }
    }

    /// With what the caller has signed in with, which is looked up when it is needed: signing in needs none.
    pub(super) fn signed_in(arguments: &Arguments, url: &str) -> Result<Self, Failure> {
        let client = client(arguments, url)?;
        let login = Login::new(client.clone(), Kept::of_user()?);
        Ok(Self { client: client.with_credential(Credential::source(login)) })
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// The account that is meant: one's own, if none is named.
    async fn account_or_default(&self, account: Option<&AccountId>) -> Result<AccountId, Failure> {
        if let Some(account) = account {
            return Ok(account.clone());
        }
        let first = self.client.walk_accounts(false).at_most(1).await?.pop();
        let first = first.ok_or_else(|| Failure::new(Kind::NotFound, "you belong to no account: say --account"))?;
        Ok(first.id)
    }
}

/// A client without a credential.
fn client(arguments: &Arguments, url: &str) -> Result<Client, Failure> {
    if !arguments.prefix.is_empty() || arguments.said.pepper_file {
        return Err(Failure::new(Kind::Usage, "--prefix and --pepper-file are settings of the server's own"));
    }
    Ok(Client::builder(url).allow_plain_http(arguments.allow_plain_http).build()?)
}

/// The credential that the caller gives, if any. It is never an argument, as every user of the machine can read those.
fn given(arguments: &Arguments) -> Result<Option<Secret>, Failure> {
    let variable = std::env::var(TOKEN).ok().filter(|text| !text.trim().is_empty());
    match (&arguments.token_file, variable) {
        (Some(file), variable) if arguments.said.token_file || variable.is_none() => {
            let usage = |error: std::io::Error| Failure::new(Kind::Usage, format!("{}: {error}", file.display()));
            let text = zeroize::Zeroizing::new(std::fs::read_to_string(file).map_err(usage)?);
            Ok(Some(Secret::new(text.lines().next().unwrap_or_default().trim())))
        }
        (_, Some(text)) => Ok(Some(Secret::new(zeroize::Zeroizing::new(text).trim()))),
        (_, None) => Ok(None),
    }
}

impl From<Effective> for Effect {
    fn from(effective: Effective) -> Self {
        Self {
            confirmed: effective.confirmed,
            waited_out: effective.waited_out,
            names: Vec::new(),
            took_ms: effective.took_ms.into(),
        }
    }
}

impl From<ChangedKey> for Changed {
    fn from(changed: ChangedKey) -> Self {
        Self { record: changed.record, effect: changed.effective.into() }
    }
}

#[async_trait]
impl Backend for Server {
    async fn create_key(&self, new: CreateKey) -> Result<Issued, Failure> {
        let issued = self.client.create_key(&new).await?;
        Ok(Issued { key: issued.key.expose_once(), record: issued.record })
    }

    async fn keys(&self, filter: &KeyFilter) -> Result<Page<Key>, Failure> {
        Ok(self.client.keys(filter).await?)
    }

    async fn key(&self, id: &CredentialId) -> Result<Key, Failure> {
        Ok(self.client.key(id).await?)
    }

    async fn update_key(&self, id: &CredentialId, update: UpdateKey, version: Option<u64>) -> Result<Changed, Failure> {
        let version = match version {
            Some(version) => version,
            None => self.client.key(id).await?.version,
        };
        Ok(self.client.update_key(id, &update, version).await?.into())
    }

    async fn rotate_key(&self, id: &CredentialId, overlap: Duration) -> Result<Rotated, Failure> {
        let seconds = u32::try_from(overlap.as_secs());
        let seconds = seconds.map_err(|_| Failure::new(Kind::Usage, "an overlap is a year at most"))?;
        let rotated = self.client.rotate_key(id, seconds).await?;
        Ok(Rotated {
            key: rotated.key.expose_once(),
            record: rotated.record,
            predecessor: rotated.predecessor,
            effect: rotated.effective.into(),
        })
    }

    async fn revoke_key(&self, id: &CredentialId) -> Result<Changed, Failure> {
        Ok(self.client.revoke_key(id).await?.into())
    }

    async fn set_key_disabled(&self, id: &CredentialId, disabled: bool) -> Result<Changed, Failure> {
        let changed = if disabled { self.client.disable_key(id).await } else { self.client.enable_key(id).await };
        Ok(changed?.into())
    }

    async fn key_usage(&self, id: &CredentialId, days: u32) -> Result<Usage, Failure> {
        Ok(self.client.key_usage(id, days).await?)
    }

    async fn account_usage(&self, account: Option<&AccountId>, days: u32) -> Result<Usage, Failure> {
        Ok(self.client.account_usage(&self.account_or_default(account).await?, days).await?)
    }

    async fn create_account(&self, new: NewAccount<'_>) -> Result<ChangedAccount, Failure> {
        let usage = |message: &str| Failure::new(Kind::Usage, message);
        if new.id.is_some() {
            return Err(usage("a server chooses an account's id itself: say --name alone"));
        }
        if new.plan.is_some() {
            return Err(usage("a server gives a plan to an account that is there: keyward accounts set-plan"));
        }
        let name = new.name.ok_or_else(|| usage("what is the account to be called? say --name"))?;
        Ok(ChangedAccount { id: self.client.create_account(name).await?.id, effect: None })
    }

    async fn accounts(&self, all: bool) -> Result<Vec<Account>, Failure> {
        Ok(self.client.walk_accounts(all).all().await?)
    }

    async fn account(&self, id: &AccountId) -> Result<Value, Failure> {
        let account = self.client.account(id).await?;
        serde_json::to_value(account).map_err(|error| Failure::caused(Kind::Database, &error))
    }

    async fn update_account(&self, id: &AccountId, update: UpdateAccount) -> Result<ChangedAccount, Failure> {
        let version = self.client.account(id).await?.version;
        Ok(ChangedAccount { id: self.client.update_account(id, &update, version).await?.id, effect: None })
    }

    async fn members(&self, account: Option<&AccountId>) -> Result<Vec<Member>, Failure> {
        Ok(self.client.walk_members(&self.account_or_default(account).await?).all().await?)
    }

    async fn member(&self, account: Option<&AccountId>, user: &UserId) -> Result<Member, Failure> {
        Ok(self.client.member(&self.account_or_default(account).await?, user).await?)
    }

    async fn invite(&self, account: Option<&AccountId>, email: &str, role: Role) -> Result<Invited, Failure> {
        Ok(self.client.invite(&self.account_or_default(account).await?, email, role).await?)
    }

    async fn invitations(&self, account: Option<&AccountId>) -> Result<Vec<Invitation>, Failure> {
        Ok(self.client.walk_invitations(&self.account_or_default(account).await?).all().await?)
    }

    async fn withdraw_invitation(&self, account: Option<&AccountId>, id: &str) -> Result<(), Failure> {
        Ok(self.client.withdraw_invitation(&self.account_or_default(account).await?, id).await?)
    }

    async fn update_member(
        &self,
        account: Option<&AccountId>,
        user: &UserId,
        role: Role,
        version: u64,
    ) -> Result<Member, Failure> {
        Ok(self.client.update_member(&self.account_or_default(account).await?, user, role, version).await?)
    }

    async fn remove_member(&self, account: Option<&AccountId>, user: &UserId, version: u64) -> Result<(), Failure> {
        Ok(self.client.remove_member(&self.account_or_default(account).await?, user, version).await?)
    }

    async fn plans(&self) -> Result<Vec<Plan>, Failure> {
        Ok(self.client.plans().await?)
    }

    async fn put_plan(&self, name: &str, plan: PutPlan, version: Option<u64>) -> Result<Plan, Failure> {
        Ok(match version {
            Some(version) => self.client.update_plan(name, &plan, version).await?,
            None => self.client.create_plan(name, &plan).await?,
        })
    }

    async fn remove_plan(&self, name: &str, version: u64) -> Result<(), Failure> {
        Ok(self.client.remove_plan(name, version).await?)
    }

    async fn audit_log(&self, filter: &AuditFilter) -> Result<Page<AuditEntry>, Failure> {
        Ok(self.client.audit_log(filter).await?)
    }

    async fn verify_audit_log(&self, since: Option<&str>) -> Result<AuditVerdict, Failure> {
        Ok(self.client.verify_audit_log(since).await?)
    }

    async fn prune_audit_log(&self, _: Timestamp) -> Result<u64, Failure> {
        let message = "audit prune works on the database alone: run it where the database is, without --server";
        Err(Failure::new(Kind::Usage, message.to_owned()))
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let kind = match (&error, error.status()) {
            (ClientError::Url(_) | ClientError::PlainHttp | ClientError::Credential, _) => Kind::Usage,
            (ClientError::Id, _) | (_, Some(404)) => Kind::NotFound,
            (ClientError::NoToken(_), _) | (_, Some(401 | 403 | 409 | 412 | 429)) => Kind::Refused,
            (ClientError::Refused(_), Some(400..=499)) => Kind::Usage,
            _ => Kind::Database,
        };
        match (&error, error.code(), error.request_id()) {
            (ClientError::PlainHttp, ..) => {
                Self::new(kind, "http:// sends credentials in plain text: use https://, or say --allow-plain-http")
            }
            (_, Some(code), Some(request)) => {
                let said = format!("{error} ({code}, request {request})");
                // A server that is not what it says must not steer the terminal.
                Self::new(kind, said.chars().filter(|c| !c.is_control()).collect::<String>())
            }
            _ => Self::caused(kind, &error),
        }
    }
}
