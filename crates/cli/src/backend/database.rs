//! A database: keys and accounts through [`Keys`], which every store has, and what is the management service's through the management service.

use std::future::Future;
use std::time::Duration;

use keyward_client::{
    Account, AuditEntry, AuditFilter, AuditVerdict, CreateKey, Invitation, Invited, Key, KeyFilter, Member, Page, Plan,
    Purpose, PutPlan, Role, UpdateAccount, UpdateKey, Usage,
};
use keyward_core::clock::{Clock, SystemClock};
use keyward_core::id::UserId;
use keyward_core::key::{KeyFormat, KeyKind};
use keyward_core::lifecycle::{Changed as ChangedRecord, KeysError};
use keyward_core::name::check_name;
use keyward_core::store::{KeyQuery, KeyRecord, WriteRefused, async_trait};
use keyward_core::{AccountId, AccountRecord, CredentialId, KeyUpdate, Keys, Mode, NewKey, Timestamp};
use keyward_manage::{AuditQuery, KeyDraft, Management, ManagementError, PageRequest, key_view, purpose_of};
use serde_json::Value;
use tokio::sync::OnceCell;

use super::{Backend, Changed, ChangedAccount, Issued, NewAccount, Rotated};
use crate::arguments::Arguments;
use crate::commands::management::{self, Opened, system};
use crate::failure::{Failure, Kind};
use crate::output::{self, note};
use crate::settings::Settings;

/// The account of keys that are created without one.
const DEFAULT_ACCOUNT: &str = "default";
/// How often a change is tried again that another has overtaken.
const ATTEMPTS: usize = 16;

/// A database, opened when something is asked of it.
pub(crate) struct Database<'a> {
    arguments: &'a Arguments,
    keys: OnceCell<Keys>,
    management: OnceCell<Opened>,
}

impl<'a> Database<'a> {
    pub(crate) fn of(arguments: &'a Arguments) -> Self {
        Self { arguments, keys: OnceCell::new(), management: OnceCell::new() }
    }

    pub(crate) async fn keys(&self) -> Result<&Keys, Failure> {
        self.keys
            .get_or_try_init(async || {
                let keys = crate::commands::open(self.arguments).await?;
                check_format(keys.format())?;
                Ok(keys)
            })
            .await
    }

    pub(crate) async fn management(&self) -> Result<&Management, Failure> {
        let settings = Settings::default();
        let opened = self.management.get_or_try_init(|| management::open(self.arguments, &settings)).await?;
        Ok(&opened.management)
    }

    async fn record(&self, id: &AccountId) -> Result<AccountRecord, Failure> {
        Ok(self.keys().await?.get_account(id).await?.ok_or(KeysError::Denied(WriteRefused::NoSuchAccount))?)
    }

