//! The server's time for each page of a site with 10,000 keys and 1,000 accounts.

use crate::error::Error;
use crate::process::{self, cargo};
use crate::test;

/// Measures a release build. `tests/tests/dashboard/speed.rs` has the bounds.
pub(crate) fn run() -> Result<(), Error> {
    process::run(&mut cargo(&["build", "--release", "--package", "keyward-cli", "--bin", "keyward"]))?;
    let program = process::target().join("release/keyward");
    // One store at a time, without other tests beside it.
    let mut pages = test::tests(&["--test", "dashboard", "speed::", "--", "--nocapture", "--test-threads=1"]);
    process::run(pages.env("KEYWARD_PAGES_OF", program))
}
