//! `keyward keys …`

mod import;
mod operations;
mod requests;
mod unknown_id;
mod view;

use std::time::Duration;

use clap::{ArgGroup, Args, Subcommand};
use keyward_client::{CreateKey, Key, KeyFilter, Purpose, RevokeKey, UpdateKey};
use keyward_core::clock::{Clock, SystemClock};
use keyward_core::id::UserId;
use keyward_core::key::KeyKind;
use keyward_core::scope::Grant;
use keyward_core::store::{KeyStatus, RevocationReason};
use keyward_core::tags::Tags;
use keyward_core::{AccountId, CredentialId, Endpoint, Mode, Network, ScopeSet, Timestamp};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::prompt::confirm;
use crate::backend::{Backend, Database, MissingFile};
use crate::error::{Error, ErrorKind};
use crate::options::Options;
use crate::output::{self, note};
use crate::values::{duration, grant, key_id, kind, limit, metadata, mode, pair, reason, status, time};
use operations::Changed;
use requests::Requests;
pub(super) use view::to_json;
use view::{Columns, table, usage_table};

const NO_USAGE: &str = "no requests are reported. A service reports them if its keys are checked by the management service: by its \
                        verifier, its usage hook, or the gateway endpoints of keyward serve";

const PAGE: u16 = 500;

#[derive(Subcommand)]
pub(in crate::commands) enum Command {
    /// Create a key. It is the last line on standard output, and is shown only once.
    Create(Create),
    /// Import keys that another system issued, by their hashes, so that they keep working.
    Import(import::Import),
    /// List keys, newest first, with revoked and expired ones.
    List(List),
    /// Show how often a key was used, or all keys of an account, by day and outcome.
    Usage {
        /// The id of the key. Defaults to all keys of the account.
        #[arg(value_parser = key_id)]
        id: Option<CredentialId>,
        /// The account. Defaults to your own; on a database, to the operator's.
        #[arg(long, conflicts_with = "id")]
        account: Option<AccountId>,
        /// The number of days, up to today.
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=366))]
        days: u32,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List the last requests of a key, newest first, if the server or a service records them.
    Requests(Requests),
    /// Show a key.
    Show {
        /// The id of the key.
        #[arg(value_parser = key_id)]
        id: CredentialId,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Revoke a key for good, or all keys of a user. When the command is done, no node accepts them.
    Revoke(Revoke),
    /// Replace a key by a successor, which is the last line on standard output. The old key works until the overlap ends.
    Rotate {
        /// The id of the key.
        #[arg(value_parser = key_id)]
        id: CredentialId,
        /// How long both keys work, such as `24h` or `7d`. `0s` ends the old key at once.
        #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "24h")]
        overlap: Duration,
        #[command(flatten)]
        expiry: SuccessorExpiry,
        /// Print when the successor would expire, and change nothing.
        #[arg(long)]
        dry_run: bool,
    },
    /// Change a key.
    Update(Update),
    /// Disable a key until it is enabled again.
    Disable {
        /// The id of the key.
        #[arg(value_parser = key_id)]
        id: CredentialId,
    },
    /// Enable a disabled key.
    Enable {
        /// The id of the key.
        #[arg(value_parser = key_id)]
        id: CredentialId,
    },
}

#[derive(Args)]
#[command(group = ArgGroup::new("end").args(["expires_in", "expires_at", "no_expiry"]))]
pub(in crate::commands) struct SuccessorExpiry {
    /// Let the successor expire after this time, such as `90d`. Defaults to the lifetime that the old key was given, up to the maximum.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    expires_in: Option<Duration>,
    /// Let the successor expire at this time, such as `2027-01-01T00:00:00Z`, or at the start of this day in UTC, such as `2027-01-01`.
    #[arg(long, value_name = "TIME", value_parser = time)]
    expires_at: Option<Timestamp>,
    /// Let the successor never expire.
    #[arg(long)]
    no_expiry: bool,
}

