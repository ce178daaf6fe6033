//! Form fields.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use axum::RequestExt as _;
use axum::body::to_bytes;
use axum::extract::Request;
use http::header::CONTENT_TYPE;

use super::MAX_BODY;
use super::multipart::{self, SentFile};

/// Never passwords, keys or tokens.
const KEPT: [&str; 42] = [
    "name",
    "purpose",
    "mode",
    "kind",
    "scope",
    "other_scopes",
    "scope_limit",
    "expires",
    "expires_on",
    "networks",
    "email",
    "role",
    "overlap",
    "overlap_number",
    "overlap_unit",
    "account_name",
    "rates",
    "requests",
    "window",
    "per",
    "credits",
    "refill",
    "rollover",
    "tasks",
    "default_lifetime",
    "maximum_lifetime",
    "default_lifetime_unit",
    "maximum_lifetime_unit",
    "description",
    "event",
    "action",
    "id",
    "reason",
    "note",
    "endpoints",
    "example_url",
    "docs_url",
    "plan",
    "key_limit",
    "tags",
    "mine",
    "list",
];

/// May hold a password, so it has no `Debug`.
#[derive(Clone, Default)]
pub(super) struct Form(Vec<(String, String)>, Option<SentFile>);

impl Form {
    pub(super) fn parse(text: &[u8]) -> Self {
        Self(form_urlencoded::parse(text).into_owned().collect(), None)
    }

    pub(super) async fn read(request: Request) -> Option<Self> {
        let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let boundary = kind.and_then(|kind| multer::parse_boundary(kind).ok());
        // A route that takes files allows longer bodies than others.
        let body = request.into_limited_body();
        match boundary {
            Some(boundary) => multipart::read(body, boundary).await.map(|parts| Self(parts.fields, parts.file)),
            None => Some(Self::parse(&to_bytes(body, MAX_BODY).await.ok()?)),
        }
    }

    pub(super) fn file(&self) -> Option<&SentFile> {
        self.1.as_ref()
    }

    pub(super) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    pub(super) fn filled(&self, name: &str) -> Option<String> {
        Some(self.get(name)).filter(|value| !value.is_empty()).map(str::to_owned)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    pub(super) fn has_empty(&self) -> bool {
        self.0.iter().any(|(_, value)| value.is_empty())
    }

    /// Returns the typed text, or else the known one.
    pub(super) fn typed(&self, name: &str, known: impl Into<String>) -> String {
        if self.has(name) { self.get(name).to_owned() } else { known.into() }
    }

    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn draft(&self) -> String {
        let kept = self.0.iter().filter(|(name, value)| KEPT.contains(&name.as_str()) && !value.is_empty());
        form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).finish()
    }

    pub(super) fn without(&self, names: &[&str]) -> String {
        let kept = self.0.iter().filter(|(name, value)| !names.contains(&name.as_str()) && !value.is_empty());
        form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).finish()
    }

    pub(super) fn fields_without(&self, names: &[&str]) -> Vec<(String, String)> {
        self.0.iter().filter(|(name, _)| !names.contains(&name.as_str())).cloned().collect()
    }

    pub(super) fn fingerprint(&self, path: &str) -> Vec<u8> {
        let mut text = path.as_bytes().to_vec();
        text.push(b'?');
        text.extend(self.without(&["csrf"]).into_bytes());
        text
    }
}

pub(super) fn joined(first: &str, second: &str) -> String {
    let between = if first.is_empty() || second.is_empty() { "" } else { "&" };
    format!("{first}{between}{second}")
}

pub(super) fn query(name: &str, value: &str) -> String {
    form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish()
}

#[cfg(test)]
mod tests {
    use super::Form;

    #[test]
    fn draft_has_no_secret() {
        let form = Form::parse(
            b"csrf=1&form_id=2&name=a%26b&password=secret&current=secret&scope=a:b&scope=c:d&key=kw_live_1",
        );
        assert_eq!(form.draft(), "name=a%26b&scope=a%3Ab&scope=c%3Ad");
        assert_eq!(form.all("scope").collect::<Vec<_>>(), ["a:b", "c:d"]);
    }
}
