//! What proxies report about a request: `peer: 10.0.0.1`, `forwarded: for=…`, `x-forwarded-for: …` and `x-forwarded-proto: …`, one field
//! a line.

use std::net::{IpAddr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::sync::LazyLock;

use keyward::TrustedProxies;
use keyward::adapter::{Connection, Transport};

static PROXIES: LazyLock<TrustedProxies> =
    LazyLock::new(|| TrustedProxies::new(["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()]));

struct Said {
    peer: IpAddr,
    fields: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Connection for Said {
    fn peer(&self) -> Option<IpAddr> {
        Some(self.peer)
    }

    fn is_tls(&self) -> bool {
        false
    }

    fn visit(&self, name: &str, visitor: &mut dyn FnMut(&[u8])) {
        self.fields.iter().filter(|(field, _)| field == name.as_bytes()).for_each(|(_, value)| visitor(value));
    }
}

/// Checks against a slow parser, and that a client behind an honest proxy cannot pass as another one.
pub fn forwarded(data: &[u8]) {
    let mut said = Said { peer: [10, 0, 0, 1].into(), fields: Vec::new() };
    for line in crate::lines(data) {
        let Some(at) = line.windows(2).position(|pair| pair == b": ") else { continue };
        let (name, value) = (line[..at].to_ascii_lowercase(), &line[at + 2..]);
        if name == b"peer" {
            said.peer = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()).unwrap_or(said.peer);
        } else {
            said.fields.push((name, value.to_vec()));
        }
    }
    let (client, transport) = (PROXIES.client(&said), PROXIES.transport(&said));
    if PROXIES.trusts(said.peer) {
        assert_eq!(client, slow_client(&said));
        assert_eq!(transport, slow_transport(&said));
    } else {
        assert_eq!((client, transport), (Some(said.peer.to_canonical()), Transport::Plain));
    }
    behind_an_honest_proxy(&said);
}

/// The proxy appends its own report, with the client's text as its quoted `host`.
fn behind_an_honest_proxy(said: &Said) {
    let value = |name: &[u8]| said.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.clone());
    for (name, own) in [(b"forwarded".as_slice(), true), (b"x-forwarded-for", false)] {
        let Some(sent) = value(name) else { continue };
        let mut host = Vec::new();
        for &byte in &sent {
            if matches!(byte, b'"' | b'\\') {
                host.push(b'\\');
            }
            host.push(byte);
        }
        let added = match own {
            true => [b"for=192.0.2.7;proto=http;host=\"".as_slice(), &host, b"\""].concat(),
            false => b"192.0.2.7".to_vec(),
        };
        for fields in [
            vec![(name.to_vec(), added.clone())],
            vec![(name.to_vec(), [sent.as_slice(), b", ", &added].concat())],
            vec![(name.to_vec(), sent), (name.to_vec(), added)],
        ] {
            let passed_on = Said { peer: [10, 0, 0, 1].into(), fields };
            let client = PROXIES.client(&passed_on);
            assert!(client.is_none_or(|client| client == IpAddr::from([192, 0, 2, 7])), "taken for {client:?}");
            assert_ne!(PROXIES.transport(&passed_on), Transport::Secure);
        }
    }
}

/// In all hops of both fields, from the nearest to the farthest.
fn slow_client(said: &Said) -> Option<IpAddr> {
    let mut answers = Vec::new();
    let mut x_forwarded_for = Vec::new();
    said.visit("x-forwarded-for", &mut |value| {
        x_forwarded_for.extend(value.split(|byte| *byte == b',').map(plain_address));
    });
    let mut forwarded = Vec::new();
    said.visit("forwarded", &mut |value| {
        forwarded.extend(slow_elements(value).into_iter().map(|pairs| {
            let pairs = pairs?;
            let (_, node) = pairs.into_iter().find(|(name, _)| name == b"for")?;
            node_address(&node)
        }));
    });
    for hops in [x_forwarded_for, forwarded] {
        if hops.is_empty() {
            continue;
        }
        let first_of_all = hops[0];
        let nearest = hops.into_iter().rev().find(|hop| hop.is_none_or(|address| !PROXIES.trusts(address)));
        answers.push(nearest.unwrap_or(first_of_all)?.to_canonical());
    }
    answers.dedup();
    match answers[..] {
        [answer] => Some(answer),
        _ => None,
    }
}

fn plain_address(hop: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(hop).ok()?.trim();
    if text.contains('%') {
        return None;
    }
    // In brackets an IPv6 address may have a port.
    let socket = if text.ends_with(']') { format!("{text}:1") } else { text.to_owned() };
    text.parse().ok().or_else(|| Some(socket.parse::<SocketAddr>().ok()?.ip()))
}

fn node_address(node: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(node).ok()?;
    if text.starts_with('[') {
        let socket = if text.ends_with(']') { format!("{text}:1") } else { text.to_owned() };
        // A zone has no meaning on another machine.
        let address = socket.parse::<SocketAddrV6>().ok().filter(|_| !text.contains('%'))?;
        return Some((*address.ip()).into());
    }
    let socket = if text.contains(':') { text.to_owned() } else { format!("{text}:1") };
    Some((*socket.parse::<SocketAddrV4>().ok()?.ip()).into())
}

fn slow_transport(said: &Said) -> Transport {
    let mut x_forwarded_proto = Vec::new();
    said.visit("x-forwarded-proto", &mut |value| x_forwarded_proto.push(value.to_vec()));
    let mut nearest = None;
    said.visit("forwarded", &mut |value| nearest = slow_elements(value).pop());
    let named = |value: &[u8]| match value {
        b"https" => Transport::Secure,
        b"http" => Transport::Plain,
        _ => Transport::Unknown,
    };
    let mut answers = Vec::new();
    match &x_forwarded_proto[..] {
        [] => {}
        [value] => answers.push(named(value)),
        _ => return Transport::Unknown,
    }
    match nearest {
        None => {}
        Some(None) => return Transport::Unknown,
        Some(Some(pairs)) => {
            answers.extend(
                pairs.iter().find(|(name, _)| name == b"proto").map(|(_, value)| named(&value.to_ascii_lowercase())),
            );
        }
    }
    answers.dedup();
    match answers[..] {
        [answer] => answer,
        _ => Transport::Unknown,
    }
}

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// RFC 7239 section 4, byte by byte.
fn slow_elements(field: &[u8]) -> Vec<Option<Pairs>> {
    let mut pieces: Vec<Vec<Vec<u8>>> = vec![vec![Vec::new()]];
    let (mut is_quoted, mut is_escaped) = (false, false);
    for &byte in field {
        match (byte, is_quoted) {
            (b',', false) => pieces.push(vec![Vec::new()]),
            (b';', false) => pieces.last_mut().unwrap().push(Vec::new()),
            _ => pieces.last_mut().unwrap().last_mut().unwrap().push(byte),
        }
        if is_quoted && is_escaped {
            is_escaped = false;
        } else if is_quoted && byte == b'\\' {
            is_escaped = true;
        } else if byte == b'"' {
            is_quoted = !is_quoted;
        }
    }
    pieces.into_iter().map(slow_element).collect()
}

fn slow_element(pieces: Vec<Vec<u8>>) -> Option<Pairs> {
    let mut pairs = Pairs::new();
    for piece in pieces {
        let piece = piece.trim_ascii();
        if piece.is_empty() {
            continue;
        }
        let equals = piece.iter().position(|byte| *byte == b'=')?;
        let name = piece[..equals].to_ascii_lowercase();
        let value = slow_value(&piece[equals + 1..])?;
        if name.is_empty() || !name.iter().all(is_token) || pairs.iter().any(|(other, _)| *other == name) {
            return None;
        }
        pairs.push((name, value));
    }
    if pairs.is_empty() { None } else { Some(pairs) }
}

fn slow_value(text: &[u8]) -> Option<Vec<u8>> {
    if text.first() != Some(&b'"') {
        let fits = !text.is_empty() && text.iter().all(|byte| is_token(byte) || b":[]".contains(byte));
        return if fits { Some(text.to_vec()) } else { None };
    }
    let mut value = Vec::new();
    let mut at = 1;
    loop {
        match *text.get(at)? {
            b'"' => return if at + 1 == text.len() { Some(value) } else { None },
            b'\\' => {
                value.push(*text.get(at + 1)?);
                at += 2;
            }
            byte => {
                value.push(byte);
                at += 1;
            }
        }
    }
}

fn is_token(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte)
}