    /// Makes the account for keys without a named account, if it is not there.
    async fn make_default_account(&self, id: &AccountId) -> Result<(), Failure> {
        let keys = self.keys().await?;
        match keys.insert_account(&AccountRecord::new(id.clone(), id.as_str())).await {
            Ok(_) => note!("made the account \"{id}\""),
            Err(KeysError::Denied(WriteRefused::AccountExists)) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Issues a key of the provider's API. Everything is checked before anything is written.
    async fn issue(&self, new: NewKey, makes_account: bool) -> Result<Issued, Failure> {
        let keys = self.keys().await?;
        keys.check_new(&new)?;
        if makes_account {
            self.make_default_account(&new.account).await?;
        }
        let issued = keys.issue(new).await?;
        Ok(Issued { record: key(&issued.record), key: issued.key.expose_once() })
    }

    async fn account_or_default(&self, account: Option<&AccountId>) -> Result<AccountId, Failure> {
        Ok(account.cloned().unwrap_or(self.management().await?.operator().clone()))
    }
}

/// The provider's keys cannot begin as management keys do, or one would pass for the other.
fn check_format(format: &KeyFormat) -> Result<(), Failure> {
    for (kind, mode) in KeyKind::ALL.into_iter().flat_map(|kind| Mode::ALL.map(|mode| (kind, mode))) {
        let Ok(like) = format.generate(kind, mode) else { continue };
        if purpose_of(&like.hint()) == Purpose::Management {
            let message = format!("{}… is how management keys begin: choose another --prefix", like.hint().first());
            return Err(Failure::new(Kind::Usage, message));
        }
    }
    Ok(())
}

fn key(record: &KeyRecord) -> Key {
    key_view(record.clone(), SystemClock.now())
}

fn changed(changed: &ChangedRecord) -> Changed {
    Changed { record: key(&changed.record), effect: (&changed.propagation).into() }
}

fn check_account(account: &AccountRecord) -> Result<(), Failure> {
    for name in [Some(account.name.as_str()), account.plan.as_deref()].into_iter().flatten() {
        check_name(name).map_err(KeysError::Name)?;
    }
    Ok(())
}

#[async_trait]
impl Backend for Database<'_> {
    async fn create_key(&self, new: CreateKey) -> Result<Issued, Failure> {
        let account = match (&new.account, new.purpose) {
            (Some(account), _) => account.clone(),
            (None, Purpose::Api) => DEFAULT_ACCOUNT.parse().map_err(|error| Failure::caused(Kind::Usage, &error))?,
            (None, Purpose::Management) => self.account_or_default(None).await?,
        };
        let issue = NewKey {
            kind: new.kind,
            mode: new.mode,
            scopes: new.scopes,
            endpoints: new.endpoints,
            networks: new.networks,
            not_before: new.not_before,
            expires_at: new.expires_at,
            metadata: new.metadata,
            ..NewKey::secret(account, new.name)
        };
        if new.purpose == Purpose::Api {
            return self.issue(issue, new.account.is_none()).await;
        }
        // Management keys begin in another way, which the management service knows.
        let draft = KeyDraft::of(new.purpose, issue);
        let issued = self.management().await?.create_key(&system(), draft).await?;
        Ok(Issued { record: issued.view, key: issued.key.expose_once() })
    }

    async fn keys(&self, filter: &KeyFilter) -> Result<Page<Key>, Failure> {
        let after = filter.after.as_deref().map(str::parse).transpose();
        let query = KeyQuery {
            account: filter.account.clone(),
            mode: filter.mode,
            kind: filter.kind,
            status: filter.status,
            text: filter.text.clone(),
            unused_since: filter.last_used_before,
            after: after.map_err(|error: keyward_core::store::CursorError| Failure::caused(Kind::Usage, &error))?,
            limit: filter.limit.map_or(KeyQuery::MAX_LIMIT, usize::from),
            ..KeyQuery::default()
        };
        let page = self.keys().await?.list(&query).await?;
        Ok(Page { data: page.keys.iter().map(key).collect(), next: page.next.map(|cursor| cursor.to_string()) })
    }

    async fn key(&self, id: &CredentialId) -> Result<Key, Failure> {
        let found = self.keys().await?.get(id).await?;
        Ok(key(&found.ok_or(KeysError::Denied(WriteRefused::NotFound))?))
    }

    async fn update_key(&self, id: &CredentialId, update: UpdateKey, version: Option<u64>) -> Result<Changed, Failure> {
        let update = KeyUpdate {
            version,
            name: update.name,
            scopes: update.scopes,
            endpoints: update.endpoints,
            networks: update.networks,
            metadata: update.metadata,
            expires_at: update.expires_at,
            ..KeyUpdate::default()
        };
        Ok(changed(&self.keys().await?.update(id, &update).await?))
    }

    async fn rotate_key(&self, id: &CredentialId, overlap: Duration) -> Result<Rotated, Failure> {
        let keys = self.keys().await?;
        let found = keys.get(id).await?.ok_or(KeysError::Denied(WriteRefused::NotFound))?;
        // A successor begins as its predecessor does, and the management service has the format of management keys.
        if purpose_of(&found.hint) == Purpose::Management {
            let rotated = self.management().await?.rotate_key(&system(), id, overlap).await?;
            return Ok(Rotated {
                record: rotated.view,
                predecessor: rotated.predecessor,
                effect: (&rotated.propagation).into(),
                key: rotated.key.expose_once(),
            });
        }
        let rotated = keys.rotate(id, overlap).await?;
        Ok(Rotated {
            record: key(&rotated.record),
            predecessor: key(&rotated.predecessor),
            effect: (&rotated.propagation).into(),
            key: rotated.key.expose_once(),
        })
    }

    async fn revoke_key(&self, id: &CredentialId) -> Result<Changed, Failure> {
        Ok(changed(&self.keys().await?.revoke(id).await?))
    }

    async fn set_key_disabled(&self, id: &CredentialId, disabled: bool) -> Result<Changed, Failure> {
        let keys = self.keys().await?;
        Ok(changed(&if disabled { keys.disable(id).await? } else { keys.enable(id).await? }))
    }

    async fn key_usage(&self, id: &CredentialId, days: u32) -> Result<Usage, Failure> {
        Ok(self.management().await?.key_usage(&system(), id, days).await?)
    }

    async fn account_usage(&self, account: Option<&AccountId>, days: u32) -> Result<Usage, Failure> {
        let account = self.account_or_default(account).await?;
        Ok(self.management().await?.usage(&system(), &account, days).await?)
    }

    async fn create_account(&self, new: NewAccount<'_>) -> Result<ChangedAccount, Failure> {
        let id = new.id.ok_or_else(|| Failure::new(Kind::Usage, "which id is the account to have? give it"))?;
        let mut account = AccountRecord::new(id.clone(), new.name.unwrap_or(id.as_str()));
        account.plan = new.plan.map(Into::into);
        check_account(&account)?;
        match self.keys().await?.insert_account(&account).await {
            Ok(propagation) => Ok(ChangedAccount { id: account.id, effect: Some((&propagation).into()) }),
            Err(KeysError::Denied(WriteRefused::AccountExists)) => {
                Err(Failure::new(Kind::Refused, format!("there is an account {id} already")))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn accounts(&self, _all: bool) -> Result<Vec<Account>, Failure> {
        Err(Failure::new(Kind::Usage, "keyward accounts list asks a server: say --server"))
    }

    async fn account(&self, id: &AccountId) -> Result<Value, Failure> {
        Ok(output::account_to_json(&self.record(id).await?))
    }

    async fn update_account(&self, id: &AccountId, update: UpdateAccount) -> Result<ChangedAccount, Failure> {
        // Compared with what was read, so that a change at the same moment is not undone: then it is looked at again.
        for _ in 0..ATTEMPTS {
            let known = self.record(id).await?;
            let mut account = known.clone();
            if let Some(name) = &update.name {
                account.name.clone_from(name);
            }
            if let Some(plan) = &update.plan {
                account.plan = plan.as_deref().map(Into::into);
            }
            match update.suspended {
                Some(true) => account.suspended_at = account.suspended_at.or(Some(SystemClock.now())),
                Some(false) => account.suspended_at = None,
                None => {}
            }
            check_account(&account)?;
            match self.keys().await?.replace_account(&known, &account).await {
                Ok(propagation) => {
                    return Ok(ChangedAccount { id: account.id, effect: Some((&propagation).into()) });
                }
                Err(KeysError::Denied(WriteRefused::Stale)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Failure::new(Kind::Refused, format!("the account {id} is being changed all the time: try again")))
    }

    async fn members(&self, account: Option<&AccountId>) -> Result<Vec<Member>, Failure> {
        let account = self.account_or_default(account).await?;
        let (management, account) = (self.management().await?, &account);
        every_page(|page| async move { management.members(&system(), account, &page).await }).await
    }

    async fn member(&self, account: Option<&AccountId>, user: &UserId) -> Result<Member, Failure> {
        let account = self.account_or_default(account).await?;
        Ok(self.management().await?.member(&system(), &account, user).await?)
    }

    async fn invite(&self, account: Option<&AccountId>, email: &str, role: Role) -> Result<Invited, Failure> {
        let account = self.account_or_default(account).await?;
        let invited = self.management().await?.invite(&system(), &account, email, role).await?;
        Ok(Invited { invitation: invited.invitation, secret: invited.secret.into() })
    }

    async fn invitations(&self, account: Option<&AccountId>) -> Result<Vec<Invitation>, Failure> {
        let account = self.account_or_default(account).await?;
        let (management, account) = (self.management().await?, &account);
        every_page(|page| async move { management.invitations(&system(), account, &page).await }).await
    }

    async fn withdraw_invitation(&self, account: Option<&AccountId>, id: &str) -> Result<(), Failure> {
        let account = self.account_or_default(account).await?;
        Ok(self.management().await?.withdraw_invitation(&system(), &account, id).await?)
    }

    async fn update_member(
        &self,
        account: Option<&AccountId>,
        user: &UserId,
        role: Role,
        version: u64,
    ) -> Result<Member, Failure> {
        let account = self.account_or_default(account).await?;
        Ok(self.management().await?.update_member(&system(), &account, user, role, version).await?)
    }

    async fn remove_member(&self, account: Option<&AccountId>, user: &UserId, version: u64) -> Result<(), Failure> {
        let account = self.account_or_default(account).await?;
        Ok(self.management().await?.remove_member(&system(), &account, user, version).await?)
    }

    async fn plans(&self) -> Result<Vec<Plan>, Failure> {
        Ok(self.management().await?.plans(&system()).await?.into_iter().map(Plan::from).collect())
    }

    async fn put_plan(&self, name: &str, put: PutPlan, version: Option<u64>) -> Result<Plan, Failure> {
        let mut wanted = keyward_manage::Plan::new(name);
        (wanted.description, wanted.key_limit) = (put.description, put.key_limit);
        Ok(self.management().await?.put_plan(&system(), wanted, version).await?.into())
    }

    async fn remove_plan(&self, name: &str, version: u64) -> Result<(), Failure> {
        Ok(self.management().await?.remove_plan(&system(), name, version).await?)
    }

    async fn audit_log(&self, filter: &AuditFilter) -> Result<Page<AuditEntry>, Failure> {
        let account = if filter.all { None } else { Some(self.account_or_default(filter.account.as_ref()).await?) };
        let page = PageRequest { after: filter.after.clone(), limit: filter.limit.map_or(50, usize::from) };
        let query = AuditQuery { account, actor: filter.actor.clone(), page };
        let page = self.management().await?.audit_log(&system(), &query).await?;
        Ok(Page { data: page.items, next: page.next })
    }

    async fn verify_audit_log(&self, since: Option<&str>) -> Result<AuditVerdict, Failure> {
        let since = since.map(str::parse).transpose()?;
        Ok(self.management().await?.verify_audit_log(&system(), since.as_ref()).await?.into())
    }

    async fn prune_audit_log(&self, before: Timestamp) -> Result<u64, Failure> {
        Ok(self.management().await?.prune_audit_log(&system(), before).await?)
    }
}

impl From<ManagementError> for Failure {
    fn from(error: ManagementError) -> Self {
        let kind = match &error {
            ManagementError::NotFound(_) => Kind::NotFound,
            ManagementError::Store(_) | ManagementError::Internal => Kind::Database,
            ManagementError::Invalid { .. } => Kind::Usage,
            _ => Kind::Refused,
        };
        Self::caused(kind, &error)
    }
}

/// Reads a list page by page, and returns all of its items.
async fn every_page<T, F>(read: impl Fn(PageRequest) -> F) -> Result<Vec<T>, Failure>
where
    F: Future<Output = Result<keyward_manage::Page<T>, ManagementError>>,
{
    let (mut after, mut found) = (None, Vec::new());
    loop {
        let page = read(PageRequest { after, limit: 500 }).await?;
        found.extend(page.items);
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(found),
        }
    }
}
