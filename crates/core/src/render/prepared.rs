use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;
use serde_json::Value;

use crate::location::Locations;
use crate::rejection::{PerRejection, Rejection};
use crate::request_id::RequestId;
use crate::resource::ProtectedResource;

const MARK: &str = "THE_ID_OF_THE_REQUEST";

pub(crate) struct Challenges {
    realm: Arc<str>,
    locations: Option<Arc<Locations>>,
    /// For the Bearer challenge, such as `, resource_metadata="https://…"`.
    parameter: Arc<str>,
    made: PerRejection<Option<HeaderValue>>,
}

impl Challenges {
    pub(crate) fn new(realm: &str) -> Self {
        Self::of_parts(realm.into(), None, "".into())
    }

    pub(crate) fn located(&self, locations: Arc<Locations>) -> Self {
        Self::of_parts(Arc::clone(&self.realm), Some(locations), Arc::clone(&self.parameter))
    }

    /// RFC 9728 section 5.1.
    pub(crate) fn described(&self, resource: &ProtectedResource) -> Self {
        let parameter = format!(", resource_metadata=\"{}\"", resource.metadata_url());
        Self::of_parts(Arc::clone(&self.realm), self.locations.clone(), parameter.into())
    }

    fn of_parts(realm: Arc<str>, locations: Option<Arc<Locations>>, parameter: Arc<str>) -> Self {
        let made = PerRejection::new(|rejection| challenge(rejection, &realm, locations.as_deref(), &parameter));
        Self { realm, locations, parameter, made }
    }

    pub(super) fn of(&self, rejection: &Rejection) -> Option<HeaderValue> {
        let make = || challenge(rejection, &self.realm, self.locations.as_deref(), &self.parameter);
        self.made.get(rejection).map_or_else(make, Option::clone)
    }
}

/// Clones would share one reference count.
impl Clone for Challenges {
    fn clone(&self) -> Self {
        Self::of_parts(Arc::clone(&self.realm), self.locations.clone(), Arc::clone(&self.parameter))
    }
}

fn challenge(
    rejection: &Rejection,
    realm: &str,
    locations: Option<&Locations>,
    parameter: &str,
) -> Option<HeaderValue> {
    match locations {
        None => HeaderValue::try_from(rejection.challenge_text(realm)? + parameter).ok(),
        Some(locations) => locations.challenge(rejection, realm, parameter),
    }
}

pub(super) struct Bodies(PerRejection<Body>);

struct Body {
    before: Box<str>,
    after: Option<Box<str>>,
}

impl Bodies {
    pub(super) fn new(write: impl Fn(&Rejection, &str) -> Value) -> Self {
        Self(PerRejection::new(|rejection| {
            let text = write(rejection, MARK).to_string();
            match text.split_once(MARK) {
                Some((before, after)) => Body { before: before.into(), after: Some(after.into()) },
                None => Body { before: text.into(), after: None },
            }
        }))
    }

    pub(super) fn of(&self, rejection: &Rejection, id: &RequestId) -> Option<Bytes> {
        let body = self.0.get(rejection)?;
        let id = if body.after.is_some() { id.as_str() } else { "" };
        let parts = [&*body.before, id, body.after.as_deref().unwrap_or_default()];
        // With exactly this capacity, `Bytes` takes the text over without another allocation.
        let mut text = String::with_capacity(parts.iter().map(|part| part.len()).sum());
        parts.iter().for_each(|part| text.push_str(part));
        Some(text.into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_prepared_body_is_the_one_that_would_be_written() {
        let with_id = |rejection: &Rejection, id: &str| json!({ "id": id, "code": rejection.code(), "z": [] });
        let without = |rejection: &Rejection, _: &str| json!({ "detail": rejection.message() });
        let id = RequestId::of_bytes(Some(b"mine"));
        let (with, none) = (Bodies::new(with_id), Bodies::new(without));
        for rejection in [Rejection::ChecksumMismatch, Rejection::StoreUnavailable] {
            assert_eq!(with.of(&rejection, &id).unwrap(), with_id(&rejection, "mine").to_string());
            assert_eq!(none.of(&rejection, &id).unwrap(), without(&rejection, "mine").to_string());
        }
        assert!(with.of(&Rejection::FeatureRequired("export".into()), &id).is_none());
    }

    #[test]
    fn a_prepared_challenge_is_the_one_that_would_be_written() {
        let challenges = Challenges::new("a realm").clone();
        for rejection in
            [Rejection::ChecksumMismatch, Rejection::StoreUnavailable, Rejection::FeatureRequired("x".into())]
        {
            assert_eq!(challenges.of(&rejection), rejection.challenge("a realm"));
        }
    }
}
