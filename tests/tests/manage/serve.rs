use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use keyward_needs::needs;
use keyward_tests::identity_provider::{CLIENT_ID, CLIENT_SECRET, Provider};
use keyward_tests::program::{Curled, Program, package_program, test_package, up_to};
use serde_json::json;

pub(crate) fn keyward(database: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(package_program("keyward-cli", "keyward"));
    command.arg("--database").arg(database).args(arguments).stdin(Stdio::null());
    command
}

pub(crate) fn serve(database: &Path, arguments: &[&str]) -> Program {
    Program::of(keyward(database, &["serve", "--listen", "127.0.0.1:0"]).args(arguments)).0
}

#[needs(curl)]
#[test]
fn it_starts_empty_gets_an_owner_and_answers() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("keys.db");
    let server = serve(&database, &[]);
    let get = |path: &str| server.curl(path, &[]);
    assert_eq!((get("/healthz").status, get("/readyz").status), (200, 200));
    assert_eq!(get("/v1/keys").status, 401);

    let arguments = ["users", "create", "--owner", "--email", "ada@example.com", "--password-stdin"];
    let mut create = keyward(&database, &arguments).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    create.stdin.take().unwrap().write_all(b"correct horse battery\n").unwrap();
    assert!(create.wait().unwrap().success());

    let sign_in = r#"{"email":"ada@example.com","password":"correct horse battery"}"#;
    let json = ["--header", "content-type: application/json", "--data", sign_in];
    let tokens = server.curl("/v1/tokens", &json);
    assert_eq!(tokens.status, 201, "{}", tokens.text);
    let token = tokens.json()["access_token"].as_str().unwrap().to_owned();
    let authorization = format!("authorization: Bearer {token}");
    let create = r#"{"name":"first","kind":"secret","scopes":["*"]}"#;
    let made = server.curl("/v1/keys", &["-H", &authorization, "-H", "content-type: application/json", "-d", create]);
    assert_eq!(made.status, 201, "{}", made.text);
    let metrics = get("/metrics");
    assert!(metrics.body.contains("keyward_http_requests_total"), "{}", metrics.body);
    assert!(metrics.body.contains("keyward_store_read_seconds_bucket{"), "no histogram: {}", metrics.body);
    for described in metrics.body.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()) {
        assert!(metrics.body.contains(&format!("# HELP {described} ")), "{described} has no help");
    }
    assert!(!metrics.body.contains(made.json()["key"].as_str().unwrap()));
    let verified = keyward(&database, &["audit", "verify"]).output().unwrap();
    assert!(
        verified.status.success() && String::from_utf8_lossy(&verified.stdout).contains("3 entries"),
        "{verified:?}"
    );

    let reset = keyward(&database, &["users", "reset", "--email", "ada@example.com"]).output().unwrap();
    let secret = String::from_utf8(reset.stdout).unwrap();
    let body = format!(r#"{{"reset":"{}","password":"another good password"}}"#, secret.trim());
    let json = ["--header", "content-type: application/json", "--data", &body];
    assert_eq!(server.curl("/v1/users/reset-password", &json).status, 202, "{secret}");
    let json = ["--header", "content-type: application/json", "--data", sign_in];
    assert_eq!(server.curl("/v1/tokens", &json).status, 401, "the old password still works");
    let unknown = keyward(&database, &["users", "reset", "--email", "nobody@example.com"]).output().unwrap();
    assert_eq!(unknown.status.code(), Some(3));
    server.stop();
}

#[needs(curl)]
#[test]
fn metrics_are_served_apart_where_that_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = keyward(&folder.path().join("keys.db"), &["serve", "--listen", "127.0.0.1:0"]);
    let (server, line) = Program::of(command.args(["--metrics-listen", "127.0.0.1:0"]));
    let metrics = line["metrics"].as_str().unwrap();
    assert_eq!((server.curl("/metrics", &[]).status, server.curl("/healthz", &[]).status), (404, 200));
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--include", metrics]);
    assert!(Curled::of(curl).body.contains("keyward_http_requests_total"));
    for (page, status) in [("healthz", 200), ("readyz", 200), ("v1/keys", 404)] {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--include", &metrics.replace("metrics", page)]);
        assert_eq!(Curled::of(curl).status, status, "{page}");
    }
    server.stop();
}

