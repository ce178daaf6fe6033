pub mod check;
pub mod deployment;
pub mod history;
pub mod namespace;
pub mod proxy;
pub mod schedule;
pub mod store;
pub mod traffic;

pub const NODES: usize = 3;

/// The requests of a second that the strict rate admits.
pub const STRICT_QUOTA: u32 = 40;
