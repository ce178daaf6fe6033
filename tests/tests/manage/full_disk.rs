use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use keyward_needs::needs;
use keyward_tests::program::{Curled, Program, SOON, skip_part};
use serde_json::json;

use crate::serve::{keyward, serve};

pub(crate) struct Disk(tempfile::TempDir);

impl Disk {
    /// Returns `None` without the permission to mount.
    pub(crate) fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=8m", "keyward-test"]).arg(folder.path());
        let mounted = mount.stderr(Stdio::null()).status().is_ok_and(|status| status.success());
        mounted.then_some(Self(folder))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn fill(&self) {
        let mut ballast = File::create(self.path().join("ballast")).unwrap();
        while ballast.write_all(&[0; 512]).is_ok() {}
    }

    pub(crate) fn make_room(&self) {
        std::fs::remove_file(self.path().join("ballast")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}

fn create(server: &Program, name: &str) -> Curled {
    let body = json!({"name": name, "kind": "secret", "scopes": ["*"]}).to_string();
    server.call(
        Some("management_key"),
        "POST",
        "/v1/keys",
        &["--header", "content-type: application/json", "--data", &body],
    )
}

#[needs(curl)]
#[test]
fn on_a_full_disk_writes_are_refused_whole_reads_go_on_and_nothing_is_lost() {
    let Some(disk) = Disk::mount() else {
        skip_part("needs the right to mount a small disk (run as root)");
        return;
    };
    let database = disk.path().join("keys.db");
    let server = serve(&database, &["--demo"]);
    let first = create(&server, "made-before").json();
    let (id, plain) = (first["id"].as_str().unwrap(), first["key"].as_str().unwrap());
    let bearer = format!("Authorization: Bearer {plain}");
    let works = || server.curl("/v1/keys/self", &["--header", &bearer]).status;
    let revoke = format!("/v1/keys/{id}/revoke");
    assert_eq!(works(), 200);

    disk.fill();
    // Writes still succeed while the write-ahead log has room.
    let mut made = 1;
    let refused = loop {
        let answer = create(&server, &format!("made-{made}"));
        if answer.status != 201 {
            break answer;
        }
        made += 1;
        assert!(made < 1_000, "the disk is not full");
    };
    assert_eq!(
        (refused.status, refused.json()["code"].as_str()),
        (503, Some("SERVICE_UNAVAILABLE")),
        "{}",
        refused.text
    );
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("could not be carried out"), "{detail}");
    let answer = server.call(Some("management_key"), "POST", &revoke, &[]);
    assert_eq!(answer.status, 503, "a revocation that could not be written did not return 503: {}", answer.text);
    assert_eq!((works(), server.curl("/healthz", &[]).status), (200, 200));

    disk.make_room();
    let begun = Instant::now();
    while server.call(Some("management_key"), "POST", &revoke, &[]).status != 200 {
        assert!(begun.elapsed() < SOON, "the server does not recover");
    }
    assert_eq!(works(), 401);
    let listed = server.call(Some("management_key"), "GET", "/v1/keys?text=made-&limit=500", &[]).json();
    assert_eq!(
        listed["data"].as_array().unwrap().len(),
        made,
        "the listed keys are not exactly the keys that were returned"
    );
    server.stop();
    let verified = keyward(&database, &["audit", "verify"]).output().unwrap();
    assert!(verified.status.success(), "{verified:?}");
    let connection = rusqlite::Connection::open(&database).unwrap();
    let sound: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
}
