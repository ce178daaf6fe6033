use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use http::header::HOST;
use http::uri::Authority;
use http::{Request, Uri};
use serde::Deserialize;

/// Public URL of the dashboard and the API: scheme, host and optional port.
/// Links use it, never the host of a request.
///
/// # Examples
/// ```
/// use keyward::manage::PublicUrl;
///
/// let url: PublicUrl = "https://keys.example.com".parse()?;
/// assert_eq!(url.to_string(), "https://keys.example.com");
/// assert!("http://localhost:8080".parse::<PublicUrl>().is_ok());
/// for wrong in ["http://keys.example.com", "keys.example.com", "https://keys.example.com/keyward"] {
///     assert!(wrong.parse::<PublicUrl>().is_err(), "{wrong}");
/// }
/// # Ok::<(), keyward::manage::PublicUrlError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PublicUrl {
    scheme: Scheme,
    authority: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

impl Scheme {
    fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Invalid public URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid public URL {text:?}: {why}; write it like https://keys.example.com")]
pub struct PublicUrlError {
    text: String,
    why: &'static str,
}

impl PublicUrlError {
    #[cfg(feature = "dashboard")]
    pub(crate) fn why(&self) -> &'static str {
        self.why
    }
}

impl PublicUrl {
    /// Returns `true` if only this machine can reach the URL.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.authority)
    }

    #[cfg(any(feature = "dashboard", test))]
    pub(crate) fn is_of(&self, host: &str) -> bool {
        normalized(self.scheme, host).is_some_and(|authority| authority == self.authority)
    }

    #[cfg(feature = "dashboard")]
    pub(crate) fn of_loopback(host: &str, is_secure: bool) -> Option<Self> {
        let scheme = if is_secure { Scheme::Https } else { Scheme::Http };
        let authority = normalized(scheme, host)?;
        is_loopback(&authority).then_some(Self { scheme, authority })
    }

    /// `None` for an IP address, under which browsers offer no passkeys.
    #[cfg(feature = "dashboard")]
    pub(crate) fn host_name(&self) -> Option<&str> {
        let name = self.authority.split(':').next().filter(|name| !name.starts_with('['))?;
        // The URL standard reads a host whose last label is a number as an IPv4 address.
        let is_number = |label: &str| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_digit());
        let last = name.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
        (!is_number(last) && !last.starts_with("0x")).then_some(name)
    }

    /// The same address under the name of this machine.
    #[cfg(feature = "dashboard")]
    pub(crate) fn at_localhost(&self) -> String {
        let port = self.authority.rsplit_once(':').map(|(_, port)| port).filter(|port| !port.contains(']'));
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}://localhost{port}", self.scheme.as_str())
    }
}

fn normalized(scheme: Scheme, host: &str) -> Option<String> {
    let authority: Authority = host.parse().ok()?;
    // Refuses user names, empty ports and ports that are not numbers.
    let name = authority.host();
    let port = match authority.as_str().strip_prefix(name)? {
        "" => None,
        rest => Some(rest.strip_prefix(':')?.parse::<u16>().ok()?),
    };
    let name = name.to_ascii_lowercase();
    if name.is_empty() {
        return None;
    }
    Some(match port.filter(|port| *port != scheme.default_port()) {
        Some(port) => format!("{name}:{port}"),
        None => name,
    })
}

impl FromStr for PublicUrl {
    type Err = PublicUrlError;

    fn from_str(text: &str) -> Result<Self, PublicUrlError> {
        let wrong = |why| PublicUrlError { text: text.to_owned(), why };
        let uri: Uri = text.parse().map_err(|_| wrong("it is malformed"))?;
        let scheme = match uri.scheme_str() {
            Some("https") => Scheme::Https,
            Some("http") => Scheme::Http,
            _ => return Err(wrong("it does not begin with https://")),
        };
        // `Uri` drops fragments.
        if text.contains(['?', '#']) {
            return Err(wrong("it has a query or a fragment"));
        }
        if !matches!(uri.path(), "" | "/") {
            return Err(wrong("it has a path, but the server answers at the root of its host"));
        }
        let host = uri.authority().map(Authority::as_str).unwrap_or_default();
        if host.contains('@') {
            return Err(wrong("it has a user name"));
        }
        let authority = normalized(scheme, host).ok_or_else(|| wrong("its host or port is malformed"))?;
        if scheme == Scheme::Http && !is_loopback(&authority) {
            return Err(wrong("http:// is for loopback addresses only"));
        }
        Ok(Self { scheme, authority })
    }
}

