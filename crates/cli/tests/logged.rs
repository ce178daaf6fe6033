//! Each command that changes a database leaves one audit entry.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod management;

use std::fs;
use std::io::Write;
use std::process::Stdio;

use management::{Ended, Management};
use serde_json::{Value, json};

fn entries(management: &Management) -> Vec<Value> {
    if !management.database().exists() {
        return Vec::new();
    }
    let entries = management.json(&["audit", "list", "--all", "--limit", "500", "--json"]);
    entries.as_array().unwrap().clone()
}

fn logs(management: &Management, arguments: &[&str], action: &str) -> Ended {
    let before = entries(management).len();
    // Only the commands that create an owner read the password.
    let mut child = management
        .command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _ = child.stdin.take().unwrap().write_all(b"correct horse battery staple\n");
    let ended: Ended = child.wait_with_output().unwrap().into();
    // A scan that finds keys ends with 1.
    let expected = i32::from(arguments[0] == "scan");
    assert_eq!(ended.code, expected, "{arguments:?}: {}", ended.err);
    let after = entries(management);
    assert_eq!(after.len(), before + 1, "{arguments:?}: {:?}", after.first());
    let (newest, actor) = (&after[0], json!({"type": "system", "id": "command line"}));
    assert_eq!((&newest["action"], &newest["outcome"]), (&json!(action), &json!("done")), "{arguments:?}: {newest}");
    assert_eq!(newest["actor"], actor, "{arguments:?}");
    ended
}

fn newest_key(management: &Management) -> String {
    management.json(&["keys", "list", "--json", "--limit", "1"])[0]["id"].as_str().unwrap().to_owned()
}

#[test]
fn each_change_of_keys_and_accounts_is_logged_once() {
    let management = Management::new();
    for (arguments, action) in [
        (&["accounts", "create", "acct_1"][..], "account.create"),
        (&["accounts", "rename", "acct_1", "Example Ltd"], "account.update"),
        (&["accounts", "set-plan", "acct_1", "Pro"], "account.update"),
        (&["accounts", "suspend", "acct_1"], "account.update"),
        (&["accounts", "resume", "acct_1"], "account.update"),
        (&["keys", "create", "--name", "a", "--account", "acct_1"], "key.create"),
    ] {
        logs(&management, arguments, action);
    }
    let id = newest_key(&management);
    for (arguments, action) in [
        (&["keys", "update", &id, "--name", "b"][..], "key.update"),
        (&["keys", "disable", &id], "key.disable"),
        (&["keys", "enable", &id], "key.enable"),
        (&["keys", "rotate", &id], "key.rotate"),
        (&["keys", "revoke", &id, "--yes"], "key.revoke"),
    ] {
        logs(&management, arguments, action);
    }
    let entry = entries(&management).swap_remove(0);
    assert_eq!((&entry["target"], &entry["account"]), (&json!({"type": "key", "id": id}), &json!("acct_1")));
    assert!(entry["before"]["revoked_at"].is_null() && entry["after"]["revoked_at"].is_string(), "{entry}");
    // A key without an account needs two entries, if its account is missing.
    let before = entries(&management).len();
    management.ok(&["keys", "create", "--name", "c"]);
    let actions: Vec<Value> = entries(&management).into_iter().map(|mut entry| entry["action"].take()).collect();
    assert_eq!((actions.len(), &actions[..2]), (before + 2, &[json!("key.create"), json!("account.create")][..]));
    assert!(management.ok(&["audit", "verify"]).starts_with(&format!("{} entries", before + 2)));
}

#[test]
fn imports_and_scans_are_logged() {
    let management = Management::new();
    let file = management.0.path().join("keys.csv");
    fs::write(&file, format!("hash,account,id\n{},acct_1,old-1\n", "ab".repeat(32))).unwrap();
    let import = ["keys", "import", file.to_str().unwrap(), "--hash-format", "sha256-hex"];
    logs(&management, &["accounts", "create", "acct_1"], "account.create");
    let before = entries(&management).len();
    management.ok(&[&import[..], &["--dry-run"]].concat());
    assert_eq!(entries(&management).len(), before, "a dry run");
    logs(&management, &import, "key.import");
    management.ok(&import);
    assert_eq!(entries(&management).len(), before + 1, "the key was there already");

    let created = logs(&management, &["keys", "create", "--name", "leaked", "--account", "acct_1"], "key.create");
    let leaked = management.0.path().join("leaked.env");
    fs::write(&leaked, &created.out).unwrap();
    logs(&management, &["scan", leaked.to_str().unwrap(), "--revoke", "--yes"], "key.revoke");
}

#[test]
fn each_change_of_members_plans_and_users_is_logged_once() {
    let management = Management::new();
    let owner = |email| ["users", "create", "--owner", "--email", email, "--password-stdin"];
    logs(&management, &owner("ada@example.com"), "user.create");
    logs(&management, &owner("bob@example.com"), "user.create");
    let members = management.json(&["members", "list", "--json"]);
    let bob = members.as_array().unwrap().iter().find(|member| member["user"]["email"] == "bob@example.com").unwrap();
    let bob = bob["user"]["id"].as_str().unwrap();
    logs(&management, &["members", "invite", "carol@example.com", "--role", "viewer"], "member.invite");
    let open = management.json(&["members", "invitations", "--json"]);
    let invitation = open[0]["id"].as_str().unwrap();
    for (arguments, action) in [
        (&["members", "withdraw", invitation][..], "member.withdraw_invitation"),
        (&["members", "role", bob, "developer"], "member.update"),
        (&["members", "remove", bob, "--yes"], "member.remove"),
        (&["users", "reset", "--email", "ada@example.com"], "user.create_password_reset"),
        (&["users", "sign-in-link", "ada@example.com"], "user.create_sign_in_link"),
        (&["plans", "create", "Pro"], "plan.put"),
        (&["plans", "update", "Pro", "--key-limit", "3"], "plan.put"),
        (&["limits", "set", "--plan", "Pro", "--budget", "10/day"], "limits.put"),
        (&["limits", "clear", "--plan", "Pro", "--yes"], "limits.put"),
        (&["plans", "remove", "Pro", "--yes"], "plan.remove"),
        (&["keys", "create", "--name", "m", "--purpose", "management"], "key.create"),
    ] {
        logs(&management, arguments, action);
    }
}

