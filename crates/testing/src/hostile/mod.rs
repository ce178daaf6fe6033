//! Hostile `Authorization` headers: bytes in, rejection out.
//!
//! One table says what has to come of each of over 250 requests: several fields, lists, quotes, white space, control
//! characters, keys that are cut, changed, forged or unknown, and credentials where none are looked for. It is free of any
//! framework, so that every adapter is proved by the same one:
//! - [`over_authenticator`] asks an [`Authenticator`], without HTTP;
//! - [`over_socket`] sends the table, and [`path_cases`], to a server as HTTP/1.1, byte by byte;
//! - [`over_http2`] sends them as HTTP/2;
//! - [`Service::over_socket`] sends the table to a service with a key format and an error format of its own;
//! - [`cases`] gives the table itself, for what is none of these.
//!
//! # The service under test
//! It has the default key format, the default renderer (RFC 9457) and no `optional`. `GET /` needs a key and nothing else, and
//! answers 200. `GET /health` is exempt and answers 200. Everything else is behind the layer, unknown paths included.
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
mod malformed_headers;
mod misplaced_credentials;
mod paths;
mod service;

pub use paths::{PathCase, path_cases};
pub use service::Service;

use std::fmt;
use std::net::SocketAddr;

use keyward_core::adapter::{Admission, Check, Target};
use keyward_core::{Authenticator, Rejection};

/// One request of the table, and what has to come of it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Case {
    /// What is odd about it.
    pub name: String,
    /// The values of its `Authorization` fields, in order.
    pub fields: Vec<Vec<u8>>,
    /// Its method.
    pub method: &'static str,
    /// Its target, as it stands in the request line.
    pub target: String,
    /// Its other fields.
    pub others: Vec<(&'static str, String)>,
    /// Its body.
    pub body: Vec<u8>,
    /// What has to come of it.
    pub expected: Expected,
    /// What HTTP makes of it.
    pub on_the_wire: Wire,
}

/// What has to come of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expected {
    /// It is let in, with 200.
    Accepted,
    /// It is refused.
    Refused(Refused),
}

/// How a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refused {
    /// [`Rejection::reason`], which callers are not told.
    pub reason: &'static str,
    /// [`Rejection::code`].
    pub code: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// The `error` of the challenge; `None` for a challenge without one. There is always a challenge.
    pub error: Option<&'static str>,
}

/// What HTTP makes of a request before any service sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wire {
    /// It passes: the service has to answer as the table says.
    Passes,
    /// HTTP/1.1 itself refuses it, with 400 or 431 or by closing the connection, and HTTP/2 does not carry it.
    Refused,
    /// It would be another request on the wire (a line break ends a field), so it is not sent.
    CannotBe,
}

/// The table, for a service that accepts `valid_key`. What is derived from the key differs from call to call.
///
/// # Panics
/// If the key is not of the default format.
#[must_use]
pub fn cases(valid_key: &str) -> Vec<Case> {
    let format = keyward_core::key::KeyFormat::default();
    assert!(format.parse(valid_key.as_bytes()).is_ok(), "the table needs a key of the default format");
    cases_of(valid_key)
}

/// The table for a key of any format with a checksum; the reasons are those of the default one.
fn cases_of(valid_key: &str) -> Vec<Case> {
    [malformed_headers::cases(valid_key), forged::cases(valid_key), misplaced_credentials::cases(valid_key)].concat()
}

/// What came of a case is not what the table says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch(String);

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Mismatch {}

/// Asks `authenticator` about one case.
///
/// # Errors
/// [`Mismatch`] if its verdict, code, status, reason or challenge is not the table's.
pub async fn check(authenticator: &Authenticator, case: &Case) -> Result<(), Mismatch> {
    let target = Target {
        method: case.method,
        path: path_of(&case.target),
        preflight: false,
        connection: &keyward_core::adapter::UnknownConnection,
    };
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

/// Asks `authenticator` about the whole table.
///
/// # Panics
/// If anything comes out otherwise than the table says; the message lists all that does.
pub async fn over_authenticator(authenticator: &Authenticator, valid_key: &str) {
    let mut mismatches = Vec::new();
    for case in cases(valid_key) {
        mismatches.extend(check(authenticator, &case).await.err());
    }
    report(&mismatches);
}

/// Sends the whole table, and [`path_cases`], as HTTP/1.1 to the [service under test](self#the-service-under-test).
///
/// Status, code, challenge, `Cache-Control`, `Vary` and request ids of every answer are compared, and none may repeat the key.
///
/// # Panics
/// If anything comes out otherwise than the table says; the message lists all that does.
pub async fn over_socket(address: SocketAddr, valid_key: &str) {
    report(&http1::run(address, valid_key).await);
}

/// Sends the whole table, and [`path_cases`], as HTTP/2 without TLS to the [service under test](self#the-service-under-test).
///
/// # Panics
/// If anything comes out otherwise than the table says; the message lists all that does.
pub async fn over_http2(address: SocketAddr, valid_key: &str) {
    report(&http2::run(address, valid_key).await);
}

fn report(mismatches: &[Mismatch]) {
    let lines: Vec<String> = mismatches.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "{} of the hostile requests came out otherwise:\n{}", lines.len(), lines.join("\n"));
}

/// The path in a target, which may be an absolute one (RFC 9112 section 3.2.2).
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
    /// With whether there is a challenge, and it is as it should be.
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
    /// A `GET /` with these `Authorization` fields.
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

    /// A `GET /` with one `Authorization` field.
    fn with_field(name: impl Into<String>, field: impl AsRef<[u8]>, expected: Expected) -> Self {
        Self::with_fields(name, vec![field.as_ref().to_vec()], expected)
    }

    fn on_the_wire(mut self, wire: Wire) -> Self {
        self.on_the_wire = wire;
        self
    }

    fn mismatch(&self, got: &str) -> Mismatch {
        Mismatch(format!("{}: expected {:?}, got {got}", self.name, self.expected))
    }
}

/// Shows nothing of its fields: they may hold a key that is valid.
impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case")
            .field("name", &self.name)
            .field("expected", &self.expected)
            .field("on_the_wire", &self.on_the_wire)
            .finish_non_exhaustive()
    }
}

/// Nothing that could be taken for a credential was sent.
const fn missing(reason: &'static str) -> Expected {
    Expected::Refused(Refused { reason, code: "MISSING_API_KEY", status: 401, error: None })
}

/// The request is at fault, whatever the key.
const fn invalid_request(reason: &'static str) -> Expected {
    Expected::Refused(Refused { reason, code: "INVALID_REQUEST", status: 400, error: Some("invalid_request") })
}

/// The key is.
const fn invalid_key(reason: &'static str) -> Expected {
    Expected::Refused(Refused { reason, code: "INVALID_API_KEY", status: 401, error: Some("invalid_token") })
}
