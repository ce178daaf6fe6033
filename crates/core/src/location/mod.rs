//! The places in which a request may carry its key.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

mod names;
mod read;
mod subprotocol;
mod text;

pub(crate) use names::LocationFault;
pub(crate) use read::{Field, Reading};

use http::header::{AUTHORIZATION, CACHE_CONTROL, SEC_WEBSOCKET_PROTOCOL, VARY};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::connection::Connection;
use subprotocol::Others;

/// A place for the key, beside `Authorization: Bearer`.
///
/// Exactly one place of a request may carry a key. An empty value counts as none.
///
/// # Examples
/// ```
/// use keyward::adapter::Location;
/// use keyward::{Authenticator, MemoryStore};
///
/// let authenticator = Authenticator::builder(MemoryStore::new())
///     .accept(Location::header("X-API-Key"))
///     .accept(Location::Basic)
///     .accept(Location::WebSocketSubprotocol)
///     .build()?;
/// # let _ = authenticator;
/// # Ok::<(), keyward::adapter::BuildError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Location {
    /// A header with this name. Its value is the key, with or without `Bearer ` in front.
    Header(String),
    /// HTTP Basic (RFC 7617) in `Authorization`: the key is the user name, and the password is empty.
    Basic,
    /// A WebSocket subprotocol `keyward.KEY`, beside the application's own. For browsers, which cannot set headers there.
    ///
    /// Handlers do not see the entry. Only a WebSocket handshake, a request with `Sec-WebSocket-Version`, may carry it. A key
    /// with characters that RFC 9110 forbids in a token, such as `/` and `=`, does not fit.
    WebSocketSubprotocol,
}

impl Location {
    /// Accepts the key in the header `name`, such as `X-API-Key`.
    ///
    /// [`build`](crate::adapter::AuthenticatorBuilder::build) refuses names with another meaning, such as `Cookie`.
    #[must_use]
    pub fn header(name: impl Into<String>) -> Self {
        Self::Header(name.into())
    }
}

/// The places of an authenticator that does not read only `Authorization: Bearer`.
pub(crate) struct Locations {
    bearer: bool,
    basic: bool,
    subprotocol: bool,
    headers: Box<[HeaderName]>,
    /// As the service spelled and ordered them.
    accepted: Box<[Location]>,
    /// All fields that may carry a key.
    fields: Box<[HeaderName]>,
    vary: HeaderValue,
}

impl Locations {
    /// Returns `None` if only Bearer is accepted.
    pub(crate) fn new(bearer: bool, accepted: Vec<Location>) -> Result<Option<Self>, LocationFault> {
        if accepted.is_empty() {
            return if bearer { Ok(None) } else { Err(LocationFault::NoPlace) };
        }
        let headers = names::checked(&accepted)?;
        let has = |location: &Location| accepted.contains(location);
        let (basic, subprotocol) = (has(&Location::Basic), has(&Location::WebSocketSubprotocol));
        let mut fields = Vec::new();
        if bearer || basic {
            fields.push(AUTHORIZATION);
        }
        fields.extend(headers.iter().cloned());
        if subprotocol {
            fields.push(SEC_WEBSOCKET_PROTOCOL);
        }
        let vary = fields.iter().map(HeaderName::as_str).collect::<Vec<_>>().join(", ");
        let vary = HeaderValue::try_from(vary).map_err(|_| LocationFault::NoPlace)?;
        Ok(Some(Self {
            bearer,
            basic,
            subprotocol,
            headers: headers.into(),
            accepted: accepted.into(),
            fields: fields.into(),
            vary,
        }))
    }

    pub(crate) fn fields(&self) -> &[HeaderName] {
        &self.fields
    }

    pub(crate) fn bearer(&self) -> bool {
        self.bearer
    }

    pub(crate) fn accepted(&self) -> &[Location] {
        &self.accepted
    }

    pub(crate) fn vary(&self) -> HeaderValue {
        self.vary.clone()
    }

    /// Adds the fields that `Vary` does not name yet.
    pub(crate) fn add_to_vary(&self, headers: &mut HeaderMap) {
        for field in &self.fields {
            if !names(headers.get_all(VARY), field.as_str()) {
                headers.append(VARY, field.clone().into());
            }
        }
    }

    /// Forbids shared caches to store an answer that the handler lets be stored.
    ///
    /// For a request with `Authorization`, RFC 9111 section 3.5 forbids it, except with one of these directives. No such rule covers
    /// other fields.
    #[cold]
    pub(crate) fn keep_from_shared_caches(headers: &mut HeaderMap) {
        if !decides_about_shared_caches(headers.get_all(CACHE_CONTROL).iter().map(HeaderValue::as_bytes)) {
            headers.append(CACHE_CONTROL, const { HeaderValue::from_static("private") });
        }
    }

    /// Marks the fields as sensitive, and removes a key from the subprotocols.
    #[cold]
    pub(crate) fn hide(&self, headers: &mut HeaderMap) {
        for field in &self.fields {
            if let http::header::Entry::Occupied(mut values) = headers.entry(field) {
                values.iter_mut().for_each(|value| value.set_sensitive(true));
            }
        }
        if !self.subprotocol {
            return;
        }
        let mut others = Others::default();
        headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().for_each(|value| others.read(value.as_bytes()));
        if let Some(rest) = others.without_keys() {
            headers.remove(SEC_WEBSOCKET_PROTOCOL);
            if let Some(rest) = HeaderValue::from_bytes(&rest).ok().filter(|rest| !rest.is_empty()) {
                headers.insert(SEC_WEBSOCKET_PROTOCOL, rest);
            }
        }
    }

    pub(crate) fn other_subprotocols(&self, connection: &dyn Connection) -> Option<Vec<u8>> {
        if !self.subprotocol {
            return None;
        }
        let mut others = Others::default();
        connection.visit(SEC_WEBSOCKET_PROTOCOL.as_str(), &mut |value| others.read(value));
        others.without_keys()
    }
}

/// In any case of letters.
fn without_prefix<'v>(value: &'v [u8], prefix: &[u8]) -> Option<&'v [u8]> {
    let (start, rest) = value.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// Returns `true` if `Cache-Control` says whether shared caches may store an answer to a request with a key.
pub(crate) fn decides_about_shared_caches<'v>(values: impl IntoIterator<Item = &'v [u8]>) -> bool {
    const DECIDING: [&str; 5] = ["private", "no-store", "public", "s-maxage", "must-revalidate"];
    values
        .into_iter()
        .flat_map(|value| value.split(|&byte| byte == b','))
        .filter_map(|directive| directive.split(|&byte| byte == b'=').next())
        .any(|name| DECIDING.iter().any(|known| name.trim_ascii().eq_ignore_ascii_case(known.as_bytes())))
}

/// Returns `true` if a `Vary` field names `field`, or everything.
pub(crate) fn names<'v>(vary: impl IntoIterator<Item = &'v HeaderValue>, field: &str) -> bool {
    vary.into_iter()
        .flat_map(|value| value.as_bytes().split(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii)
        .any(|name| name == b"*" || name.eq_ignore_ascii_case(field.as_bytes()))
}

#[cfg(test)]
mod tests;
