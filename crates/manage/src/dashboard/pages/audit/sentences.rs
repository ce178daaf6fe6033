//! One place for the sentence of each audited action.

use super::names::Names;
use crate::service::{AuditEntry, Outcome};

/// The words of an action. In `object`, `{target}` and other names in braces stand for values of the entry.
pub(super) struct Action {
    pub(super) code: &'static str,
    pub(super) label: &'static str,
    past: &'static str,
    infinitive: &'static str,
    object: &'static str,
}

pub(super) struct Group {
    pub(super) label: &'static str,
    /// The beginning of all codes of the group, and the words for all of them.
    pub(super) all: Option<(&'static str, &'static str)>,
    pub(super) actions: &'static [Action],
}

const fn action(
    code: &'static str,
    label: &'static str,
    past: &'static str,
    infinitive: &'static str,
    object: &'static str,
) -> Action {
    Action { code, label, past, infinitive, object }
}

pub(super) const GROUPS: [Group; 9] = [
    Group {
        label: "Keys",
        all: Some(("key.", "All about keys")),
        actions: &[
            action("key.create", "Key created", "created", "create", " the key “{target}”"),
            action("key.import", "Key imported", "imported", "import", " the key “{target}”"),
            action("key.update", "Key changed", "changed", "change", " the key “{target}”"),
            action("key.rotate", "Key rotated", "rotated", "rotate", " the key “{target}”"),
            action("key.disable", "Key disabled", "disabled", "disable", " the key “{target}”"),
            action("key.enable", "Key enabled", "enabled", "enable", " the key “{target}”"),
            action("key.revoke", "Key revoked", "revoked", "revoke", " the key “{target}”"),
            action("key.leaked", "Key reported as leaked", "reported", "report", " the key “{target}” as leaked"),
            action(
                "key.expiring",
                "Key expires soon",
                "announced",
                "announce",
                " that the key “{target}” expires soon",
            ),
            action("key.unused", "Key not used", "announced", "announce", " that the key “{target}” is not used"),
        ],
    },
    Group {
        label: "Limits and lifetimes",
        all: None,
        actions: &[
            action(
                "limit.reached",
                "Limit reached",
                "announced",
                "announce",
                " that the key “{target}” reached a limit",
            ),
            action("limits.put", "Limits changed", "changed", "change", " the limits of the {kind} “{target}”"),
            action(
                "lifetimes.put",
                "Lifetimes changed",
                "changed",
                "change",
                " the lifetimes of the {kind} “{target}”",
            ),
        ],
    },
    Group {
        label: "Members and invitations",
        all: Some(("member.", "All about members")),
        actions: &[
            action("member.invite", "Member invited", "invited", "invite", " {email} as {role}"),
            action("member.accept", "Invitation accepted", "joined", "join", " the account as {role}"),
            action("member.decline", "Invitation declined", "declined", "decline", " an invitation"),
            action(
                "member.withdraw_invitation",
                "Invitation withdrawn",
                "withdrew",
                "withdraw",
                " the invitation of {email}",
            ),
            action("member.update", "Role changed", "changed", "change", " the role of {target} to {role}"),
            action("member.remove", "Member removed", "removed", "remove", " {target} from the account"),
        ],
    },
    Group {
        label: "Account",
        all: Some(("account.", "All about accounts")),
        actions: &[
            action("account.create", "Account created", "created", "create", " the account “{target}”"),
            action("account.delete", "Account deleted", "deleted", "delete", " the account “{target}”"),
            action("account.update", "Account changed", "changed", "change", " the account “{target}”"),
        ],
    },
    Group {
        label: "Users",
        all: Some(("user.", "All about users")),
        actions: &[
            action("user.create", "User created", "created", "create", " the user {target}"),
            action("user.sign_up", "User signed up", "signed up", "sign up", ""),
            action("user.update", "User changed", "changed", "change", " the profile of {target}"),
            action("user.disable", "User disabled", "disabled", "disable", " the user {target}"),
            action("user.enable", "User enabled", "enabled", "enable", " the user {target}"),
            action("user.delete", "User deleted", "deleted", "delete", " the user {target}"),
            action("user.add_second_factor", "Second factor added", "added", "add", " a second factor"),
            action(
                "user.remove_second_factor",
                "Second factor removed",
                "removed",
                "remove",
                " the second factor of {target}",
            ),
            action(
                "user.block_second_factor",
                "Second factor blocked",
                "blocked",
                "block",
                " the second factor of {target}",
            ),
            action("user.check_code", "Code checked", "entered", "enter", " a code of the second factor"),
            action("user.renew_recovery_codes", "Recovery codes renewed", "renewed", "renew", " the recovery codes"),
            action("user.use_recovery_code", "Recovery code used", "used", "use", " a recovery code"),
            action("user.change_password", "Password changed", "changed", "change", " the password of {target}"),
            action(
                "user.create_password_reset",
                "Reset link created",
                "created",
                "create",
                " a link that resets the password of {target}",
            ),
            action(
                "user.create_sign_in_link",
                "Sign-in link created",
                "created",
                "create",
                " a link that signs {target} in",
            ),
            action("user.forgot_password", "Reset link mailed", "asked", "ask", " for a link that resets the password"),
            action("user.reset_password", "Password reset", "reset", "reset", " the password with a link"),
            action("user.link", "Identity provider linked", "linked", "link", " an identity provider"),
        ],
    },
    Group {
        label: "Sign-ins",
        all: Some(("session.", "All about sessions")),
        actions: &[
            action("session.begin", "Signed in", "signed in", "sign in", ""),
            action("session.end", "Signed out", "ended", "end", " a session of {target}"),
            action("session.end_all", "Signed out everywhere", "ended", "end", " all sessions of {target}"),
            action("token.issue", "Token issued", "signed in", "sign in", " with a program"),
            action("token.refresh", "Token refreshed", "refreshed", "refresh", " an access token"),
            action("token.reuse", "Token reused", "used", "use", " a refresh token a second time"),
        ],
    },
    Group {
        label: "Plans",
        all: Some(("plan.", "All about plans")),
        actions: &[
            action("plan.put", "Plan saved", "saved", "save", " the plan “{target}”"),
            action("plan.remove", "Plan removed", "removed", "remove", " the plan “{target}”"),
        ],
    },
    Group {
        label: "Webhooks",
        all: Some(("webhook.", "All about webhooks")),
        actions: &[
            action("webhook.create", "Webhook created", "created", "create", " the webhook “{target}”"),
            action("webhook.update", "Webhook changed", "changed", "change", " the webhook “{target}”"),
            action("webhook.remove", "Webhook deleted", "deleted", "delete", " the webhook “{target}”"),
            action("webhook.disable", "Webhook disabled", "disabled", "disable", " the webhook “{target}”"),
            action(
                "webhook.rotate_secret",
                "Webhook secret rotated",
                "rotated",
                "rotate",
                " the secret of the webhook “{target}”",
            ),
            action("webhook.test", "Webhook tested", "sent", "send", " a test to the webhook “{target}”"),
            action("webhook.redeliver", "Event sent again", "sent", "send", " events again to the webhook “{target}”"),
        ],
    },
    Group {
        label: "Server",
        all: None,
        actions: &[
            action("settings.update", "Appearance changed", "changed", "change", " the appearance of the pages"),
            action("audit.prune", "Audit log pruned", "removed", "remove", " old entries of the audit log"),
        ],
    },
];

