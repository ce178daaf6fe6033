//! Pruning the audit log.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod management;

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant, SystemTime};

use keyward_core::Timestamp;
use management::{Ended, Management};

fn logged() -> Management {
    let management = Management::new();
    for plan in ["Free", "Pro"] {
        management.ok(&["plans", "create", plan]);
    }
    management
}

fn now() -> Timestamp {
    SystemTime::now().into()
}

#[test]
fn old_entries_are_pruned_and_the_rest_verifies() {
    let management = logged();
    let early = management.ok(&["audit", "verify"]).trim_end().rsplit(' ').next().unwrap().to_owned();
    management.ok(&["plans", "create", "Max"]);
    let late = management.ok(&["audit", "verify"]).trim_end().rsplit(' ').next().unwrap().to_owned();
    assert!(management.ok(&["audit", "prune", "--before", "2020-01-01T00:00:00Z"]).starts_with("0 entries"));
    let pruned = management.ok(&["audit", "prune", "--before", &now().to_string()]);
    assert!(pruned.starts_with("3 entries from before "), "{pruned}");
    let verified = management.ok(&["audit", "verify"]);
    assert!(verified.starts_with("4 entries") && verified.contains("entries up to 3 were pruned"), "{verified}");
    management.ok(&["audit", "verify", "--since", &late]);
    let listed = management.json(&["audit", "list", "--json"]);
    assert_eq!((listed.as_array().unwrap().len(), listed[0]["action"].as_str()), (1, Some("audit.prune")), "{listed}");
    for (arguments, code, said) in [
        (&["audit", "verify", "--since", &early][..], 4, "was pruned"),
        (&["audit", "prune", "--before", "2999-01-01T00:00:00Z"], 2, "in the future"),
        (&["audit", "prune", "--before", "yesterday"], 2, "--before"),
        (&["audit", "prune"], 2, "--before"),
    ] {
        let ended = management.run(arguments);
        assert_eq!(ended.code, code, "{arguments:?}: {}", ended.err);
        assert!(ended.err.contains(said), "{arguments:?}: {}", ended.err);
    }
    let mut on_server = management.command(&["audit", "prune", "--before", "2020-01-01T00:00:00Z"]);
    on_server.env_remove("KEYWARD_DATABASE").env("KEYWARD_SERVER", "http://127.0.0.1:1").env("KEYWARD_TOKEN", "kwm_x");
    let ended: Ended = on_server.output().unwrap().into();
    assert!(ended.code == 2 && ended.err.contains("needs the database"), "{} {}", ended.code, ended.err);
}

struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_server_prunes_entries_past_the_retention() {
    const SERVE: [&str; 3] = ["serve", "--listen", "127.0.0.1:0"];
    for way in ["flag", "environment", "file"] {
        let management = logged();
        let config = management.0.path().join("keyward.toml");
        fs::write(&config, "audit_retention = \"1s\"\n").unwrap();
        let begun = Instant::now();
        // The first maintenance of a process is right after its start, and the next one a minute later: it is started until the entries are
        // old enough.
        loop {
            let mut command = management.command(&SERVE);
            match way {
                "flag" => command.args(["--audit-retention", "1s"]),
                "environment" => command.env("KEYWARD_AUDIT_RETENTION", "1s"),
                _ => command.arg("--config").arg(&config),
            };
            let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
            let output = process.stdout.take().unwrap();
            let serving = Serving(process);
            let mut first = String::new();
            BufReader::new(output).read_line(&mut first).unwrap();
            assert!(first.contains("listening"), "{way}: {first}");
            let verified = management.ok(&["audit", "verify"]);
            drop(serving);
            if verified.contains("were pruned") {
                break;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "{way}: nothing was pruned: {verified}");
        }
    }
    let management = logged();
    let refused = management.run(&[&SERVE[..], &["--audit-retention", "0s"]].concat());
    assert!(refused.code == 2 && refused.err.contains("expected one second to ten years"), "{}", refused.err);
}