#[test]
fn each_change_of_webhooks_is_logged_once_without_its_secret() {
    let management = Management::new();
    management.ok(&["accounts", "create", "operator"]);
    let created = logs(&management, &["webhooks", "create", "https://example.com/hooks"], "webhook.create");
    let known = management.json(&["webhooks", "list", "--json"]);
    let id = known[0]["id"].as_str().unwrap();
    let rotated = logs(&management, &["webhooks", "rotate-secret", id], "webhook.rotate_secret");
    logs(&management, &["webhooks", "test", id], "webhook.test");
    let deliveries = management.json(&["webhooks", "deliveries", id, "--json"]);
    let delivery = deliveries[0]["id"].as_str().unwrap();
    for (arguments, action) in [
        (&["webhooks", "redeliver", id, delivery][..], "webhook.redeliver"),
        (&["webhooks", "update", id, "--url", "https://example.com/other"], "webhook.update"),
        (&["webhooks", "update", id, "--enabled", "false"], "webhook.update"),
        (&["webhooks", "remove", id, "--yes"], "webhook.remove"),
    ] {
        logs(&management, arguments, action);
    }
    let shown = [
        management.ok(&["audit", "list", "--all", "--json"]),
        management.ok(&["audit", "export"]),
        known.to_string(),
        deliveries.to_string(),
    ];
    for secret in [created.out, rotated.out] {
        let secret = secret.trim_end().strip_prefix("whsec_").unwrap();
        assert!(secret.len() > 40 && !shown.iter().any(|text| text.contains(secret)), "a secret is in {shown:?}");
    }
}

#[test]
fn a_refused_change_is_logged_as_refused_or_not_at_all() {
    let management = Management::new();
    management.ok(&["accounts", "create", "acct_1"]);
    let before = entries(&management).len();
    for (arguments, code) in [
        (&["keys", "create", "--name", "a", "--account", "none"][..], 3),
        (&["keys", "create", "--name", ""], 2),
        (&["keys", "revoke", "key_none", "--yes"], 3),
    ] {
        assert_eq!(management.run(arguments).code, code, "{arguments:?}");
    }
    assert_eq!(entries(&management).len(), before);
    assert_eq!(management.run(&["accounts", "create", "acct_1"]).code, 4);
    assert_eq!(entries(&management)[0]["outcome"], "refused");
}

#[test]
fn a_deleted_account_has_one_entry_for_each_key_and_its_id_is_not_used_again() {
    let management = Management::new();
    management.ok(&["accounts", "create", "acct_1", "--name", "Example Ltd"]);
    let create = ["keys", "create", "--name", "a", "--account", "acct_1"];
    management.ok(&create);
    let unconfirmed = management.run(&["accounts", "delete", "acct_1"]);
    assert!(unconfirmed.code == 2 && unconfirmed.err.contains("pass --yes"), "{}", unconfirmed.err);
    let before = entries(&management).len();
    assert!(management.ok(&["accounts", "delete", "acct_1", "--yes"]).starts_with("acct_1: effective"));
    let mut new = entries(&management);
    new.truncate(new.len() - before);
    let actions: Vec<_> = new.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["account.delete", "key.revoke"]);

    let used_again = "was deleted, and its id is not used again";
    for (arguments, code, said) in [
        (&["accounts", "show", "acct_1"][..], 3, "no such account"),
        (&["accounts", "resume", "acct_1"], 3, "no such account"),
        (&["accounts", "delete", "acct_1", "--yes"], 3, "no such account"),
        (&["accounts", "create", "acct_1"], 4, used_again),
        (&create, 4, used_again),
        (&["members", "list", "--account", "acct_1"], 3, "no such account"),
        (&["accounts", "delete", "operator", "--yes"], 2, "operator"),
    ] {
        let ended = management.run(arguments);
        assert!(ended.code == code && ended.err.contains(said), "{arguments:?}: {} {}", ended.code, ended.err);
    }
    assert!(!management.ok(&["accounts", "list"]).contains("acct_1"));
    assert!(management.ok(&["audit", "list", "--account", "acct_1"]).contains("account.delete"));
}

#[test]
fn a_plan_limits_keys_and_the_default_does_not() {
    let management = Management::new();
    management.ok(&["plans", "create", "Pro", "--key-limit", "1"]);
    management.ok(&["accounts", "create", "acct_1", "--plan", "Pro"]);
    let create = ["keys", "create", "--name", "a", "--account", "acct_1"];
    management.ok(&create);
    let refused = management.run(&create);
    assert_eq!(refused.code, 4, "{}", refused.err);
    management.ok(&["accounts", "set-plan", "acct_1"]);
    management.ok(&create);
}
