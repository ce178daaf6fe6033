//! Which headers may carry a key.

use http::HeaderName;

use super::Location;

const MAX_HEADERS: usize = 8;
const MAX_NAME: usize = 64;

/// Fields with a meaning to clients, proxies or servers, and fields that logs and answers repeat.
const TAKEN: [&str; 24] = [
    "authorization",
    "cache-control",
    "connection",
    "cookie",
    "date",
    "expect",
    "forwarded",
    "from",
    "host",
    "keep-alive",
    "origin",
    "pragma",
    "range",
    "referer",
    "request-id",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "x-request-id",
];
const TAKEN_BEGINNINGS: [&str; 10] = [
    "accept",
    "access-control-",
    "content-",
    "if-",
    "keyward-",
    "proxy-",
    "sec-",
    "set-cookie",
    "x-forwarded-",
    "x-original-",
];

/// Why places cannot be accepted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum LocationFault {
    Name { name: String, problem: &'static str },
    TooMany,
    NoPlace,
}

pub(super) fn checked(accepted: &[Location]) -> Result<Vec<HeaderName>, LocationFault> {
    let mut headers: Vec<HeaderName> = Vec::new();
    for location in accepted {
        let Location::Header(name) = location else { continue };
        let fault = |problem| LocationFault::Name { name: name.clone(), problem };
        let header = HeaderName::try_from(name.as_str())
            .ok()
            .filter(|_| name.len() <= MAX_NAME)
            .ok_or_else(|| fault("expected the name of a header of at most 64 characters, such as X-API-Key"))?;
        if is_taken(&header) {
            return Err(fault("this header has another meaning; use a name such as X-API-Key"));
        }
        if headers.contains(&header) {
            return Err(fault("it is accepted twice; remove one"));
        }
        headers.push(header);
    }
    if headers.len() > MAX_HEADERS { Err(LocationFault::TooMany) } else { Ok(headers) }
}

fn is_taken(header: &HeaderName) -> bool {
    let name = header.as_str();
    TAKEN.contains(&name) || TAKEN_BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
}
