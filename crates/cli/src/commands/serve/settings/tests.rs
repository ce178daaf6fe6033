use std::collections::BTreeSet;
use std::io::Write;
use std::process::Command;

use clap::{Args, FromArgMatches};

use super::*;

type SettingsLayer = <Settings as Config>::Layer;

/// Not the defaults.
const SAMPLES: [(&str, &str); 38] = [
    ("listen", "127.0.0.1:1"),
    ("public_url", "https://keys.example.com"),
    ("embed_origin", "https://app.example.com"),
    ("metrics_listen", "127.0.0.1:2"),
    ("gateway_listen", "127.0.0.1:12"),
    ("provider_name", "Example API"),
    ("example_url", "https://api.example.com/v1/videos"),
    ("api_docs_url", "https://docs.example.com/"),
    ("scopes_file", "scopes.txt"),
    ("connections", "3"),
    ("connections_per_peer", "4"),
    ("sign_up", "open"),
    ("key_limit", "5"),
    ("user_keys", "disable"),
    ("secret_keys_in_browsers", "false"),
    ("trust_proxy", "10.0.0.0/8"),
    ("forwarded_fields", "forwarded"),
    ("key_locations", "X-API-Key"),
    ("introspection_scopes", "resources:read"),
    ("recent_requests", "true"),
    ("session_idle", "6m"),
    ("session_life", "7h"),
    ("audit_retention", "8d"),
    ("usage_retention", "70d"),
    ("audit_file", "audit.jsonl"),
    ("webhook_allow_network", "10.0.0.0/8"),
    ("smtp_url", "smtps://keyward@mail.example.com"),
    ("smtp_password_file", "password.txt"),
    ("mail_from", "keys@example.com"),
    ("sign_ins_per_address", "9"),
    ("sign_ins_per_email", "11"),
    ("github_alerts", "revoke"),
    ("github_public_keys", "https://github.example.com"),
    ("oidc_issuer", "https://login.example.com"),
    ("oidc_client_id", "keyward"),
    ("oidc_client_secret_file", "secret.txt"),
    ("oidc_button", "Sign in with Example"),
    ("passwords", "false"),
];

const FILE_ONLY: [(&str, &str, &str); 4] = [
    ("database", "keys.db", "\"keys.db\""),
    ("pepper_file", "keys.db", "\"keys.db\""),
    ("key_lifetime_max", "365d", "Lifetime(31536000)"),
    ("key_lifetime_default", "90d", "Lifetime(7776000)"),
];

/// If set, [`prints_the_settings_of_the_environment`] prints the settings.
const PRINT: &str = "KEYWARD_TEST_PRINT_SETTINGS";

fn flag(name: &str) -> String {
    format!("--{}", name.replace('_', "-"))
}

fn variable(name: &str) -> String {
    format!("KEYWARD_{}", name.to_uppercase())
}

fn key(name: &str, value: &str) -> String {
    match (name, value.parse::<u32>().is_ok() || value.parse::<bool>().is_ok()) {
        ("embed_origin" | "trust_proxy" | "key_locations" | "introspection_scopes" | "webhook_allow_network", _) => {
            format!("{name} = [\"{value}\"]\n")
        }
        (_, true) => format!("{name} = {value}\n"),
        (_, false) => format!("{name} = \"{value}\"\n"),
    }
}

fn command() -> clap::Command {
    SettingsLayer::augment_args(clap::Command::new("serve"))
}

fn of_flags<'a>(settings: impl IntoIterator<Item = &'a (&'a str, &'a str)>) -> SettingsLayer {
    let arguments = settings.into_iter().flat_map(|(name, value)| [flag(name), (*value).to_owned()]);
    let matches = command().try_get_matches_from(std::iter::once("serve".to_owned()).chain(arguments)).unwrap();
    SettingsLayer::from_arg_matches(&matches).unwrap()
}

fn of_file<'a>(settings: impl IntoIterator<Item = &'a (&'a str, &'a str)>) -> SettingsLayer {
    let text: String = settings.into_iter().map(|(name, value)| key(name, value)).collect();
    toml::from_str(&text).unwrap()
}

/// A variable can be set for a new process only.
fn of_variables(settings: &[(&str, &str)]) -> String {
    let name = "commands::serve::settings::tests::prints_the_settings_of_the_environment";
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", name, "--nocapture"]).env(PRINT, "1");
    child.envs(settings.iter().map(|(name, value)| (variable(name), value)));
    let output = String::from_utf8(child.output().unwrap().stdout).unwrap();
    let line = output.lines().find_map(|line| line.split_once("settings: "));
    line.unwrap_or_else(|| panic!("no settings in {output}")).1.to_owned()
}