/// A word of a sentence, or a name with its link.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::dashboard) struct Part {
    pub(in crate::dashboard) text: String,
    pub(in crate::dashboard) is_name: bool,
    pub(in crate::dashboard) path: Option<String>,
}

impl Part {
    fn word(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_name: false, path: None }
    }

    fn name(text: impl Into<String>, path: Option<String>) -> Self {
        Self { text: text.into(), is_name: true, path }
    }
}

pub(super) fn known(code: &str) -> Option<&'static Action> {
    GROUPS.iter().flat_map(|group| group.actions).find(|action| action.code == code)
}

pub(super) fn sentence(entry: &AuditEntry, names: &Names) -> Vec<Part> {
    let mut parts = subject(entry, names);
    let is_done = entry.outcome == Outcome::Done;
    match known(&entry.action) {
        Some(action) => {
            let verb = if is_done { action.past.to_owned() } else { format!("tried to {}", action.infinitive) };
            parts.push(Part::word(format!(" {verb}")));
            object(action.object, entry, names, &mut parts);
        }
        // A newer version wrote the entry.
        None => {
            let words = entry.action.replace(['.', '_'], " ");
            parts.push(Part::word(format!(" {} “{words}”", if is_done { "did" } else { "tried to do" })));
        }
    }
    match entry.outcome {
        Outcome::Done => {}
        Outcome::Refused => parts.push(Part::word(", and was refused")),
        Outcome::Unknown => parts.push(Part::word(", and the outcome is unknown")),
    }
    if let Some(times) = entry.after.as_ref().and_then(|after| after["times"].as_u64()).filter(|times| *times > 1) {
        parts.push(Part::word(format!(", {times} times")));
    }
    parts
}

