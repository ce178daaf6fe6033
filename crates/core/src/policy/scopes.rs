//! What scopes a handler requires.

use super::Policy;
use crate::identity::Identity;
use crate::rejection::Rejection;
use crate::scope::Scope;

/// The scopes that a request needs: all of some, or any one of some.
///
/// # Examples
/// ```
/// use keyward::{Identity, Policy, Requirement, Scope};
///
/// let needed = Requirement::all_of([Scope::from_static("resources:read")]);
/// let identity = Identity::api_key("key_1".parse()?, "acct_1".parse()?);
/// let refused = needed.check(&identity).unwrap_err();
/// assert_eq!(refused.status(), 403);
/// # Ok::<(), keyward::IdError>(())
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

impl Policy for Requirement {
    fn check(&self, identity: &Identity) -> Result<(), Rejection> {
        if is_granted(&self.scopes, self.any, identity) {
            Ok(())
        } else {
            Err(Rejection::InsufficientScope(self.clone()))
        }
    }
}

pub(super) fn is_granted(scopes: &[Scope], any: bool, identity: &Identity) -> bool {
    if any {
        scopes.iter().any(|scope| identity.allows(scope))
    } else {
        scopes.iter().all(|scope| identity.allows(scope))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: Scope = Scope::from_static("a:read");
    const WRITE: Scope = Scope::from_static("a:write");

    #[test]
    fn all_of_needs_every_scope_and_any_of_needs_one() {
        let holder = |scopes: &str| {
            Identity::api_key("k".parse().unwrap(), "a".parse().unwrap()).with_scopes(scopes.parse().unwrap())
        };
        for (scopes, all, any) in
            [("", false, false), ("a:read", false, true), ("a:read a:write", true, true), ("a:*", true, true)]
        {
            assert_eq!(Requirement::all_of([READ, WRITE]).check(&holder(scopes)).is_ok(), all, "all of: {scopes}");
            assert_eq!(Requirement::any_of([READ, WRITE]).check(&holder(scopes)).is_ok(), any, "any of: {scopes}");
        }
        assert!(Requirement::any_of([]).check(&holder("*")).is_err());
    }
}
