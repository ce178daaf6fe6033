//! An OpenID Connect provider in a process of its own: npm's `oidc-provider`.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use crate::program::up_to;

const PACKAGE: &str = "oidc-provider@9.13.3";

/// What the provider knows this program by.
pub const CLIENT_ID: &str = "keyward";
/// What this program proves it with.
pub const CLIENT_SECRET: &str = "a secret between the two, which is long enough";

/// A running provider, until this is dropped.
#[derive(Debug)]
pub struct Provider {
    process: Child,
    /// Its issuer, `http` on loopback.
    pub issuer: String,
}

impl Provider {
    /// One whose ID tokens say who it is, and which tells the rest when it is asked.
    pub fn start() -> Self {
        Self::start_with("short")
    }

    /// One whose ID tokens have everything in them.
    pub fn start_full() -> Self {
        Self::start_with("full")
    }

    fn start_with(id_tokens: &str) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/oidc/provider.mjs");
        let mut process = Command::new("node")
            .arg(script)
            .arg(installed())
            .args([CLIENT_SECRET, id_tokens])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("node is installed: `cargo xtask test` sees to it");
        let issuer = up_to(process.stdout.take().unwrap(), "http").trim().to_owned();
        Self { process, issuer }
    }

    /// Ends it.
    pub fn stop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The package, installed once into the target folder: where its modules are.
fn installed() -> PathBuf {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _one = ONE_AT_A_TIME.lock().unwrap();
    let this = std::env::current_exe().unwrap();
    let target = this.ancestors().find(|folder| folder.join("CACHEDIR.TAG").exists()).unwrap();
    let folder = target.join("oidc-provider");
    let modules = folder.join("node_modules");
    if !modules.join("oidc-provider/package.json").exists() {
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-save", "--no-audit", "--no-fund", "--prefix"]).arg(&folder).arg(PACKAGE);
        let status = npm.stdout(Stdio::null()).status().expect("npm is installed");
        assert!(status.success(), "{PACKAGE} cannot be installed");
    }
    modules
}
