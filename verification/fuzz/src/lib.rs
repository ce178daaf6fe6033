//! What the fuzz targets assert, as functions of bytes: `fuzz/` runs them under libFuzzer, `cargo test` over the corpus, and
//! this crate's program with random changes to it where libFuzzer cannot be had.
//!
//! No input makes keyward panic; and where a slow and obvious way to the same answer exists, it is written beside the
//! target and has to agree.

#![allow(clippy::unwrap_used, reason = "a target that cannot go on has found something")]

mod cursor;
mod endpoint;
mod forwarded;
mod generation;
mod header;
mod key;
mod key_at;
mod names;
mod record;
mod scope;
mod shapes;

pub use cursor::cursor;
pub use endpoint::endpoint;
pub use forwarded::forwarded;
pub use generation::generation;
pub use header::header;
pub use key::key;
pub use key_at::key_at;
pub use names::names;
pub use record::record;
pub use scope::scope;

/// A target: its name, which is its folder in `verification/fuzz/corpus` and its file in `verification/fuzz/libfuzzer/fuzz_targets`, and what it asserts.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 10] = [
    ("header", header),
    ("key", key),
    ("key_at", key_at),
    ("generation", generation),
    ("cursor", cursor),
    ("scope", scope),
    ("endpoint", endpoint),
    ("forwarded", forwarded),
    ("record", record),
    ("names", names),
];

/// The lines of an input, which stand for its parts.
fn lines(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    data.split(|&byte| byte == b'\n')
}
