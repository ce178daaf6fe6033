//! Words of the core, as the OpenAPI description lists them. No value of these types exists: they describe fields and parameters.

use utoipa::ToSchema;

/// `live` or `test`.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum ModeName {
    /// A key for real data.
    Live,
    /// A key for test data.
    Test,
}

/// What a key may be used for.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum KindName {
    /// A key that grants everything unless it has scopes.
    Secret,
    /// A key that may be public.
    Publishable,
    /// A key that grants its scopes.
    Restricted,
}

/// Whether a key may be used.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum StatusName {
    /// It works.
    Active,
    /// It is refused for now.
    Disabled,
    /// It has ended.
    Expired,
    /// It is refused for good.
    Revoked,
    /// It is refused for good, because others know it.
    Compromised,
}
