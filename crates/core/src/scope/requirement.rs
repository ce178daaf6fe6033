//! What scopes a request needs.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use super::Scope;

/// The scopes that a request needs: all of some, or any one of some.
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
    /// Every one of these scopes.
    #[must_use]
    pub fn all_of(scopes: impl IntoIterator<Item = Scope>) -> Self {
        Self { scopes: scopes.into_iter().collect(), any: false }
    }

    /// At least one of these scopes. An empty list allows nobody.
    #[must_use]
    pub fn any_of(scopes: impl IntoIterator<Item = Scope>) -> Self {
        Self { scopes: scopes.into_iter().collect(), any: true }
    }

    /// The scopes, in the order they were given.
    #[must_use]
    pub fn scopes(&self) -> &[Scope] {
        &self.scopes
    }

    /// Whether one of them is enough.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.any
    }
}
