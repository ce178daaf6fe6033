//! Requests to receivers of webhooks: no redirects, and no private network unless it is allowed.

use std::error::Error;
use std::io;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{Request, StatusCode};
use http_body_util::Full;
use keyward_core::network::ipnet::IpNet;
use url::Url;

use crate::checked_client::{CONNECT_TIMEOUT, CheckedClient, SendError, check_address, literal};
use crate::error::ManagementError;

const TIMEOUT: Duration = Duration::from_secs(20);
/// Of an answer, with all informational answers before it.
const MAX_HEAD: usize = 64 * 1_024;
const MAX_URL: usize = 2_048;
const MAX_ERROR: usize = 200;

/// Checks a URL before it is stored. The address is checked at each attempt.
pub(crate) fn check_url(url: &str, allowed: &[IpNet]) -> Result<String, ManagementError> {
    let invalid = |message: String| Err(ManagementError::invalid("url", message));
    if url.len() > MAX_URL {
        return invalid(format!("{} bytes are too many: expected at most {MAX_URL}", url.len()));
    }
    if url.is_empty() {
        return invalid("expected a URL such as https://example.com/hooks".to_owned());
    }
    let Ok(parsed) = Url::parse(url) else {
        return invalid(format!("`{}` is not a URL: expected one such as https://example.com/hooks", shown(url)));
    };
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return invalid("the URL has a user name or a password: remove it, and check the signature instead".to_owned());
    }
    if parsed.fragment().is_some() {
        return invalid(format!("`{}` has a fragment: remove the part after #", shown(url)));
    }
    let is_allowed_plain = parsed.scheme() == "http" && !allowed.is_empty();
    if parsed.scheme() != "https" && !is_allowed_plain {
        return invalid(format!("`{}` is not encrypted: expected an https:// URL", shown(url)));
    }
    if let Some(address) = literal(&parsed)
        && let Err(message) = check_address(address, parsed.scheme() == "http", allowed)
    {
        return invalid(message);
    }
    Ok(parsed.into())
}

fn shown(url: &str) -> String {
    url.chars().filter(|character| !character.is_control()).take(100).collect()
}

pub(crate) struct WebhookClient(CheckedClient);

impl WebhookClient {
    pub(crate) fn new(allowed: &[IpNet]) -> Self {
        Self(CheckedClient::new::<MAX_HEAD>(allowed, allowed))
    }

    /// Sends a request, and returns the status. Redirects are not followed, and the body of the answer is not read.
    pub(crate) async fn post(
        &self,
        url: &str,
        fields: &[(&'static str, String)],
        body: String,
    ) -> Result<StatusCode, String> {
        let url = Url::parse(url).map_err(|error| error.to_string())?;
        let mut request = Request::post(url.as_str()).header(CONTENT_TYPE, "application/json");
        for (name, value) in fields {
            request = request.header(*name, value);
        }
        let request = request.body(Full::from(body)).map_err(|error| error.to_string())?;
        match tokio::time::timeout(TIMEOUT, self.0.send(request)).await {
            Ok(Ok(answer)) => Ok(answer.status()),
            Ok(Err(SendError::Client(error))) => Err(explain(&error)),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no answer within {} seconds", TIMEOUT.as_secs())),
        }
    }
}

fn explain(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        if next.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::TimedOut) {
            return format!("no connection within {} seconds", CONNECT_TIMEOUT.as_secs());
        }
        cause = next;
    }
    cause.to_string().chars().take(MAX_ERROR).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_https_and_lead_to_public_addresses() {
        let loopback: IpNet = "127.0.0.0/8".parse().unwrap();
        let long = format!("https://example.com/{}", "a".repeat(2_048));
        for (url, strict, loose) in [
            ("https://example.com/hooks?a=b", true, true),
            ("https://8.8.8.8/", true, true),
            ("http://example.com/", false, true),
            ("http://8.8.8.8/", false, false),
            ("http://127.0.0.1:1/", false, true),
            ("https://127.0.0.1/", false, true),
            ("https://2130706433/", false, true),
            ("https://0x7f.1/", false, true),
            ("https://[::ffff:127.0.0.1]/", false, true),
            ("https://[::1]/", false, false),
            ("https://169.254.169.254/latest", false, false),
            ("https://user:secret@example.com/", false, false),
            ("https://example.com/#part", false, false),
            ("ftp://example.com/", false, false),
            ("file:///etc/passwd", false, false),
            ("example.com", false, false),
            ("", false, false),
            (&long, false, false),
        ] {
            assert_eq!(check_url(url, &[]).is_ok(), strict, "{url}");
            assert_eq!(check_url(url, &[loopback]).is_ok(), loose, "{url}, with loopback allowed");
        }
    }
}
