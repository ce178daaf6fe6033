use std::net::SocketAddr;

use super::answer::{Answer, challenge_error};
use super::http1::{exchange, request};
use super::{Case, Expected, Wire, cases_of, report};

/// Another service than the [usual one](super#the-service-under-test).
///
/// # Examples
/// ```no_run
/// use keyward::testing::hostile::Service;
///
/// # async fn run() {
/// Service {
///     address: ([127, 0, 0, 1], 3000).into(),
///     key: "vook_…",
///     path: "/v1/videos",
///     field: None,
///     invalid_request: 401,
/// }
/// .over_socket()
/// .await;
/// # }
/// ```
#[derive(Clone, Copy)]
pub struct Service<'a> {
    /// Listening address.
    pub address: SocketAddr,
    /// A valid key.
    pub key: &'a str,
    /// A path that answers GET with 200 for the key.
    pub path: &'a str,
    /// A field that every request also needs, in lower case.
    pub field: Option<(&'static str, &'a str)>,
    /// Status where `keyward-core` answers 400.
    pub invalid_request: u16,
}

impl std::fmt::Debug for Service<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").field("address", &self.address).field("path", &self.path).finish_non_exhaustive()
    }
}

impl Service<'_> {
    /// Sends the whole table over HTTP/1.1, and returns the number of requests.
    ///
    /// Compares statuses, challenges and `Cache-Control`, but not bodies. No answer may repeat the key.
    ///
    /// # Panics
    /// If a result differs.
    pub async fn over_socket(self) -> usize {
        let mut mismatches = Vec::new();
        let mut sent = 0;
        for case in cases_of(self.key).into_iter().filter_map(|case| self.adapt(case)) {
            let answer = exchange(self.address, &request(&case, "hostile")).await;
            sent += 1;
            mismatches.extend(self.fault(&case, answer.as_ref()).map(|fault| case.mismatch(&fault)));
        }
        report(&mismatches);
        sent
    }

    /// Returns `None` if the case does not apply.
    fn adapt(&self, mut case: Case) -> Option<Case> {
        // A key that is malformed in one format may be this service's valid key.
        let good = format!("Bearer {}", self.key).into_bytes();
        if case.expected != Expected::Accepted && case.fields == [good] {
            return None;
        }
        case.target = match case.target.strip_prefix('/') {
            Some("") => self.path.to_owned(),
            Some(query) if query.starts_with('?') => format!("{}{query}", self.path),
            _ => return None,
        };
        if case.on_the_wire != Wire::Passes || (case.expected == Expected::Accepted && case.method != "GET") {
            return None;
        }
        if let Some((name, value)) = self.field {
            if case.others.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)) {
                return None;
            }
            case.others.push((name, value.to_owned()));
        }
        Some(case)
    }

    fn fault(&self, case: &Case, answer: Option<&Answer>) -> Option<String> {
        let Some(answer) = answer else { return Some("no answer".to_owned()) };
        let (status, error) = match case.expected {
            Expected::Accepted => (200, None),
            Expected::Refused(refused) if refused.status == 400 => (self.invalid_request, Some(refused.error)),
            Expected::Refused(refused) => (refused.status, Some(refused.error)),
        };
        let challenges = answer.challenges();
        if answer.status != status {
            Some(format!("status {}", answer.status))
        } else if answer.repeats(self.key) {
            Some("an answer that repeats the key".to_owned())
        } else if let Some(error) = error {
            let is_right =
                matches!(challenges[..], [one] if one.starts_with("Bearer realm=\"") && challenge_error(one) == error);
            let fault = (!is_right).then(|| format!("the challenges {challenges:?}"));
            fault.or_else(|| {
                (answer.header("cache-control") != Some(b"no-store"))
                    .then(|| "an answer that a cache may keep".to_owned())
            })
        } else {
            (!challenges.is_empty()).then(|| format!("a challenge: {challenges:?}"))
        }
    }
}