#[derive(Args)]
#[command(group = ArgGroup::new("end").args(["expires_in", "expires_at", "no_expiry"]))]
pub(in crate::commands) struct Create {
    /// The name of the key.
    #[arg(long)]
    name: String,
    /// The owning account. Defaults to your own on a server. On a database it defaults to the account `default`, which is created if it
    /// is missing, and for a management key to the operator's.
    #[arg(long)]
    account: Option<AccountId>,
    /// The id of the user that the key belongs to: a member of the account.
    #[arg(long)]
    user: Option<UserId>,
    /// The purpose: `api` for the provider's own API, or `management` for the API that manages keys and accounts.
    #[arg(long, default_value = "api")]
    purpose: Purpose,
    /// The mode.
    #[arg(long, default_value = "live", value_parser = mode())]
    mode: Mode,
    /// The kind. Defaults to restricted with --scope, and to secret otherwise.
    #[arg(long, value_parser = kind())]
    kind: Option<KeyKind>,
    /// A scope to grant, such as `resources:read` or `jobs:*`. Repeatable.
    #[arg(long = "scope", value_name = "SCOPE", value_parser = grant)]
    scopes: Vec<Grant>,
    /// An endpoint that the key is limited to, such as `GET /v1/videos/*`. Repeatable.
    #[arg(long = "endpoint", value_name = "ENDPOINT")]
    endpoints: Vec<Endpoint>,
    /// A network or address that the key is limited to, such as `192.0.2.0/24`. Repeatable.
    #[arg(long = "network", value_name = "NETWORK")]
    networks: Vec<Network>,
    /// Expire after this time, such as `90d`. Defaults to the account's default lifetime, or to no expiry without one.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    expires_in: Option<Duration>,
    /// Expire at this time, such as `2027-01-01T00:00:00Z`, or at the start of this day in UTC, such as `2027-01-01`.
    #[arg(long, value_name = "TIME", value_parser = time)]
    expires_at: Option<Timestamp>,
    /// Never expire, also if the account has a default lifetime.
    #[arg(long)]
    no_expiry: bool,
    /// Accept the key from this time on, or from the start of this day in UTC.
    #[arg(long, value_name = "TIME", value_parser = time)]
    not_before: Option<Timestamp>,
    /// Your own data: a text such as `team=search`, or a JSON object such as `{"seats":3}`. Repeatable.
    #[arg(long, value_name = "NAME=TEXT", value_parser = metadata)]
    metadata: Vec<Map<String, Value>>,
    /// A tag, such as `team:search`. Repeatable.
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
}

#[derive(Args)]
#[command(group = ArgGroup::new("keys").required(true).args(["id", "user"]))]
pub(in crate::commands) struct Revoke {
    /// The id of the key.
    #[arg(value_parser = key_id)]
    id: Option<CredentialId>,
    /// Revoke all keys of this user.
    #[arg(long)]
    user: Option<UserId>,
    /// The account of the user's keys. Defaults to your own; on a database, to the operator's.
    #[arg(long, requires = "user")]
    account: Option<AccountId>,
    /// Why: unspecified, key_compromise, affiliation_changed, superseded, cessation_of_operation or privilege_withdrawn.
    #[arg(long, value_parser = reason(), default_value = "unspecified", hide_possible_values = true)]
    reason: RevocationReason,
    /// A note, of at most 500 characters.
    #[arg(long)]
    note: Option<String>,
    /// Do not ask for confirmation.
    #[arg(long)]
    yes: bool,
}

#[derive(Args)]
pub(in crate::commands) struct List {
    /// Keys of this account. Defaults to your own on a server, and to all accounts on a database.
    #[arg(long)]
    account: Option<AccountId>,
    /// Keys of this user.
    #[arg(long)]
    user: Option<UserId>,
    /// Keys with this tag. Repeatable: keys with all of them.
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Keys whose metadata has this text, such as `team=search`. Repeatable.
    #[arg(long, value_name = "NAME=TEXT", value_parser = pair)]
    metadata: Vec<(String, String)>,
    /// Keys of this mode.
    #[arg(long, value_parser = mode())]
    mode: Option<Mode>,
    /// Keys of this kind.
    #[arg(long, value_parser = kind())]
    kind: Option<KeyKind>,
    /// Keys with this status.
    #[arg(long, value_parser = status())]
    status: Option<KeyStatus>,
    /// Keys with this text in the name, the id or the hint, which has the last four characters of the key.
    #[arg(long)]
    search: Option<String>,
    /// Keys that were not used for this long, such as `30d`, or never.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    unused_for: Option<Duration>,
    /// Keys without a successor that expire within this time, such as `14d`.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    expires_within: Option<Duration>,
    /// The most keys to print. Defaults to all.
    #[arg(long, value_parser = limit)]
    limit: Option<usize>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
#[command(group = ArgGroup::new("end").args(["expires_in", "expires_at", "no_expiry"]))]
#[command(group = ArgGroup::new("change").multiple(true).required(true)
    .args(["name", "scopes", "expires_in", "expires_at", "no_expiry", "metadata", "tags", "no_tags", "user", "no_user"]))]