#[needs(curl)]
#[test]
fn gateways_ask_on_a_port_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = keyward(&folder.path().join("keys.db"), &["serve", "--listen", "127.0.0.1:0"]);
    let (server, line) = Program::of(command.args(["--gateway-listen", "127.0.0.1:0"]));
    let gateway = line["gateway"].as_str().unwrap();
    let envoy = "/envoy.service.auth.v3.Authorization/Check";
    let ask = |url: &str, path: &str| {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--include", "--header", "X-Forwarded-Method: GET", "--header", "X-Forwarded-Uri: /"]);
        curl.arg(format!("{url}{path}"));
        Curled::of(curl)
    };
    for (path, for_clients, for_gateways) in
        [("/forward-auth", 404, 401), (envoy, 404, 200), ("/v1/keys", 401, 404), ("/healthz", 200, 404)]
    {
        assert_eq!(ask(&server.url, path).status, for_clients, "{path} on the port of clients");
        assert_eq!(ask(gateway, path).status, for_gateways, "{path} on the port of gateways");
    }
    server.stop();
}

#[needs(curl)]
#[test]
fn what_goes_wrong_while_it_serves_is_on_standard_error() {
    let folder = tempfile::tempdir().unwrap();
    let (database, log) = (folder.path().join("keys.db"), folder.path().join("log"));
    let mut command = Command::new("sh");
    command.args(["-c", "exec \"$0\" serve --listen 127.0.0.1:0 2> \"$1\""]);
    command.arg(package_program("keyward-cli", "keyward")).arg(&log).env("KEYWARD_DATABASE", &database);
    let (server, _) = Program::of(command.env_remove("RUST_LOG"));
    // A mistake in a gateway's configuration.
    assert_eq!(server.curl("/forward-auth?scop=resources:read", &[]).status, 500);
    server.stop();
    let said = std::fs::read_to_string(&log).unwrap();
    assert!(said.contains("ERROR") && said.contains("a gateway requires something other than `scope`"), "{said}");
}

#[needs(curl)]
#[test]
fn gateways_refuse_secret_keys_of_browsers_if_configured() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("keys.db");
    let key = |kind: &str| {
        let arguments = ["keys", "create", "--name", kind, "--kind", kind, "--scope", "resources:read"];
        String::from_utf8(keyward(&database, &arguments).output().unwrap().stdout).unwrap().trim().to_owned()
    };
    let keys = [("secret", key("secret")), ("restricted", key("restricted")), ("publishable", key("publishable"))];
    for (setting, refused) in [(&["--secret-keys-in-browsers", "false"][..], true), (&[], false)] {
        let server = serve(&database, setting);
        for (kind, key) in &keys {
            let field = format!("Authorization: Bearer {key}");
            let question = ["-H", "X-Forwarded-Method: GET", "-H", "X-Forwarded-Uri: /", "-H", &field];
            assert_eq!(server.curl("/forward-auth", &question).status, 200, "{kind}");
            let from_page = [&question[..], &["-H", "Origin: https://app.example.com"]].concat();
            let answer = server.curl("/forward-auth", &from_page);
            let refused = refused && *kind != "publishable";
            assert_eq!(answer.status, if refused { 403 } else { 200 }, "{kind}: {}", answer.text);
            assert_eq!(answer.text.contains("SECRET_KEY_IN_BROWSER"), refused, "{kind}: {}", answer.text);
        }
        server.stop();
    }
}

