//~ `&str` is no format of refusals
//~ pass `ProblemJson`, `CodedEnvelope::new()` or a closure with typed parameters: `|rejection: &Rejection, id: &RequestId| Rendered::json(…)`
use keyward_tests::messages::keyward;

pub fn builder(store: keyward::MemoryStore) -> keyward::adapter::AuthenticatorBuilder {
    keyward::Authenticator::builder(store).renderer("json")
}
