//~ `Paid` is no policy
//~ for a guard or a scope type `T`, use `RequireLayer::of::<T>()` or `Require::of::<T>()`
use keyward_tests::messages::keyward;

pub struct Paid;

impl keyward::Guard for Paid {
    fn check(_: &keyward::Identity) -> Result<(), keyward::Rejection> {
        Ok(())
    }
}

pub fn layer() -> keyward::RequireLayer {
    keyward::RequireLayer::new(Paid)
}
