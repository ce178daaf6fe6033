//! Mistakes on the command line: each gets a message that names what is wrong and what to do, and its exit code.

#![allow(clippy::unwrap_used)] // An unwrap is an assertion here, in helpers too.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, LazyLock};

use keyward_tests::program::package_program;
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection};
use serde_json::Value;
use tempfile::TempDir;

/// The arguments, with `~` for a space within one and `''` for an empty one, the exit code, and the whole message.
#[rustfmt::skip]
const MISTAKES: &[(&str, i32, &str)] = &[
    ("--database typo.db keys list", 1, "there is no database typo.db: check --database, or create one with keyward keys create, keys import or serve"),
    ("--database typo.db keys revoke {key} --yes", 1, "there is no database typo.db: check --database, or create one with keyward keys create, keys import or serve"),
    ("--database typo.db accounts list", 1, "there is no database typo.db: check --database, or create one with keyward keys create, keys import or serve"),
    ("--database typo.db audit list", 1, "there is no database typo.db: check --database, or create one with keyward keys create, keys import or serve"),
    ("--server https://keys.example.com migrate", 2, "keyward migrate needs the database: pass --database instead of --server"),
    ("--database typo.db nodes", 1, "there is no database typo.db: check --database, or create one with keyward keys create, keys import or serve"),
    ("--database typo.db users reset --email ada@example.com", 1, "there is no database typo.db: check --database, or create one with keyward keys create, keys import or serve"),
    ("--database broken.db keys list", 1, "broken.db: the file is not an SQLite database, or is damaged: restore a backup or choose another file"),
    ("--database . keys list", 1, ".: cannot open or create the database file: is a directory"),
    ("--database /nowhere/at/all.db keys create --name a", 1, "/nowhere/at/all.db: cannot open or create the database file: No such file or directory (os error 2)"),
    ("--database oracle://x keys list", 2, "unknown database oracle://…: pass the path of an SQLite file, or a postgres:// or redis:// URL"),
    ("--database postgres://u:secret@127.0.0.1:1/x keys list", 1, "postgres://127.0.0.1:1: cannot connect to the database: Error occurred while creating a new object: error connecting to server: Connection refused (os error 111)"),
    ("--database redis://:secret@127.0.0.1:1 keys list", 1, "redis://127.0.0.1:1: cannot connect to the server: Connection refused (os error 111)"),
    ("keys create", 2, "the following required arguments were not provided: --name <NAME>"),
    ("keys create --name ''", 2, "invalid name: expected at least one visible character"),
    ("keys create --name a --kind sekret", 2, "invalid value 'sekret' for '--kind <KIND>' [possible values: secret, publishable, restricted] tip: a similar value exists: 'secret'"),
    ("keys create --name a --mode prod", 2, "invalid value 'prod' for '--mode <MODE>' [possible values: live, test]"),
    ("keys create --name a --purpose admin", 2, "invalid value 'admin' for '--purpose <PURPOSE>': unknown purpose: expected api or management"),
    ("keys create --name a --scope read", 2, "invalid value 'read' for '--scope <SCOPE>': invalid scope: expected resource:action of letters, digits, '_', '.' and '-', at most 64 bytes, for example resources:read. For several scopes, repeat --scope"),
    ("keys create --name a --endpoint /v1/videos", 2, "invalid value '/v1/videos' for '--endpoint <ENDPOINT>': invalid endpoint \"/v1/videos\": expected a method or '*', a space, and a path from '/', for example 'GET /v1/videos/*'"),
    ("keys create --name a --endpoint get~/x", 2, r#"invalid value 'get /x' for '--endpoint <ENDPOINT>': invalid endpoint "get /x": methods are case-sensitive, write GET"#),
    ("keys create --name a --endpoint G@T~/x", 2, r#"invalid value 'G@T /x' for '--endpoint <ENDPOINT>': invalid endpoint "G@T /x": expected a method or '*', a space, and a path from '/', for example 'GET /v1/videos/*'"#),
    ("keys create --name a --network 192.0.2", 2, r#"invalid value '192.0.2' for '--network <NETWORK>': invalid network "192.0.2": expected an address such as 192.0.2.7 or a network such as 192.0.2.0/24"#),
    ("keys create --name a --metadata {team:a}", 2, r#"invalid value '{team:a}' for '--metadata <NAME=TEXT>': expected a name and a text, such as team=search, or a JSON object, such as '{"team":"search"}'"#),
    (r#"keys create --name a --metadata ["a"]"#, 2, r#"invalid value '["a"]' for '--metadata <NAME=TEXT>': expected a name and a text, such as team=search, or a JSON object, such as '{"team":"search"}'"#),
    ("keys create --name a --expires-in 3mo", 2, "invalid value '3mo' for '--expires-in <DURATION>': months and years have no fixed length: expected a duration such as 90d, 24h or 1h30m"),
    ("keys create --name a --expires-in 90", 2, "invalid value '90' for '--expires-in <DURATION>': expected a duration such as 90d, 24h or 1h30m"),
    ("keys create --name a --expires-in=-1d", 2, "invalid value '-1d' for '--expires-in <DURATION>': the duration is negative: expected a duration such as 90d, 24h or 1h30m"),
    ("keys create --name a --expires-at tomorrow", 2, r#"invalid value 'tomorrow' for '--expires-at <TIME>': invalid time "tomorrow": expected RFC 3339, such as 2026-03-01T12:00:00Z, or a day such as 2026-03-01"#),
    ("keys create --name a --expires-at 2027-13-01", 2, r#"invalid value '2027-13-01' for '--expires-at <TIME>': invalid time "2027-13-01": expected RFC 3339, such as 2026-03-01T12:00:00Z, or a day such as 2026-03-01"#),
    ("keys create --name a --expires-at 1969-12-31", 2, r#"invalid value '1969-12-31' for '--expires-at <TIME>': invalid day "1969-12-31": expected one from 1970"#),
    ("keys create --name a --expires-at 2001-01-01", 2, "invalid expires_at: expected a time in the future, after the key begins"),
    ("keys create --name a --expires-at 2001-01-01T00:00:00Z", 2, "invalid expires_at: expected a time in the future, after the key begins"),
    ("keys create --name a --expires-in 90d --expires-at 2999-01-01T00:00:00Z", 2, "the argument '--expires-in <DURATION>' cannot be used with '--expires-at <TIME>'"),
    ("keys create --name a --account two~words", 2, "invalid value 'two words' for '--account <ACCOUNT>': invalid id: expected 1 to 64 visible ASCII characters without spaces"),
    ("keys create --name a --account acct_none", 3, "account acct_none in keys.db: there is no such account, or you may not see it"),
    ("keys create --name a --kind restricted", 2, "invalid scopes: a restricted key needs a scope: expected at least one"),
    ("keys list --status gone", 2, "invalid value 'gone' for '--status <STATUS>' [possible values: active, disabled, expired, revoked, compromised]"),
    ("keys list --limit 0", 2, "invalid value '0' for '--limit <LIMIT>': expected a whole number of at least 1, such as 100"),
    ("keys list --account acct_none", 3, "account acct_none in keys.db: there is no such account, or you may not see it"),
    ("keys list --account acct_none --json", 3, "account acct_none in keys.db: there is no such account, or you may not see it"),
    ("keys list --user user_none", 3, "user user_none in keys.db: there is no such user, and no key names it: check the id"),
    ("keys list --account default --user user_none", 3, "user user_none in keys.db: there is no such user, and no key in the account default names it: check the id"),
    ("keys usage --account acct_none", 3, "account acct_none in keys.db: there is no such account, or you may not see it"),
    ("keys revoke --user user_none --yes", 3, "user user_none in keys.db: there is no such user, and no key names it: check the id"),
    ("keys revoke --user user_none --account acct_none --yes", 3, "account acct_none in keys.db: there is no such account, or you may not see it"),
    ("members list --account acct_none", 3, "account acct_none in keys.db: there is no such account, or you may not see it"),
    ("members remove user_none --yes", 3, "keys.db: there is no such member, or you may not see it"),
    ("webhooks list --account acct_none", 3, "account acct_none in keys.db: there is no such account, or you may not see it"),
    ("audit list --account acct_none", 3, "account acct_none in keys.db: there is no such account, or you may not see it"),
    ("keys show key_none", 3, "key key_none in keys.db: no such key: check the id; keyward keys list shows the ids"),
    ("keys revoke key_none --yes", 3, "key key_none in keys.db: no such key: check the id; keyward keys list shows the ids"),
    ("keys revoke active --yes", 3, r#"key active in keys.db: expected an id, and this is a name: run keyward keys revoke {key} for the key "active""#),
    ("keys rotate active", 3, r#"key active in keys.db: expected an id, and this is a name: run keyward keys rotate {key} for the key "active""#),
    ("keys revoke my~key~name", 2, "invalid value 'my key name' for '[ID]': expected the id of a key, which has no spaces: keyward keys list shows the ids"),
    ("keys disable my~key~name", 2, "invalid value 'my key name' for '<ID>': expected the id of a key, which has no spaces: keyward keys list shows the ids"),
    ("keys revoke {key}", 2, "standard input is not a terminal: pass --yes"),
    ("keys rotate {revoked}", 4, "key {revoked} in keys.db: the key is revoked or has expired: create a new key"),
    ("keys enable {revoked}", 4, "key {revoked} in keys.db: the key is revoked or has expired: create a new key"),
    ("keys rotate {key} --overlap 3mo", 2, "invalid value '3mo' for '--overlap <DURATION>': months and years have no fixed length: expected a duration such as 90d, 24h or 1h30m"),
    ("keys update {key}", 2, "the following required arguments were not provided: <--name <NAME>|--scope <SCOPE>|--expires-in <DURATION>|--expires-at <TIME>|--no-expiry|--metadata <NAME=TEXT>|--tag <TAG>|--no-tags|--user <USER>|--no-user>"),
    ("keys update {key} --name b --if-version 9", 4, "key {key} in keys.db: it has changed since you read it: read it again, then retry"),
    ("keys usage --days 0", 2, "invalid value '0' for '--days <DAYS>': 0 is not in 1..=366"),
    ("keys delete {key}", 2, "unrecognized subcommand 'delete' tip: revoke a key instead: keyward keys revoke ID"),
    ("keys lst", 2, "unrecognized subcommand 'lst' tip: a similar subcommand exists: 'list'"),
    ("keys import none.csv --hash-format sha256-hex", 2, "cannot read none.csv: No such file or directory (os error 2)"),
    ("accounts create", 2, "creating an account in a database needs an id: pass it as an argument"),
    ("accounts create default", 4, "keys.db: the account default exists already"),
    ("accounts show acct_none", 3, "account acct_none in keys.db: no such account: check the id"),
    ("accounts suspend acct_none", 3, "account acct_none in keys.db: there is no such account, or you may not see it"),
    ("accounts delete default", 2, "standard input is not a terminal: pass --yes"),
    ("accounts delete acct_none --yes", 3, "account acct_none in keys.db: there is no such account, or you may not see it"),
    ("accounts remove default", 2, "unrecognized subcommand 'remove' tip: delete an account: keyward accounts delete ID"),
    ("accounts disable default", 2, "unrecognized subcommand 'disable' tip: suspend an account instead: keyward accounts suspend ID"),
    ("members invite bob@example.com --role boss", 2, "invalid value 'boss' for '--role <ROLE>': unknown role: expected owner, admin, developer or viewer"),
    ("limits set --plan none --tasks 1", 3, r#"plan "none" in keys.db: there is no such plan, or you may not see it: create it with keyward plans create"#),
    ("lifetimes show --plan none", 3, r#"plan "none" in keys.db: there is no such plan, or you may not see it: create it with keyward plans create"#),
    ("limits show --key key_none", 3, "key key_none in keys.db: there is no such key, or you may not see it"),
    ("plans create pro --key-limit many", 2, "invalid value 'many' for '--key-limit <KEYS>': expected a whole number of keys from 0 to 4294967295, such as 100"),
    ("plans update pro --key-limit=-1", 2, "invalid value '-1' for '--key-limit <KEYS>': expected a whole number of keys from 0 to 4294967295, such as 100"),
    ("plans update none --description a", 3, r#"keys.db: there is no such plan: "none""#),
    ("--server keys.example.com keys list", 2, r#"invalid --server URL "keys.example.com": expected one such as https://keys.example.com"#),
    ("--server http://127.0.0.1:1 --database keys.db keys list", 2, "--server and --database exclude each other: the server has its own database"),
    ("--server http://127.0.0.1:1 --token-file token keys list", 1, "http://127.0.0.1:1: the server does not answer: check the URL and the network: error sending request: client error (Connect): tcp connect error: Connection refused (os error 111)"),
    ("--server http://127.0.0.1:1 --token-file token keys revoke {key} --yes", 1, "http://127.0.0.1:1: the server does not answer: check the URL and the network: error sending request: client error (Connect): tcp connect error: Connection refused (os error 111)"),
    ("--server http://192.0.2.1 keys list", 2, "http:// sends credentials in plain text: use https://, or pass --allow-plain-http"),
    ("--server https://127.0.0.1:1 keys list", 4, "no credential for this server: set KEYWARD_TOKEN, pass --token-file, or sign in: keyward login --server https://127.0.0.1:1/ --email YOU"),
    ("--server https://127.0.0.1:1 --token-file none keys list", 2, "cannot read none: No such file or directory (os error 2)"),
    ("--server https://127.0.0.1:1 --prefix secret=sk keys list", 2, "--prefix and --pepper-file do not apply to a server: it has its own settings"),
    ("whoami", 2, "this command needs a server: pass --server, or set KEYWARD_SERVER"),
    ("serve --listen 8080", 2, "invalid value '8080' for '--listen <ADDRESS:PORT>': expected an IP address and a port, such as 127.0.0.1:8080 or [::1]:8080"),
    ("serve --listen localhost:8080", 2, "invalid value 'localhost:8080' for '--listen <ADDRESS:PORT>': expected an IP address and a port, such as 127.0.0.1:8080 or [::1]:8080"),
    ("serve --listen 192.0.2.1:80 --owner ada", 2, "invalid value 'ada' for '--owner <EMAIL>': expected an e-mail address such as ada@example.com"),
    ("serve --connections 0", 2, "invalid value '0' for '--connections <CONNECTIONS>': expected a whole number of at least 1, such as 100"),
    ("serve --session-idle 1mo", 2, "invalid value '1mo' for '--session-idle <DURATION>': months and years have no fixed length: expected a duration such as 90d, 24h or 1h30m"),
    ("serve --sign-up maybe", 2, "invalid value 'maybe' for '--sign-up <POLICY>': invalid sign_up `maybe`: expected open or closed"),
    ("serve --listen 192.0.2.1:80 --key-locations bearer,X:API", 2, "invalid value 'X:API' for '--key-locations <LOCATION>': invalid key location `X:API`: expected bearer, basic, websocket or the name of a header, such as X-API-Key"),
    ("serve --listen 192.0.2.1:80 --key-locations Cookie", 2, "invalid header \"Cookie\" for keys: this header has another meaning; use a name such as X-API-Key"),
    ("serve --listen 192.0.2.1:80 --forwarded-fields forwarded", 2, "forwarded_fields needs trust_proxy, the networks of the proxies that set them"),
    ("serve --listen 192.0.2.1:80 --owner ada@example.com", 2, "--owner needs public_url, because other machines reach this server: pass --public-url https://keys.example.com, with the address that people open"),
    ("--prefix sk keys list", 2, "invalid value 'sk' for '--prefix <KIND=PREFIX>': expected a kind (secret, publishable or restricted) and its prefix, for example secret=sk"),
    ("--prefix admin=sk keys list", 2, "invalid value 'admin=sk' for '--prefix <KIND=PREFIX>': expected a kind (secret, publishable or restricted) and its prefix, for example secret=sk"),
    ("--pepper-file none keys list", 2, "cannot read none: No such file or directory (os error 2)"),
    ("completions tcsh", 2, "invalid value 'tcsh' for '<SHELL>' [possible values: bash, elvish, fish, powershell, zsh] tip: a similar value exists: 'zsh'"),
    ("scan --revoke", 2, "standard input is not a terminal: pass --yes"),
    ("keys create --nam a", 2, "unexpected argument '--nam' found tip: a similar argument exists: '--name'"),
];

/// Runs the program in a folder, on `keys.db` there unless the arguments name a database or a server.
fn run(folder: &Path, arguments: &[&str]) -> Output {
    run_with(folder, arguments, "")
}

fn run_with(folder: &Path, arguments: &[&str], input: &str) -> Output {
    static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| package_program("keyward-cli", "keyward"));
    let mut command = Command::new(&*PROGRAM);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("KEYWARD_") || name == "XDG_CONFIG_HOME" {
            command.env_remove(name);
        }
    }
    if !arguments.iter().any(|argument| ["--server", "--database", "whoami"].contains(argument)) {
        command.env("KEYWARD_DATABASE", "keys.db");
    }
    command.current_dir(folder).env("HOME", folder).args(arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

/// Returns the message on standard error in one line, without `error:` and clap's usage.
fn message(output: &Output) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let lines = lines.take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more information"));
    let message = lines.collect::<Vec<_>>().join(" ");
    message.strip_prefix("error: ").map_or_else(|| panic!("no error: {text}"), str::to_owned)
}

#[test]
fn each_mistake_gets_its_message_and_exit_code() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    for name in ["revoked", "active"] {
        assert!(run(folder, &["keys", "create", "--name", name]).status.success());
    }
    let list: Value = serde_json::from_slice(&run(folder, &["keys", "list", "--json"]).stdout).unwrap();
    let id = |name: &str| {
        let key = list.as_array().unwrap().iter().find(|key| key["name"] == name).unwrap();
        key["id"].as_str().unwrap().to_owned()
    };
    let (active, revoked) = (id("active"), id("revoked"));
    assert!(run(folder, &["keys", "revoke", &revoked, "--yes"]).status.success());
    fs::write(folder.join("broken.db"), "this is no database, but it is longer than a header has to be".repeat(20))
        .unwrap();
    fs::write(folder.join("token"), "kwm_live_x\n").unwrap();

    assert!(MISTAKES.len() >= 50);
    let mut wrong = Vec::new();
    for (arguments, code, expected) in MISTAKES {
        let filled = |text: &str| text.replace("{key}", &active).replace("{revoked}", &revoked);
        let split: Vec<String> = arguments
            .split(' ')
            .map(|argument| if argument == "''" { String::new() } else { filled(argument).replace('~', " ") })
            .collect();
        let output = run(folder, &split.iter().map(String::as_str).collect::<Vec<_>>());
        let (got, expected) = (message(&output), filled(expected));
        if output.status.code() != Some(*code) || got != expected || !output.stdout.is_empty() {
            wrong.push(format!("{arguments}\n  expected {code}: {expected}\n  got {:?}: {got}", output.status.code()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(!folder.join("typo.db").exists(), "a mistyped path became a database");
}

#[test]
fn errors_repeat_neither_a_key_nor_a_hidden_character() {
    let folder = TempDir::new().unwrap();
    let run = |arguments: &[&str]| run(folder.path(), &[&["--database", "keys.db"], arguments].concat());
    assert!(run(&["keys", "create", "--name", "first"]).status.success(), "it creates the account");
    for purpose in ["api", "management"] {
        let output = run(&["keys", "create", "--name", "a", "--account", "default", "--purpose", purpose]);
        let key = String::from_utf8(output.stdout).unwrap().trim().to_owned();
        let end = &key[key.len() - 4..];
        for arguments in [
            &["keys", "show", &key][..],
            &["keys", "disable", &key],
            &["keys", "revoke", &key, "--yes"],
            &["keys", "list", "--limit", &key],
            &["keys", &key],
            &["accounts", "suspend", &key],
        ] {
            let output = run(arguments);
            let error = String::from_utf8(output.stderr).unwrap();
            assert!(!output.status.success() && !error.contains(&key) && error.contains(end), "{arguments:?}: {error}");
        }
        let list: Value = serde_json::from_slice(&run(&["keys", "list", "--json", "--search", end]).stdout).unwrap();
        let revoke = format!("run keyward keys revoke {} for the key \"a\"", list[0]["id"].as_str().unwrap());
        let error = String::from_utf8(run(&["keys", "revoke", &key]).stderr).unwrap();
        assert!(error.contains(&revoke), "{error}");
    }
    for argument in ["\u{202e}evil", "\u{1b}[2Jevil", "\u{200b}"] {
        for arguments in [&["keys", "create", "--name", "a", "--mode", argument][..], &["keys", argument]] {
            let error = String::from_utf8(run(arguments).stderr).unwrap();
            assert!(!error.contains(argument) && error.contains("error"), "{error:?}");
        }
    }
}

#[test]
fn a_day_is_its_start_in_utc() {
    let folder = TempDir::new().unwrap();
    let created = run(folder.path(), &["keys", "create", "--name", "a", "--expires-at", "2999-12-01"]);
    assert!(created.status.success(), "{}", message(&created));
    let list: Value = serde_json::from_slice(&run(folder.path(), &["keys", "list", "--json"]).stdout).unwrap();
    assert_eq!(list[0]["expires_at"], "2999-12-01T00:00:00Z");
}

#[test]
fn the_list_shows_how_a_key_is_limited() {
    let folder = TempDir::new().unwrap();
    let limits = ["--endpoint", "GET /a", "--endpoint", "POST /b", "--network", "192.0.2.0/24"];
    assert!(run(folder.path(), &[&["keys", "create", "--name", "a"][..], &limits].concat()).status.success());
    let list = String::from_utf8(run(folder.path(), &["keys", "list"]).stdout).unwrap();
    assert!(list.contains("*, on 2 endpoints, from 1 network "), "{list}");
}

#[test]
fn an_unknown_plan_may_have_limits_in_code() {
    let folder = TempDir::new().unwrap();
    assert!(run(folder.path(), &["accounts", "create", "acct_1"]).status.success());
    let output = run(folder.path(), &["accounts", "set-plan", "acct_1", "Pro"]);
    assert!(output.status.success());
    let note = String::from_utf8(output.stderr).unwrap();
    assert!(note.contains("only limits in the code of your service apply") && note.contains("for_plan"), "{note}");
    assert!(run(folder.path(), &["plans", "create", "Pro"]).status.success());
    let output = run(folder.path(), &["accounts", "set-plan", "acct_1", "Pro"]);
    assert!(output.status.success() && output.stderr.is_empty());
}

/// Answers each connection with these bytes.
fn answering(answer: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4_096]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    address
}

/// Expects TLS.
fn encrypting() -> SocketAddr {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap().self_signed(&key).unwrap();
    let config = ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into());
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = Arc::new(config.with_single_cert(vec![certificate.der().clone()], key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let _ = connection.complete_io(&mut stream.unwrap());
        }
    });
    address
}

#[test]
fn a_server_that_is_not_keyward_is_named_in_one_sentence() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("token"), "kwms_live_x\n").unwrap();
    let page = "HTTP/1.1 404 Not Found\r\ncontent-length: 13\r\nconnection: close\r\n\r\n<html></html>";
    let site = "HTTP/1.1 200 OK\r\ncontent-length: 14\r\nconnection: close\r\n\r\n\n<html></html>";
    let other = "HTTP/1.1 401 Unauthorized\r\ncontent-length: 14\r\nconnection: close\r\n\r\n{\"error\":\"no\"}";
    let empty = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let expected = |status: u16, why: &str| {
        format!("expected the answer of a keyward server, got status {status}: {why}; check the URL")
    };
    for (scheme, address, message) in [
        ("http", answering(page), expected(404, "the body is a web page")),
        ("http", answering(site), expected(200, "the body is a web page")),
        ("http", answering(other), expected(401, "the body has another form")),
        ("http", answering(empty), expected(404, "the body is empty")),
        (
            "https",
            answering(page),
            "the server does not speak TLS: check the port, or use http:// if the server has no TLS".to_owned(),
        ),
        (
            "http",
            encrypting(),
            "the server does not speak HTTP: check the port, or use https:// if the server expects TLS".to_owned(),
        ),
    ] {
        let url = format!("{scheme}://{address}");
        for command in ["whoami", "keys list", "keys list --account acct_1", "keys revoke key_1 --yes", "users list"] {
            let arguments = ["--server", &url, "--token-file", "token"];
            let arguments: Vec<&str> = arguments.into_iter().chain(command.split(' ')).collect();
            let output = run(folder.path(), &arguments);
            let error = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(error.starts_with(&format!("error: {url}: {message}")), "{command}: {error}");
            assert_eq!(output.status.code(), Some(1), "{command}: {error}");
        }
        let login = run_with(
            folder.path(),
            &["--server", &url, "login", "--email", "ada@example.com", "--password-stdin"],
            "x\n",
        );
        let error = String::from_utf8_lossy(&login.stderr).into_owned();
        assert!(error.starts_with(&format!("error: {url}: {message}")), "login: {error}");
    }
}

#[test]
fn help_groups_global_options_apart() {
    let folder = TempDir::new().unwrap();
    for command in ["keys create", "keys list", "accounts create", "serve", "audit list", "scan"] {
        let arguments: Vec<&str> = command.split(' ').chain(["--help"]).collect();
        let help = String::from_utf8(run(folder.path(), &arguments).stdout).unwrap();
        let (own, global) = help.split_once("\nGlobal options:\n").unwrap_or_else(|| panic!("{command}: {help}"));
        for option in ["--database ", "--server ", "--pepper-file ", "--prefix "] {
            assert!(global.contains(option) && !own.contains(option), "{command}: {option}");
        }
        let names_keys = own.split_whitespace().any(|word| word.starts_with("key") && !word.starts_with("keyward"));
        assert!(command != "accounts create" || !names_keys, "{own}");
    }
}

#[test]
fn migrate_creates_a_database_and_changes_nothing_in_a_current_one() {
    let folder = TempDir::new().unwrap();
    let migrate = || run(folder.path(), &["--database", "new.db", "migrate"]);
    for _ in 0..2 {
        let output = migrate();
        assert!(output.status.success() && output.stdout.is_empty());
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "new.db: the tables are up to date\n");
    }
    let list = run(folder.path(), &["--database", "new.db", "keys", "list", "--json"]);
    assert_eq!(String::from_utf8(list.stdout).unwrap().trim(), "[]");
}