pub(in crate::commands) struct Update {
    /// The id of the key.
    #[arg(value_parser = key_id)]
    id: CredentialId,
    /// The new name.
    #[arg(long)]
    name: Option<String>,
    /// A scope to grant, instead of the old ones. Repeatable.
    #[arg(long = "scope", value_name = "SCOPE", value_parser = grant)]
    scopes: Vec<Grant>,
    /// Expire after this time.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    expires_in: Option<Duration>,
    /// Expire at this time, or at the start of this day in UTC.
    #[arg(long, value_name = "TIME", value_parser = time)]
    expires_at: Option<Timestamp>,
    /// Remove the expiry.
    #[arg(long)]
    no_expiry: bool,
    /// Your own data, instead of the old: a text such as `team=search`, or a JSON object such as `{"seats":3}`. Repeatable. `{}` removes it.
    #[arg(long, value_name = "NAME=TEXT", value_parser = metadata)]
    metadata: Vec<Map<String, Value>>,
    /// A tag, instead of the old ones. Repeatable.
    #[arg(long = "tag", value_name = "TAG", conflicts_with = "no_tags")]
    tags: Vec<String>,
    /// Remove all tags.
    #[arg(long)]
    no_tags: bool,
    /// The id of the user that the key belongs to from now on.
    #[arg(long, conflicts_with = "no_user")]
    user: Option<UserId>,
    /// Let the key belong to no user.
    #[arg(long)]
    no_user: bool,
    /// Change the key only at this version, as `keys show` prints it. Defaults to the current one.
    #[arg(long, value_name = "VERSION")]
    if_version: Option<u64>,
}

pub(in crate::commands) async fn run(options: &Options, command: Command) -> Result<(), Error> {
    let missing = match command {
        Command::Import(command) => {
            let database = Database::open_for(options, "keys import", MissingFile::Create).await?;
            return import::run(&database, &command).await;
        }
        Command::Create(_) => MissingFile::Create,
        _ => MissingFile::Refuse,
    };
    let backend = Backend::open(options, missing).await?;
    let (subject, wanted) = (subject(&command), wanted(&command));
    let error = match (run_on(&backend, command).await, wanted) {
        (Ok(()), _) => return Ok(()),
        (Err(error), Some((id, verb))) if error.kind() == ErrorKind::NotFound => {
            unknown_id::explain(&backend, &id, verb, error).await
        }
        (Err(error), _) => error,
    };
    Err(error.about(subject.as_deref(), &options.place()))
}

/// The key that a command is about, and the command's name.
fn wanted(command: &Command) -> Option<(CredentialId, &'static str)> {
    let (id, verb) = match command {
        Command::Usage { id: Some(id), .. } => (id, "usage"),
        Command::Requests(Requests { id, .. }) => (id, "requests"),
        Command::Show { id, .. } => (id, "show"),
        Command::Revoke(Revoke { id: Some(id), .. }) => (id, "revoke"),
        Command::Rotate { id, .. } => (id, "rotate"),
        Command::Update(Update { id, .. }) => (id, "update"),
        Command::Disable { id } => (id, "disable"),
        Command::Enable { id } => (id, "enable"),
        _ => return None,
    };
    Some((id.clone(), verb))
}

/// The key or the account that a command is about, for its errors.
fn subject(command: &Command) -> Option<String> {
    match (command, wanted(command)) {
        (_, Some((id, _))) => Some(format!("key {id}")),
        (Command::Create(Create { account, .. }) | Command::Usage { account, .. }, None) => {
            account.as_ref().map(|account| format!("account {account}"))
        }
        (Command::Revoke(Revoke { user, .. }), None) => user.as_ref().map(|user| format!("user {user}")),
        _ => None,
    }
}

