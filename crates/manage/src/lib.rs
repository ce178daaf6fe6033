//! Managing keys: users, roles, keys, plans, usage and an audit log.

mod actor;
#[cfg(feature = "dashboard")]
mod dashboard;
mod desk;
mod error;
mod records;
mod role;
mod store;

pub use actor::{Actor, ActorName, Context};
#[cfg(feature = "dashboard")]
pub use dashboard::{DashboardSettings, dashboard};
pub use desk::{
    ACCESS_TOKEN_PREFIX, AccountUpdate, Answer, AuditEntry, AuditQuery, AuditVerdict, Desk, DeskBuilder, Invited,
    KeyChange, KeyDraft, KeyView, MANAGEMENT_PREFIX, MemberView, NewUser, NewlyIssued, NewlyRotated, Once, Outcome,
    Page, PageRequest, SECRET_MANAGEMENT_PREFIX, SessionView, SignUpPolicy, SignedIn, Target, Tokens, Usage, UsageDay,
    UsageTotal, purpose_of,
};
pub use error::DeskError;
pub use records::{Account, Member, Plan, User, Versioned};
pub use role::{Purpose, Rights, Role, RoleError, scopes};
pub use store::{Count, DeskStore, Kind, List, PostgresDesk, Record, SqliteDesk, Write, Written};
