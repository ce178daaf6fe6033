use std::io::{BufRead as _, Write as _};
use std::net::TcpListener;
use std::process::Command;

use keyward_needs::needs;
use keyward_tests::program::test_package;

use crate::{deploy, port, read, root, run, serve};

/// Of the image. It asks this port instead.
fn health_check(port: u16) -> Command {
    let text = read("deploy/Containerfile");
    let check = text.split("HEALTHCHECK").nth(1).unwrap().split("CMD ").nth(1).unwrap().lines().next().unwrap();
    let words: Vec<String> = serde_json::from_str(check).unwrap();
    assert!(words.iter().any(|word| word.contains("/9464 ")), "{words:?}");
    let mut command = Command::new(&words[0]);
    command.args(words[1..].iter().map(|word| word.replace("/9464 ", &format!("/{port} "))));
    command
}

#[needs(bash)]
#[test]
fn health_check_tells_a_ready_server() {
    let folder = tempfile::tempdir().unwrap();
    let (server, first) = serve(&folder, &[]);
    let port = port(&first["metrics"]);
    run(&mut health_check(port));
    server.stop();
    assert!(!health_check(port).output().unwrap().status.success());
}

#[needs(bash)]
#[test]
fn health_check_tells_a_server_without_its_database() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let answered = std::thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        let lines = std::io::BufReader::new(&stream).lines().map(Result::unwrap);
        let asked: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
        stream.write_all(b"HTTP/1.0 503 Service Unavailable\r\n\r\n").unwrap();
        asked
    });
    assert!(!health_check(port).output().unwrap().status.success());
    assert_eq!(answered.join().unwrap(), ["GET /readyz HTTP/1.0"]);
}

#[test]
fn image_is_built_with_the_oldest_rust_of_the_program() {
    let manifest = read("crates/cli/Cargo.toml");
    let rust = manifest.split("rust-version = \"").nth(1).unwrap().split('"').next().unwrap();
    assert!(read("deploy/Containerfile").contains(&format!("/rust:{rust}-slim-")));
}

/// Cargo needs the manifest of each member, even of those that it does not build.
#[test]
fn build_sees_every_member_of_the_workspace() {
    let manifest = read("Cargo.toml");
    let members = manifest.split("\nmembers = [").nth(1).unwrap().split(']').next().unwrap();
    let seen = read("deploy/Containerfile.dockerignore");
    for member in members.split('"').skip(1).step_by(2) {
        let folder = member.split('/').next().unwrap();
        assert!(seen.contains(&format!("\n!{folder}\n")), "deploy/Containerfile.dockerignore hides {folder}");
    }
}

#[needs(deploy_linters)]
#[test]
fn linters_find_no_fault_in_container_compose_and_kubernetes_files() {
    let python = test_package("deploy_linters").join("bin/python");
    run(Command::new(python).arg(root().join("tests/clients/deploy/check.py")).arg(deploy("")));
}
