use keyward_api_types::EventKind;
use keyward_core::{AccountId, Timestamp};
use serde_json::{Map, Value, json};

use crate::service::audit::{AuditEntry, Outcome};

/// Something that happened.
///
/// # Examples
/// ```
/// use keyward::manage::{Event, EventKind};
///
/// fn on_event(event: &Event) {
///     if event.kind == EventKind::KeyCompromised {
///         println!("{} at {}", event.data["target"]["id"], event.at);
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Event {
    /// Id, such as `evt_17`. The same for every repetition.
    pub id: String,
    /// Kind.
    pub kind: EventKind,
    /// Time.
    pub at: Timestamp,
    /// Account, if any.
    pub account: Option<AccountId>,
    /// The account, actor, target, outcome and audit entry, and for keys some of their values. A rotation also has the
    /// successor. A webhook that was disabled or stopped has the reason. Never a secret.
    pub data: Value,
}

const KEY_VALUES: [&str; 7] = ["name", "hint", "kind", "mode", "expires_at", "rotated_from", "rotated_to"];

/// Actions without an event have no use outside, or happen at each sign-in.
fn kind_of(action: &str, target: &str) -> Option<EventKind> {
    Some(match action {
        "key.create" => EventKind::KeyCreated,
        "key.import" => EventKind::KeyImported,
        "key.update" => EventKind::KeyUpdated,
        "key.rotate" => EventKind::KeyRotated,
        "key.disable" => EventKind::KeyDisabled,
        "key.enable" => EventKind::KeyEnabled,
        "key.revoke" => EventKind::KeyRevoked,
        "key.leaked" => EventKind::KeyCompromised,
        "key.expiring" => EventKind::KeyExpiring,
        "key.unused" => EventKind::KeyUnused,
        "limit.reached" => EventKind::LimitReached,
        "account.create" => EventKind::AccountCreated,
        "account.update" => EventKind::AccountUpdated,
        "account.delete" => EventKind::AccountDeleted,
        "lifetimes.put" | "limits.put" if target == "account" => EventKind::AccountUpdated,
        "lifetimes.put" | "limits.put" if target == "plan" => EventKind::PlanUpdated,
        "member.invite" => EventKind::MemberInvited,
        "member.accept" => EventKind::MemberAdded,
        "member.update" => EventKind::MemberUpdated,
        "member.remove" => EventKind::MemberRemoved,
        "member.decline" => EventKind::InvitationDeclined,
        "member.withdraw_invitation" => EventKind::InvitationWithdrawn,
        "plan.put" => EventKind::PlanUpdated,
        "plan.remove" => EventKind::PlanRemoved,
        "user.create" | "user.sign_up" => EventKind::UserCreated,
        "user.update" => EventKind::UserUpdated,
        "user.disable" => EventKind::UserDisabled,
        "user.enable" => EventKind::UserEnabled,
        "user.delete" => EventKind::UserDeleted,
        "user.change_password" | "user.reset_password" => EventKind::PasswordChanged,
        "user.add_second_factor" => EventKind::SecondFactorAdded,
        "user.remove_second_factor" => EventKind::SecondFactorRemoved,
        "user.block_second_factor" => EventKind::SecondFactorBlocked,
        "user.use_recovery_code" => EventKind::RecoveryCodeUsed,
        "token.reuse" => EventKind::TokenReused,
        "settings.update" => EventKind::SettingsUpdated,
        "audit.prune" => EventKind::AuditPruned,
        "webhook.create" => EventKind::WebhookCreated,
        "webhook.update" => EventKind::WebhookUpdated,
        "webhook.remove" => EventKind::WebhookRemoved,
        "webhook.disable" => EventKind::WebhookDisabled,
        "webhook.stop" => EventKind::WebhookStopped,
        "webhook.rotate_secret" => EventKind::WebhookSecretRotated,
        _ => return None,
    })
}

impl Event {
    /// Returns the event of an audit entry. A refused attempt is none. An attempt with an unknown outcome is one.
    pub(crate) fn of_entry(entry: &AuditEntry) -> Option<Self> {
        if entry.outcome == Outcome::Refused {
            // A reused token is reported because it was refused.
            return (entry.action == "token.reuse").then(|| Self::new(EventKind::TokenReused, entry));
        }
        Some(Self::new(kind_of(&entry.action, &entry.target.kind)?, entry))
    }

    fn new(kind: EventKind, entry: &AuditEntry) -> Self {
        let mut data = json!({
            "account": entry.account,
            "actor": entry.actor,
            "target": entry.target,
            "outcome": entry.outcome,
            "audit_entry": entry.number,
        });
        if entry.target.kind == "key" {
            let state = entry.after.as_ref().or(entry.before.as_ref());
            let part = |name| state.and_then(|state| state.get(name)).filter(|part| part.is_object());
            data["key"] = key_values(part("predecessor").or_else(|| part("key")).or(state));
            if let Some(successor) = part("successor") {
                data["successor"] = key_values(Some(successor));
                data["successor"]["id"] = data["key"]["rotated_to"].clone();
            }
        }
        if entry.target.kind == "webhook"
            && let Some(reason) = entry.after.as_ref().and_then(|after| after.get("reason"))
        {
            data["reason"] = reason.clone();
        }
        Self { id: format!("evt_{}", entry.number), kind, at: entry.at, account: entry.account.clone(), data }
    }

    /// Returns the body of a webhook: <https://www.standardwebhooks.com>.
    #[cfg(feature = "webhooks")]
    pub(crate) fn payload(&self) -> String {
        json!({"type": self.kind, "timestamp": self.at, "data": self.data}).to_string()
    }
}

fn key_values(state: Option<&Value>) -> Value {
    let values = KEY_VALUES.iter().filter_map(|name| Some(((*name).to_owned(), state?.get(name)?.clone())));
    Value::Object(values.collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_of_an_account_or_a_plan_are_its_events() {
        for (action, target, kind) in [
            ("account.delete", "account", Some(EventKind::AccountDeleted)),
            ("lifetimes.put", "account", Some(EventKind::AccountUpdated)),
            ("lifetimes.put", "plan", Some(EventKind::PlanUpdated)),
            ("limits.put", "account", Some(EventKind::AccountUpdated)),
            ("limits.put", "plan", Some(EventKind::PlanUpdated)),
            ("limits.put", "key", None),
            ("session.begin", "user", None),
        ] {
            assert_eq!(kind_of(action, target), kind, "{action} of {target}");
        }
    }
}
