//! The sentence of an entry of the audit log.

use super::names::Names;
use crate::dashboard::words;
use crate::dashboard::words::actions::{Action, GROUPS};
use crate::service::{AuditEntry, Outcome};

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
            let verb = if is_done { action.past.to_owned() } else { words::actions::tried_to(action.infinitive) };
            parts.push(Part::word(format!(" {verb}")));
            object(action.object, entry, names, &mut parts);
        }
        // A newer version wrote the entry.
        None => {
            let words = entry.action.replace(['.', '_'], " ");
            parts.push(Part::word(if is_done {
                words::actions::did(&words)
            } else {
                words::actions::tried_to_do(&words)
            }));
        }
    }
    match entry.outcome {
        Outcome::Done => {}
        Outcome::Refused => parts.push(Part::word(words::actions::AND_WAS_REFUSED)),
        Outcome::Unknown => parts.push(Part::word(words::actions::AND_IS_UNKNOWN)),
    }
    if let Some(times) = entry.after.as_ref().and_then(|after| after["times"].as_u64()).filter(|times| *times > 1) {
        parts.push(Part::word(words::actions::times(times)));
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
        "user" => vec![Part::name(names.of("user", &actor.id), names.path_of("user", &actor.id))],
        "key" => {
            let name = Part::name(names.of("key", &actor.id), names.path_of("key", &actor.id));
            let [before, after] = words::actions::THE_KEY;
            vec![Part::word(before), name, Part::word(after)]
        }
        "system" => vec![Part::word(words::shared::program(&actor.id))],
        _ if entry.target.kind == "user" && !entry.target.id.is_empty() => {
            vec![Part::name(names.target(entry), names.path_of("user", &entry.target.id))]
        }
        _ => vec![Part::word(words::actions::A_VISITOR)],
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
            "target" => Part::name(names.target(entry), names.path_of(&entry.target.kind, &entry.target.id)),
            "kind" => Part::word(entry.target.kind.as_str()),
            "email" => Part::name(value("email").unwrap_or_else(|| words::actions::A_USER.to_owned()), None),
            "role" => Part::word(value(name).map_or_else(|| words::actions::another(name), words::codes::role)),
            _ => Part::word(value(name).unwrap_or_else(|| words::actions::another(name))),
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
    use crate::dashboard::pages::audit::names::Known;

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
        assert!(missing.is_empty(), "no sentence in words/actions.rs: {missing:?}");
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
        names.insert("user", "user_1", Known::new("Ada", None));
        names.insert("key", "key_2", Known::new("robot", None));
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
            (
                ("system", "command line"),
                "key.revoke",
                Done,
                key,
                json!({"name": "worker"}),
                "The operator's command line revoked the key “worker”",
            ),
            (
                ("system", "retention"),
                "audit.prune",
                Done,
                ("audit_log", ""),
                json!({}),
                "The server removed old entries of the audit log",
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
            // The reader cannot see users who have left.
            (
                user,
                "member.remove",
                Done,
                ("user", "user_2"),
                json!({"role": "admin", "name": "Bob"}),
                "Ada removed Bob from the account",
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