async fn run_on(backend: &Backend, command: Command) -> Result<(), Error> {
    match command {
        Command::Create(command) => create(backend, command).await,
        Command::Import(_) => Ok(()),
        Command::List(command) => list(backend, command).await,
        Command::Usage { id, account, days, json } => {
            let usage = operations::usage(backend, id.as_ref(), account.as_ref(), days).await?;
            if let (true, Some(account)) = (usage.days.is_empty(), &account) {
                backend.require_account(account).await?;
            }
            if json {
                return output::json_line(&serde_json::to_value(&usage)?);
            }
            output::list(&usage.days, false, NO_USAGE, usage_table)
        }
        Command::Requests(command) => requests::run(backend, &command).await,
        Command::Show { id, json } => output::object(&to_json(&operations::show(backend, &id).await?), json),
        Command::Revoke(command) => revoke(backend, command).await,
        Command::Rotate { id, overlap, expiry, dry_run } => rotate(backend, &id, overlap, expiry, dry_run).await,
        Command::Update(command) => update(backend, command).await,
        Command::Disable { id } => print(&operations::set_disabled(backend, &id, true).await?),
        Command::Enable { id } => print(&operations::set_disabled(backend, &id, false).await?),
    }
}

async fn create(backend: &Backend, command: Create) -> Result<(), Error> {
    let kind = command.kind.unwrap_or(if command.scopes.is_empty() { KeyKind::Secret } else { KeyKind::Restricted });
    let scopes = match (kind, command.scopes.is_empty()) {
        (KeyKind::Secret | KeyKind::Publishable, true) => ScopeSet::all(),
        _ => scope_set(command.scopes)?,
    };
    let new = CreateKey {
        account: command.account,
        user: command.user,
        purpose: command.purpose,
        kind,
        mode: command.mode,
        endpoints: command.endpoints,
        networks: command.networks.into_iter().map(Into::into).collect(),
        not_before: command.not_before,
        // Null requests no particular expiry.
        expires_at: if command.no_expiry {
            Some(Timestamp::MAX)
        } else {
            expiry(command.expires_in, command.expires_at)
        },
        metadata: command.metadata.into_iter().flatten().collect(),
        tags: tag_set(command.tags)?,
        ..CreateKey::restricted(command.name, scopes)
    };
    let created = operations::create(backend, new).await?;
    note!("{}", output::fields(&to_json(&created.record)));
    note!("The key follows. It is shown only once: store it now.");
    show_once(&created.key)
}

async fn rotate(
    backend: &Backend,
    id: &CredentialId,
    overlap: Duration,
    successor: SuccessorExpiry,
    dry_run: bool,
) -> Result<(), Error> {
    let chosen = new_expiry(successor.no_expiry, successor.expires_in, successor.expires_at);
    if dry_run {
        let preview = operations::preview_rotation(backend, id).await?;
        let end = chosen.unwrap_or(preview.expires_at);
        return match preview.latest_expires_at {
            Some(latest) if end.is_none_or(|end| end > latest) => {
                let end = ends(end);
                Err(Error::usage(format!("the successor of {id} would {end}: choose an expiry until {latest}")))
            }
            _ => output::line(&format!("the successor of {id} would {}", ends(end))),
        };
    }
    let rotated = operations::rotate(backend, id, overlap, chosen).await?;
    let end = rotated.predecessor.expires_at.map(|end| end.to_string()).unwrap_or_default();
    note!("{} succeeds {id}, which expires at {end}: {}", rotated.record.id, rotated.effect);
    note!("{} will {}", rotated.record.id, ends(rotated.record.expires_at));
    show_once(&rotated.key)
}

fn ends(end: Option<Timestamp>) -> String {
    end.map_or_else(|| "never expire".to_owned(), |end| format!("expire at {end}"))
}

async fn list(backend: &Backend, command: List) -> Result<(), Error> {
    let now = SystemClock.now();
    let names_accounts = command.account.is_none();
    let is_unused = command.unused_for.is_some();
    let wanted = command.limit.unwrap_or(usize::MAX);
    let before = |unused: Duration| now.as_millis().saturating_sub(unused.as_millis() as i64);
    // Sent as one parameter, so a tag with a comma would become two.
    tag_set(command.tags.clone())?;
    let metadata: Map<String, Value> = command.metadata.into_iter().map(|(name, text)| (name, text.into())).collect();
    let metadata = (!metadata.is_empty()).then(|| Value::Object(metadata).to_string());
    let mut filter = KeyFilter {
        account: command.account,
        user: command.user,
        tags: (!command.tags.is_empty()).then(|| command.tags.join(",")),
        metadata,
        mode: command.mode,
        kind: command.kind,
        status: command.status,
        text: command.search,
        last_used_before: command.unused_for.map(|unused| Timestamp::from_millis(before(unused)).to_string()),
        expires_before: command.expires_within.map(|within| now.saturating_add(within).to_string()),
        replaced: command.expires_within.map(|_| false),
        ..KeyFilter::default()
    };
    let mut found: Vec<Key> = Vec::new();
    while found.len() < wanted {
        filter.limit = Some(u16::try_from(wanted - found.len()).unwrap_or(PAGE).min(PAGE));
        let page = operations::page(backend, &filter).await?;
        found.extend(page.data);
        match page.next {
            Some(next) => filter.after = Some(next),
            None => break,
        }
    }
    if found.is_empty() {
        if let Some(account) = &filter.account {
            backend.require_account(account).await?;
        }
        if let Some(user) = &filter.user {
            operations::require_user(backend, filter.account.as_ref(), user).await?;
        }
    }
    if command.json {
        output::json_line(&found.iter().map(to_json).collect::<Value>())
    } else {
        let columns = Columns {
            account: names_accounts,
            no_use: if is_unused || found.iter().any(|key| key.last_used_at.is_some()) {
                "never"
            } else {
                "not reported"
            },
        };
        output::list(&found, false, "there are no such keys", |keys| table(keys, &columns))
    }
}

