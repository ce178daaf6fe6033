pub use keyward_api_types::{Purpose, Role, RoleError};

/// Scopes of the management API.
pub mod scopes {
    use keyward_core::Scope;

    /// See accounts.
    pub const ACCOUNTS_READ: Scope = Scope::from_static("accounts:read");
    /// Change accounts.
    pub const ACCOUNTS_WRITE: Scope = Scope::from_static("accounts:write");
    /// See members.
    pub const MEMBERS_READ: Scope = Scope::from_static("members:read");
    /// Change members.
    pub const MEMBERS_WRITE: Scope = Scope::from_static("members:write");
    /// Create links that sign users in. Includes the rights of a developer in customers' accounts.
    pub const USERS_SIGN_IN: Scope = Scope::from_static("users:sign_in");
    /// Verify keys with `keyward-gateway`.
    pub const KEYS_VERIFY: Scope = Scope::from_static("keys:verify");
    /// See keys, but not their secrets.
    pub const KEYS_READ: Scope = Scope::from_static("keys:read");
    /// Create, change, rotate and revoke keys.
    pub const KEYS_WRITE: Scope = Scope::from_static("keys:write");
    /// See the usage of keys.
    pub const USAGE_READ: Scope = Scope::from_static("usage:read");
    /// See plans.
    pub const PLANS_READ: Scope = Scope::from_static("plans:read");
    /// Change plans, and accounts' plans, in the operator's account.
    pub const PLANS_WRITE: Scope = Scope::from_static("plans:write");
    /// See webhooks and their deliveries.
    pub const WEBHOOKS_READ: Scope = Scope::from_static("webhooks:read");
    /// Create, change and remove webhooks, and rotate their secrets.
    pub const WEBHOOKS_WRITE: Scope = Scope::from_static("webhooks:write");
    /// Delete accounts for good, in the operator's account.
    pub const DELETIONS_WRITE: Scope = Scope::from_static("deletions:write");
    /// See the audit log.
    pub const AUDIT_READ: Scope = Scope::from_static("audit:read");

    /// Scopes with descriptions.
    pub const ALL: [(Scope, &str); 15] = [
        (ACCOUNTS_READ, "See accounts"),
        (ACCOUNTS_WRITE, "Change accounts"),
        (DELETIONS_WRITE, "Delete accounts for good"),
        (MEMBERS_READ, "See who belongs to an account"),
        (MEMBERS_WRITE, "Change who belongs to an account"),
        (USERS_SIGN_IN, "Create links that sign users in, and so do what developers can do"),
        (KEYS_READ, "See keys, never the keys themselves"),
        (KEYS_VERIFY, "Ask whether keys are good, and whose they are"),
        (KEYS_WRITE, "Issue, change, rotate and revoke keys"),
        (USAGE_READ, "See how keys are used"),
        (PLANS_READ, "See plans"),
        (PLANS_WRITE, "Change plans, and which account has which"),
        (WEBHOOKS_READ, "See webhooks and their deliveries"),
        (WEBHOOKS_WRITE, "Change webhooks, which receive events"),
        (AUDIT_READ, "See the audit log"),
    ];
}
