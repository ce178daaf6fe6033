//! Errors about unknown ids on a server, and the sign-in of users with only passkeys.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod management;
mod serving;

use management::Ended;
use serving::{Serving, fed, ok};

#[test]
fn unknown_accounts_users_and_keys_are_named_on_a_server() {
    let server = Serving::start();
    let created = server.run(&["keys", "create", "--name", "nightly", "--scope", "jobs:read"]);
    let key = created.out.trim_end();
    let list = server.json(&["keys", "list", "--json", "--search", "nightly"]);
    let id = list[0]["id"].as_str().unwrap();
    let unknown_account = format!("error: account nobody in {}: There is no such account", server.url);
    let unknown_user = format!("error: user nobody in {}: there is no such user, and no key", server.url);
    let use_id = format!("run keyward keys revoke {id} for the key \"nightly\"");
    for (arguments, expected) in [
        (&["keys", "list", "--account", "nobody"][..], &unknown_account),
        (&["keys", "usage", "--account", "nobody"], &unknown_account),
        (&["members", "list", "--account", "nobody"], &unknown_account),
        (&["webhooks", "list", "--account", "nobody"], &unknown_account),
        (&["audit", "list", "--account", "nobody", "--json"], &unknown_account),
        (&["keys", "revoke", "--user", "nobody", "--account", "nobody", "--yes"], &unknown_account),
        (&["keys", "list", "--user", "nobody", "--json"], &unknown_user),
        (&["keys", "revoke", "--user", "nobody", "--yes"], &unknown_user),
        (&["keys", "revoke", key, "--yes"], &use_id),
        (&["keys", "revoke", "nightly", "--yes"], &use_id),
    ] {
        let ended = server.run(arguments);
        assert!(ended.code == 3 && ended.err.contains(expected.as_str()), "{arguments:?}: {}", ended.err);
        assert!(!ended.err.contains(key), "{arguments:?}");
    }
}

#[test]
fn a_management_key_replaces_a_sign_in_that_a_terminal_cannot_do() {
    let server = Serving::start();
    let key = ["keys", "create", "--name", "laptop", "--purpose", "management", "--scope", "keys:read"];
    let key = server.ok(&key).trim_end().to_owned();
    let api = server.ok(&["keys", "create", "--name", "api"]).trim_end().to_owned();
    let login = |key: &str| fed(server.signed_in(&["login", "--key-stdin"]), &format!("{key}\n"));
    for (credential, code) in [(api.as_str(), [2, 4]), ("kwm_live_00000000000000000000000000000000", [4, 4])] {
        let refused = login(credential);
        assert!(code.contains(&refused.code) && !refused.err.contains(credential), "{}", refused.err);
        assert!(!server.kept().exists(), "a refused key is stored");
    }
    assert_eq!(server.login().code, 0, "an earlier sign-in is replaced");
    let earlier = std::fs::read(server.kept()).unwrap();
    let kept = login(&key);
    assert!(kept.code == 0 && kept.err.contains("use the key \"laptop\""), "{}", kept.err);
    assert!(kept.err.contains("the earlier sign-in on this computer has ended"), "{}", kept.err);
    let with_key = std::fs::read(server.kept()).unwrap();
    std::fs::write(server.kept(), earlier).unwrap();
    let ended = Ended::from(server.signed_in(&["whoami"]).output().unwrap());
    assert_eq!(ended.code, 4, "the server has ended the earlier sign-in: {}{}", ended.out, ended.err);
    std::fs::write(server.kept(), with_key).unwrap();
    assert!(!kept.err.contains(&key) && kept.out.is_empty());
    assert!(ok(server.signed_in(&["keys", "list"])).contains("laptop"));
    assert!(ok(server.signed_in(&["whoami"])).contains("laptop"));
    assert_eq!(
        server.signed_in(&["keys", "create", "--name", "more"]).status().unwrap().code(),
        Some(4),
        "the key has its own scopes"
    );
    let again = server.login();
    assert!(again.code == 0 && again.err.contains("the earlier management key stays valid"), "{}", again.err);
    assert_eq!(login(&key).code, 0);
    let out = Ended::from(server.signed_in(&["logout"]).output().unwrap());
    assert!(out.code == 0 && out.err.contains("stays valid"), "{}", out.err);
    assert_eq!(server.signed_in(&["keys", "list"]).status().unwrap().code(), Some(4));
    let neither = Ended::from(server.signed_in(&["login"]).output().unwrap());
    assert!(neither.code == 2 && neither.err.contains("--email <EMAIL>|--key|--key-stdin"), "{}", neither.err);
}
