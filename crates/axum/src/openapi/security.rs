use http::Method;
use keyward_core::Authenticator;
use keyward_core::adapter::Location;
use serde_json::{Value, json};
use utoipa::Modify;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{OpenApi, Ref};

use super::refusals::{Refusals, SCHEMA};

pub(super) const BEARER: &str = "bearer";

/// Adds an authenticator's ways to send a key, and its refusals, to a description.
///
/// - Each accepted [`Location`] is a security scheme. An operation of [`routes!`](crate::openapi::routes) takes any of them, with its scopes.
/// - An operation without extractors of keyward needs a key, too, unless its path is exempt. It needs none after
///   [`only_extractors`](Self::only_extractors), for an `AuthLayer` that is not around the whole router.
/// - 400, 401, 403 and 503 refer to components, with the body and the examples that the authenticator's renderer writes. A
///   response of the operation with the same status stays.
///
/// [`OpenApiRouter`](https://docs.rs/utoipa-axum) adds its routes after the modifiers of `#[openapi(…)]` have run, so call
/// [`modify`](Modify::modify) on the finished description.
///
/// # Examples
/// ```
/// use keyward::adapter::Location;
/// use keyward::axum::openapi::Security;
/// use keyward::{Authenticator, MemoryStore};
/// use utoipa::Modify;
///
/// let authenticator = Authenticator::builder(MemoryStore::new()).accept(Location::header("X-API-Key")).build()?;
/// let mut description = utoipa::openapi::OpenApi::default();
/// Security::new(&authenticator).limits().modify(&mut description);
/// let schemes = description.components.unwrap_or_default().security_schemes;
/// assert!(schemes.contains_key("bearer") && schemes.contains_key("X-API-Key"));
/// # Ok::<(), keyward::adapter::BuildError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Security {
    authenticator: Authenticator,
    has_limits: bool,
    only_extractors: bool,
}

impl Security {
    /// Describes this authenticator, with an `AuthLayer` around the whole router.
    #[must_use]
    pub fn new(authenticator: &Authenticator) -> Self {
        Self { authenticator: authenticator.clone(), has_limits: false, only_extractors: false }
    }

    /// Also describes 429, for a service with rate limits or permits.
    #[must_use]
    pub fn limits(mut self) -> Self {
        self.has_limits = true;
        self
    }

    /// Describes operations without extractors of keyward as open.
    #[must_use]
    pub fn only_extractors(mut self) -> Self {
        self.only_extractors = true;
        self
    }

    fn schemes(&self) -> Vec<(String, Value)> {
        let bearer = self
            .authenticator
            .accepts_bearer()
            .then(|| (BEARER.to_owned(), json!({ "type": "http", "scheme": "bearer", "description": "An API key." })));
        let others = self.authenticator.other_locations().iter().filter_map(|location| {
            let header = |name: &str, description: &str| {
                json!({ "type": "apiKey", "in": "header", "name": name, "description": description })
            };
            Some(match location {
                Location::Header(name) => (name.clone(), header(name, "An API key.")),
                Location::Basic => (
                    "basic".to_owned(),
                    json!({ "type": "http", "scheme": "basic", "description": "An API key as user name, without a password." }),
                ),
                Location::WebSocketSubprotocol => (
                    "webSocket".to_owned(),
                    header("Sec-WebSocket-Protocol", "The subprotocol `keyward.` with an API key. For WebSockets only."),
                ),
                _ => return None,
            })
        });
        bearer.into_iter().chain(others).collect()
    }

    fn describe(&self, operation: &mut Operation, is_exempt: bool, schemes: &[(String, Value)], refusals: &Refusals) {
        let security = match operation.security.take() {
            Some(security) => security.into_iter().flat_map(|needed| alternatives(needed, schemes)).collect(),
            None if is_exempt || self.only_extractors => Vec::new(),
            None => {
                let any = SecurityRequirement::new(BEARER, <[&str; 0]>::default());
                let none = self.authenticator.is_optional().then(SecurityRequirement::default);
                alternatives(any, schemes).into_iter().chain(none).collect()
            }
        };
        if !security.is_empty() {
            for (status, (name, _)) in &refusals.responses {
                let responses = &mut operation.responses.responses;
                responses.entry(status.to_string()).or_insert_with(|| Ref::from_response_name(name).into());
            }
        }
        operation.security = Some(security);
    }
}

impl Modify for Security {
    fn modify(&self, description: &mut OpenApi) {
        let refusals = Refusals::of(&self.authenticator, self.has_limits);
        let schemes = self.schemes();
        for (path, item) in &mut description.paths.paths {
            for (method, operation) in with_methods(item) {
                let is_exempt = self.authenticator.exempts(&method, path);
                self.describe(operation, is_exempt, &schemes, &refusals);
            }
        }
        let components = description.components.get_or_insert_default();
        for (name, scheme) in schemes {
            if let Ok(scheme) = serde_json::from_value(scheme) {
                components.security_schemes.insert(name, scheme);
            }
        }
        for (name, response) in refusals.responses.into_values() {
            if let Ok(response) = serde_json::from_value(response) {
                components.responses.insert(name, response);
            }
        }
        if let Ok(schema) = serde_json::from_value(refusals.schema) {
            components.schemas.insert(SCHEMA.to_owned(), schema);
        }
    }
}

pub(super) fn with_methods(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    let PathItem { get, put, post, delete, options, head, patch, trace, .. } = item;
    let all = [
        (Method::GET, get),
        (Method::PUT, put),
        (Method::POST, post),
        (Method::DELETE, delete),
        (Method::OPTIONS, options),
        (Method::HEAD, head),
        (Method::PATCH, patch),
        (Method::TRACE, trace),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// Bearer stands for every way to send a key. Other schemes are the service's own.
fn alternatives(needed: SecurityRequirement, schemes: &[(String, Value)]) -> Vec<SecurityRequirement> {
    let written = serde_json::to_value(&needed).unwrap_or_default();
    match written.as_object().map(|members| (members.len(), members.get(BEARER))) {
        Some((1, Some(scopes))) => {
            let scopes: Vec<&str> = scopes.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            schemes.iter().map(|(name, _)| SecurityRequirement::new(name, scopes.iter().copied())).collect()
        }
        _ => vec![needed],
    }
}
