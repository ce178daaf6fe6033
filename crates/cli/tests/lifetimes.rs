//! The default and the maximum lifetime of keys.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod management;
mod serving;

use std::fs;

use keyward_core::Timestamp;
use serde_json::{Value, json};

use management::{Ended, Management};
use serving::{Serving, ok};

const CONFIGURED: [&str; 4] = ["--key-lifetime-max", "365d", "--key-lifetime-default", "90d"];

/// The lifetime in days, or `None` for never.
fn life(key: &Value) -> Option<u64> {
    let time = |field: &str| key[field].as_str().map(|text| text.parse::<Timestamp>().unwrap());
    Some((time("expires_at")?.saturating_since(time("created_at").unwrap()).as_secs() + 60) / 86_400)
}

impl Management {
    fn newest(&self) -> Value {
        self.json(&["keys", "list", "--json", "--limit", "1"])[0].clone()
    }

    fn refused(&self, arguments: &[&str], said: &str) {
        let ended = self.run(arguments);
        assert_eq!(ended.code, 2, "{arguments:?}: {}", ended.err);
        assert!(ended.err.contains(said), "{arguments:?}: {}", ended.err);
    }
}

#[test]
fn configured_lifetimes_hold_for_every_command() {
    let management = Management::new();
    let create = ["keys", "create", "--name", "a"];
    for (more, expected) in
        [(&[][..], Some(90)), (&["--expires-in", "365d"], Some(365)), (&["--expires-in", "1h"], Some(0))]
    {
        management.ok(&[&create, &CONFIGURED[..], more].concat());
        assert_eq!(life(&management.newest()), expected, "{more:?}");
    }
    for more in [&["--no-expiry"][..], &["--expires-at", "9999-12-31T23:59:59Z"]] {
        management.refused(
            &[&create, &CONFIGURED[..], more].concat(),
            "the key would never expire: the maximum lifetime is 365 days, so choose an expiry until 2",
        );
        management.ok(&[&create, more].concat());
        assert_eq!(life(&management.newest()), None, "{more:?}");
    }
    management
        .refused(&[&create, &CONFIGURED[..], &["--expires-in", "366d"]].concat(), "the maximum lifetime is 365 days");
    management.refused(&[&create[..], &["--expires-at", "10000-01-01T00:00:00Z"]].concat(), "to 9999-12-31T23:59:59Z");

    let id = management.newest()["id"].as_str().unwrap().to_owned();
    let rotate = |more: &[&str]| management.ok(&[&["keys", "rotate", &id, "--dry-run"], more].concat());
    assert_eq!(rotate(&[]), format!("the successor of {id} would never expire\n"));
    assert!(rotate(&CONFIGURED).starts_with(&format!("the successor of {id} would expire at 2")));
    assert!(rotate(&["--expires-at", "2999-01-01T00:00:00Z"]).ends_with("would expire at 2999-01-01T00:00:00Z\n"));
    for more in [&[][..], &["--dry-run"]] {
        let endless = [&["keys", "rotate", &id, "--no-expiry"], &CONFIGURED[..], more].concat();
        management.refused(&endless, "choose an expiry until 2");
    }
    let update = ["keys", "update", &id, "--expires-in"];
    management.ok(&[&update[..], &["400d"], &CONFIGURED].concat());
    management.refused(&[&update[..], &["401d"], &CONFIGURED].concat(), "the maximum lifetime is 365 days");
    let rotated = management.run(&[&["keys", "rotate", &id, "--overlap", "0s"], &CONFIGURED[..]].concat());
    assert!(rotated.code == 0 && rotated.err.contains("will expire at 2"), "{}", rotated.err);
    // The update extended the key beyond the default, and a successor does not inherit that.
    assert_eq!(life(&management.newest()), Some(90));
}

#[test]
fn imported_keys_do_not_exceed_the_maximum() {
    let management = Management::new();
    let path = management.0.path().join("keys.csv");
    let row = |number: u8, end: &str| format!("{},acct_1,{end}\n", format!("{number:02x}").repeat(32));
    let rows =
        [row(1, ""), row(2, "9999-12-31T23:59:59Z"), row(3, "2999-01-01T00:00:00Z"), row(4, "2020-01-01T00:00:00Z")];
    fs::write(&path, format!("hash,account,expires_at\n{}", rows.concat())).unwrap();
    let file = path.to_str().unwrap();
    let import =
        ["keys", "import", file, "--hash-format", "sha256-hex", "--create-accounts", "--key-lifetime-max", "90d"];
    for more in [&["--dry-run"][..], &[]] {
        let ended = management.run(&[&import, more].concat());
        assert_eq!(ended.code, 4, "{}", ended.err);
        for (line, said) in
            [(2, "would never expire"), (3, "would never expire"), (4, "would expire at 2999-01-01T00:00:00Z")]
        {
            let said =
                format!("line {line}: the key {said}: the maximum lifetime is 90 days, so choose an expiry until 2");
            assert!(ended.err.contains(&said), "{}", ended.err);
        }
        assert!(ended.out.contains("1 imported, 0 already there, 3 refused"), "{}", ended.out);
    }
    let without = ["keys", "import", file, "--hash-format", "sha256-hex"];
    assert!(management.ok(&without).contains("3 imported, 1 already there, 0 refused"));
}

