//! A deployment under faults: three nodes on one store, clients that ask without pause, and a check of what they saw.
//!
//! [`schedule`] draws the faults from a seed, [`deployment`] injects them into real processes, [`traffic`] issues,
//! asks and revokes, [`history`] records the events, and [`check`] judges them.

pub mod check;
pub mod deployment;
pub mod history;
pub mod namespace;
pub mod proxy;
pub mod schedule;
pub mod store;
pub mod traffic;

/// Number of nodes.
pub const NODES: usize = 3;
