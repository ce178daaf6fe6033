//! The client's request, as a gateway reports it.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use http::{HeaderMap, HeaderValue};
use keyward_core::Rejection;
use keyward_core::endpoint::is_ambiguous_path;

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Original<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
}

impl<'a> Original<'a> {
    /// Fields differ if the client wrote some of them.
    pub(crate) fn of(headers: &'a HeaderMap) -> Result<Self, Rejection> {
        let method = said(headers, ["x-forwarded-method", "x-original-method"])?;
        let uri = said(headers, ["x-forwarded-uri", "x-original-uri"])?;
        Self::new(method, uri)
    }

    /// The backend might route by another reading.
    pub(crate) fn new(method: &'a str, uri: &'a str) -> Result<Self, Rejection> {
        let path = uri.split_once('?').map_or(uri, |(path, _)| path);
        let fits = !is_ambiguous_path(path) && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
        if fits { Ok(Self { method, path }) } else { Err(Rejection::AmbiguousTarget) }
    }

    /// As the Fetch standard defines it.
    pub(crate) fn is_preflight(&self, headers: &HeaderMap) -> bool {
        self.method == "OPTIONS"
            && headers.contains_key("origin")
            && headers.contains_key("access-control-request-method")
    }
}

fn said<'a>(headers: &'a HeaderMap, names: [&str; 2]) -> Result<&'a str, Rejection> {
    let mut values = names.into_iter().flat_map(|name| headers.get_all(name));
    let Some(first) = values.next() else {
        keyward_core::log_limited!(
            error,
            "a gateway sends neither {} nor {}: refusing all of its requests; set one of them in the gateway's configuration",
            names[0],
            names[1]
        );
        return Err(Rejection::NotConfigured);
    };
    if values.any(|value| value != first) {
        return Err(Rejection::AmbiguousTarget);
    }
    HeaderValue::to_str(first).map_err(|_| Rejection::AmbiguousTarget)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // An unwrap is an assertion here.
mod tests {
    use http::Request;

    use super::*;

    #[test]
    fn only_an_unambiguous_method_and_path_are_read() {
        const METHOD: (&str, &str) = ("x-forwarded-method", "GET");
        const ROOT: (&str, &str) = ("x-forwarded-uri", "/");
        let ambiguous = Err(Rejection::AmbiguousTarget);
        for (fields, expected) in [
            (&[METHOD, ROOT][..], Ok(("GET", "/"))),
            (&[("x-original-method", "PUT"), ("x-original-uri", "/a?b=//c")], Ok(("PUT", "/a"))),
            (&[METHOD, ROOT, ("x-original-uri", "/")], Ok(("GET", "/"))),
            (&[METHOD, ROOT, ("x-original-uri", "/health")], ambiguous.clone()),
            (&[METHOD, ROOT, ("x-forwarded-uri", "/health")], ambiguous.clone()),
            (&[METHOD, ("x-original-method", "POST"), ROOT], ambiguous.clone()),
            (&[METHOD, ("x-forwarded-uri", "http://a/b")], ambiguous.clone()),
            (&[METHOD, ("x-forwarded-uri", "//a")], ambiguous.clone()),
            (&[METHOD, ("x-forwarded-uri", "/%2E./a")], ambiguous.clone()),
            (&[METHOD, ("x-forwarded-uri", "/ä")], ambiguous.clone()),
            (&[METHOD, ("x_forwarded_uri", "/")], Err(Rejection::NotConfigured)),
            (&[METHOD], Err(Rejection::NotConfigured)),
            (&[ROOT], Err(Rejection::NotConfigured)),
            (&[], Err(Rejection::NotConfigured)),
        ] {
            let request = fields.iter().fold(Request::get("/"), |request, (name, value)| request.header(*name, *value));
            let request = request.body(()).unwrap();
            let expected = expected.map(|(method, path)| Original { method, path });
            assert_eq!(Original::of(request.headers()), expected, "{fields:?}");
        }
    }
}
