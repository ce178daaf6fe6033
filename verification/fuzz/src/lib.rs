//! Fuzz targets. No input may make keyward panic. Many have a slow reference implementation, which must agree.

#![allow(clippy::unwrap_used, reason = "a target that cannot go on has found something")]

mod cursor;
mod endpoint;
mod forwarded;
mod generation;
mod header;
mod key;
mod key_at;
mod limit;
mod location;
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
pub use limit::limit;
pub use location::location;
pub use names::names;
pub use record::record;
pub use scope::scope;

/// Its folder in `corpus` and its file in `libfuzzer/fuzz_targets` have the same name.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 12] = [
    ("header", header),
    ("location", location),
    ("key", key),
    ("key_at", key_at),
    ("generation", generation),
    ("cursor", cursor),
    ("scope", scope),
    ("endpoint", endpoint),
    ("forwarded", forwarded),
    ("record", record),
    ("names", names),
    ("limit", limit),
];

fn lines(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    data.split(|&byte| byte == b'\n')
}
