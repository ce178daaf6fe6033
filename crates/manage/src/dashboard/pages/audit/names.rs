//! The names of actors and targets.

use std::collections::HashMap;

use serde_json::Value;

use crate::dashboard::links::{account_path, in_path};
use crate::dashboard::member::AtAccount;
use crate::dashboard::words;
use crate::error::ManagementError;
use crate::role::scopes;
use crate::service::{AuditEntry, PageRequest};

#[derive(Default)]
pub(super) struct Names {
    known: HashMap<(String, String), Option<String>>,
    /// The members of the account, by name.
    pub(super) members: Vec<(String, String)>,
    operates: bool,
}

impl Names {
    pub(super) async fn of_members(member: &AtAccount) -> Result<Self, ManagementError> {
        let operates = member.operates.as_ref().is_some_and(|rights| rights.allows(&scopes::MEMBERS_READ));
        let mut names = Self { operates, ..Self::default() };
        if member.may(&scopes::MEMBERS_READ) {
            let page = PageRequest { limit: 500, ..PageRequest::default() };
            let members = member.management().members(&member.actor, &member.account.id, &page).await?;
            for view in members.items {
                names.insert("user", view.user.id.as_str(), &view.user.name);
                names.members.push((view.user.id.to_string(), view.user.name));
            }
        }
        names.members.sort_by(|a, b| a.1.cmp(&b.1));
        Ok(names)
    }

    pub(super) fn insert(&mut self, kind: &str, id: &str, name: &str) {
        self.known.insert((kind.to_owned(), id.to_owned()), Some(name.to_owned()));
    }

    /// Looks up the names that the entries themselves do not have.
    pub(super) async fn learn(&mut self, member: &AtAccount, entries: &[AuditEntry]) -> Result<(), ManagementError> {
        for entry in entries {
            self.look_up(member, entry, &entry.actor.kind, &entry.actor.id).await?;
            if own_name(entry).is_none() {
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
        let (management, actor) = (member.management(), &member.actor);
        let found = match kind {
            "user" => match id.parse() {
                Ok(id) => management.user(actor, &id).await.map(|user| user.value.name),
                Err(_) => return Ok(()),
            },
            "key" => match id.parse() {
                Ok(id) => management.key(actor, &id).await.map(|key| key.name.clone()),
                Err(_) => return Ok(()),
            },
            "account" => match id.parse() {
                Ok(id) => management.account(actor, &id).await.map(|account| account.value.name),
                Err(_) => return Ok(()),
            },
            #[cfg(feature = "webhooks")]
            "webhook" => {
                let account = entry.account.as_ref().unwrap_or(&member.account.id);
                management.webhook(actor, account, id).await.map(|webhook| webhook.url.clone())
            }
            _ => return Ok(()),
        };
        #[cfg(not(feature = "webhooks"))]
        let _ = entry;
        let name = match found {
            Ok(name) => Some(name),
            Err(error @ ManagementError::Store(_)) => return Err(error),
            // The target is gone, or the reader may not see it.
            Err(_) => None,
        };
        self.known.insert(place, name);
        Ok(())
    }

    pub(super) fn of(&self, kind: &str, id: &str) -> String {
        let place = (kind.to_owned(), id.to_owned());
        self.known.get(&place).cloned().flatten().unwrap_or_else(|| id.to_owned())
    }

    /// The name of the target as it was then.
    pub(super) fn target(&self, entry: &AuditEntry) -> String {
        own_name(entry).unwrap_or_else(|| self.of(&entry.target.kind, &entry.target.id))
    }

    /// The page about an actor or a target, if the reader may see one.
    pub(super) fn path_of(&self, kind: &str, id: &str, entry: &AuditEntry) -> Option<String> {
        if id.is_empty() {
            return None;
        }
        let at = |rest: &str| entry.account.as_ref().map(|account| account_path(account, rest));
        match kind {
            "key" => at(&format!("/keys/{}", in_path(id))),
            "webhook" if entry.action != "webhook.remove" => at(&format!("/webhooks/{}", in_path(id))),
            "invitation" => at("/members"),
            "account" if entry.action != "account.delete" => {
                id.parse().ok().map(|account| account_path(&account, "/settings"))
            }
            "plan" if self.operates && entry.action != "plan.remove" => Some(format!("/plans/{}", in_path(id))),
            "user" if self.operates && entry.action != "user.delete" => Some(format!("/users/{}", in_path(id))),
            _ => None,
        }
    }
}

fn own_name(entry: &AuditEntry) -> Option<String> {
    let fields: &[&str] = match entry.target.kind.as_str() {
        "invitation" => &["email"],
        "webhook" => &["url"],
        "key" | "account" => &["name"],
        // Names of users change, and a deleted one has none.
        "user" if entry.action == "user.delete" => &["email"],
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