pub(super) fn text(parts: &[Part]) -> String {
    parts.iter().map(|part| part.text.as_str()).collect()
}

/// The subject. A user who is not signed in is the target of the entry.
fn subject(entry: &AuditEntry, names: &Names) -> Vec<Part> {
    let actor = &entry.actor;
    match actor.kind.as_str() {
        "user" => vec![Part::name(names.of("user", &actor.id), names.path_of("user", &actor.id, entry))],
        "key" => {
            let name = Part::name(names.of("key", &actor.id), names.path_of("key", &actor.id, entry));
            vec![Part::word("The key “"), name, Part::word("”")]
        }
        "system" => vec![Part::word("The program “"), Part::name(actor.id.as_str(), None), Part::word("”")],
        _ if entry.target.kind == "user" && !entry.target.id.is_empty() => {
            vec![Part::name(names.target(entry), names.path_of("user", &entry.target.id, entry))]
        }
        _ => vec![Part::word("A visitor")],
    }
}

fn object(object: &str, entry: &AuditEntry, names: &Names, parts: &mut Vec<Part>) {
    let mut rest = object;
    while let Some((before, (name, after))) =
        rest.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
    {
        parts.push(Part::word(before));
        let value = |field: &str| {
            let values = [entry.after.as_ref(), entry.before.as_ref()].into_iter().flatten();
            values.filter_map(|value| value[field].as_str()).next().map(str::to_owned)
        };
        parts.push(match name {
            "target" => Part::name(names.target(entry), names.path_of(&entry.target.kind, &entry.target.id, entry)),
            "kind" => Part::word(entry.target.kind.as_str()),
            "email" => Part::name(value("email").unwrap_or_else(|| "a user".to_owned()), None),
            _ => Part::word(value(name).unwrap_or_else(|| format!("another {name}"))),
        });
        rest = after;
    }
    parts.push(Part::word(rest));
    parts.retain(|part| !part.text.is_empty());
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use serde_json::{Value, json};

    use super::*;

    /// The texts like `key.create` in the source of the service, without its tests.
    fn actions_in(folder: &Path, found: &mut Vec<String>) {
        for file in fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()) {
            if file.is_dir() {
                actions_in(&file, found);
                continue;
            }
            if file.extension().is_none_or(|ending| ending != "rs") || file.ends_with("tests.rs") {
                continue;
            }
            let text = fs::read_to_string(&file).unwrap();
            let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            for literal in lines.flat_map(|line| line.split('"').skip(1).step_by(2)) {
                let is_word =
                    |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
                if literal.split_once('.').is_some_and(|(first, second)| is_word(first) && is_word(second)) {
                    found.push(literal.to_owned());
                }
            }
        }
    }

    #[test]
    fn every_action_has_a_sentence_and_every_sentence_an_action() {
        let mut found = Vec::new();
        actions_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/service"), &mut found);
        found.sort();
        found.dedup();
        assert!(found.len() > 40, "the source was not read: {found:?}");
        let missing: Vec<_> = found.iter().filter(|code| known(code).is_none()).collect();
        assert!(missing.is_empty(), "no sentence in sentences.rs: {missing:?}");
        let listed: Vec<_> = GROUPS.iter().flat_map(|group| group.actions).map(|action| action.code).collect();
        let unused: Vec<_> = listed.iter().filter(|code| !found.iter().any(|known| known == *code)).collect();
        assert!(unused.is_empty(), "no such action: {unused:?}");
        for group in &GROUPS {
            let all = group.all.map_or("", |(beginning, _)| beginning);
            assert!(all.is_empty() || group.actions.iter().any(|action| action.code.starts_with(all)));
        }
    }

    fn entry(actor: (&str, &str), action: &str, outcome: Outcome, target: (&str, &str), after: &Value) -> AuditEntry {
        serde_json::from_value(json!({
            "number": 1, "at": "2026-03-01T12:00:00Z", "actor": {"type": actor.0, "id": actor.1}, "action": action,
            "outcome": outcome, "target": {"type": target.0, "id": target.1}, "account": "acct_1", "address": null,
            "user_agent": null, "request_id": null, "before": null, "after": after, "previous": "",
        }))
        .unwrap()
    }

    #[test]
    fn sentences_name_actor_and_target() {
        let mut names = Names::default();
        names.insert("user", "user_1", "Ada");
        names.insert("key", "key_2", "robot");
        let (user, anonymous) = (("user", "user_1"), ("anonymous", ""));
        let key = ("key", "key_1");
        let named = json!({"name": "worker"});
        use Outcome::{Done, Refused, Unknown};
        for (actor, action, outcome, target, after, expected) in [
            (user, "key.revoke", Done, key, named.clone(), "Ada revoked the key “worker”"),
            (user, "key.revoke", Refused, key, named.clone(), "Ada tried to revoke the key “worker”, and was refused"),
            (
                user,
                "key.revoke",
                Unknown,
                key,
                json!({}),
                "Ada tried to revoke the key “key_1”, and the outcome is unknown",
            ),
            (("key", "key_2"), "key.create", Done, key, named, "The key “robot” created the key “worker”"),
            (
                ("system", "serve"),
                "audit.prune",
                Done,
                ("audit_log", ""),
                json!({}),
                "The program “serve” removed old entries of the audit log",
            ),
            (anonymous, "session.begin", Done, user, json!({}), "Ada signed in"),
            (
                anonymous,
                "session.begin",
                Refused,
                ("user", ""),
                json!({"times": 3}),
                "A visitor tried to sign in, and was refused, 3 times",
            ),
            (
                user,
                "member.update",
                Done,
                ("user", "user_2"),
                json!({"role": "admin"}),
                "Ada changed the role of user_2 to admin",
            ),
            (
                user,
                "member.invite",
                Done,
                ("invitation", "i"),
                json!({"email": "a@b.c", "role": "owner"}),
                "Ada invited a@b.c as owner",
            ),
            (user, "limits.put", Done, ("plan", "Pro"), json!({}), "Ada changed the limits of the plan “Pro”"),
            (user, "box.open_wide", Done, ("box", "1"), json!({}), "Ada did “box open wide”"),
        ] {
            let entry = entry(actor, action, outcome, target, &after);
            assert_eq!(text(&sentence(&entry, &names)), expected);
        }
    }
}
