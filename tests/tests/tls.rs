//! Certificates are verified, and nothing is sent to a server whose certificate fails.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

use std::path::Path;
use std::process::Command;

use keyward_needs::needs;
use keyward_tests::program::package_program;
use keyward_tests::{postgres, valkey};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

fn certify(folder: &Path) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    for (name, text) in [("ca", authority.pem()), ("cert", server.pem()), ("key", key.serialize_pem())] {
        std::fs::write(folder.join(name), text).unwrap();
    }
    // PostgreSQL refuses a key that other users can read.
    for command in ["chmod 600", "chown postgres"] {
        let (program, argument) = command.split_once(' ').unwrap();
        let _ = Command::new(program).args([argument, "--"]).arg(folder.join("key")).status();
    }
    let _ = Command::new("chmod").arg("755").arg(folder).status();
}

/// Returns whether it succeeded, and its error output.
fn nodes(program: &Path, database: &str, authority: Option<&Path>) -> (bool, String) {
    let none = Path::new("/dev/null");
    let output = Command::new(program)
        .args(["nodes", "--database", database])
        .env("SSL_CERT_FILE", authority.unwrap_or(none))
        .output()
        .unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[needs(postgresql, valkey)]
#[test]
fn tls_servers_need_a_valid_certificate() {
    let program = package_program("keyward-cli", "keyward");
    let folder = tempfile::Builder::new().prefix("keyward-tls-").tempdir().unwrap();
    certify(folder.path());
    let file = |name: &str| folder.path().join(name).display().to_string();

    let settings =
        vec!["ssl=on".into(), format!("ssl_cert_file={}", file("cert")), format!("ssl_key_file={}", file("key"))];
    let server = postgres::Server::with(settings);
    let postgres = format!("{}?sslmode=require", server.database());

    let port = keyward_tests::program::free_port().to_string();
    let (cert, key, authority) = (file("cert"), file("key"), file("ca"));
    let settings =
        ["--tls-port", &port, "--tls-cert-file", &cert, "--tls-key-file", &key, "--tls-ca-cert-file", &authority];
    let _server = valkey::Server::new(&[&settings[..], &["--tls-auth-clients", "no"]].concat());
    let valkey = format!("rediss://127.0.0.1:{port}/");

    for database in [&postgres, &valkey] {
        let (done, said) = nodes(&program, database, Some(&folder.path().join("ca")));
        assert!(done, "{database}: {said}");
        let (done, said) = nodes(&program, database, None);
        assert!(!done, "{database}: a certificate of an unknown authority was accepted");
        assert!(said.contains("cannot connect to the"), "{database}: {said}");
    }
    let plain = postgres.replace("127.0.0.1", "localhost");
    let (done, said) = nodes(&program, &plain, Some(&folder.path().join("ca")));
    assert!(!done, "a certificate for another host was accepted: {said}");
}
