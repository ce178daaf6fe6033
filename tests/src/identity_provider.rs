//! An OpenID Connect provider in a process of its own: npm's `oidc-provider`.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::program::{test_package, up_to};

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
            .arg(test_package("oidc_provider").join("node_modules"))
            .args([CLIENT_SECRET, id_tokens])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Node.js is installed: `apt-get install nodejs`");
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
