//! Runs the program against a server.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod management;
mod serving;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use management::Ended;
use serving::{EMAIL, Fault, PASSWORD, Proxy, Serving, fed, ok};

fn run(mut command: Command) -> Ended {
    command.output().unwrap().into()
}

fn id_of(server: &Serving, name: &str) -> String {
    let list = server.json(&["keys", "list", "--json", "--search", name]);
    list[0]["id"].as_str().unwrap().to_owned()
}

#[test]
fn key_commands_work_on_a_server() {
    let server = Serving::start();
    let created = server.run(&["keys", "create", "--name", "analytics", "--scope", "jobs:read", "--expires-in", "90d"]);
    assert_eq!(created.code, 0, "{}", created.err);
    let key = created.out.strip_suffix('\n').unwrap();
    assert!(!key.contains('\n') && key.starts_with("kwr_live_"), "{key}");
    let secret = &key["kwr_live_".len()..];
    assert!(!created.err.contains(secret));
    let id = id_of(&server, "analytics");
    let shown = server.json(&["keys", "show", &id, "--json"]);
    let mut on_database: Value =
        serde_json::from_str(&ok(server.on_database(&["keys", "show", &id, "--json"]))).unwrap();
    on_database["last_used_at"] = shown["last_used_at"].clone();
    assert_eq!(shown, on_database, "the two show the same");
    // The widths differ: the server may not have written the last use yet.
    let columns = |list: &str| list.lines().next().unwrap().split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(columns(&server.ok(&["keys", "list"])), columns(&ok(server.on_database(&["keys", "list"]))));

    assert!(
        server.ok(&["keys", "update", &id, "--name", "reports", "--no-expiry"]).contains("is active: effective on")
    );
    assert_eq!(server.run(&["keys", "update", &id, "--name", "late", "--if-version", "1"]).code, 4);
    assert!(server.ok(&["keys", "disable", &id]).contains("is disabled"));
    assert!(server.ok(&["keys", "enable", &id]).contains("is active"));
    let preview = server.ok(&["keys", "rotate", &id, "--dry-run"]);
    assert_eq!(preview, format!("the successor of {id} would never expire\n"));
    let rotated = server.run(&["keys", "rotate", &id, "--overlap", "0s", "--expires-at", "2999-01-01T00:00:00Z"]);
    assert!(rotated.out.starts_with("kwr_live_") && rotated.err.contains("succeeds"), "{}", rotated.err);
    assert!(rotated.err.contains("will expire at 2999-01-01T00:00:00Z"), "{}", rotated.err);
    let successor = server.json(&["keys", "show", &id, "--json"])["rotated_to"].as_str().unwrap().to_owned();
    let asked = server.run(&["keys", "revoke", &successor]);
    assert!(asked.code == 2 && asked.err.contains("--yes"), "{}", asked.err);
    assert!(server.ok(&["keys", "revoke", &successor, "--yes"]).contains("is revoked since"));
    assert_eq!(server.run(&["keys", "rotate", &successor]).code, 4);
    assert_eq!(server.json(&["keys", "list", "--json", "--status", "revoked"]).as_array().unwrap().len(), 1);
    let usage = server.json(&["keys", "usage", "--json"]);
    assert!(usage["days"].as_array().unwrap().iter().any(|day| day["times"].as_u64().unwrap() > 3), "{usage}");
    assert!(server.ok(&["keys", "usage"]).contains("accepted"));

    for arguments in [&["keys", "list"][..], &["keys", "show", &id], &["audit", "list"], &["keys", "list", "--json"]] {
        let ended = server.run(arguments);
        assert!(ended.code == 0 && !ended.out.contains(secret) && !ended.err.contains(secret), "{arguments:?}");
    }
}