#[needs(curl)]
#[test]
fn the_gateway_endpoints_read_keys_where_it_is_configured() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("keys.db");
    let create = keyward(&database, &["keys", "create", "--name", "a", "--scope", "resources:read"]).output().unwrap();
    let key = String::from_utf8(create.stdout).unwrap().trim().to_owned();
    let server = serve(&database, &["--key-locations", "X-API-Key,basic"]);
    let (header, bearer, user) =
        (format!("X-API-Key: {key}"), format!("Authorization: Bearer {key}"), format!("{key}:"));
    for (arguments, status) in [
        (&["-H", header.as_str()][..], 200),
        (&["-u", &user], 200),
        (&["-H", &bearer], 401),
        (&["-u", &user, "-H", &header], 400),
        (&[], 401),
    ] {
        let question = ["-H", "X-Forwarded-Method: GET", "-H", "X-Forwarded-Uri: /v1/resources"];
        let answer = server.curl("/forward-auth?scope=resources:read", &[&question, arguments].concat());
        assert_eq!(answer.status, status, "{arguments:?}: {}", answer.text);
        let challenge = r#"ApiKey realm="api", in="header", name="X-API-Key", Basic realm="api", charset="UTF-8""#;
        assert_eq!(answer.header("www-authenticate"), if status == 200 { "" } else { challenge });
    }
    // The management API takes only Bearer.
    let refused = server.curl("/v1/keys", &["-H", &header]);
    assert_eq!((refused.status, refused.header("www-authenticate")), (401, r#"Bearer realm="keyward""#));
    server.stop();
}

#[needs(curl)]
#[test]
fn what_is_wrong_in_the_configuration_is_named_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("keyward.toml");
    for (text, line, what) in [
        ("listen = \"127.0.0.1:0\"\ncolour = \"red\"\n", "line 2", "colour"),
        ("listen = \"nowhere\"\n", "line 1", "socket address"),
        ("\n\nkey_limit = 0\n", "line 3", "nonzero"),
        ("sign_up = \"maybe\"\n", "line 1", "open or closed"),
        ("session_idle = \"often\"\n", "line 1", "90d"),
        ("listen = \n", "line 1", ""),
        ("\noidc_issuer = \"http://login.example.com\"\n", "line 2", "expected an https:// URL"),
        ("oidc_issuer = \"https://login.example.com\"\n", "", "needs oidc_client_id"),
        ("oidc_client_id = \"keyward\"\n", "", "oidc_client_id needs oidc_issuer"),
        ("public_url = \"http://keys.example.com\"\n", "line 1", "http:// is for loopback addresses only"),
        ("public_url = \"https://keys.example.com/keyward\"\n", "line 1", "it has a path"),
        ("public_url = \"https://ada@keys.example.com\"\n", "line 1", "it has a user name"),
        ("public_url = \"keys.example.com\"\n", "line 1", "https://keys.example.com"),
        (
            "listen = \"0.0.0.0:0\"\noidc_issuer = \"https://login.example.com\"\noidc_client_id = \"k\"\n",
            "",
            "oidc_issuer needs public_url",
        ),
        (
            "trust_proxy = [\"127.0.0.0/8\"]\noidc_issuer = \"https://login.example.com\"\noidc_client_id = \"k\"\n",
            "",
            "oidc_issuer needs public_url",
        ),
        ("passwords = false\n", "", "passwords = false needs oidc_issuer"),
        (
            "oidc_issuer = \"https://login.example.com\"\noidc_client_id = \"k\"\noidc_client_secret_file = \"/nowhere\"\n",
            "",
            "oidc_client_secret_file: /nowhere: No such file",
        ),
    ] {
        std::fs::write(&config, text).unwrap();
        let mut command = keyward(&folder.path().join("keys.db"), &["serve", "--config"]);
        let output = command.arg(&config).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(line) && said.contains(what), "{text:?}: {said}");
    }
    std::fs::write(&config, "listen = \"192.0.2.1:1\"\nsign_up = \"open\"\n").unwrap();
    let server = serve(&folder.path().join("keys.db"), &["--config", config.to_str().unwrap()]);
    let sign_up = r#"{"email":"a@example.com","name":"A","password":"long enough for anybody"}"#;
    let json = ["--header", "content-type: application/json", "--data", sign_up];
    assert_eq!(server.curl("/v1/users", &json).status, 202, "the file does not override the defaults");
    server.stop();
}

#[test]
fn the_first_owner_is_invited_to_the_public_url() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("keys.db");
    let owner = ["serve", "--owner", "ada@example.com"];
    // A link to 0.0.0.0 is useless, so no invitation is created.
    let output = keyward(&database, &owner).args(["--listen", "0.0.0.0:0"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && said.contains("--owner needs public_url"), "{said}");
    assert!(!said.contains("invitation="), "{said}");
    for (public_url, link) in [
        (Some("https://keys.example.com/"), "https://keys.example.com/register?invitation=kwi_"),
        (None, "http://127.0.0.1:"),
    ] {
        let url = public_url.iter().flat_map(|url| ["--public-url", url]);
        let database = folder.path().join(if public_url.is_some() { "public.db" } else { "own.db" });
        let mut command = keyward(&database, &owner);
        let mut server = command
            .args(["--listen", "127.0.0.1:0"])
            .args(url)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = up_to(server.stderr.take().unwrap(), "invitation=");
        server.kill().unwrap();
        server.wait().unwrap();
        assert!(said.lines().any(|line| line.trim().starts_with(link)), "{said}");
    }
}

#[needs(curl)]
#[test]
fn what_takes_credentials_refuses_plain_http_and_health_answers() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--trust-proxy", "127.0.0.0/8", "--public-url", "https://keys.example.com"];
    let server = serve(&folder.path().join("keys.db"), &arguments);
    let host = "Host: keys.example.com";
    for (path, plain, secure) in [
        ("/v1/keys", 403, 401),
        ("/v1/verify", 403, 401),
        ("/v1/verify/batch", 403, 401),
        ("/v1/introspect", 403, 401),
        ("/openapi.json", 403, 200),
        ("/login", 403, 200),
        ("/healthz", 200, 200),
        ("/readyz", 200, 200),
        ("/metrics", 200, 200),
    ] {
        let ask = |proto: &str| {
            let mut arguments = vec!["-H", host, "-H", "X-Forwarded-For: 192.0.2.7", "-H", proto];
            if path.starts_with("/v1/verify") || path == "/v1/introspect" {
                arguments.extend(["--data", "{}"]);
            }
            server.curl(path, &arguments)
        };
        let (plainly, securely) = (ask("X-Forwarded-Proto: http"), ask("X-Forwarded-Proto: https"));
        assert_eq!((plainly.status, securely.status), (plain, secure), "{path}: {}", plainly.text);
        if path.starts_with("/v1") {
            assert_eq!(plainly.json()["code"], "HTTPS_REQUIRED", "{path}: {}", plainly.text);
        }
    }
    server.stop();
}

