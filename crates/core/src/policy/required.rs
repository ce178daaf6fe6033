use std::marker::PhantomData;

use super::scopes::is_granted;
use crate::identity::Identity;
use crate::rejection::Rejection;
use crate::scope::{Requirement, Scope};

/// A scope as a type, from [`scopes!`](crate::scopes).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no scope",
    note = "define it with `keyward::scopes! {{ pub JobsWrite = \"jobs:write\"; }}`"
)]
pub trait NamedScope {
    /// The scope.
    const SCOPE: Scope;
}

/// A [`NamedScope`], [`AllOf`] several or [`AnyOf`] several.
///
/// # Examples
/// ```
/// use keyward::policy::check_required;
/// use keyward::{AllOf, Identity, RequiredScopes};
///
/// keyward::scopes! {
///     /// List and retrieve.
///     pub ResourcesRead = "resources:read";
///     /// Create, update and delete.
///     pub ResourcesWrite = "resources:write";
/// }
///
/// let reader = Identity::api_key("key_1".parse()?, "acct_1".parse()?).with_scopes("resources:read".parse()?);
/// assert!(check_required::<ResourcesRead>(&reader).is_ok());
/// assert!(check_required::<AllOf<(ResourcesRead, ResourcesWrite)>>(&reader).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither a scope nor a guard",
    note = "define a scope with `keyward::scopes! {{ pub JobsWrite = \"jobs:write\"; }}`, or implement `keyward::Guard`"
)]
pub trait RequiredScopes {
    /// The scopes.
    const SCOPES: &'static [Scope];
    /// Whether one scope is enough.
    const ANY: bool;
}

/// All of two to six scopes: `AllOf<(A, B)>`.
#[derive(Debug)]
pub struct AllOf<T>(PhantomData<T>);

/// Any of two to six scopes: `AnyOf<(A, B)>`.
#[derive(Debug)]
pub struct AnyOf<T>(PhantomData<T>);

/// Checks the scopes of `R`.
///
/// # Errors
/// [`Rejection::InsufficientScope`].
pub fn check_required<R: RequiredScopes>(identity: &Identity) -> Result<(), Rejection> {
    if is_granted(R::SCOPES, R::ANY, identity) {
        identity.report_granted(R::SCOPES);
        return Ok(());
    }
    Err(Rejection::InsufficientScope(requirement_of::<R>()))
}

pub(super) fn requirement_of<R: RequiredScopes>() -> Requirement {
    let scopes = R::SCOPES.iter().cloned();
    if R::ANY { Requirement::any_of(scopes) } else { Requirement::all_of(scopes) }
}

/// Defines a type for each scope. Malformed scopes do not compile.
///
/// # Examples
/// ```
/// keyward::scopes! {
///     /// List and retrieve.
///     pub ResourcesRead = "resources:read";
///     pub(crate) JobsWrite = "jobs:write";
/// }
/// # use keyward::policy::NamedScope;
/// assert_eq!(ResourcesRead::SCOPE.as_str(), "resources:read");
/// ```
#[macro_export]
macro_rules! scopes {
    ($($(#[$attribute:meta])* $visibility:vis $name:ident = $scope:literal;)+) => {$(
        #[doc = concat!("The scope `", $scope, "`.")]
        ///
        $(#[$attribute])*
        #[derive(Debug)]
        $visibility enum $name {}

        impl $crate::policy::NamedScope for $name {
            const SCOPE: $crate::Scope = $crate::Scope::from_static($scope);
        }

        impl $crate::RequiredScopes for $name {
            const SCOPES: &'static [$crate::Scope] = &[<Self as $crate::policy::NamedScope>::SCOPE];
            const ANY: bool = false;
        }
    )+};
}

macro_rules! combine {
    ($($name:ident)+) => {
        impl<$($name: NamedScope),+> RequiredScopes for AllOf<($($name,)+)> {
            const SCOPES: &'static [Scope] = &[$($name::SCOPE),+];
            const ANY: bool = false;
        }

        impl<$($name: NamedScope),+> RequiredScopes for AnyOf<($($name,)+)> {
            const SCOPES: &'static [Scope] = &[$($name::SCOPE),+];
            const ANY: bool = true;
        }
    };
}

combine!(A B);
combine!(A B C);
combine!(A B C D);
combine!(A B C D E);
combine!(A B C D E F);