#[test]
fn other_commands_work_on_a_server() {
    let server = Serving::start();
    assert_eq!(server.login().code, 0);
    let run = |arguments: &[&str]| ok(server.signed_in(arguments));
    let json = |arguments: &[&str]| -> Value { serde_json::from_str(&run(arguments)).unwrap() };
    assert!(run(&["whoami"]).contains(EMAIL));
    assert_eq!(json(&["whoami", "--json"])["accounts"][0]["role"], "owner");
    let made = run(&["accounts", "create", "--name", "Example Ltd"]);
    let account = made.split(':').next().unwrap();
    run(&["accounts", "rename", account, "Example & Co"]);
    run(&["plans", "create", "Pro", "--key-limit", "3"]);
    assert!(run(&["plans", "update", "Pro", "--description", "for all"]).contains("3 keys"));
    assert!(run(&["plans", "update", "Pro", "--no-key-limit"]).contains("as many"));
    run(&["accounts", "set-plan", account, "Pro"]);
    assert!(run(&["plans", "update", "Pro", "--scope", "b:*", "--scope", "a:read"]).contains("scopes a:read b:*"));
    assert_eq!(json(&["plans", "list", "--json"])[0]["scopes"], json!(["a:read", "b:*"]));
    let unscoped = ["keys", "create", "--account", account, "--name", "all"];
    let refused: Ended = server.signed_in(&unscoped).output().unwrap().into();
    assert!(
        refused.code == 2 && refused.err.contains("The plan `Pro` does not include the scope `*`"),
        "{}",
        refused.err
    );
    assert!(run(&["plans", "update", "Pro", "--any-scope"]).contains("any scope"));
    run(&["limits", "set", "--plan", "Pro", "--rate", "default=100/60s", "--budget", "10000/month,rollover=50"]);
    assert!(run(&["limits", "show", "--account", account]).contains("left: 10000 of 10000 credits"));
    assert!(run(&["limits", "set", "--account", account, "--budget", "7"]).contains("left: 7 of 7 credits"));
    run(&["limits", "set", "--plan", "Pro", "--rate", "default=5/1s,strict", "--no-budget", "--tasks", "3"]);
    let limits = json(&["limits", "show", "--plan", "Pro", "--json"]);
    let rate = json!({"name": "default", "per": "account", "quota": 5, "window_seconds": 1, "strict": true});
    assert_eq!((&limits["rates"], &limits["budget"], &limits["tasks"]), (&json!([rate]), &Value::Null, &json!(3)));
    run(&["limits", "clear", "--account", account, "--yes"]);
    assert!(run(&["limits", "show", "--account", account]).contains("no limits"));
    run(&["accounts", "suspend", account]);
    let shown = json(&["accounts", "show", account, "--json"]);
    assert_eq!((&shown["name"], &shown["plan"]), (&json!("Example & Co"), &json!("Pro")));
    assert!(shown["suspended_at"].is_string());
    run(&["accounts", "resume", account]);
    assert!(json(&["accounts", "list", "--all", "--json"]).as_array().unwrap().len() >= 2);
    let former = run(&["accounts", "create", "--name", "Former"]);
    let former = former.split(':').next().unwrap();
    let asked: Ended = server.signed_in(&["accounts", "delete", former]).output().unwrap().into();
    assert!(asked.code == 2 && asked.err.contains("pass --yes"), "{}", asked.err);
    run(&["accounts", "delete", former, "--yes"]);
    assert_eq!(server.signed_in(&["accounts", "show", former]).output_code(), 3);
    assert!(run(&["audit", "list", "--account", former]).contains("account.delete"));
    let refused: Ended = server.signed_in(&["plans", "remove", "Pro", "--yes"]).output().unwrap().into();
    assert!(refused.code != 0 && refused.err.contains("1 account has this plan"), "{}", refused.err);
    run(&["plans", "remove", "Pro", "--force", "--yes"]);
    assert_eq!(json(&["plans", "list", "--json"]), json!([]));

    let of = ["--account", account];
    let invited: Ended = server
        .signed_in(&[&["members", "invite", "bob@example.com", "--role", "viewer"][..], &of].concat())
        .output()
        .unwrap()
        .into();
    let invitation = invited.out.trim_end();
    assert!(invitation.starts_with("kwi_") && !invited.err.contains(invitation), "{}", invited.err);
    let accept = server.signed_in(&["users", "accept-invitation", "--name", "Bob", "--stdin"]);
    assert_eq!(fed(accept, &format!("{invitation}\nanother long password\n")).code, 0);
    let members = json(&[&["members", "list", "--json"][..], &of].concat());
    let bob = members.as_array().unwrap().iter().find(|member| member["user"]["email"] == "bob@example.com").unwrap();
    let id = bob["user"]["id"].as_str().unwrap();
    assert_eq!(bob["user"]["email_verified"], false);
    let open = json(&[&["members", "invitations", "--json"][..], &of].concat());
    assert_eq!(open, json!([]));
    run(&[&["members", "invite", "carol@example.com", "--role", "viewer"][..], &of].concat());
    let open = json(&[&["members", "invitations", "--json"][..], &of].concat());
    let carol = open[0]["id"].as_str().unwrap();
    assert_eq!(open[0]["email"], "carol@example.com");
    run(&[&["members", "withdraw", carol][..], &of].concat());
    assert_eq!(json(&["users", "invitations", "--json"]), json!([]));
    run(&[&["members", "role", id, "developer"][..], &of].concat());
    let stale = server.signed_in(&[&["members", "role", id, "admin", "--if-version", "1"][..], &of].concat());
    assert_eq!(stale.output_code(), 4);
    run(&[&["members", "remove", id, "--yes"][..], &of].concat());
    assert!(!run(&[&["members", "list"][..], &of].concat()).contains("bob@"));
    let removed = json(&[&["audit", "list", "--json", "--action", "member.rem"][..], &of].concat());
    assert_eq!((removed.as_array().unwrap().len(), &removed[0]["target"]["id"]), (1, &json!(id)));
    assert!(run(&["audit", "list", "--all", "--limit", "3"]).lines().count() == 4);
    let verified = run(&["audit", "verify"]);
    let checkpoint = verified.trim().rsplit(' ').next().unwrap().to_owned();
    assert!(verified.contains("entries, up to the checkpoint"), "{verified}");
    run(&["audit", "verify", "--since", &checkpoint]);

    let users = json(&["users", "list", "--email", "bob@example.com", "--json"]);
    assert_eq!((users.as_array().unwrap().len(), users[0]["id"].as_str()), (1, Some(id)));
    assert!(run(&["users", "disable", id]).contains("signed out everywhere"));
    assert!(!json(&["users", "list", "--email", "bob@example.com", "--json"])[0]["disabled_at"].is_null());
    run(&["users", "enable", id]);
    let reset: Ended = server.signed_in(&["users", "reset", "--email", "bob@example.com"]).output().unwrap().into();
    assert_eq!(reset.code, 0, "{}", reset.err);
    let choose = server.signed_in(&["users", "choose-password", "--stdin"]);
    assert_eq!(fed(choose, &format!("{}\nanother long password too\n", reset.out.trim_end())).code, 0);
    run(&["users", "remove", id, "--yes"]);
    assert_eq!(server.signed_in(&["users", "disable", id]).output_code(), 3);

    run(&["pages", "update", "--name", "Example API", "--theme", "dark"]);
    let pages = json(&["pages", "show", "--json"]);
    assert_eq!((pages["name"].as_str(), pages["theme"].as_str()), (Some("Example API"), Some("dark")));
    assert!(run(&["pages", "update", "--no-name"]).contains("as configured"));
    assert_eq!(server.signed_in(&["pages", "update", "--accent", "red"]).output_code(), 2);

    run(&["users", "rename", "Ada L."]);
    assert_eq!(json(&["whoami", "--json"])["user"]["name"], "Ada L.");
    let sign_up = ["users", "sign-up", "--email", "eve@example.com", "--name", "Eve", "--password-stdin"];
    assert_eq!(fed(server.signed_in(&sign_up), "another long password\n").code, 0);
    let change = server.signed_in(&["users", "password", "--stdin"]);
    assert_eq!(fed(change, &format!("{PASSWORD}\nyet another password\n")).code, 0);
    assert_eq!(server.signed_in(&["whoami"]).output_code(), 4, "the sign-in has ended with the password");

    // And through the management service, where that is on a database.
    assert!(ok(server.on_database(&["members", "list"])).contains(EMAIL));
    assert!(ok(server.on_database(&["audit", "list", "--limit", "2"])).lines().count() == 3);
    assert!(ok(server.on_database(&["plans", "create", "Free", "--scope", "a:read"])).contains("scopes a:read"));
    assert!(ok(server.on_database(&["keys", "usage", "--json"])).contains("days"));
}

