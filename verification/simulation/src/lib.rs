//! A simulation of the lease protocol, event by event, for numbers of nodes that no test can start.
//!
//! What the nodes and the one who revokes do is what keyward's `lease.rs` has them do; the store is PostgreSQL as far as they load it:
//! processors, the lock on the log's head row, flushes, notifications. `docs/many-nodes.md` in the repository has the results, and how the
//! simulation was compared with real nodes.
//!
//! # Examples
//! ```
//! use keyward_simulation::{Report, Settings};
//!
//! let report = Report::of(&Settings { nodes: 10, revocations: 20, ..Settings::default() });
//! assert!(report.works() && report.revoke_p99 < 50.0);
//! ```

mod chance;
mod limit;
mod member;
mod report;
mod run;
mod server;
mod settings;

pub use limit::limit;
pub use report::{PROMISE, Report, table};
pub use settings::{Costs, Settings};
