//! Header fields of every page.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::embed_origin::EmbedOrigin;

const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; form-action 'self'; \
                   frame-ancestors 'none'; base-uri 'none'";
const CSP_NAME: HeaderName = http::header::CONTENT_SECURITY_POLICY;
const FRAME_NAME: HeaderName = http::header::X_FRAME_OPTIONS;
const OTHERS: [(&str, &str); 5] = [
    ("x-content-type-options", "nosniff"),
    // With `no-referrer`, browsers would send forms with `Origin: null`.
    ("referrer-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];

pub(super) struct SecurityHeaders(Vec<(HeaderName, HeaderValue)>);

impl SecurityHeaders {
    /// Only these origins may show the pages in a frame.
    pub(super) fn of(embed_origins: &[EmbedOrigin]) -> Self {
        let mut fields: Vec<_> = OTHERS
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        fields.insert(0, (CSP_NAME, policy(embed_origins)));
        if embed_origins.is_empty() {
            fields.push((FRAME_NAME, HeaderValue::from_static("DENY")));
        }
        Self(fields)
    }

    /// Keeps what a page has set itself.
    pub(super) fn add_to(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.0 {
            headers.entry(name).or_insert(value.clone());
        }
    }
}

fn policy(embed_origins: &[EmbedOrigin]) -> HeaderValue {
    if embed_origins.is_empty() {
        return HeaderValue::from_static(CSP);
    }
    let named: String = embed_origins.iter().map(|origin| format!(" {origin}")).collect();
    let policy = CSP.replace("frame-ancestors 'none'", &format!("frame-ancestors 'self'{named}"));
    // Origins are ASCII, so the text is always a valid value.
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static(CSP))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_named_origins_may_frame_pages() {
        for (origins, ancestors, frame_options) in [
            (&[][..], "frame-ancestors 'none';", Some("DENY")),
            (&["https://app.example.com"], "frame-ancestors 'self' https://app.example.com;", None),
            (&["https://a.example", "http://localhost:3000"], "'self' https://a.example http://localhost:3000;", None),
        ] {
            let origins: Vec<EmbedOrigin> = origins.iter().map(|origin| origin.parse().unwrap()).collect();
            let mut headers = HeaderMap::new();
            SecurityHeaders::of(&origins).add_to(&mut headers);
            let policy = headers[CSP_NAME].to_str().unwrap();
            assert!(policy.contains(ancestors) && policy.contains("default-src 'none'"), "{policy}");
            assert_eq!(headers.get(FRAME_NAME).map(|value| value.to_str().unwrap()), frame_options);
        }
    }
}
