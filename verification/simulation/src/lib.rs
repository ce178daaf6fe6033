//! The lease protocol with more nodes than a test can start. Nodes and the revoking caller behave as in keyward's `lease.rs`.
//! `docs/many-nodes.md` has the results, and a comparison with real nodes.
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
