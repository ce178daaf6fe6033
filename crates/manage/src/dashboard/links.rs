//! Paths of accounts, and links that leave the dashboard.

use keyward_core::AccountId;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::error::PageError;
use super::visitor::Visitor;
use crate::origin::{PublicUrl, is_loopback};

/// The characters that an id needs to escape in a path and in a cookie: it may have any visible character.
const IN_PATHS: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The id of an account, as paths and cookies have it.
pub(super) fn encoded(account: &AccountId) -> String {
    utf8_percent_encode(account.as_str(), &IN_PATHS).to_string()
}

/// The account that a path or a cookie names.
pub(super) fn decoded(text: &str) -> Option<AccountId> {
    percent_decode_str(text).decode_utf8().ok()?.parse().ok()
}

/// The path of a page about an account.
pub(super) fn account_path(account: &AccountId, rest: &str) -> String {
    format!("/accounts/{}{rest}", encoded(account))
}

impl Visitor {
    /// The absolute URL of a path: below the public URL, or on this machine. A link under another host would send its secret
    /// to that host.
    #[cfg(feature = "oidc")]
    pub(super) fn absolute(&self, path: &str) -> Result<String, PageError> {
        let base = &self.app.settings().base;
        if let Some(url) = self.public_url()? {
            return Ok(format!("{url}{base}{path}"));
        }
        let url = PublicUrl::of_loopback(&self.host, self.cookies.is_secure()).ok_or_else(PageError::no_public_url)?;
        Ok(format!("{url}{base}{path}"))
    }

    /// The beginning of a link to send by mail: the public URL and the base path. Without a public URL it is only the base path,
    /// and the script prepends the address that the browser shows.
    pub(super) fn link_base(&self) -> Result<String, PageError> {
        let own = self.public_url()?.map(ToString::to_string).unwrap_or_default();
        Ok(format!("{own}{}", self.app.settings().base))
    }

    /// The public URL, if one is set and the request is for its host or for this machine.
    fn public_url(&self) -> Result<Option<&PublicUrl>, PageError> {
        match &self.app.settings().public_url {
            Some(url) if !url.is_of(&self.host) && !is_loopback(&self.host) => {
                Err(PageError::other_host(&url.to_string()))
            }
            url => Ok(url.as_ref()),
        }
    }
}