trait OutputCode {
    fn output_code(self) -> i32;
}

impl OutputCode for Command {
    fn output_code(self) -> i32 {
        run(self).code
    }
}

#[test]
fn each_failure_has_its_exit_code() {
    let server = Serving::start();
    let reading = ["keys", "create", "--name", "r", "--purpose", "management", "--scope", "keys:read"];
    let reading = server.ok(&reading).trim_end().to_owned();
    let with = |token: &str, arguments: &[&str]| {
        let mut command = server.signed_in(arguments);
        command.env("KEYWARD_TOKEN", token);
        run(command)
    };
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let gone = format!("http://{gone}");
    let wrong = "kwm_live_00000000000000000000000000000000";
    for (token, arguments, code, said) in [
        (&*server.token, &["keys", "show", "key_none"][..], 3, "NOT_FOUND"),
        (&server.token, &["accounts", "show", "none"], 3, "NOT_FOUND"),
        (&server.token, &["plans", "remove", "none", "--yes"], 3, "no such plan"),
        (&server.token, &["keys", "show", ".."], 3, "invalid id"),
        (&server.token, &["keys", "create", "--name", ""], 2, "INVALID_VALUE"),
        (&server.token, &["keys", "create", "--name", "a", "--mode", "test"], 4, "ESCALATION"),
        (&server.token, &["accounts", "create", "acct_1"], 2, "chooses the id of an account"),
        (&server.token, &["users", "rename", "A"], 4, "USER_REQUIRED"),
        (&reading, &["keys", "create", "--name", "a"], 4, "INSUFFICIENT_SCOPE"),
        (wrong, &["keys", "list"], 4, "INVALID_API_KEY"),
        ("two words", &["keys", "list"], 2, "invalid credential"),
        ("", &["keys", "list"], 4, "keyward login --server"),
        (&server.token, &["--server", &gone, "keys", "list"], 1, "does not answer"),
        (&server.token, &["--server", "http://192.0.2.1", "keys", "list"], 2, "--allow-plain-http"),
        (&server.token, &["--server", "example.com", "keys", "list"], 2, "URL"),
        (&server.token, &["--database", "keys.db", "keys", "list"], 2, "exclude each other"),
        (&server.token, &["--prefix", "secret=sk", "keys", "list"], 2, "do not apply to a server"),
        (&server.token, &["nodes"], 2, "needs the database"),
        (&server.token, &["serve"], 2, "needs the database"),
        (&server.token, &["scan"], 2, "needs the database"),
        (&server.token, &["keys", "import", "x.csv", "--hash-format", "sha256-hex"], 2, "needs the database"),
        (&server.token, &["users", "create", "--owner", "--email", "a@b.cd"], 2, "needs the database"),
        (&server.token, &["login", "--email", EMAIL], 2, "--password-stdin"),
    ] {
        let mut arguments = arguments.to_vec();
        // A later URL stands for the first.
        let mut command = server.signed_in(&[]);
        if arguments[0] == "--server" {
            command = plain(&server);
        }
        command.args(arguments.drain(..)).env("KEYWARD_TOKEN", token);
        let ended = run(command);
        assert_eq!(ended.code, code, "{said}: {}{}", ended.out, ended.err);
        assert!(ended.err.contains(said) && !ended.err.contains("panicked"), "{said}: {}", ended.err);
        assert!(token.is_empty() || !ended.err.contains(token), "{}", ended.err);
    }
    assert_eq!(with(&server.token, &["whoami"]).code, 0);
}