#[test]
fn prints_the_settings_of_the_environment() {
    if std::env::var_os(PRINT).is_some() {
        writeln!(std::io::stdout(), "\nsettings: {:?}", of_flags([])).unwrap();
    }
}

#[test]
fn every_setting_has_a_flag_a_variable_and_a_sample() {
    let fields: BTreeSet<&str> = Settings::META.fields.iter().map(|field| field.name).collect();
    let samples: BTreeSet<&str> =
        SAMPLES.iter().map(|(name, _)| *name).chain(FILE_ONLY.map(|(name, ..)| name)).collect();
    assert_eq!(fields, samples);
    let command = command();
    let arguments: BTreeSet<&str> = command.get_arguments().map(|argument| argument.get_id().as_str()).collect();
    assert_eq!(arguments, SAMPLES.iter().map(|(name, _)| *name).collect());
    for argument in command.get_arguments() {
        let name = argument.get_id().as_str();
        assert_eq!(argument.get_long().map(|long| format!("--{long}")), Some(flag(name)));
        assert_eq!(argument.get_env().and_then(|variable| variable.to_str()), Some(&*variable(name)));
    }
}

#[test]
fn every_setting_is_read_from_flag_variable_and_file() {
    for (name, value) in SAMPLES {
        let mut settings = vec![(name, value)];
        if name == "github_public_keys" {
            settings.push(("github_alerts", "revoke"));
        }
        let by_flag = format!("{:?}", of_flags(&settings));
        assert!(by_flag.contains(&format!(" {name}: Some(")), "{by_flag}");
        assert_eq!(by_flag.matches("Some(").count(), settings.len(), "{by_flag}");
        assert_eq!(format!("{:?}", of_file(&settings)), by_flag);
        assert_eq!(of_variables(&settings), by_flag);
    }
    for (name, value, read) in FILE_ONLY {
        let by_file = format!("{:?}", of_file(&[(name, value)]));
        assert!(by_file.contains(&format!(" {name}: Some({read})")), "{by_file}");
    }
}

#[test]
fn flags_override_the_file_and_the_file_the_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keyward.toml");
    let text: String = SAMPLES.iter().map(|(name, value)| key(name, value)).collect();
    std::fs::write(&file, text).unwrap();
    let shown = |settings: &Settings| format!("{settings:?}");
    let none = of_flags([]);
    let of_file = shown(&Settings::load(none.clone(), Some(&file)).unwrap());
    assert_eq!(of_file, shown(&Settings::load(of_flags(&SAMPLES), None).unwrap()), "each setting of the file counts");
    let defaults = shown(&Settings::load(none, None).unwrap());
    assert!(defaults.contains("listen: 127.0.0.1:8080,") && defaults.contains("passwords: true,"), "{defaults}");

    std::fs::write(&file, "listen = \"127.0.0.1:2\"\npasswords = true\nkey_limit = 7\n").unwrap();
    let both = shown(&Settings::load(of_flags(&SAMPLES), Some(&file)).unwrap());
    assert_eq!(both, of_file, "a flag overrides the file");
}

#[test]
fn invalid_values_and_unknown_keys_are_named() {
    for (text, expected) in [
        ("colour = \"red\"", &["unknown field `colour`", "line 1"][..]),
        ("forwarded_fields = \"X-Forwarded-For\"", &["invalid forwarded_fields `X-Forwarded-For`"]),
        ("forwarded_fields = \"\"", &["invalid forwarded_fields ``"]),
        ("provider_name = \"\"", &["invalid provider_name ``: expected at least one visible character"]),
        ("example_url = \"api.example.com\"", &["invalid URL `api.example.com`: expected one like https://"]),
        ("sign_up = \"maybe\"", &["invalid sign_up `maybe`: expected open or closed"]),
        ("introspection_scopes = [\"resources\"]", &["resources", "resource:action"]),
        ("key_lifetime_max = \"1s\"", &["invalid lifetime `1s`: expected a minute to 36500 days"]),
        ("session_idle = \"0s\"", &["invalid duration `0s`: expected one second"]),
        ("sign_ins_per_email = 0", &["sign_ins_per_email = 0", "nonzero"]),
    ] {
        let error = toml::from_str::<SettingsLayer>(text).unwrap_err().to_string();
        assert!(expected.iter().all(|part| error.contains(part)), "{text}: {error}");
    }
}