#[needs(oidc_provider, curl)]
#[test]
fn it_sends_people_to_the_identity_provider_and_finds_mistakes_at_start() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("keys.db");
    let secret = folder.path().join("secret");
    std::fs::write(&secret, format!("{CLIENT_SECRET}\n")).unwrap();
    let mut provider = Provider::start();
    let with = |issuer: &str| {
        let secret = secret.to_str().unwrap();
        let settings = ["--oidc-client-id", CLIENT_ID, "--oidc-client-secret-file", secret, "--passwords", "false"];
        let all = [&["--oidc-issuer", issuer, "--oidc-button", "Use Example"][..], &settings].concat();
        all.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let arguments = with(&provider.issuer);
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let server = serve(&database, &arguments);
    let page = server.curl("/login", &[]).body;
    assert!(page.contains("Use Example") && !page.contains("type=\"password\""), "{page}");
    let request = server.curl("/login/oidc", &[]);
    assert_eq!(request.status, 303, "{}", request.text);
    let there = request.header("location").to_owned();
    assert!(there.starts_with(&provider.issuer) && there.contains("code_challenge="), "{there}");
    assert!(there.contains("&redirect_uri=http%3A%2F%2F127.0.0.1%3A"), "{there}");
    // Without `public_url`, the server trusts only the machine's own host names.
    let elsewhere = server.curl("/login/oidc", &["-H", "Host: evil.example"]);
    assert!(elsewhere.status == 403 && elsewhere.header("location").is_empty(), "{}", elsewhere.text);
    let page = Command::new("curl").args(["--silent", "--location", "--cookie", "", &there]).output().unwrap();
    assert!(
        String::from_utf8_lossy(&page.stdout).contains("name=\"login\""),
        "the provider refuses the request: {page:?}"
    );

    let proxied =
        [&arguments[..], &["--trust-proxy", "127.0.0.0/8", "--public-url", "https://keys.example.com"]].concat();
    let behind = serve(&folder.path().join("behind.db"), &proxied);
    for (host, status) in [("keys.example.com", 303), ("127.0.0.1", 303), ("evil.example", 421)] {
        let host = format!("Host: {host}");
        let fields = ["-H", &host, "-H", "X-Forwarded-Proto: https", "-H", "X-Forwarded-For: 192.0.2.7"];
        let request = behind.curl("/login/oidc", &fields);
        assert_eq!(request.status, status, "{host}: {}", request.text);
        let own = "&redirect_uri=https%3A%2F%2Fkeys.example.com%2Flogin%2Foidc%2Fcallback";
        assert_eq!(request.header("location").contains(own), status == 303, "{host}: {}", request.text);
    }
    behind.stop();

    // Naming this server as the provider is a mistake. A provider that does not answer is an outage.
    let url = server.url.clone();
    let refused = with(&url);
    let output = keyward(&database, &["serve", "--listen", "127.0.0.1:0"]).args(refused).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("oidc_issuer") && said.contains("discovery document could not be fetched"), "{said}");
    server.stop();
    provider.stop();
    serve(&database, &arguments).stop();
}

#[needs(schemathesis, curl)]
#[test]
fn schemathesis_finds_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let many =
        ["--demo", "--sign-ins-per-address", "1000000", "--sign-ins-per-email", "1000000", "--key-limit", "1000000"];
    let server = serve(&folder.path().join("keys.db"), &many);
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/schemathesis/schemathesis.toml");
    let sign_in = json!({"email": server.credential("email"), "password": server.credential("password")}).to_string();
    let tokens = server.curl("/v1/tokens", &["--header", "content-type: application/json", "--data", &sign_in]).json();
    let url = format!("{}/openapi.json", server.url);
    // Run once as a user, who can revoke a token only by signing out, and once as a key for the routes of keys.
    let runs: [(&str, &[&str]); 2] = [
        (tokens["access_token"].as_str().unwrap(), &[]),
        (
            server.credential("management_key"),
            &["--include-path", "/v1/keys/self", "--include-path", "/v1/keys/self/revoke"],
        ),
    ];
    for (credential, arguments) in runs {
        let mut command = Command::new(test_package("schemathesis").join("bin/schemathesis"));
        command.arg("--config-file").arg(&config).arg("run").args(arguments).arg(&url);
        let output = command.env("CREDENTIAL", credential).current_dir(folder.path()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
    }
    assert_eq!(server.curl("/readyz", &[]).status, 200, "the server is no longer ready");
    server.stop();
}