fn plain(server: &Serving) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keyward"));
    for name in ["DATABASE", "SERVER", "TOKEN", "TOKEN_FILE"] {
        command.env_remove(format!("KEYWARD_{name}"));
    }
    command.env("XDG_CONFIG_HOME", server.folder.path().join("config")).stdin(Stdio::null());
    command
}

#[test]
fn flags_override_variables() {
    let server = Serving::start();
    let database = server.folder.path().join("keys.db");
    let whoami =
        |command: &mut Command| -> Ended { command.env("KEYWARD_TOKEN", &server.token).output().unwrap().into() };
    let by_variable = whoami(plain(&server).env("KEYWARD_SERVER", &server.url).arg("whoami"));
    assert_eq!(by_variable.code, 0, "{}", by_variable.err);
    let by_flag = whoami(plain(&server).env("KEYWARD_DATABASE", &database).args(["whoami", "--server", &server.url]));
    assert_eq!(by_flag.code, 0, "{}", by_flag.err);
    let listed = whoami(
        plain(&server)
            .env("KEYWARD_SERVER", "http://192.0.2.1")
            .args(["--database"])
            .arg(&database)
            .args(["keys", "list"]),
    );
    assert_eq!(listed.code, 0, "{}", listed.err);
    let both = whoami(
        plain(&server).env("KEYWARD_SERVER", &server.url).env("KEYWARD_DATABASE", &database).args(["keys", "list"]),
    );
    assert!(both.code == 2 && both.err.contains("both set"), "{}", both.err);
    let nothing = whoami(plain(&server).arg("whoami"));
    assert!(nothing.code == 2 && nothing.err.contains("--server"), "{}", nothing.err);
    let hook =
        whoami(plain(&server).env("KEYWARD_SERVER", &server.url).arg("scan").arg(server.folder.path().join("nothing")));
    assert!(!hook.err.contains("--server"), "a scan without a database needs no server: {}", hook.err);
    // A file with the key, which goes before the variable if it is named in the call.
    let file = server.folder.path().join("token");
    fs::write(&file, format!("{}\n", server.token)).unwrap();
    let by_file = run({
        let mut command = server.signed_in(&["--token-file", file.to_str().unwrap(), "whoami"]);
        command.env("KEYWARD_TOKEN", "kwm_live_wrong");
        command
    });
    assert_eq!(by_file.code, 0, "{}", by_file.err);
    assert_eq!(server.signed_in(&["--token-file", "/nowhere/at/all", "whoami"]).output_code(), 2);
}

