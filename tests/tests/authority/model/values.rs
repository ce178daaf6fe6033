//! Values of keys, by number.

use keyward::network::ipnet::IpNet;
use keyward::{Endpoint, ScopeSet};

pub(super) fn scopes(number: u8) -> ScopeSet {
    let texts = [
        "keys:write",
        "keys:* members:read",
        "keys:write resources:read",
        "keys:write keys:read resources:*",
        "members:write accounts:read members:read keys:read usage:read plans:read",
        "*",
        "resources:read",
        "resources:read jobs:read",
        "members:*",
        "keys:read",
        "accounts:* members:* keys:* usage:read plans:* audit:read",
        "users:* keys:*",
        "users:sign_in",
        "users:sign_in keys:write",
    ];
    texts[usize::from(number) % texts.len()].parse().unwrap()
}

pub(super) fn networks(number: u8) -> Vec<IpNet> {
    let texts: [&[&str]; 5] =
        [&[], &["10.0.0.0/8"], &["10.1.0.0/16"], &["192.0.2.0/24"], &["10.1.0.0/16", "10.2.0.0/16"]];
    texts[usize::from(number) % texts.len()].iter().map(|text| text.parse().unwrap()).collect()
}

pub(super) fn endpoints(number: u8) -> Vec<Endpoint> {
    let texts: [&[&str]; 5] = [&[], &["* /a/*"], &["GET /a/1"], &["GET /b"], &["GET /a/1", "POST /a/1"]];
    texts[usize::from(number) % texts.len()].iter().map(|text| text.parse().unwrap()).collect()
}
