//! `wrk`, for a bounded time and only over loopback.

use std::path::Path;
use std::process::Command;

use serde::Deserialize;

use crate::process::{Side, pinned};

#[derive(Clone, Copy)]
pub(crate) struct Questions<'a> {
    pub(crate) keys: &'a Path,
    pub(crate) scheme: &'a str,
    pub(crate) connections: u32,
    pub(crate) seconds: u32,
    pub(crate) close: bool,
}

#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Answers {
    pub(crate) requests: u64,
    pub(crate) microseconds: u64,
    /// Statuses of 400 and more.
    pub(crate) refused: u64,
    /// Connections that failed, broke, or were silent for 30 seconds.
    pub(crate) broken: u64,
    pub(crate) p99_us: u64,
}

impl Answers {
    pub(crate) fn rate(&self) -> f64 {
        self.requests as f64 / self.microseconds as f64 * 1e6
    }
}

pub(crate) fn ask(port: u16, questions: &Questions<'_>) -> Answers {
    let mut wrk = Command::new("wrk");
    wrk.args(["--threads", "1", "--connections", &questions.connections.to_string()]);
    wrk.args(["--duration", &format!("{}s", questions.seconds), "--timeout", "30s"]);
    wrk.arg("--script").arg(concat!(env!("CARGO_MANIFEST_DIR"), "/servers/wrk.lua"));
    wrk.arg(format!("http://127.0.0.1:{port}")).arg("--").arg(questions.keys);
    wrk.args(["Authorization", questions.scheme]);
    if questions.close {
        wrk.arg("close");
    }
    let output = pinned(Side::Client, &wrk).output().expect("wrk is installed");
    let said = String::from_utf8_lossy(&output.stdout);
    let figures = said.lines().find_map(|line| line.strip_prefix("figures "));
    let figures = figures.unwrap_or_else(|| panic!("wrk: {said}{}", String::from_utf8_lossy(&output.stderr)));
    serde_json::from_str(figures).unwrap()
}