async fn revoke(backend: &Backend, command: Revoke) -> Result<(), Error> {
    let Revoke { id, user, account, reason, note, yes } = command;
    let revocation = RevokeKey { reason, note };
    if let Some(user) = user {
        if !yes {
            confirm(&format!("Revoke all keys of the user {user} for good?"))?;
        }
        let (place, revoked) = operations::revoke_of_user(backend, account.as_ref(), &user, &revocation).await?;
        if revoked.is_empty() {
            if let Some(account) = &account {
                backend.require_account(account).await?;
            }
            operations::require_user(backend, account.as_ref(), &user).await?;
            let place = place.map(|account| format!(" in the account {account}")).unwrap_or_default();
            return output::line(&format!("the user {user} has no active keys{place}"));
        }
        let ids: Vec<String> = revoked.iter().map(|id| format!("{id} is revoked")).collect();
        return output::line(&ids.join("\n"));
    }
    let Some(id) = &id else { return Err(Error::usage("give the id of a key, or --user")) };
    let key = operations::show(backend, id).await?;
    if !yes {
        let used = key.last_used_at.map_or_else(|| "no use reported".to_owned(), |at| format!("last used at {at}"));
        confirm(&format!("Revoke {:?} ({}, {used}) for good?", key.name, key.hint))?;
    }
    let Changed { record, effect } = operations::revoke(backend, id, &revocation).await?;
    let at = record.revoked_at.map(|at| at.to_string()).unwrap_or_default();
    output::line(&format!("{id} is revoked since {at}: {effect}"))
}

async fn update(backend: &Backend, command: Update) -> Result<(), Error> {
    let expires_at = new_expiry(command.no_expiry, command.expires_in, command.expires_at);
    let scopes = if command.scopes.is_empty() { None } else { Some(scope_set(command.scopes)?) };
    let user = if command.no_user { Some(None) } else { command.user.map(Some) };
    let tags = if command.tags.is_empty() && !command.no_tags { None } else { Some(tag_set(command.tags)?) };
    let change = UpdateKey {
        name: command.name,
        scopes,
        expires_at,
        user,
        tags,
        metadata: (!command.metadata.is_empty()).then(|| command.metadata.into_iter().flatten().collect()),
        ..UpdateKey::default()
    };
    print(&operations::update(backend, &command.id, change, command.if_version).await?)
}

fn print(changed: &Changed) -> Result<(), Error> {
    let Changed { record, effect } = changed;
    output::line(&format!("{} is {}: {effect}", record.id, record.status))
}

/// `Some(None)` means never.
fn new_expiry(never: bool, life: Option<Duration>, at: Option<Timestamp>) -> Option<Option<Timestamp>> {
    if never { Some(None) } else { expiry(life, at).map(Some) }
}

fn expiry(life: Option<Duration>, at: Option<Timestamp>) -> Option<Timestamp> {
    at.or_else(|| life.map(|life| SystemClock.now().saturating_add(life)))
}

fn tag_set(tags: Vec<String>) -> Result<Tags, Error> {
    Tags::new(tags).map_err(|error| Error::caused(ErrorKind::Usage, &error))
}

pub(super) fn scope_set(grants: Vec<Grant>) -> Result<ScopeSet, Error> {
    ScopeSet::new(grants).map_err(|error| Error::caused(ErrorKind::Usage, &error))
}

/// The only place that writes a key.
fn show_once(key: &Zeroizing<String>) -> Result<(), Error> {
    output::line(key)
}
