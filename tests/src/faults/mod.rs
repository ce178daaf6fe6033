pub mod check;
pub mod deployment;
pub mod history;
pub mod namespace;
pub mod proxy;
pub mod schedule;
pub mod store;
pub mod traffic;

pub const NODES: usize = 3;
