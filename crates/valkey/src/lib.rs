//! The Valkey and Redis store of keyward: keys, accounts, the change log and the leases of any number of nodes on one primary.
//!
//! # Order, leases, revocation
//! Every write is one script. It checks the values that the write is based on, writes, and appends to the log: a stream whose
//! ids are the entries' numbers. Scripts run one at a time, so numbers have no gaps, and only a node that has applied the
//! newest entry gets a lease. A published message only wakes nodes: if every message is lost, revocations become slower, not
//! weaker.
//!
//! # Requirements
//! - The server keeps every acknowledged write (`appendonly yes`, `appendfsync always`) and evicts no keys.
//!   [`ValkeyStore::connect`] checks this. [`ValkeyOptions::accept_loss`] accepts a server that may lose writes.
//! - Replication is asynchronous, so a failover may undo the last revocations. With [`ValkeyOptions::wait_for_replicas`],
//!   every write waits for that number of replicas. Permits and rates wait for none.
//! - All data has the hash tag `{keyward}`, so a cluster keeps it in one slot.
//!
//! # Connection strings
//! | connection string | server |
//! | --- | --- |
//! | `redis://[user:password@]host:port[/database]` | one server |
//! | `redis+sentinel://[user:password@]host:port[,host:port…]/service[/database]` | the primary that these sentinels name |
//! | `redis+cluster://[user:password@]host:port[,host:port…]` | the primary of the slot in this cluster |
//!
//! `valkey` is the same as `redis`. `rediss` selects TLS, verified against the system's roots. User and password are for the
//! servers, not for the sentinels. A node notices a failover within a second, and checks the new primary like the first one.
//!
//! # Features
//! `limits` adds [`ValkeyPermits`] and [`ValkeyRates`]: the limits of `keyward-limits`, shared by all nodes.
//!
//! # Examples
//! ```no_run
//! use keyward::AuthLayer;
//! use keyward::valkey::ValkeyStore;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let store = ValkeyStore::connect("redis://127.0.0.1/").await?;
//! let layer = AuthLayer::new(store);
//! # let _ = layer;
//! # Ok(()) }
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]

mod admin;
mod connect;
#[cfg(feature = "limits")]
mod limits;
mod listen;
mod log;
mod primary;
mod script;
mod store;
mod task;
mod value;

pub use connect::{ConnectError, ValkeyOptions};
#[cfg(feature = "limits")]
pub use limits::{ValkeyPermits, ValkeyRates};
pub use store::ValkeyStore;
