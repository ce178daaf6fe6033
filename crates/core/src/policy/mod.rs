//! Pure, synchronous verdicts on an identity.
//!
//! # Examples
//! ```
//! use keyward::policy::Plans;
//! use keyward::{Mode, RequireLayer};
//!
//! let layer = RequireLayer::new((Plans::one_of(["Plus", "Pro"]), Mode::Live));
//! # let _ = layer;
//! ```

mod account;
mod browser;
mod endpoint;
mod kind;
mod mode;
mod network;
mod plan;
mod required;
mod scopes;

#[doc(hidden)] // `adapter` exports it.
pub use account::require_path_account;
pub(crate) use browser::{browser_allows, is_from_browser};
pub(crate) use endpoint::endpoint_allows;
pub(crate) use kind::kind_allows;
pub use mode::{ByMode, InMode, Live, Modal, ModeType, Test};
pub(crate) use network::network_allows;
pub use plan::{Feature, Plans};
pub use required::{AllOf, AnyOf, NamedScope, RequiredScopes, check_required};

use std::marker::PhantomData;

use crate::identity::Identity;
use crate::key::KeyKind;
use crate::rejection::Rejection;
use crate::scope::Requirement;
use required::requirement_of;

/// A verdict on an identity: [`Requirement`], [`Plans`], [`Feature`], [`Mode`](crate::Mode), [`KeyKind`] or your type.
///
/// A pair requires both, the first one first.
///
/// # Examples
/// ```
/// use keyward::policy::{Plans, Policy};
/// use keyward::{Identity, Rejection, Requirement, Scope};
///
/// let exports = (Plans::one_of(["Pro"]), Requirement::all_of([Scope::from_static("exports:create")]));
/// let identity = Identity::api_key("key_1".parse()?, "acct_1".parse()?).with_plan("Pro");
/// assert_eq!(exports.check(&identity).unwrap_err().code(), "INSUFFICIENT_SCOPE");
/// # Ok::<(), keyward::id::IdError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no policy",
    note = "for a guard or a scope type `T`, use `RequireLayer::of::<T>()` or `Require::of::<T>()`"
)]
pub trait Policy: Send + Sync + 'static {
    /// Checks `identity`.
    ///
    /// # Errors
    /// The [`Rejection`].
    fn check(&self, identity: &Identity) -> Result<(), Rejection>;
}

impl<A: Policy, B: Policy> Policy for (A, B) {
    fn check(&self, identity: &Identity) -> Result<(), Rejection> {
        self.0.check(identity)?;
        self.1.check(identity)
    }
}

impl Policy for KeyKind {
    fn check(&self, identity: &Identity) -> Result<(), Rejection> {
        if identity.kind().key_kind() == Some(*self) { Ok(()) } else { Err(Rejection::KindNotAllowed) }
    }
}

/// A policy as a type, for handlers' signatures. A pair requires both.
///
/// # Examples
/// ```
/// use keyward::policy::{Plans, Policy};
/// use keyward::{Guard, Identity, Rejection};
///
/// struct Paid;
///
/// impl Guard for Paid {
///     fn check(identity: &Identity) -> Result<(), Rejection> {
///         Plans::one_of(["Plus", "Pro"]).check(identity)
///     }
/// }
///
/// keyward::scopes! { ExportsCreate = "exports:create"; }
///
/// let identity = Identity::api_key("key_1".parse()?, "acct_1".parse()?).with_plan("Pro");
/// assert_eq!(<(Paid, ExportsCreate)>::check(&identity).unwrap_err().code(), "INSUFFICIENT_SCOPE");
/// # Ok::<(), keyward::id::IdError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither a scope nor a guard",
    note = "define a scope with `keyward::scopes! {{ pub JobsWrite = \"jobs:write\"; }}`, or implement `keyward::Guard`"
)]
pub trait Guard {
    /// Checks `identity`.
    ///
    /// # Errors
    /// The [`Rejection`].
    fn check(identity: &Identity) -> Result<(), Rejection>;

    /// Returns the scopes that it requires, for descriptions of an API. Defaults to none.
    #[must_use]
    fn requirements() -> Vec<Requirement> {
        Vec::new()
    }
}

/// Returns the policy of a guard.
///
/// # Examples
/// ```
/// use keyward::policy::from_guard;
/// use keyward::{Mode, RequireLayer};
///
/// keyward::scopes! { JobsWrite = "jobs:write"; }
///
/// let layer = RequireLayer::new((from_guard::<JobsWrite>(), Mode::Live));
/// # let _ = layer;
/// ```
#[must_use]
pub fn from_guard<G: Guard + 'static>() -> impl Policy {
    OfGuard::<G>(PhantomData)
}

struct OfGuard<G>(PhantomData<fn() -> G>);

impl<G: Guard + 'static> Policy for OfGuard<G> {
    fn check(&self, identity: &Identity) -> Result<(), Rejection> {
        G::check(identity)
    }
}

impl<R: RequiredScopes> Guard for R {
    fn check(identity: &Identity) -> Result<(), Rejection> {
        check_required::<R>(identity)
    }

    fn requirements() -> Vec<Requirement> {
        vec![requirement_of::<R>()]
    }
}

impl<A: Guard, B: Guard> Guard for (A, B) {
    fn check(identity: &Identity) -> Result<(), Rejection> {
        A::check(identity)?;
        B::check(identity)
    }

    fn requirements() -> Vec<Requirement> {
        A::requirements().into_iter().chain(B::requirements()).collect()
    }
}
