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
