//! The one call that the server makes to the provider's API, with a key that was just created.

use std::error::Error;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION};
use http::{HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use keyward_core::network::ipnet::{IpNet, Ipv4Net, Ipv6Net};
use url::{Host, Url};

use crate::checked_client::{CheckedClient, NoPublicAddress, SendError, check_address, literal};

const TIMEOUT: Duration = Duration::from_secs(6);
const MAX_BODY: usize = 256 * 1_024;
/// With the head, and what encodes the body.
const MOST: usize = 2 * MAX_BODY;

/// Who has set the URL of the example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SetBy {
    /// Somebody with a shell on this machine. The URL may lead to private networks.
    Configuration,
    /// Somebody with a browser, perhaps with a stolen session.
    Browser,
}

#[derive(Debug)]
pub(super) enum CallError {
    NoPublicAddress,
    NoConnection(String),
    NoAnswer,
    TooLarge,
}

/// Clients are built with the first call.
#[derive(Default)]
pub(super) struct ExampleClient {
    configuration: OnceLock<CheckedClient>,
    browser: OnceLock<CheckedClient>,
}

impl ExampleClient {
    /// Returns `false` if the URL leads to no place that may get a key. Keys go in plain text to this machine only.
    pub(super) fn may_call(url: &str, set_by: SetBy) -> bool {
        let Ok(url) = Url::parse(url) else { return false };
        match (set_by, url.scheme()) {
            (SetBy::Configuration, "https") => true,
            (SetBy::Configuration, "http") => match url.host() {
                Some(Host::Domain(name)) => name == "localhost",
                Some(Host::Ipv4(address)) => address.is_loopback(),
                Some(Host::Ipv6(address)) => address.is_loopback(),
                None => false,
            },
            (SetBy::Browser, "https") => literal(&url).is_none_or(|address| check_address(address, false, &[]).is_ok()),
            _ => false,
        }
    }

    /// Returns the status and the body. It follows no redirects, and uses no proxy.
    pub(super) async fn call(&self, url: &str, key: &str, set_by: SetBy) -> Result<(StatusCode, Bytes), CallError> {
        let client = match set_by {
            SetBy::Browser => self.browser.get_or_init(|| CheckedClient::new::<MOST>(&[], &[])),
            SetBy::Configuration => self.configuration.get_or_init(|| {
                let everything = [IpNet::V4(Ipv4Net::default()), IpNet::V6(Ipv6Net::default())];
                CheckedClient::new::<MOST>(&everything, &loopback())
            }),
        };
        let wrong = |error: &dyn Error| CallError::NoConnection(error.to_string());
        let url = Url::parse(url).map_err(|error| wrong(&error))?;
        let mut bearer = HeaderValue::from_str(&format!("Bearer {key}")).map_err(|error| wrong(&error))?;
        bearer.set_sensitive(true);
        let request = Request::get(url.as_str()).header(AUTHORIZATION, bearer).header(ACCEPT, "*/*");
        let request = request.body(Full::default()).map_err(|error| wrong(&error))?;
        let called = async {
            let answer = client.send(request).await.map_err(|error| explain(&error))?;
            let (head, body) = answer.into_parts();
            match Limited::new(body, MAX_BODY).collect().await {
                Ok(body) => Ok((head.status, body.to_bytes())),
                Err(error) if error.is::<LengthLimitError>() => Err(CallError::TooLarge),
                Err(error) => Err(wrong(&*error)),
            }
        };
        tokio::time::timeout(TIMEOUT, called).await.unwrap_or(Err(CallError::NoAnswer))
    }
}

fn loopback() -> [IpNet; 2] {
    let address = |address: std::net::IpAddr, bits: u8| IpNet::new_assert(address, bits);
    [address([127, 0, 0, 0].into(), 8), address(std::net::Ipv6Addr::LOCALHOST.into(), 128)]
}

fn explain(error: &SendError) -> CallError {
    if matches!(error, SendError::NotAllowed(_)) {
        return CallError::NoPublicAddress;
    }
    let mut cause: &dyn Error = error;
    while let Some(next) = cause.source() {
        if next.is::<NoPublicAddress>() {
            return CallError::NoPublicAddress;
        }
        cause = next;
    }
    CallError::NoConnection(cause.to_string())
}
