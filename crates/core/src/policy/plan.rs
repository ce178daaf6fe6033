use smol_str::SmolStr;

use super::Policy;
use crate::identity::Identity;
use crate::rejection::{PlanRequired, Rejection};

/// A policy that requires a plan.
///
/// # Examples
/// ```
/// use keyward::policy::{Plans, Policy};
/// use keyward::Identity;
///
/// let paid = Plans::one_of(["Plus", "Pro"]);
/// let free = Identity::api_key("key_1".parse()?, "acct_1".parse()?).with_plan("Free");
/// let refused = paid.check(&free).unwrap_err();
/// assert_eq!(refused.code(), "PLAN_REQUIRED");
/// assert_eq!(refused.message(), "API access requires a Plus or Pro plan. Please upgrade your subscription.");
/// # Ok::<(), keyward::id::IdError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plans(Box<[SmolStr]>);

impl Plans {
    /// Requires one of these plans. An empty list refuses every identity.
    pub fn one_of<P: Into<SmolStr>>(plans: impl IntoIterator<Item = P>) -> Self {
        Self(plans.into_iter().map(Into::into).collect())
    }
}

impl Policy for Plans {
    fn check(&self, identity: &Identity) -> Result<(), Rejection> {
        let current = identity.plan();
        if current.is_some_and(|current| self.0.iter().any(|plan| plan == current)) {
            return Ok(());
        }
        let required = PlanRequired::new(current.map(SmolStr::new), self.0.iter().cloned());
        Err(Rejection::PlanRequired(Box::new(required)))
    }
}

/// A policy that requires a feature.
///
/// # Examples
/// ```
/// use keyward::policy::{Feature, Policy};
/// use keyward::Identity;
///
/// let identity = Identity::api_key("key_1".parse()?, "acct_1".parse()?).with_features(["analytics".into()]);
/// assert!(Feature::named("analytics").check(&identity).is_ok());
/// assert!(Feature::named("exports").check(&identity).is_err());
/// # Ok::<(), keyward::id::IdError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feature(SmolStr);

impl Feature {
    /// Requires this feature.
    pub fn named(feature: impl Into<SmolStr>) -> Self {
        Self(feature.into())
    }
}

impl Policy for Feature {
    fn check(&self, identity: &Identity) -> Result<(), Rejection> {
        if identity.has_feature(&self.0) { Ok(()) } else { Err(Rejection::FeatureRequired(self.0.clone())) }
    }
}
