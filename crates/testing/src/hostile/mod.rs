//! A table of hostile requests and their expected results:
//! - [`over_authenticator`] needs no HTTP.
//! - [`over_socket`] and [`over_http2`] send the table and [`path_cases`].
//! - [`Service::over_socket`] is for other key and error formats.
//! - [`location_cases`] is for an authenticator that accepts keys in other places.
//!
//! # The service under test
//! It has the default key format and renderer (RFC 9457), and no `optional`. `GET /` needs only a key and answers 200.
//! `GET /health` is exempt and answers 200. Every other path is behind the layer.
//!
//! # Examples
//! ```
//! use keyward::{AccountRecord, Authenticator, Keys, MemoryStore, NewKey};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = MemoryStore::new();
//! let keys = Keys::new(store.clone());
//! let account = AccountRecord::new("acct_1".parse()?, "Example Ltd");
//! keys.put_account(&account).await?;
//! let key = keys.issue(NewKey::secret(account.id, "production")).await?.key.expose_once();
//!
//! keyward::testing::hostile::over_authenticator(&Authenticator::new(store), &key).await;
//! # Ok(()) }
//! ```

mod answer;
mod forged;
mod http1;
mod http2;
mod locations;
mod malformed_headers;
mod misplaced_credentials;
mod paths;
mod service;

pub use locations::{
    accept_locations, location_cases, locations_over_authenticator, locations_over_http2, locations_over_socket,
};
pub use paths::{PathCase, path_cases};
pub use service::Service;

use std::fmt;
use std::net::SocketAddr;

use keyward_core::adapter::{Admission, Check, Target};
use keyward_core::{Authenticator, Rejection};

/// A request of the table.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Case {
    /// The odd part of the request.
    pub name: String,
    /// `Authorization` values, in order.
    pub fields: Vec<Vec<u8>>,
    /// Method.
    pub method: &'static str,
    /// Target in the request line.
    pub target: String,
    /// Other fields.
    pub others: Vec<(&'static str, String)>,
    /// Body.
    pub body: Vec<u8>,
    /// Expected result.
    pub expected: Expected,
    /// What HTTP does with it.
    pub on_the_wire: Wire,
}

/// An expected result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expected {
    /// Let in, with 200.
    Accepted,
    /// Refused.
    Refused(Refused),
}

/// An expected refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refused {
    /// [`Rejection::reason`].
    pub reason: &'static str,
    /// [`Rejection::code`].
    pub code: &'static str,
    /// HTTP status.
    pub status: u16,
    /// `error` of the challenge, if any.
    pub error: Option<&'static str>,
}

/// What HTTP does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wire {
    /// It passes.
    Passes,
    /// HTTP/1.1 refuses it, with 400 or 431 or by closing. HTTP/2 does not carry it.
    Refused,
    /// It would be another request on the wire.
    CannotBe,
}

/// Returns the table for a service that accepts `valid_key`.
///
/// # Panics
/// If the key has another format.
#[must_use]
pub fn cases(valid_key: &str) -> Vec<Case> {
    let format = keyward_core::key::KeyFormat::default();
    assert!(format.parse(valid_key.as_bytes()).is_ok(), "invalid key: the table needs a key of the default format");
    cases_of(valid_key)
}

/// With the default format's reasons.
fn cases_of(valid_key: &str) -> Vec<Case> {
    [malformed_headers::cases(valid_key), forged::cases(valid_key), misplaced_credentials::cases(valid_key)].concat()
}

/// A difference from the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch(String);

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Mismatch {}

/// Checks one case with `authenticator`.
///
/// # Errors
/// [`Mismatch`] if the result differs.
pub async fn check(authenticator: &Authenticator, case: &Case) -> Result<(), Mismatch> {
    let target =
        Target { method: case.method, path: path_of(&case.target), preflight: false, connection: &case.connection() };
    let verdict = match authenticator.check(target, case.fields.iter().map(Vec::as_slice)) {
        Check::Done(verdict) => verdict,
        Check::Pending(pending) => authenticator.resolve(pending).await,
    };
    let got = match verdict {
        Ok(Admission::Identity(_)) => Outcome::Accepted,
        Ok(Admission::Anonymous) => Outcome::Anonymous,
        Err(rejection) => Outcome::refused(&rejection),
    };
    let expected = match case.expected {
        Expected::Accepted => Outcome::Accepted,
        Expected::Refused(refused) => Outcome::Refused(refused, true),
    };
    if got == expected { Ok(()) } else { Err(case.mismatch(&format!("{got:?}"))) }
}

