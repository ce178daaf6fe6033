use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::program::{test_package, up_to};

pub const CLIENT_ID: &str = "keyward";
pub const CLIENT_SECRET: &str = "a secret between the two, which is long enough";

#[derive(Debug)]
pub struct Provider {
    process: Child,
    pub issuer: String,
}

impl Provider {
    /// ID tokens have only the subject. The user info endpoint has the other claims.
    pub fn start() -> Self {
        Self::start_with("short")
    }

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
            .expect("Node.js does not start: `apt-get install nodejs`");
        let issuer = up_to(process.stdout.take().unwrap(), "http").trim().to_owned();
        Self { process, issuer }
    }

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
