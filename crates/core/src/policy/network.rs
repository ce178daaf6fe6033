use std::net::IpAddr;

use crate::connection::within;
use crate::identity::Identity;
use crate::rejection::Rejection;

pub(crate) fn network_allows(identity: &Identity, client: impl FnOnce() -> Option<IpAddr>) -> Result<(), Rejection> {
    let networks = identity.networks();
    if networks.is_empty() {
        return Ok(());
    }
    match client() {
        Some(client) if within(networks, client) => return Ok(()),
        Some(_) => {}
        None => report_unknown(identity),
    }
    Err(Rejection::NetworkNotAllowed)
}

#[cold]
fn report_unknown(identity: &Identity) {
    crate::log_limited!(warn, key = %identity.id(), "refused a key that is limited to networks: the client's address is unknown; pass it on with axum's into_make_service_with_connect_info::<SocketAddr>() and keyward::axum::AuthLayer, or put a PeerAddress into the request's extensions; behind a proxy, set trusted_proxies and the fields that it overwrites");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv4_networks_written_as_ipv6_hold_ipv4_clients() {
        let identity = Identity::api_key("k".parse().unwrap(), "a".parse().unwrap());
        let confined = identity.with_networks(["::ffff:10.0.0.0/104".parse().unwrap()]);
        for (client, allowed) in [("10.9.9.9", true), ("::ffff:10.9.9.9", true), ("11.0.0.1", false)] {
            let client = client.parse().unwrap();
            assert_eq!(network_allows(&confined, || Some(client)).is_ok(), allowed, "{client}");
        }
    }

    #[test]
    fn a_key_is_used_from_its_networks_alone() {
        let anywhere = Identity::api_key("k".parse().unwrap(), "a".parse().unwrap());
        let confined =
            anywhere.clone().with_networks(["192.0.2.0/24".parse().unwrap(), "2001:db8::/32".parse().unwrap()]);
        for (client, allowed) in [
            (Some("192.0.2.9"), true),
            (Some("::ffff:192.0.2.9"), true),
            (Some("2001:db8::1"), true),
            (Some("192.0.3.9"), false),
            (Some("::1"), false),
            (None, false),
        ] {
            let client = client.map(|client| client.parse().unwrap());
            assert_eq!(network_allows(&confined, || client).is_ok(), allowed, "{client:?}");
            assert!(network_allows(&anywhere, || client).is_ok());
        }
    }
}
