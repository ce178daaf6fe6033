//! Keys in several places, one a line: `a` Authorization, `x` X-API-Key, `p` Sec-WebSocket-Protocol, `v` its version.

use std::net::IpAddr;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyward::adapter::{Check, Connection, Location, Target, UnknownConnection};
use keyward::{Authenticator, MemoryStore};

static BEARER: LazyLock<Authenticator> = LazyLock::new(|| Authenticator::new(MemoryStore::new()));
static LOCATED: LazyLock<Authenticator> = LazyLock::new(|| {
    let builder = Authenticator::builder(MemoryStore::new()).accept(Location::header("X-API-Key"));
    builder.accept(Location::Basic).accept(Location::WebSocketSubprotocol).build().unwrap()
});

struct Fields<'a>(Vec<(u8, &'a [u8])>);

impl Fields<'_> {
    fn of(&self, kind: u8) -> impl Iterator<Item = &[u8]> {
        self.0.iter().filter(move |(named, _)| *named == kind).map(|(_, value)| *value)
    }
}

impl Connection for Fields<'_> {
    fn peer(&self) -> Option<IpAddr> {
        None
    }

    fn is_tls(&self) -> bool {
        false
    }

    fn visit(&self, name: &str, visitor: &mut dyn FnMut(&[u8])) {
        let kind = match name {
            "x-api-key" => b'x',
            "sec-websocket-protocol" => b'p',
            "sec-websocket-version" => b'v',
            _ => return,
        };
        self.of(kind).for_each(visitor);
    }
}

/// One key gets the verdict that it gets as Bearer. No key, or several, get their own refusals.
pub fn location(data: &[u8]) {
    let fields = Fields(crate::lines(data).filter_map(|line| line.split_first()).map(|(k, v)| (*k, v)).collect());
    let keys = slow_keys(&fields);
    let target = Target { method: "GET", path: "/", preflight: false, connection: &fields };
    let verdict = reason(LOCATED.check(target, fields.of(b'a')));
    match &keys[..] {
        [] => assert!(matches!(verdict, Some("missing_credential" | "empty_credential")), "{verdict:?}"),
        [Ok(token)] if token.len() > 512 => assert_eq!(verdict, Some("too_long")),
        [Ok(token)] if trimmed(token) != &token[..] => assert_eq!(verdict, Some("white_space_in_credential")),
        [Ok(token)] => {
            let target = Target { connection: &UnknownConnection, ..target };
            let field = [b"Bearer ", &token[..]].concat();
            assert_eq!(verdict, reason(BEARER.check(target, [&field[..]])));
        }
        [Err(expected)] => assert!(verdict.is_some_and(|reason| expected.contains(&reason)), "{verdict:?}"),
        _ => assert!(matches!(verdict, Some("several_credentials" | "several_locations")), "{verdict:?}"),
    }
    if let Some(others) = LOCATED.other_subprotocols(&fields) {
        let is_key = |entry: &[u8]| trimmed(entry).to_ascii_lowercase().starts_with(b"keyward.");
        assert!(!others.split(|&byte| byte == b',').any(is_key));
    }
}

fn reason(check: Check) -> Option<&'static str> {
    match check {
        Check::Done(verdict) => Some(verdict.expect_err("no request passes without the store").reason()),
        Check::Pending(_) => None,
    }
}

type Carried = Result<Vec<u8>, &'static [&'static str]>;

fn slow_keys(fields: &Fields<'_>) -> Vec<Carried> {
    let mut keys: Vec<Carried> = Vec::new();
    let authorization: Vec<&[u8]> = fields.of(b'a').collect();
    match authorization[..] {
        [] => {}
        [field] => keys.extend(slow_authorization(trimmed(field))),
        _ => keys.extend([Err(&[][..]), Err(&[][..])]),
    }
    let present = |token: &[u8]| if token.is_empty() { None } else { Some(Ok(token.to_vec())) };
    keys.extend(fields.of(b'x').filter_map(|value| {
        let (scheme, rest) = words(trimmed(value));
        present(if scheme.eq_ignore_ascii_case(b"bearer") { rest } else { trimmed(value) })
    }));
    if fields.of(b'v').next().is_some() {
        let entries = fields.of(b'p').flat_map(|value| value.split(|&byte| byte == b',')).map(trimmed);
        let ours: Vec<&[u8]> = entries.filter(|entry| entry.to_ascii_lowercase().starts_with(b"keyward.")).collect();
        match ours[..] {
            [] => {}
            [entry] => keys.extend(entry.strip_prefix(b"keyward.").and_then(present)),
            // Several are refused, even if only one of them has a key.
            _ => keys.extend([Err(&[][..]), Err(&[][..])]),
        }
    }
    keys
}

fn slow_authorization(field: &[u8]) -> Option<Carried> {
    let (scheme, rest) = words(field);
    if rest.is_empty() && (scheme.eq_ignore_ascii_case(b"bearer") || scheme.eq_ignore_ascii_case(b"basic")) {
        return None;
    }
    if scheme.eq_ignore_ascii_case(b"bearer") {
        return Some(Ok(rest.to_vec()));
    }
    if !scheme.eq_ignore_ascii_case(b"basic") {
        let refused: Carried = Err(&["other_scheme", "quoted_credential", "credential_list"]);
        return (!scheme.is_empty()).then_some(refused);
    }
    let wrong: Carried = Err(&["basic_credential", "too_long"]);
    let Ok(pair) = STANDARD.decode(rest) else { return Some(wrong) };
    let colons = pair.iter().filter(|&&byte| byte == b':').count();
    match pair.strip_suffix(b":") {
        Some([]) => None,
        Some(user) if colons == 1 => Some(Ok(user.to_vec())),
        _ => Some(wrong),
    }
}

/// The first word and the rest.
fn words(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| matches!(byte, b' ' | b'\t')).unwrap_or(text.len());
    (&text[..end], trimmed(&text[end..]))
}

fn trimmed(text: &[u8]) -> &[u8] {
    let is_text = |byte: &u8| !matches!(byte, b' ' | b'\t');
    let start = text.iter().position(is_text).unwrap_or(text.len());
    let end = text.iter().rposition(is_text).map_or(start, |last| last + 1);
    &text[start..end]
}