fn kept(file: &Path) -> Value {
    serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
}

fn let_it_end(file: &Path) -> String {
    let mut all = kept(file);
    let sign_in = all["servers"].as_object_mut().unwrap().values_mut().next().unwrap();
    sign_in["expires_at"] = json!("2001-01-01T00:00:00Z");
    let refresh = sign_in["refresh_token"].as_str().unwrap().to_owned();
    fs::write(file, all.to_string()).unwrap();
    refresh
}

#[test]
fn a_sign_in_is_stored_renewed_and_ended() {
    let server = Serving::start();
    assert_eq!(server.signed_in(&["whoami"]).output_code(), 4, "nobody has signed in");
    let wrong = fed(server.signed_in(&["login", "--email", EMAIL, "--password-stdin"]), "wrong\n");
    assert!(wrong.code == 4 && wrong.err.contains("INVALID_CREDENTIALS") && !server.kept().exists(), "{}", wrong.err);
    let login = server.login();
    assert_eq!(login.code, 0, "{}", login.err);
    assert_eq!(ok(server.signed_in(&["whoami"])).matches(EMAIL).count(), 1);

    let refresh = let_it_end(&server.kept());
    ok(server.signed_in(&["whoami"]));
    let renewed = kept(&server.kept()).to_string();
    assert!(!renewed.contains(&refresh), "the refresh token was not replaced");

    // Eight at once when it has ended: one renews it, and the others take what it has written.
    let_it_end(&server.kept());
    let children: Vec<_> = (0..8).map(|_| server.signed_in(&["whoami"]).spawn().unwrap()).collect();
    for child in children {
        let ended: Ended = child.wait_with_output().unwrap().into();
        assert_eq!(ended.code, 0, "{}", ended.err);
    }
    assert_eq!(fs::read_dir(server.kept().parent().unwrap()).unwrap().count(), 2, "nothing is left lying about");

    let before = kept(&server.kept());
    assert_eq!(server.run(&["logout"]).code, 0, "whatever key there is beside it");
    assert_eq!(kept(&server.kept()), json!({"servers": {}}));
    assert_eq!(server.signed_in(&["whoami"]).output_code(), 4);
    fs::write(server.kept(), before.to_string()).unwrap();
    let ended = run(server.signed_in(&["whoami"]));
    assert_eq!(ended.code, 4, "the server has ended it too: {}", ended.err);
    let_it_end(&server.kept());
    let ended = run(server.signed_in(&["whoami"]));
    assert!(ended.code == 4 && ended.err.contains("sign in again"), "{}", ended.err);
    assert_eq!(server.signed_in(&["logout"]).output_code(), 0);
    assert_eq!(kept(&server.kept()), json!({"servers": {}}), "the expired sign-in is removed");
}

