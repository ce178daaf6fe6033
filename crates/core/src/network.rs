//! Networks in one canonical form.
//!
//! # Examples
//! ```
//! use keyward::Network;
//!
//! let office: Network = "192.0.2.0/24".parse()?;
//! assert_eq!(office, "::ffff:192.0.2.0/120".parse()?);
//! # Ok::<(), keyward::network::NetworkError>(())
//! ```

pub use ipnet;

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};
use serde::{Deserialize, Serialize};

const MAPPED_PREFIX: u8 = 96;

/// A network or single address. IPv4-mapped networks become IPv4 networks.
///
/// # Examples
/// ```
/// use keyward::Network;
///
/// let network: Network = "10.1.2.3".parse()?;
/// assert_eq!(network.to_string(), "10.1.2.3/32");
/// assert_eq!("::ffff:10.0.0.0/104".parse::<Network>()?.to_string(), "10.0.0.0/8");
/// # Ok::<(), keyward::network::NetworkError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network(IpNet);

/// The text is no network.
///
/// # Examples
/// ```
/// let error = "10.1.2.3/8".parse::<keyward::Network>().unwrap_err();
/// assert_eq!(error.to_string(), "invalid network \"10.1.2.3/8\": write 10.0.0.0/8 for the network, or 10.1.2.3 for the address");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid network {text:?}: {fault}")]
pub struct NetworkError {
    text: String,
    fault: Fault,
}

/// The network around a client, so that a record shows where and not who: a /24 for IPv4, a /48 for IPv6.
///
/// # Examples
/// ```
/// let around = keyward::network::around([192, 0, 2, 7].into());
/// assert_eq!(around.to_string(), "192.0.2.0/24");
/// ```
#[must_use]
pub fn around(client: IpAddr) -> IpNet {
    let client = client.to_canonical();
    IpNet::new(client, if client.is_ipv4() { 24 } else { 48 }).map_or_else(|_| client.into(), |network| network.trunc())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Address,
    Prefix { most: u8 },
    HostBits { network: IpNet, address: IpAddr },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address => f.write_str("expected an address such as 192.0.2.7 or a network such as 192.0.2.0/24"),
            Self::Prefix { most } => write!(f, "expected a prefix length from 0 to {most} behind the slash"),
            Self::HostBits { network, address } => {
                write!(f, "write {network} for the network, or {address} for the address")
            }
        }
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let failed = |fault| NetworkError { text: text.chars().take(64).collect(), fault };
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        // Unlike ipnet, the standard library refuses leading zeros, which other programs read as octal numbers.
        let address: IpAddr = address.parse().map_err(|_| failed(Fault::Address))?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => most,
            Some(prefix) => number(prefix).ok_or_else(|| failed(Fault::Prefix { most }))?,
        };
        let written = IpNet::new(address, prefix).map_err(|_| failed(Fault::Prefix { most }))?;
        if written != written.trunc() {
            return Err(failed(Fault::HostBits { network: written.trunc(), address }));
        }
        Ok(written.into())
    }
}

/// Refuses signs and leading zeros.
fn number(text: &str) -> Option<u8> {
    let number: u8 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// Clears the bits after the prefix.
impl From<IpNet> for Network {
    fn from(network: IpNet) -> Self {
        let mapped = |network: ipnet::Ipv6Net| -> Option<Ipv4Net> {
            let address: Ipv6Addr = network.network();
            Ipv4Net::new(address.to_ipv4_mapped()?, network.prefix_len().checked_sub(MAPPED_PREFIX)?).ok()
        };
        Self(match network {
            IpNet::V4(_) => network.trunc(),
            IpNet::V6(v6) => mapped(v6).map_or(network.trunc(), IpNet::V4),
        })
    }
}

impl From<Network> for IpNet {
    fn from(network: Network) -> Self {
        network.0
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

impl TryFrom<String> for Network {
    type Error = NetworkError;

    fn try_from(text: String) -> Result<Self, NetworkError> {
        text.parse()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_have_one_form() {
        for (text, expected) in [
            ("10.1.2.3", Some("10.1.2.3/32")),
            ("2001:db8::5", Some("2001:db8::5/128")),
            ("10.0.0.0/8", Some("10.0.0.0/8")),
            ("0.0.0.0/0", Some("0.0.0.0/0")),
            ("::/0", Some("::/0")),
            ("2001:DB8:0::/32", Some("2001:db8::/32")),
            ("::ffff:10.0.0.0/104", Some("10.0.0.0/8")),
            ("::ffff:10.1.2.3", Some("10.1.2.3/32")),
            ("::ffff:0:0/96", Some("0.0.0.0/0")),
            ("010.8.8.8/32", None),
            ("10.8.8.08", None),
            ("0x0a.8.8.8", None),
            ("10.8.8", None),
            ("10.1.2.3/8", None),
            ("::ffff:10.1.2.3/104", None),
            ("::ffff:0:0/90", None),
            ("10.0.0.0/33", None),
            ("10.0.0.0/08", None),
            ("10.0.0.0/+8", None),
            ("10.0.0.0/", None),
            ("10.0.0.0/255.0.0.0", None),
            ("::/129", None),
            ("[::1]", None),
            ("fe80::1%1", None),
            (" 10.0.0.0/8", None),
            ("10.0.0.1:80", None),
            ("", None),
        ] {
            let read = text.parse::<Network>();
            assert_eq!(read.as_ref().ok().map(ToString::to_string).as_deref(), expected, "{text}");
            let json: Result<Network, _> = serde_json::from_value(serde_json::Value::from(text));
            assert_eq!(json.ok(), read.clone().ok(), "{text}");
            if let Err(error) = read {
                assert!(error.to_string().contains(&format!("{text:?}")), "{error}");
            }
        }
    }

    #[test]
    fn networks_of_other_code_get_that_form() {
        for (network, expected) in [
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
            ("10.1.2.3/8", "10.0.0.0/8"),
            ("::ffff:0:0/95", "::fffe:0:0/95"),
            ("2001:db8::1/32", "2001:db8::/32"),
        ] {
            let network: IpNet = network.parse().unwrap();
            assert_eq!(Network::from(network).to_string(), expected);
        }
    }
}
