//~ expected to take 2 arguments
//~ `Render`
use keyward_tests::messages::keyward;

use keyward::Rejection;
use keyward::render::Rendered;

pub fn builder(store: keyward::MemoryStore) -> keyward::adapter::AuthenticatorBuilder {
    keyward::Authenticator::builder(store)
        .renderer(|rejection: &Rejection| Rendered::new(rejection.status(), "text/plain", rejection.code()))
}