/// Checks the whole table.
///
/// # Panics
/// If a result differs.
pub async fn over_authenticator(authenticator: &Authenticator, valid_key: &str) {
    let mut mismatches = Vec::new();
    for case in cases(valid_key) {
        mismatches.extend(check(authenticator, &case).await.err());
    }
    report(&mismatches);
}

/// Sends the whole table, and [`path_cases`], over HTTP/1.1 to the [service under test](self#the-service-under-test).
///
/// Compares status, code, challenge, `Cache-Control` and request id. No answer may repeat the key.
///
/// # Panics
/// If a result differs.
pub async fn over_socket(address: SocketAddr, valid_key: &str) {
    report(&http1::run(address, valid_key).await);
}

/// Sends the same as [`over_socket`] over HTTP/2 without TLS.
///
/// # Panics
/// If a result differs.
pub async fn over_http2(address: SocketAddr, valid_key: &str) {
    report(&http2::run(address, valid_key).await);
}

fn report(mismatches: &[Mismatch]) {
    let lines: Vec<String> = mismatches.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "{} hostile requests had unexpected results:\n{}", lines.len(), lines.join("\n"));
}

/// The target may be absolute (RFC 9112 section 3.2.2).
fn path_of(target: &str) -> &str {
    let without_query = target.split('?').next().unwrap_or(target);
    match without_query.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |start| &rest[start..]),
        None => without_query,
    }
}

#[derive(Debug, PartialEq)]
enum Outcome {
    Accepted,
    Anonymous,
    /// `true` if the challenge is correct.
    Refused(Refused, bool),
}

impl Outcome {
    fn refused(rejection: &Rejection) -> Self {
        let challenge = rejection.challenge("api");
        let challenge = challenge.as_ref().and_then(|value| value.to_str().ok());
        let error = challenge.and_then(answer::challenge_error);
        let error = [Some("invalid_request"), Some("invalid_token"), None].into_iter().find(|known| *known == error);
        Self::Refused(
            Refused {
                reason: rejection.reason(),
                code: rejection.code(),
                status: rejection.status().as_u16(),
                error: error.flatten(),
            },
            challenge.is_some() && error.is_some(),
        )
    }
}

impl Case {
    fn with_fields(name: impl Into<String>, fields: Vec<Vec<u8>>, expected: Expected) -> Self {
        Self {
            name: name.into(),
            fields,
            method: "GET",
            target: "/".into(),
            others: Vec::new(),
            body: Vec::new(),
            expected,
            on_the_wire: Wire::Passes,
        }
    }

    fn with_field(name: impl Into<String>, field: impl AsRef<[u8]>, expected: Expected) -> Self {
        Self::with_fields(name, vec![field.as_ref().to_vec()], expected)
    }

    fn connection(&self) -> http::Request<()> {
        let mut request = http::Request::new(());
        for (name, value) in &self.others {
            if let (Ok(name), Ok(value)) = (http::HeaderName::try_from(*name), http::HeaderValue::try_from(value)) {
                request.headers_mut().append(name, value);
            }
        }
        request
    }

    fn on_the_wire(mut self, wire: Wire) -> Self {
        self.on_the_wire = wire;
        self
    }

    fn mismatch(&self, got: &str) -> Mismatch {
        Mismatch(format!("{}: expected {:?}, got {got}", self.name, self.expected))
    }
}

/// The fields may hold a valid key.
impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case")
            .field("name", &self.name)
            .field("expected", &self.expected)
            .field("on_the_wire", &self.on_the_wire)
            .finish_non_exhaustive()
    }
}

const fn missing(reason: &'static str) -> Expected {
    Expected::Refused(Refused { reason, code: "MISSING_API_KEY", status: 401, error: None })
}

const fn invalid_request(reason: &'static str) -> Expected {
    Expected::Refused(Refused { reason, code: "INVALID_REQUEST", status: 400, error: Some("invalid_request") })
}

const fn invalid_key(reason: &'static str) -> Expected {
    Expected::Refused(Refused { reason, code: "INVALID_API_KEY", status: 401, error: Some("invalid_token") })
}
