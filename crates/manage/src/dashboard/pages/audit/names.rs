//! The names of actors and targets.

use std::collections::HashMap;

use serde_json::Value;

use crate::dashboard::exports::make_room;
use crate::dashboard::links::{account_path, in_path};
use crate::dashboard::member::AtAccount;
use crate::dashboard::words;
use crate::error::ManagementError;
use crate::role::scopes;
use crate::service::{AuditEntry, PageRequest};

#[derive(Default)]
pub(super) struct Names {
    known: HashMap<(String, String), Known>,
    /// The members of the account, by name.
    pub(super) members: Vec<(String, String)>,
    operates: bool,
    /// A file has names, and no links.
    is_plain: bool,
}

/// An actor or a target. It has neither if it is gone, or if the reader may not see it.
#[derive(Default)]
pub(super) struct Known {
    name: Option<String>,
    path: Option<String>,
    /// The shown part of a key.
    hint: Option<String>,
}

impl Known {
    pub(super) fn new(name: impl Into<String>, path: impl Into<Option<String>>) -> Self {
        Self { name: Some(name.into()), path: path.into(), hint: None }
    }
}

impl Names {
    pub(super) async fn of_members(member: &AtAccount) -> Result<Self, ManagementError> {
        let mut names = Self { operates: operates(member), ..Self::default() };
        if member.may(&scopes::MEMBERS_READ) {
            let page = PageRequest { limit: 500, ..PageRequest::default() };
            let members = member.management().members(&member.actor, &member.account.id, &page).await?;
            for view in members.items {
                let id = view.user.id.to_string();
                let path = names.path_of_user(&id);
                names.insert("user", &id, Known::new(view.user.name.as_str(), path));
                names.members.push((id, view.user.name));
            }
        }
        names.members.sort_by(|a, b| a.1.cmp(&b.1));
        Ok(names)
    }

    /// The names of a key's page.
    pub(super) fn with_links(member: &AtAccount) -> Self {
        Self { operates: operates(member), ..Self::default() }
    }

    pub(super) fn without_links(self) -> Self {
        Self { is_plain: true, ..self }
    }

    pub(super) fn insert(&mut self, kind: &str, id: &str, known: Known) {
        self.known.insert((kind.to_owned(), id.to_owned()), known);
    }

    /// Looks up the pages of actors and targets, and the names that the entries themselves do not have.
    pub(super) async fn learn(&mut self, member: &AtAccount, entries: &[AuditEntry]) -> Result<(), ManagementError> {
        make_room(&mut self.known);
        for entry in entries {
            self.look_up(member, entry, &entry.actor.kind, &entry.actor.id).await?;
            if !self.is_plain || own_name(entry).is_none() {
                self.look_up(member, entry, &entry.target.kind, &entry.target.id).await?;
            }
        }
        Ok(())
    }

    async fn look_up(
        &mut self,
        member: &AtAccount,
        entry: &AuditEntry,
        kind: &str,
        id: &str,
    ) -> Result<(), ManagementError> {
        let place = (kind.to_owned(), id.to_owned());
        if id.is_empty() || self.known.contains_key(&place) {
            return Ok(());
        }
        // Each look-up takes microseconds, and a file has many of them.
        tokio::task::yield_now().await;
        let (management, actor) = (member.management(), &member.actor);
        let account = entry.account.as_ref().unwrap_or(&member.account.id);
        let found = match kind {
            "user" => match id.parse() {
                Ok(user) => {
                    management.user(actor, &user).await.map(|user| Known::new(user.value.name, self.path_of_user(id)))
                }
                Err(_) => return Ok(()),
            },
            "key" => match id.parse() {
                Ok(key) => management.key(actor, &key).await.map(|key| {
                    let path = account_path(&key.account, &format!("/keys/{}", in_path(id)));
                    Known { hint: Some(key.hint.to_string()), ..Known::new(key.name.as_str(), path) }
                }),
                Err(_) => return Ok(()),
            },
            "account" => match id.parse() {
                Ok(account) => management.account(actor, &account).await.map(|known| {
                    let path = account_path(&known.id, "/settings");
                    Known::new(known.value.name, path)
                }),
                Err(_) => return Ok(()),
            },
            "invitation" => management
                .account(actor, account)
                .await
                .map(|known| Known { path: Some(account_path(&known.id, "/members")), ..Known::default() }),
            "plan" if self.operates => management.plans(actor).await.map(|plans| {
                let path = plans.iter().any(|plan| plan.name == id).then(|| format!("/plans/{}", in_path(id)));
                Known { path, ..Known::default() }
            }),
            #[cfg(feature = "webhooks")]
            "webhook" => management.webhook(actor, account, id).await.map(|webhook| {
                let path = account_path(account, &format!("/webhooks/{}", in_path(id)));
                Known::new(webhook.url.as_str(), path)
            }),
            _ => return Ok(()),
        };
        let known = match found {
            Ok(known) => known,
            Err(error @ ManagementError::Store(_)) => return Err(error),
            Err(_) => Known::default(),
        };
        self.known.insert(place, known);
        Ok(())
    }

