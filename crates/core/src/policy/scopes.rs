use super::Policy;
use crate::identity::Identity;
use crate::rejection::Rejection;
use crate::scope::{Requirement, Scope};

impl Policy for Requirement {
    fn check(&self, identity: &Identity) -> Result<(), Rejection> {
        if is_granted(self.scopes(), self.is_any(), identity) {
            identity.report_granted(self.scopes());
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