#[cfg(unix)]
#[test]
fn the_sign_in_file_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let server = Serving::start();
    assert_eq!(server.login().code, 0);
    let file = server.kept();
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
    let_it_end(&file);
    ok(server.signed_in(&["whoami"]));
    assert_eq!(mode(&file), 0o600, "after it was renewed");
    for open in [0o640, 0o604, 0o620, 0o666] {
        fs::set_permissions(&file, fs::Permissions::from_mode(open)).unwrap();
        let ended = run(server.signed_in(&["whoami"]));
        assert!(ended.code != 0 && ended.err.contains("chmod 600"), "{open:o}: {}", ended.err);
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    for open in [0o720, 0o702, 0o777] {
        fs::set_permissions(file.parent().unwrap(), fs::Permissions::from_mode(open)).unwrap();
        let ended = server.login();
        assert!(ended.code != 0 && ended.err.contains("chmod 700"), "{open:o}: {}", ended.err);
    }
    fs::set_permissions(file.parent().unwrap(), fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(&file, "{\"servers\": {\"a\": \"kwt_canary\"}}").unwrap();
    let ended = run(server.signed_in(&["whoami"]));
    assert!(ended.code != 0 && !ended.err.contains("canary"), "{}", ended.err);
}

#[test]
fn a_logout_without_the_server_removes_the_sign_in_from_the_computer() {
    let mut server = Serving::start();
    assert_eq!(server.login().code, 0);
    let logout = server.signed_in(&["logout"]);
    server.kill();
    let ended = run(logout);
    assert!(ended.code != 0 && ended.err.contains("still valid on the server"), "{}", ended.err);
    assert_eq!(kept(&server.kept()), json!({"servers": {}}));
}

#[test]
fn a_sign_in_is_sent_to_its_server_only() {
    let (server, other) = (Serving::start(), Serving::start());
    assert_eq!(server.login().code, 0);
    let mut elsewhere = plain(&server);
    elsewhere.args(["--server", &other.url, "whoami"]);
    let ended = run(elsewhere);
    assert!(ended.code == 4 && ended.err.contains("no credential for this server"), "{}", ended.err);
}

#[test]
fn a_lost_answer_creates_one_key() {
    let server = Serving::start();
    let proxy = Proxy::before(server.address(), 1, Fault::Swallow);
    let mut create = plain(&server);
    create.args(["--server", &proxy.url, "keys", "create", "--name", "only once"]).env("KEYWARD_TOKEN", &server.token);
    let key = ok(create).trim_end().to_owned();
    let made = server.json(&["keys", "list", "--json", "--search", "only once"]);
    assert_eq!((made.as_array().unwrap().len(), proxy.connections()), (1, 2));
    assert!(
        made[0]["hint"].as_str().unwrap().ends_with(&key[key.len() - 4..]),
        "the key that was issued is the one that is shown"
    );
}

#[test]
fn no_secret_is_shown_or_logged() {
    let server = Serving::start();
    let logged = |mut command: Command, input: &str| {
        command.env("RUST_LOG", "trace");
        fed(command, input)
    };
    let login = logged(server.signed_in(&["login", "--email", EMAIL, "--password-stdin"]), &format!("{PASSWORD}\n"));
    assert!(login.code == 0 && login.err.contains("TRACE"), "{}", login.err);
    let all = kept(&server.kept());
    let sign_in = all["servers"].as_object().unwrap().values().next().unwrap().clone();
    let_it_end(&server.kept());
    let created = logged(server.signed_in(&["keys", "create", "--name", "canary"]), "");
    let key = created.out.trim_end().to_owned();
    assert_eq!(created.code, 0, "{}", created.err);
    let renewed = kept(&server.kept());
    let after = renewed["servers"].as_object().unwrap().values().next().unwrap().clone();
    let managed = logged(server.command(&["keys", "list"]), "");
    let failed = logged(server.command(&["keys", "show", "key_none"]), "");
    let token = |sign_in: &Value, name: &str| sign_in[name].as_str().unwrap().to_owned();
    let secrets = [
        PASSWORD.to_owned(),
        token(&sign_in, "access_token"),
        token(&sign_in, "refresh_token"),
        token(&after, "access_token"),
        token(&after, "refresh_token"),
        server.token.clone(),
        key,
    ];
    let texts = [&login.out, &login.err, &created.err, &managed.out, &managed.err, &failed.out, &failed.err];
    for secret in &secrets {
        for text in texts {
            assert!(!text.contains(&secret[9..]), "a secret is in {text}");
        }
    }
    assert_eq!(secrets.iter().filter(|secret| created.out.contains(&secret[9..])).count(), 1);
}

/// The client accepts a private authority only if the system trusts it.
#[test]
fn https_needs_a_trusted_certificate() {
    let server = Serving::start();
    let issued = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let trusted = server.folder.path().join("ca.pem");
    fs::write(&trusted, issued.cert.pem()).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(issued.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![issued.cert.der().clone()], key)
        .unwrap();
    let config = std::sync::Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    std::thread::spawn(move || {
        for socket in listener.incoming().map_while(Result::ok) {
            let connection = rustls::ServerConnection::new(config.clone()).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, socket);
            let mut request = [0; 16 * 1_024];
            if stream.read(&mut request).is_ok() {
                let body = r#"{"status":401,"detail":"Nobody knows this key.","code":"INVALID_API_KEY","request_id":"req_tls"}"#;
                let length = body.len();
                let _ = write!(
                    stream,
                    "HTTP/1.1 401 Unauthorized\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
                let _ = stream.flush();
            }
        }
    });
    let ask = |trusted: Option<&Path>| {
        let mut command = plain(&server);
        command.args(["--server", &url, "keys", "list"]).env("KEYWARD_TOKEN", &server.token);
        if let Some(trusted) = trusted {
            command.env("SSL_CERT_FILE", trusted);
        }
        run(command)
    };
    let begun = Instant::now();
    let believed = ask(Some(&trusted));
    assert!(believed.code == 4 && believed.err.contains("req_tls"), "{}", believed.err);
    let doubted = ask(None);
    assert!(doubted.code == 1 && doubted.err.contains("certificate"), "{}", doubted.err);
    assert!(begun.elapsed() < Duration::from_secs(60));
}
