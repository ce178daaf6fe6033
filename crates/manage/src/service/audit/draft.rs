use keyward_core::{AccountId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{AuditEntry, Outcome, Target};
use crate::actor::{Actor, ActorName, Context};
use crate::records::{Entity, json};
use crate::store::Kind;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Draft {
    pub(crate) action: String,
    pub(crate) outcome: Outcome,
    pub(crate) target: Target,
    pub(crate) account: Option<AccountId>,
    pub(crate) before: Option<Value>,
    pub(crate) after: Option<Value>,
    pub(super) actor: ActorName,
    pub(super) address: Option<String>,
    pub(super) user_agent: Option<String>,
    pub(super) request_id: Option<String>,
}

impl Draft {
    pub(crate) fn new(actor: &Actor, action: &str, target: Target) -> Self {
        Self::of(actor.name(), &actor.context, action, target)
    }

    pub(crate) fn anonymous(context: &Context, action: &str, target: Target) -> Self {
        Self::of(ActorName { kind: "anonymous".to_owned(), id: String::new() }, context, action, target)
    }

    fn of(actor: ActorName, context: &Context, action: &str, target: Target) -> Self {
        Self {
            action: action.to_owned(),
            outcome: Outcome::Done,
            target,
            account: None,
            before: None,
            after: None,
            actor,
            address: context.address.map(|address| address.to_string()),
            user_agent: context.user_agent.clone(),
            request_id: context.request_id.clone(),
        }
    }

    /// Another action of the same actor on the same target.
    pub(crate) fn beside(&self, action: &str) -> Self {
        Self { action: action.to_owned(), before: None, after: None, ..self.clone() }
    }

    pub(crate) fn outcome(mut self, outcome: Outcome) -> Self {
        self.outcome = outcome;
        self
    }

    pub(crate) fn account(mut self, account: &AccountId) -> Self {
        self.account = Some(account.clone());
        self
    }

    pub(crate) fn before(mut self, before: impl Serialize) -> Self {
        self.before = serde_json::to_value(before).ok().map(json::shallow);
        self
    }

    pub(crate) fn after(mut self, after: impl Serialize) -> Self {
        self.after = serde_json::to_value(after).ok().map(json::shallow);
        self
    }

    pub(super) fn entry(&self, number: u64, at: Timestamp, previous: String) -> AuditEntry {
        AuditEntry {
            number,
            at,
            actor: self.actor.clone(),
            action: self.action.clone(),
            outcome: self.outcome,
            target: self.target.clone(),
            account: self.account.clone(),
            address: self.address.clone(),
            user_agent: self.user_agent.clone(),
            request_id: self.request_id.clone(),
            before: self.before.clone(),
            after: self.after.clone(),
            previous,
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PendingAudit {
    pub(super) id: String,
    pub(super) at: Timestamp,
    pub(crate) draft: Draft,
}

impl Entity for PendingAudit {
    const KIND: Kind = Kind::Begun;
    fn id(&self) -> String {
        self.id.clone()
    }
    fn sort(&self) -> i64 {
        self.at.as_millis()
    }
}
