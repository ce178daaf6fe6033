//! The sources of core, on loom's atomics.

use crate::map::HashMap;
use loom::sync::atomic;

/// One: every operation on one more is one more place where threads can change.
const STRIPES: usize = 1;

#[path = "../../../../crates/core/src/cache/epochs.rs"]
pub(crate) mod epochs;
#[path = "../../../../crates/core/src/cache/front.rs"]
pub(crate) mod front;
#[path = "../../../../crates/core/src/cache/gate.rs"]
pub(crate) mod gate;
#[path = "../../../../crates/core/src/cache/standing.rs"]
pub(crate) mod standing;
#[path = "../../../../crates/core/src/cache/uses.rs"]
pub(crate) mod uses;
