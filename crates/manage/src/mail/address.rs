//! The URL of a mail server.

use std::net::IpAddr;

use percent_encoding::percent_decode_str;
use url::{Host, Url};
use zeroize::Zeroizing;

/// Submission over TLS, submission, and relay (RFC 8314, RFC 6409, RFC 5321).
const PORTS: [u16; 3] = [465, 587, 25];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encryption {
    /// From the first byte.
    Tls,
    /// After STARTTLS. Without it, nothing is sent.
    StartTls,
    None,
}

#[derive(Clone)]
pub(super) struct MailServer {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) encryption: Encryption,
    pub(super) user: Option<String>,
    pub(super) password: Option<Zeroizing<String>>,
}

impl MailServer {
    /// An error never repeats the URL, which may have a password.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let url = Url::parse(text).map_err(|_| "it is malformed")?;
        let is_tls = match url.scheme() {
            "smtps" => true,
            "smtp" => false,
            _ => return Err("it begins with neither smtps:// nor smtp://"),
        };
        let host = url.host().ok_or("it has no host")?;
        let is_loopback = is_loopback(&host);
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err("it has a path or a fragment");
        }
        let encryption = match (is_tls, url.query()) {
            (true, None) => Encryption::Tls,
            (true, Some(_)) => return Err("smtps:// takes no option"),
            (false, None) if is_loopback => Encryption::None,
            (false, None | Some("tls=required")) => Encryption::StartTls,
            (false, Some("tls=none")) => Encryption::None,
            (false, Some(_)) => return Err("its only option is tls, with the value required or none"),
        };
        let [tls, submission, relay] = PORTS;
        let port = match encryption {
            Encryption::Tls => tls,
            Encryption::StartTls => submission,
            Encryption::None => relay,
        };
        let decoded = |text: &str| percent_decode_str(text).decode_utf8().map(std::borrow::Cow::into_owned);
        let user = Some(url.username()).filter(|user| !user.is_empty()).map(decoded).transpose();
        let password = url.password().map(decoded).transpose();
        let (Ok(user), Ok(password)) = (user, password) else { return Err("its user or password is not UTF-8") };
        if user.is_none() && password.is_some() {
            return Err("it has a password without a user");
        }
        if user.is_some() && encryption == Encryption::None && !is_loopback {
            return Err("it sends a user without TLS to another machine");
        }
        Ok(Self {
            host: url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned(),
            port: url.port().unwrap_or(port),
            encryption,
            user,
            password: password.map(Zeroizing::new),
        })
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        // The scheme is unknown to the crate `url`, so addresses are not parsed.
        Host::Domain(name) => *name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}
