//! Enums of core for the OpenAPI description.

use utoipa::ToSchema;

/// The mode of a key.
#[derive(ToSchema)]
#[schema(as = Mode, rename_all = "lowercase")]
pub enum ModeName {
    /// Real data.
    Live,
    /// Test data.
    Test,
}

/// The kind of a key.
#[derive(ToSchema)]
#[schema(as = KeyKind, rename_all = "lowercase")]
pub enum KindName {
    /// Grants everything unless it has scopes.
    Secret,
    /// May be public.
    Publishable,
    /// Grants only its scopes.
    Restricted,
}

/// The status of a key.
#[derive(ToSchema)]
#[schema(as = KeyStatus, rename_all = "lowercase")]
pub enum StatusName {
    /// The key works.
    Active,
    /// The key is disabled.
    Disabled,
    /// The key has expired.
    Expired,
    /// The key is revoked for good.
    Revoked,
    /// The key was reported as compromised and is revoked for good.
    Compromised,
}

/// The reason of a revocation, by RFC 5280, section 5.3.1.
#[derive(ToSchema)]
#[schema(as = RevocationReason, rename_all = "snake_case")]
pub enum ReasonName {
    /// No reason was given.
    Unspecified,
    /// The key became known to others. It is then also marked as compromised.
    KeyCompromise,
    /// Its user left the account, or was disabled.
    AffiliationChanged,
    /// Another key replaces it.
    Superseded,
    /// It is no longer used.
    CessationOfOperation,
    /// Its rights were withdrawn.
    PrivilegeWithdrawn,
}
