//! OAuth 2.0 protected resource metadata (RFC 9728).

use http::Uri;
use serde_json::{Map, Value, json};

use crate::endpoint::is_ambiguous_path;
use crate::scope::Scope;

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";
const MAX_URL: usize = 512;

/// The description of a service for OAuth 2.0 clients (RFC 9728): which scopes there are, and who issues tokens.
///
/// [`protected_resource`](crate::adapter::AuthenticatorBuilder::protected_resource) names its URL in challenges. `keyward::axum` and
/// `keyward::actix` have a route that serves it. In another framework, answer `GET` of [`path`](Self::path) with
/// [`json`](Self::json).
///
/// # Examples
/// ```
/// use keyward::{Authenticator, MemoryStore, ProtectedResource, Rejection};
///
/// let resource = ProtectedResource::new("https://api.example.com/mcp")?
///     .authorization_server("https://login.example.com")?
///     .scopes(["notes:read".parse()?, "notes:write".parse()?])
///     .name("Notes");
/// assert_eq!(resource.path(), "/.well-known/oauth-protected-resource/mcp");
/// assert_eq!(resource.json()["authorization_servers"][0], "https://login.example.com");
///
/// let authenticator = Authenticator::builder(MemoryStore::new()).protected_resource(&resource).build()?;
/// # let _ = authenticator;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtectedResource {
    resource: String,
    path: String,
    metadata_url: String,
    authorization_servers: Vec<String>,
    scopes: Vec<Scope>,
    name: Option<String>,
    documentation: Option<String>,
}

/// A URL that protected resource metadata cannot have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid URL {url:?} of {member}: {problem}; write it like https://api.example.com")]
pub struct ResourceUrlError {
    url: String,
    member: &'static str,
    problem: &'static str,
}

impl ProtectedResource {
    /// Describes the service that clients reach under this URL. The URL may have a path, and no query.
    ///
    /// # Errors
    /// The URL is not an absolute `https` URL. For `localhost` and loopback addresses, `http` is valid, too.
    pub fn new(url: impl Into<String>) -> Result<Self, ResourceUrlError> {
        let resource = url.into();
        let uri = checked(&resource, "resource")?;
        let fault = |problem| ResourceUrlError { url: resource.clone(), member: "resource", problem };
        if uri.query().is_some() {
            return Err(fault("it has a query"));
        }
        let below = if uri.path() == "/" { "" } else { uri.path() };
        if below.contains(['{', '}', '*']) || (!below.is_empty() && is_ambiguous_path(below)) {
            return Err(fault("routers may read its path in different ways"));
        }
        let path = format!("{WELL_KNOWN}{below}");
        let origin = resource.strip_suffix(uri.path()).unwrap_or(&resource);
        let metadata_url = format!("{origin}{path}");
        Ok(Self {
            resource,
            path,
            metadata_url,
            authorization_servers: Vec::new(),
            scopes: Vec::new(),
            name: None,
            documentation: None,
        })
    }

    /// Adds an authorization server, by its issuer URL. It issues tokens that the service accepts.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn authorization_server(mut self, issuer: impl Into<String>) -> Result<Self, ResourceUrlError> {
        let issuer = issuer.into();
        checked(&issuer, "authorization_servers")?;
        self.authorization_servers.push(issuer);
        Ok(self)
    }

    /// Sets the URL of the documentation for developers.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn documentation(mut self, url: impl Into<String>) -> Result<Self, ResourceUrlError> {
        let url = url.into();
        checked(&url, "resource_documentation")?;
        self.documentation = Some(url);
        Ok(self)
    }

    /// Sets the scopes of the service.
    #[must_use]
    pub fn scopes(mut self, scopes: impl IntoIterator<Item = Scope>) -> Self {
        self.scopes = scopes.into_iter().collect();
        self
    }

    /// Sets the name of the service, for people.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Returns the path that serves the metadata, such as `/.well-known/oauth-protected-resource`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns the URL of the metadata.
    #[must_use]
    pub fn metadata_url(&self) -> &str {
        &self.metadata_url
    }

    /// Returns the metadata.
    #[must_use]
    pub fn json(&self) -> Value {
        let list = |is_empty: bool, value: Value| (!is_empty).then_some(value);
        let members = [
            ("resource", Some(json!(self.resource))),
            ("authorization_servers", list(self.authorization_servers.is_empty(), json!(self.authorization_servers))),
            ("scopes_supported", list(self.scopes.is_empty(), json!(self.scopes))),
            ("bearer_methods_supported", Some(json!(["header"]))),
            ("resource_name", self.name.as_ref().map(|name| json!(name))),
            ("resource_documentation", self.documentation.as_ref().map(|url| json!(url))),
        ];
        let members = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Value::Object(members.collect::<Map<_, _>>())
    }
}

