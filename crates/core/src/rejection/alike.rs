use super::Rejection;
use crate::credential::CredentialFault as Fault;
use crate::key::Mode;

/// Their texts never vary.
const STATIC_REJECTIONS: [Rejection; 32] = [
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
    Rejection::NetworkNotAllowed,
    Rejection::AmbiguousTarget,
    Rejection::ModeNotAllowed(Mode::Live),
    Rejection::ModeNotAllowed(Mode::Test),
    Rejection::HttpsRequired,
    Rejection::StoreUnavailable,
    Rejection::StoreCorrupt,
    Rejection::NotConfigured,
    Rejection::SecretKeyInBrowser,
];

pub(crate) struct PerRejection<T>(Box<[T]>);

impl<T> PerRejection<T> {
    pub(crate) fn new(make: impl FnMut(&Rejection) -> T) -> Self {
        Self(STATIC_REJECTIONS.iter().map(make).collect())
    }

    pub(crate) fn get(&self, rejection: &Rejection) -> Option<&T> {
        self.0.get(number(rejection)?)
    }
}

fn number(rejection: &Rejection) -> Option<usize> {
    let number = match rejection {
        Rejection::Credential(fault) => *fault as usize,
        Rejection::MalformedKey => 13,
        Rejection::ChecksumMismatch => 14,
        Rejection::UnknownKey => 15,
        Rejection::KeyRevoked => 16,
        Rejection::KeyCompromised => 17,
        Rejection::KeyExpired => 18,
        Rejection::KeyDisabled => 19,
        Rejection::KeyNotYetValid => 20,
        Rejection::AccountSuspended => 21,
        Rejection::KindNotAllowed => 22,
        Rejection::NetworkNotAllowed => 23,
        Rejection::AmbiguousTarget => 24,
        Rejection::ModeNotAllowed(Mode::Live) => 25,
        Rejection::ModeNotAllowed(Mode::Test) => 26,
        Rejection::HttpsRequired => 27,
        Rejection::StoreUnavailable => 28,
        Rejection::StoreCorrupt => 29,
        Rejection::NotConfigured => 30,
        Rejection::SecretKeyInBrowser => 31,
        Rejection::CredentialAt(_)
        | Rejection::EndpointNotAllowed(_)
        | Rejection::InsufficientScope(_)
        | Rejection::PlanRequired(_)
        | Rejection::FeatureRequired(_)
        | Rejection::ConcurrencyLimitExceeded(_)
        | Rejection::RateLimitExceeded(_)
        | Rejection::BudgetExhausted(_)
        | Rejection::Custom(_) => return None,
    };
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_own_place_and_gets_what_was_made_for_it() {
        let made = PerRejection::new(Rejection::clone);
        for (place, rejection) in STATIC_REJECTIONS.iter().enumerate() {
            assert_eq!(number(rejection), Some(place));
            assert_eq!(made.get(rejection), Some(rejection));
        }
        assert!(made.get(&Rejection::FeatureRequired("export".into())).is_none());
    }
}
