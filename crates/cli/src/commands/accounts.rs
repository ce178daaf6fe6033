//! `keyward accounts …`

use clap::Subcommand;
use keyward_client::{Account, UpdateAccount};
use keyward_core::clock::{Clock, SystemClock};
use keyward_core::lifecycle::KeysError;
use keyward_core::name::check_name;
use keyward_core::store::WriteRefused;
use keyward_core::{AccountId, AccountRecord, Keys, Timestamp};
use keyward_manage::{AccountUpdate, Management, ManagementError, Versioned};
use serde_json::{Value, json};

use super::ATTEMPTS;
use super::effect::Effect;
use super::prompt::confirm;
use crate::backend::{Backend, MissingFile, Records, every_page, system};
use crate::error::{Error, ErrorKind};
use crate::options::Options;
use crate::{note, output};

#[derive(Subcommand)]
pub(super) enum Command {
    /// Create an account.
    Create {
        /// The id of the account. Required on a database; a server chooses it.
        id: Option<AccountId>,
        /// The name of the account. Defaults to its id.
        #[arg(long)]
        name: Option<String>,
        /// The plan of the account.
        #[arg(long)]
        plan: Option<String>,
    },
    /// List accounts: your own on a server, and every account on a database.
    List {
        /// List every account of a server. For the operator.
        #[arg(long)]
        all: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show an account.
    Show {
        /// The id of the account.
        id: AccountId,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Rename an account.
    Rename {
        /// The id of the account.
        id: AccountId,
        /// The new name.
        name: String,
    },
    /// Change the plan of an account, from the next request on.
    SetPlan {
        /// The id of the account.
        id: AccountId,
        /// The new plan. Defaults to none.
        plan: Option<String>,
    },
    /// Suspend an account: refuse all of its keys.
    Suspend {
        /// The id of the account.
        id: AccountId,
    },
    /// Resume a suspended account: accept its keys again.
    Resume {
        /// The id of the account.
        id: AccountId,
    },
    /// Delete an account for good: revoke its keys, and remove its members, invitations and webhooks. No account gets the id again. For
    /// the operator's owners.
    Delete {
        /// The id of the account.
        id: AccountId,
        /// Do not ask for confirmation.
        #[arg(long)]
        yes: bool,
    },
}

struct Changed {
    id: AccountId,
    /// None on a server, which does not report it.
    effect: Option<Effect>,
}

pub(super) async fn run(options: &Options, command: Command) -> Result<(), Error> {
    let missing = if matches!(command, Command::Create { .. }) { MissingFile::Create } else { MissingFile::Refuse };
    let backend = Backend::open(options, missing).await?;
    let subject = subject(&command).map(|id| format!("account {id}"));
    run_on(&backend, command).await.map_err(|error| error.about(subject.as_deref(), &options.place()))
}

/// The account that a command is about, for its errors.
fn subject(command: &Command) -> Option<&AccountId> {
    match command {
        // Its errors name the account themselves.
        Command::Create { .. } | Command::List { .. } => None,
        Command::Show { id, .. }
        | Command::Rename { id, .. }
        | Command::SetPlan { id, .. }
        | Command::Suspend { id }
        | Command::Resume { id }
        | Command::Delete { id, .. } => Some(id),
    }
}

async fn run_on(backend: &Backend, command: Command) -> Result<(), Error> {
    let (id, update) = match command {
        Command::Create { id, name, plan } => return print(&create(backend, id, name, plan).await?),
        Command::List { all, json } => {
            let none = if matches!(backend, Backend::Server(_)) {
                "you belong to no account"
            } else {
                "there are no accounts"
            };
            return output::list(&list(backend, all).await?, json, none, table);
        }
        Command::Delete { id, yes } => return delete(backend, id, yes).await,
        Command::Show { id, json } => return output::object(&show(backend, &id).await?, json),
        Command::Rename { id, name } => (id, UpdateAccount { name: Some(name), ..UpdateAccount::default() }),
        Command::SetPlan { id, plan } => (id, UpdateAccount { plan: Some(plan), ..UpdateAccount::default() }),
        Command::Suspend { id } => (id, UpdateAccount { suspended: Some(true), ..UpdateAccount::default() }),
        Command::Resume { id } => (id, UpdateAccount { suspended: Some(false), ..UpdateAccount::default() }),
    };
    let plan = update.plan.clone().flatten();
    print(&update_account(backend, id, update).await?)?;
    note_unknown_plan(backend, plan.as_deref()).await
}

/// The plans of a service may be names in its code, so an unknown one is no error.
async fn note_unknown_plan(backend: &Backend, plan: Option<&str>) -> Result<(), Error> {
    let (Ok(records), Some(plan)) = (backend.records(), plan) else { return Ok(()) };
    // A server shows its plans to the operator only.
    let is_known = match records {
        Records::Database(management) => {
            management.plans(&system()).await?.iter().any(|known| known.value.name == plan)
        }
        Records::Server(client) => match client.plans().await {
            Ok(plans) => plans.iter().any(|known| known.name == plan),
            Err(_) => return Ok(()),
        },
    };
    if !is_known {
        note!(
            "no plan here is named {plan:?}, so only limits in the code of your service apply to it, such as for_plan. To set limits and \
             lifetimes without code, create it: keyward plans create {plan:?}"
        );
    }
    Ok(())
}

async fn create(
    backend: &Backend,
    id: Option<AccountId>,
    name: Option<String>,
    plan: Option<String>,
) -> Result<Changed, Error> {
    if let Backend::Server(client) = backend {
        if id.is_some() {
            return Err(Error::usage("a server chooses the id of an account: pass --name only"));
        }
        if plan.is_some() {
            return Err(Error::usage(
                "a server creates accounts without a plan: run keyward accounts set-plan afterwards",
            ));
        }
        let name = name.ok_or_else(|| Error::usage("an account on a server needs a name: pass --name"))?;
        return Ok(Changed { id: client.create_account(&name).await?.id, effect: None });
    }
    let id = id.ok_or_else(|| Error::usage("creating an account in a database needs an id: pass it as an argument"))?;
    let mut account = AccountRecord::new(id.clone(), name.as_deref().unwrap_or(id.as_str()));
    account.plan = plan.map(Into::into);
    match insert(backend, &account).await? {
        Some(effect) => Ok(Changed { id, effect: Some(effect) }),
        None => Err(Error::new(ErrorKind::Refused, format!("the account {id} exists already"))),
    }
}

/// Returns `None` if the account exists.
pub(super) async fn insert(backend: &Backend, account: &AccountRecord) -> Result<Option<Effect>, Error> {
    match backend {
        Backend::Management(management, _) => insert_managed(management, account).await,
        Backend::Keys(keys, _) => insert_unmanaged(keys, account).await,
        Backend::Server(_) => Err(Error::usage("a server chooses the id of an account")),
    }
}

pub(super) async fn insert_managed(management: &Management, account: &AccountRecord) -> Result<Option<Effect>, Error> {
    match management.import_account(&system(), account).await {
        Ok(propagation) => Ok(Some((&propagation).into())),
        Err(ManagementError::Duplicate(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn insert_unmanaged(keys: &Keys, account: &AccountRecord) -> Result<Option<Effect>, Error> {
    check_names(account)?;
    match keys.insert_account(account).await {
        Ok(propagation) => Ok(Some((&propagation).into())),
        Err(KeysError::Denied(WriteRefused::AccountExists)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn list(backend: &Backend, all: bool) -> Result<Vec<Account>, Error> {
    match backend {
        Backend::Server(client) => Ok(client.walk_accounts(all).all().await?),
        Backend::Management(management, _) => {
            let actor = system();
            let accounts = every_page(|page| async { management.accounts(&actor, &{ page }).await }).await?;
            Ok(accounts.into_iter().map(|Versioned { value, version }| view(value, version)).collect())
        }
        Backend::Keys(keys, _) => {
            const PAGE: usize = 500;
            let mut found: Vec<AccountRecord> = Vec::new();
            loop {
                let after = found.last().map(|last| last.id.clone());
                let page = keys.list_accounts(after.as_ref(), PAGE).await?;
                let is_last = page.len() < PAGE;
                found.extend(page);
                if is_last {
                    return Ok(found.into_iter().map(unmanaged_view).collect());
                }
            }
        }
    }
}

fn view(account: keyward_manage::Account, version: u64) -> Account {
    let keyward_manage::Account { id, name, plan, features, suspended_at, created_at } = account;
    let features = features.into_iter().map(Into::into).collect();
    Account {
        id,
        name,
        plan: plan.map(Into::into),
        features,
        suspended_at,
        created_at,
        lifetimes: None,
        requires_second_factor: None,
        role: None,
        version,
    }
}

/// An account of a store without management records, which has neither a time of creation nor a version.
fn unmanaged_view(record: AccountRecord) -> Account {
    let AccountRecord { id, name, plan, features, suspended_at } = record;
    let created_at = Timestamp::from_millis(0);
    view(keyward_manage::Account { id, name, plan, features, suspended_at, created_at }, 0)
}

async fn show(backend: &Backend, id: &AccountId) -> Result<Value, Error> {
    let account = match backend {
        Backend::Management(_, keys) | Backend::Keys(keys, _) => find(keys, id).await?,
        Backend::Server(client) => return Ok(serde_json::to_value(client.account(id).await?)?),
    };
    let lifetimes = match backend {
        Backend::Management(management, _) => Some(management.effective_lifetimes(&system(), id).await?),
        _ => None,
    };
    Ok(json!({
        "lifetimes": lifetimes,
        "id": account.id,
        "name": account.name,
        "plan": account.plan,
        "features": account.features,
        "suspended_at": account.suspended_at,
    }))
}

/// Retries after a conflict, so that no concurrent change is lost.
async fn update_account(backend: &Backend, id: AccountId, update: UpdateAccount) -> Result<Changed, Error> {
    match backend {
        Backend::Management(management, _) => {
            let update = AccountUpdate {
                name: update.name,
                plan: update.plan.map(|plan| plan.map(Into::into)),
                suspended: update.suspended,
                ..AccountUpdate::default()
            };
            for _ in 0..ATTEMPTS {
                let version = management.account(&system(), &id).await?.version;
                match management.change_account(&system(), &id, &update, version).await {
                    Err(ManagementError::Stale) => {}
                    changed => return Ok(Changed { id, effect: Some((&changed?).into()) }),
                }
            }
        }
        Backend::Keys(keys, _) => {
            for _ in 0..ATTEMPTS {
                let known = find(keys, &id).await?;
                let account = updated(&known, &update);
                check_names(&account)?;
                match keys.replace_account(&known, &account).await {
                    Err(KeysError::Denied(WriteRefused::Stale)) => {}
                    changed => return Ok(Changed { id, effect: Some((&changed?).into()) }),
                }
            }
        }
        Backend::Server(client) => {
            let version = client.account(&id).await?.version;
            client.update_account(&id, &update, version).await?;
            return Ok(Changed { id, effect: None });
        }
    }
    Err(Error::new(ErrorKind::Refused, format!("other changes of the account {id} conflict with this one: try again")))
}

async fn delete(backend: &Backend, id: AccountId, yes: bool) -> Result<(), Error> {
    let records = backend.records()?;
    let known = match records {
        Records::Database(management) => match management.account(&system(), &id).await {
            Ok(account) => Some((account.value.name, account.version)),
            // A deletion may have been cut off. Then it is continued.
            Err(ManagementError::NotFound(_)) => None,
            Err(error) => return Err(error.into()),
        },
        Records::Server(client) => client.account(&id).await.map(|account| Some((account.name, account.version)))?,
    };
    let (name, version) = known.unwrap_or_default();
    if !yes && !name.is_empty() {
        confirm(&format!("Delete {name:?} ({id}), and revoke all of its keys? This cannot be undone."))?;
    }
    let effect = match records {
        Records::Database(management) => Some((&management.delete_account(&system(), &id, version).await?).into()),
        Records::Server(client) => client.delete_account(&id, version).await.map(|()| None)?,
    };
    print(&Changed { id, effect })
}

async fn find(keys: &Keys, id: &AccountId) -> Result<AccountRecord, Error> {
    Ok(keys.get_account(id).await?.ok_or(KeysError::Denied(WriteRefused::NoSuchAccount))?)
}

fn updated(known: &AccountRecord, update: &UpdateAccount) -> AccountRecord {
    let mut account = known.clone();
    if let Some(name) = &update.name {
        account.name.clone_from(name);
    }
    if let Some(plan) = &update.plan {
        account.plan = plan.as_deref().map(Into::into);
    }
    if let Some(suspended) = update.suspended {
        account.suspended_at = suspended.then(|| known.suspended_at.unwrap_or_else(|| SystemClock.now()));
    }
    account
}

fn check_names(account: &AccountRecord) -> Result<(), Error> {
    for name in [Some(account.name.as_str()), account.plan.as_deref()].into_iter().flatten() {
        check_name(name).map_err(KeysError::Name)?;
    }
    Ok(())
}

fn print(changed: &Changed) -> Result<(), Error> {
    let effect = changed.effect.as_ref().map_or_else(|| "effective on every node".to_owned(), ToString::to_string);
    output::line(&format!("{}: {effect}", changed.id))
}

pub(super) fn table(accounts: &[Account]) -> String {
    output::table(["ID", "NAME", "ROLE", "PLAN", "SUSPENDED"], accounts, |account| {
        [
            account.id.to_string(),
            account.name.clone(),
            output::or_dash(account.role),
            output::or_dash(account.plan.as_ref()),
            output::day(account.suspended_at, "no"),
        ]
    })
}