/// The characters of a URL fit into a quoted string of a challenge.
fn checked(url: &str, member: &'static str) -> Result<Uri, ResourceUrlError> {
    let fault = |problem| ResourceUrlError { url: url.to_owned(), member, problem };
    if url.len() > MAX_URL {
        return Err(fault("it is longer than 512 characters"));
    }
    if !url.bytes().all(|byte| byte.is_ascii_graphic()) || url.contains(['"', '\\', '<', '>', '#']) {
        return Err(fault("it has a fragment, or a character that a URL cannot have"));
    }
    let uri: Uri = url.parse().map_err(|_| fault("it is no URL"))?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(fault("it is not absolute"));
    };
    if authority.host().is_empty() || authority.as_str().contains('@') {
        return Err(fault("it has no host, or a user name"));
    }
    match scheme {
        "https" => Ok(uri),
        "http" if is_loopback(authority.host()) => Ok(uri),
        _ => Err(fault("it does not begin with https")),
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_the_metadata_comes_before_that_of_the_resource() {
        for (resource, path, metadata_url) in [
            ("https://a.example", "", "https://a.example/.well-known/oauth-protected-resource"),
            ("https://a.example/", "", "https://a.example/.well-known/oauth-protected-resource"),
            ("https://a.example:8443/mcp", "/mcp", "https://a.example:8443/.well-known/oauth-protected-resource/mcp"),
            ("https://a.example/a/b", "/a/b", "https://a.example/.well-known/oauth-protected-resource/a/b"),
            ("http://127.0.0.1:3000", "", "http://127.0.0.1:3000/.well-known/oauth-protected-resource"),
            ("http://[::1]:3000", "", "http://[::1]:3000/.well-known/oauth-protected-resource"),
            ("http://localhost/mcp", "/mcp", "http://localhost/.well-known/oauth-protected-resource/mcp"),
        ] {
            let found = ProtectedResource::new(resource).unwrap();
            assert_eq!((found.path(), found.metadata_url()), (&*format!("{WELL_KNOWN}{path}"), metadata_url));
            assert_eq!(found.json()["resource"], resource);
        }
    }

    #[test]
    fn other_urls_are_refused() {
        for (url, problem) in [
            ("", "it is no URL"),
            ("api.example.com", "it is not absolute"),
            ("/mcp", "it is not absolute"),
            ("http://api.example.com", "it does not begin with https"),
            ("http://127.0.0.1.example.com", "it does not begin with https"),
            ("ftp://localhost", "it does not begin with https"),
            ("https://user@api.example.com", "it has no host, or a user name"),
            ("https://api.example.com/#a", "it has a fragment, or a character that a URL cannot have"),
            ("https://api.example.com/\"", "it has a fragment, or a character that a URL cannot have"),
            ("https://api.example.com/ä", "it has a fragment, or a character that a URL cannot have"),
            ("https://api.example.com/a b", "it has a fragment, or a character that a URL cannot have"),
            ("https://api.example.com?a=b", "it has a query"),
            ("https://api.example.com/{id}", "routers may read its path in different ways"),
            ("https://api.example.com/../a", "routers may read its path in different ways"),
            ("https://api.example.com/a//b", "routers may read its path in different ways"),
        ] {
            let error = ProtectedResource::new(url).unwrap_err();
            assert_eq!(error.problem, problem, "{url}");
            assert!(error.to_string().starts_with("invalid URL "), "{error}");
        }
        let resource = ProtectedResource::new("https://api.example.com").unwrap();
        assert!(resource.clone().authorization_server("http://login.example.com").is_err());
        assert!(resource.clone().authorization_server(format!("https://a.example/{}", "b".repeat(512))).is_err());
        assert!(resource.documentation("docs").is_err());
    }

    #[test]
    fn members_without_a_value_are_left_out() {
        let resource = ProtectedResource::new("https://api.example.com").unwrap();
        assert_eq!(
            resource.json(),
            json!({ "resource": "https://api.example.com", "bearer_methods_supported": ["header"] })
        );
    }
}
