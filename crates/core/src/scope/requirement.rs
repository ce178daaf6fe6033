#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use super::Scope;

/// All or any of several scopes.
///
/// # Examples
/// ```
/// use keyward::policy::Policy;
/// use keyward::{Identity, Requirement, Scope};
///
/// let needed = Requirement::all_of([Scope::from_static("resources:read")]);
/// let identity = Identity::api_key("key_1".parse()?, "acct_1".parse()?);
/// let refused = needed.check(&identity).unwrap_err();
/// assert_eq!(refused.status(), 403);
/// # Ok::<(), keyward::id::IdError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    scopes: Box<[Scope]>,
    any: bool,
}

impl Requirement {
    /// Requires all these scopes.
    #[must_use]
    pub fn all_of(scopes: impl IntoIterator<Item = Scope>) -> Self {
        Self { scopes: scopes.into_iter().collect(), any: false }
    }

    /// Requires any of these scopes. An empty list refuses every identity.
    #[must_use]
    pub fn any_of(scopes: impl IntoIterator<Item = Scope>) -> Self {
        Self { scopes: scopes.into_iter().collect(), any: true }
    }

    /// Returns the scopes in order.
    #[must_use]
    pub fn scopes(&self) -> &[Scope] {
        &self.scopes
    }

    /// Returns `true` if one scope is enough.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.any
    }
}
