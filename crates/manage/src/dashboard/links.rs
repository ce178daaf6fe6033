//! Paths of accounts, and absolute links.

use keyward_core::AccountId;
use percent_encoding::percent_decode_str;

use super::error::PageError;
use super::visitor::Visitor;
use crate::origin::{PublicUrl, is_loopback};
pub(super) use crate::paths::{account_path, encoded, in_path};

pub(super) fn decoded(text: &str) -> Option<AccountId> {
    percent_decode_str(text).decode_utf8().ok()?.parse().ok()
}

impl Visitor {
    /// A link under another host would send its secret to that host.
    #[cfg(feature = "oidc")]
    pub(super) fn absolute(&self, path: &str) -> Result<String, PageError> {
        let base = &self.app.settings().base;
        if let Some(url) = self.public_url()? {
            return Ok(format!("{url}{base}{path}"));
        }
        let url = PublicUrl::of_loopback(&self.host, self.cookies.is_secure()).ok_or_else(PageError::no_public_url)?;
        Ok(format!("{url}{base}{path}"))
    }

    /// Without a public URL, the script prepends the address that the browser shows.
    pub(super) fn link_base(&self) -> Result<String, PageError> {
        let own = self.public_url()?.map(ToString::to_string).unwrap_or_default();
        Ok(format!("{own}{}", self.app.settings().base))
    }

    /// The address under which the browser reached this server.
    pub(super) fn own_origin(&self) -> String {
        let scheme = if self.cookies.is_secure() { "https" } else { "http" };
        format!("{scheme}://{}", self.host)
    }

    fn public_url(&self) -> Result<Option<&PublicUrl>, PageError> {
        match &self.app.settings().public_url {
            Some(url) if !url.is_of(&self.host) && !is_loopback(&self.host) => {
                Err(PageError::other_host(&url.to_string()))
            }
            url => Ok(url.as_ref()),
        }
    }
}
