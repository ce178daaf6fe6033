//! A simulation of the lease protocol, event by event, with more nodes than a test can start.
//!
//! The nodes and the revoking caller behave as in keyward's `lease.rs`. The store models the parts of PostgreSQL that they load:
//! processors, the lock on the log's head row, flushes and notifications. `docs/many-nodes.md` in the repository has the results, and
//! a comparison with real nodes.
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
