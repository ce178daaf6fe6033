use std::time::Duration;

use keyward::adapter::CredentialFault;
use keyward::rejection::{Budget, ConcurrencyLimit, PlanRequired, RateLimit};
use keyward::{Identity, Mode, Rejection, Requirement, Scope};

pub fn all() -> Vec<Rejection> {
    use CredentialFault as Fault;
    vec![
        Rejection::Credential(Fault::Missing),
        Rejection::Credential(Fault::OtherScheme),
        Rejection::Credential(Fault::Empty),
        Rejection::Credential(Fault::SeveralFields),
        Rejection::Credential(Fault::List),
        Rejection::Credential(Fault::Quoted),
        Rejection::Credential(Fault::WhiteSpace),
        Rejection::Credential(Fault::Control),
        Rejection::Credential(Fault::NonAscii),
        Rejection::Credential(Fault::TooLong),
        Rejection::Credential(Fault::Character),
        Rejection::Credential(Fault::SeveralLocations),
        Rejection::Credential(Fault::Basic),
        Rejection::MalformedKey,
        Rejection::ChecksumMismatch,
        Rejection::UnknownKey,
        Rejection::KeyRevoked,
        Rejection::KeyCompromised,
        Rejection::KeyExpired,
        Rejection::KeyDisabled,
        Rejection::KeyNotYetValid,
        Rejection::AccountSuspended,
        Rejection::KindNotAllowed,
        Rejection::SecretKeyInBrowser,
        Rejection::EndpointNotAllowed("GET /v1/videos".into()),
        Rejection::AmbiguousTarget,
        Rejection::NetworkNotAllowed,
        Rejection::InsufficientScope(Requirement::all_of([Scope::from_static("resources:read")])),
        Rejection::FeatureRequired("analytics".into()),
        Rejection::ModeNotAllowed(Mode::Live),
        Rejection::PlanRequired(Box::new(PlanRequired::new(None, ["Pro".into()]))),
        Rejection::ConcurrencyLimitExceeded(Box::new(ConcurrencyLimit { limit: 1, in_flight: 1, plan: None })),
        Rejection::RateLimitExceeded(Box::new(RateLimit {
            name: "default".into(),
            quota: 1,
            window: Duration::from_secs(1),
            remaining: 0,
            retry_after: Duration::from_secs(1),
        })),
        Rejection::BudgetExhausted(Box::new(Budget {
            credits: 100,
            remaining: 1,
            period: Some(Duration::from_secs(86_400)),
            resets_in: Some(Duration::from_secs(60)),
        })),
        Rejection::HttpsRequired,
        Rejection::StoreUnavailable,
        Rejection::StoreCorrupt,
        Rejection::NotConfigured,
        identity().require_account("acct_2").unwrap_err(),
    ]
}

fn identity() -> Identity {
    Identity::api_key("key_1".parse().unwrap(), "acct_1".parse().unwrap())
}
