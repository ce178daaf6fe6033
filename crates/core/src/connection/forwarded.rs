//! RFC 7239 section 4. Quoted strings can hold a client's commas and semicolons.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use std::net::{IpAddr, SocketAddrV4, SocketAddrV6};

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) client: Option<IpAddr>,
    pub(super) proto: Option<Vec<u8>>,
}

pub(super) fn elements(field: &[u8]) -> impl Iterator<Item = Option<Element>> {
    split(field, b',').map(element)
}

fn element(text: &[u8]) -> Option<Element> {
    let mut element = Element::default();
    let mut names: Vec<Vec<u8>> = Vec::new();
    for pair in split(text, b';').map(<[u8]>::trim_ascii).filter(|pair| !pair.is_empty()) {
        let at = pair.iter().position(|&byte| byte == b'=')?;
        let (name, value) = pair.split_at_checked(at)?;
        let (name, value) = (name.to_ascii_lowercase(), unquoted(value.strip_prefix(b"=")?)?);
        // A parameter occurs in an element at most once.
        if name.is_empty() || !name.iter().all(|&byte| is_token(byte)) || names.contains(&name) {
            return None;
        }
        match name.as_slice() {
            b"for" => element.client = address(&value),
            b"proto" => element.proto = Some(value),
            _ => {}
        }
        names.push(name);
    }
    (!names.is_empty()).then_some(element)
}

/// The grammar rejects unclosed quotes.
fn split(text: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |&byte| {
        let separates = !quoted && byte == separator;
        if byte == b'"' && !escaped {
            quoted = !quoted;
        }
        escaped = quoted && byte == b'\\' && !escaped;
        separates
    })
}

/// RFC 9110 section 5.6.4.
fn unquoted(value: &[u8]) -> Option<Vec<u8>> {
    let Some(inner) = value.strip_prefix(b"\"") else {
        let fits = value.iter().all(|&byte| is_token(byte) || matches!(byte, b':' | b'[' | b']'));
        return (fits && !value.is_empty()).then(|| value.to_vec());
    };
    let mut bytes = inner.strip_suffix(b"\"")?.iter();
    let mut text = Vec::new();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'\\' => text.push(*bytes.next()?),
            b'"' => return None,
            _ => text.push(byte),
        }
    }
    Some(text)
}

/// A zone is local to one machine.
fn address(node: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(node).ok().filter(|text| !text.contains('%'))?;
    if let Some(bare) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return bare.parse().ok().map(IpAddr::V6);
    }
    let v4 = || text.parse().or_else(|_| text.parse().map(|socket: SocketAddrV4| *socket.ip()));
    let v6 = || text.parse().map(|socket: SocketAddrV6| *socket.ip());
    v4().map(IpAddr::V4).or_else(|_| v6().map(IpAddr::V6)).ok()
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_read_as_the_standard_writes_them() {
        let said = |client: &str, proto: &str| {
            Some(Element { client: client.parse().ok(), proto: (!proto.is_empty()).then(|| proto.into()) })
        };
        for (field, expected) in [
            // The examples of the standard.
            (r#"for="_gazonk""#, vec![said("", "")]),
            (r#"For="[2001:db8:cafe::17]:4711""#, vec![said("2001:db8:cafe::17", "")]),
            ("for=192.0.2.60;proto=http;by=203.0.113.43", vec![said("192.0.2.60", "http")]),
            ("for=192.0.2.43, for=198.51.100.17", vec![said("192.0.2.43", ""), said("198.51.100.17", "")]),
            (r#"for=192.0.2.43,for="[2001:db8::17]""#, vec![said("192.0.2.43", ""), said("2001:db8::17", "")]),
            ("for=192.0.2.1:47011;proto=\"https\"", vec![said("192.0.2.1", "https")]),
            ("for=192.0.2.1; proto=https;", vec![said("192.0.2.1", "https")]),
            // Text of a client in a quoted string does not count.
            (r#"for=192.0.2.1;host="a, for=6.6.6.6""#, vec![said("192.0.2.1", "")]),
            (r#"for=192.0.2.1;host="\", for=6.6.6.6;proto=https""#, vec![said("192.0.2.1", "")]),
            (r#"host="a;proto=https;x=""#, vec![said("", "")]),
            // A client's unclosed quote swallows the proxy's element, and neither counts.
            (r#"for=6.6.6.6;x=", for=192.0.2.1"#, vec![None]),
            (r#"for=6.6.6.6;x=", for="[2001:db8::7]:1""#, vec![None]),
            ("", vec![None]),
            ("for", vec![None]),
            ("for=", vec![None]),
            ("=1", vec![None]),
            ("for=1.2.3.4;for=6.6.6.6", vec![None]),
            ("for=1.2.3.4;FOR=6.6.6.6", vec![None]),
            (r#"for="1.2.3.4"x"#, vec![None]),
            (r#"for="1.2.3.4\""#, vec![None]),
            // Neither an address nor an address and a port.
            ("for=2001:db8::1:7", vec![said("", "")]),
            ("for=1.2.3.4:99999", vec![said("", "")]),
            (r#"for="[fe80::1%0]""#, vec![said("", "")]),
            (r#"for="[fe80::1%2]:80""#, vec![said("", "")]),
        ] {
            assert_eq!(elements(field.as_bytes()).collect::<Vec<_>>(), expected, "{field}");
        }
    }
}
