//! The places of keys, for adapters.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName};

use super::Authenticator;
use crate::connection::Connection;
use crate::location::{Locations, decides_about_shared_caches};

impl Authenticator {
    /// Returns the fields that may carry a key, for `Vary`. Defaults to `Authorization`.
    #[must_use]
    pub fn credential_fields(&self) -> &[HeaderName] {
        self.locations().map_or(&[AUTHORIZATION], Locations::fields)
    }

    /// Returns `true` if `Cache-Control: private` must be added to an authenticated answer that has these fields of `Cache-Control`.
    ///
    /// Without [other places](crate::adapter::Location), `Authorization` itself keeps shared caches from storing it (RFC 9111 section 3.5).
    #[must_use]
    pub fn must_add_private<'v>(&self, cache_control: impl IntoIterator<Item = &'v [u8]>) -> bool {
        self.accepts_other_locations() && !decides_about_shared_caches(cache_control)
    }

    /// Returns `true` after [`accept`](super::AuthenticatorBuilder::accept): call [`hide_credentials`](Self::hide_credentials).
    #[inline]
    #[must_use]
    pub fn accepts_other_locations(&self) -> bool {
        self.0.locations.is_some()
    }

    /// Marks an admitted request's fields that may carry a key as sensitive, and removes a key from its WebSocket subprotocols.
    #[inline]
    pub fn hide_credentials(&self, headers: &mut HeaderMap) {
        if let Some(locations) = self.locations() {
            locations.hide(headers);
        }
        // Several are refused where keys are read from this field.
        if let Some(field) = headers.get_mut(AUTHORIZATION) {
            field.set_sensitive(true);
        }
    }

    /// Returns the WebSocket subprotocols without keys, if there is a key among them. A handler must see only these.
    #[must_use]
    pub fn other_subprotocols(&self, connection: &dyn Connection) -> Option<Vec<u8>> {
        self.locations()?.other_subprotocols(connection)
    }
}