impl TryFrom<String> for PublicUrl {
    type Error = PublicUrlError;

    fn try_from(text: String) -> Result<Self, PublicUrlError> {
        text.parse()
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.authority)
    }
}

/// Empty if the request has several `Host` fields, which `headers::Host` would overlook.
pub(crate) fn host_of<B>(request: &Request<B>) -> &str {
    let mut fields = request.headers().get_all(HOST).iter();
    match (fields.next(), fields.next()) {
        (Some(host), None) => host.to_str().unwrap_or_default(),
        (Some(_), Some(_)) => "",
        (None, _) => request.uri().authority().map(Authority::as_str).unwrap_or_default(),
    }
}

pub(crate) fn is_loopback(host: &str) -> bool {
    let Some(authority) = normalized(Scheme::Http, host) else { return false };
    let name = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_url_is_a_safe_origin() {
        for (text, expected) in [
            ("https://keys.example.com", Some("https://keys.example.com")),
            ("https://Keys.Example.com/", Some("https://keys.example.com")),
            ("https://keys.example.com:443", Some("https://keys.example.com")),
            ("https://keys.example.com:8443", Some("https://keys.example.com:8443")),
            ("http://localhost:8080", Some("http://localhost:8080")),
            ("http://127.0.0.1", Some("http://127.0.0.1")),
            ("http://[::1]:8080/", Some("http://[::1]:8080")),
            ("https://[2001:db8::1]", Some("https://[2001:db8::1]")),
            ("http://keys.example.com", None),
            ("http://10.0.0.1:8080", None),
            ("http://127.0.0.1.example.com", None),
            ("https://keys.example.com/keyward", None),
            ("https://keys.example.com//", None),
            ("https://keys.example.com/?a", None),
            ("https://keys.example.com?", None),
            ("https://keys.example.com#a", None),
            ("https://ada@keys.example.com", None),
            ("https://ada:secret@keys.example.com", None),
            ("https://keys.example.com:", None),
            ("https://keys.example.com:99999", None),
            ("https://", None),
            ("https:///keys", None),
            ("keys.example.com", None),
            ("//keys.example.com", None),
            ("ftp://keys.example.com", None),
            ("https://keys example.com", None),
            ("", None),
        ] {
            let read = text.parse::<PublicUrl>().map(|url| url.to_string()).ok();
            assert_eq!(read.as_deref(), expected, "{text:?}");
        }
    }

    #[cfg(feature = "dashboard")]
    #[test]
    fn passkeys_need_the_name_of_a_host() {
        for (text, name, local) in [
            ("https://keys.example.com:8443", Some("keys.example.com"), "https://localhost:8443"),
            ("http://localhost", Some("localhost"), "http://localhost"),
            ("http://127.0.0.1:8080", None, "http://localhost:8080"),
            ("https://192.0.2.7", None, "https://localhost"),
            ("https://[2001:db8::1]:8443", None, "https://localhost:8443"),
            ("https://[2001:db8::1]", None, "https://localhost"),
            ("https://0x7f.0x1", None, "https://localhost"),
        ] {
            let url: PublicUrl = text.parse().unwrap();
            assert_eq!((url.host_name(), url.at_localhost().as_str()), (name, local), "{text}");
        }
    }

    #[test]
    fn ambiguous_host_is_not_loopback() {
        for (host, expected) in [
            ("localhost", true),
            ("LOCALHOST:8080", true),
            ("127.0.0.1", true),
            ("127.9.9.9:1", true),
            ("[::1]", true),
            ("[::1]:8080", true),
            ("", false),
            ("keys.example.com", false),
            ("10.0.0.1", false),
            ("localhost.example.com", false),
            ("127.0.0.1.example.com", false),
            ("127.0.0.1@example.com", false),
            ("127.0.0.1:80@example.com", false),
            ("[::1].example.com", false),
            ("[::1]example.com", false),
            ("127.0.0.1:", false),
            ("127.0.0.1:port", false),
        ] {
            assert_eq!(is_loopback(host), expected, "{host:?}");
        }
    }

    #[test]
    fn request_is_for_this_server_if_the_host_is_equal() {
        let url: PublicUrl = "https://keys.example.com".parse().unwrap();
        for (host, expected) in [
            ("keys.example.com", true),
            ("Keys.Example.Com:443", true),
            ("keys.example.com:80", false),
            ("keys.example.com.evil.example", false),
            ("evil.example", false),
            ("", false),
        ] {
            assert_eq!(url.is_of(host), expected, "{host:?}");
        }
    }
}