    fn path_of_user(&self, id: &str) -> Option<String> {
        self.operates.then(|| format!("/users/{}", in_path(id)))
    }

    fn known(&self, kind: &str, id: &str) -> Option<&Known> {
        self.known.get(&(kind.to_owned(), id.to_owned()))
    }

    pub(super) fn of(&self, kind: &str, id: &str) -> String {
        self.known(kind, id).and_then(|known| known.name.clone()).unwrap_or_else(|| id.to_owned())
    }

    /// The name in a menu, where keys of one name must differ.
    pub(super) fn choice(&self, kind: &str, id: &str, name: String) -> String {
        match self.known(kind, id).and_then(|known| known.hint.as_deref()) {
            Some(hint) => words::keys::with_hint(&name, hint),
            None => name,
        }
    }

    /// The actor in words. A visitor who is not signed in has none.
    pub(super) fn actor(&self, entry: &AuditEntry) -> String {
        let name = || self.of(&entry.actor.kind, &entry.actor.id);
        match entry.actor.kind.as_str() {
            "system" => words::shared::program(&entry.actor.id),
            "key" => words::keys::key_with_id(&name(), &entry.actor.id),
            _ => name(),
        }
    }

    /// The name of the target as it was then.
    pub(super) fn target(&self, entry: &AuditEntry) -> String {
        own_name(entry).unwrap_or_else(|| self.of(&entry.target.kind, &entry.target.id))
    }

    /// The page about an actor or a target, if there is one that the reader may see.
    pub(super) fn path_of(&self, kind: &str, id: &str) -> Option<String> {
        self.known(kind, id)?.path.clone()
    }
}

fn operates(member: &AtAccount) -> bool {
    member.operates.as_ref().is_some_and(|rights| rights.allows(&scopes::MEMBERS_READ))
}

fn own_name(entry: &AuditEntry) -> Option<String> {
    let fields: &[&str] = match entry.target.kind.as_str() {
        "invitation" => &["email"],
        "webhook" => &["url"],
        "key" | "account" => &["name"],
        // Names of users change, and a deleted one has none. A removed member hides the name from the account.
        "user" if entry.action == "user.delete" => &["email"],
        "user" if matches!(entry.action.as_str(), "member.update" | "member.remove") => &["name"],
        _ => return None,
    };
    let states = [entry.after.as_ref(), entry.before.as_ref()].into_iter().flatten();
    let mut states = states.flat_map(|state| [state, &state["key"], &state["successor"]]);
    states.find_map(|state| fields.iter().find_map(|field| state[*field].as_str())).map(str::to_owned)
}

/// A field of a state as text, or nothing.
pub(super) fn plain(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Bool(value) => Some(if *value { words::audit::YES } else { words::audit::NO }.to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Array(values) => {
            let texts: Vec<String> = values.iter().filter_map(plain).collect();
            Some(texts.join(", ")).filter(|text| !text.is_empty())
        }
        Value::Object(fields) => {
            let texts: Vec<String> =
                fields.iter().filter_map(|(name, value)| Some(format!("{name}: {}", plain(value)?))).collect();
            Some(texts.join("; ")).filter(|text| !text.is_empty())
        }
    }
}