#[test]
fn lifetimes_of_plans_and_accounts_are_set_and_removed() {
    let management = Management::new();
    management.ok(&["plans", "create", "Pro"]);
    management.ok(&["accounts", "create", "acct_1", "--plan", "Pro"]);
    let of = ["--account", "acct_1"];
    let show = |more: &[&str]| management.ok(&[&["lifetimes", "show"], &of[..], more].concat());
    assert_eq!(show(&[]), "own settings: none\ndefault: no expiry\nmaximum: none\n");
    assert_eq!(show(&CONFIGURED), "own settings: none\ndefault: 90 days\nmaximum: 365 days\n");
    management.ok(&["lifetimes", "set", "--plan", "Pro", "--maximum", "60d"]);
    assert_eq!(show(&CONFIGURED), "own settings: none\ndefault: 60 days\nmaximum: 60 days\n");
    management.ok(&[&["lifetimes", "set", "--default", "36h"], &of[..]].concat());
    assert_eq!(show(&[]), "own settings: default 36 hours\ndefault: 36 hours\nmaximum: 60 days\n");
    let (_, id) = management.create(&of);
    assert_eq!(life(&management.json(&["keys", "show", &id, "--json"])), Some(1));
    for (more, said) in [
        (&["--default", "0s"][..], "expected a minute to 36500 days"),
        (&["--maximum", "36501d"], "expected a minute to 36500 days"),
        (&["--maximum", "1d"], "129600 seconds are longer than the maximum"),
        (&["--maximum", "soon"], "expected a duration such as 90d"),
    ] {
        management.refused(&[&["lifetimes", "set"], &of[..], more].concat(), said);
    }
    management.ok(&[&["lifetimes", "clear", "--yes"], &of[..]].concat());
    assert_eq!(show(&[]), "own settings: none\ndefault: 60 days\nmaximum: 60 days\n");
    let wrong = ["keys", "list", "--key-lifetime-max", "1d", "--key-lifetime-default", "2d"];
    management.refused(&wrong, "key_lifetime_default (2 days) is longer than key_lifetime_max (1 day)");
    assert_eq!(management.run(&["lifetimes", "show", "--plan", "None"]).code, 3);
}

#[test]
fn lifetimes_are_set_on_a_server() {
    let server = Serving::start();
    assert_eq!(server.login().code, 0);
    let run = |arguments: &[&str]| ok(server.signed_in(arguments));
    let json = |arguments: &[&str]| -> Value { serde_json::from_str(&run(arguments)).unwrap() };
    let code = |arguments: &[&str]| Ended::from(server.signed_in(arguments).output().unwrap()).code;
    let made = run(&["accounts", "create", "--name", "Example Ltd"]);
    let account = made.split(':').next().unwrap();
    run(&["plans", "create", "Pro"]);
    run(&["accounts", "set-plan", account, "Pro"]);
    let set = run(&["lifetimes", "set", "--plan", "Pro", "--default", "30d", "--maximum", "90d"]);
    assert_eq!(set, "own settings: default 30 days, maximum 90 days\ndefault: 30 days\nmaximum: 90 days\n");
    assert!(run(&["lifetimes", "set", "--account", account, "--maximum", "12h"]).contains("\nmaximum: 12 hours"));
    let lifetimes = json(&["lifetimes", "show", "--account", account, "--json"]);
    assert_eq!(lifetimes["effective"], json!({"default_seconds": 43_200, "maximum_seconds": 43_200}));
    assert_eq!(json(&["accounts", "show", account, "--json"])["lifetimes"], lifetimes["effective"]);
    let endless = ["keys", "create", "--name", "e", "--account", account, "--scope", "a:b", "--no-expiry"];
    assert_eq!(code(&endless), 2);
    run(&["lifetimes", "clear", "--account", account, "--yes"]);
    assert_eq!(code(&["lifetimes", "set", "--plan", "Pro", "--default", "91d"]), 2);
    run(&["lifetimes", "set", "--plan", "Pro", "--no-default", "--no-maximum"]);
}
