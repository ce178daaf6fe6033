//~ `NotAGuard` is neither a scope nor a guard
//~ define a scope with `keyward::scopes! { pub JobsWrite = "jobs:write"; }`, or implement `keyward::Guard`
use keyward_tests::messages::keyward;

pub struct NotAGuard;

pub fn layer() -> keyward::RequireLayer {
    keyward::RequireLayer::of::<NotAGuard>()
}
