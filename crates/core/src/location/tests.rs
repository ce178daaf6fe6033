use http::Request;
use proptest::prelude::*;

use super::*;
use crate::credential::CredentialFault;
use crate::rejection::Rejection;

const KEY: &str = "kw_live_abc";
/// `kw_live_abc:`
const BASIC: &str = "Basic a3dfbGl2ZV9hYmM6";

fn all() -> Locations {
    let accepted = vec![
        Location::header("X-API-Key"),
        Location::header("apikey"),
        Location::Basic,
        Location::WebSocketSubprotocol,
    ];
    Locations::new(true, accepted).unwrap().unwrap()
}

fn read(locations: &Locations, fields: &[(&str, &str)]) -> Result<String, String> {
    let mut request = Request::new(());
    for (name, value) in fields {
        request.headers_mut().append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    }
    let authorization: Vec<Vec<u8>> =
        request.headers().get_all(AUTHORIZATION).iter().map(|value| value.as_bytes().to_vec()).collect();
    let mut field = Field::empty();
    match locations.read(&request, &mut authorization.iter().map(Vec::as_slice), &mut field) {
        Ok(Reading::Key | Reading::BasicKey) => Ok(String::from_utf8(field.as_bytes().to_vec()).unwrap()),
        Ok(other) => Err(format!("{other:?}")),
        Err(fault) => Err(format!("{fault:?}")),
    }
}

#[test]
fn exactly_one_place_carries_the_key() {
    let bearer = &format!("Bearer {KEY}");
    let subprotocol = &format!("chat, keyward.{KEY}");
    const A: &str = "authorization";
    const X: &str = "x-api-key";
    const V: (&str, &str) = ("sec-websocket-version", "13");
    const P: &str = "sec-websocket-protocol";
    for (fields, expected) in [
        (&[(A, bearer.as_str())][..], "key"),
        (&[(X, KEY)], "key"),
        (&[("apikey", KEY)], "key"),
        (&[(X, bearer)], "key"),
        (&[(X, "bearer\tkw_live_abc")], "key"),
        (&[(A, BASIC)], "key"),
        (&[(A, "basic   a3dfbGl2ZV9hYmM6 ")], "key"),
        (&[V, (P, subprotocol)], "key"),
        (&[V, (P, "chat"), (P, "keyward.kw_live_abc")], "key"),
        (&[(X, ""), (A, bearer)], "key"),
        (&[(X, KEY), (A, "")], "key"),
        (&[(X, KEY), (A, "Bearer ")], "key"),
        (&[(X, KEY), (A, "Basic")], "key"),
        // Base64 of ":".
        (&[(X, KEY), (A, "Basic Og==")], "key"),
        (&[(X, ""), (X, KEY)], "key"),
        (&[(X, KEY), ("apikey", " ")], "key"),
        (&[(X, KEY), V, (P, "chat, keyward.")], "key"),
        // Without a handshake.
        (&[(X, KEY), (P, subprotocol)], "key"),
        (&[(P, subprotocol)], "Nothing"),
        (&[V, (P, "chat, Keyward.kw_live_abc")], "Nothing"),
        (&[], "Nothing"),
        (&[(X, "")], "Empty"),
        (&[(X, "Bearer")], "Empty"),
        (&[V, (P, "keyward.")], "Empty"),
        (&[(A, "")], "Empty"),
        (&[(A, "Basic Og==")], "Empty"),
        (&[(A, bearer), (X, KEY)], "SeveralLocations"),
        (&[(A, BASIC), (X, KEY)], "SeveralLocations"),
        (&[(A, "Digest x"), (X, KEY)], "SeveralLocations"),
        (&[(X, KEY), ("apikey", KEY)], "SeveralLocations"),
        (&[(X, KEY), V, (P, subprotocol)], "SeveralLocations"),
        (&[(A, bearer), (A, bearer), (X, KEY)], "SeveralLocations"),
        (&[(A, bearer), (A, bearer)], "SeveralFields"),
        (&[(A, bearer), (A, BASIC)], "SeveralFields"),
        (&[(X, KEY), (X, KEY)], "SeveralFields"),
        (&[V, (P, "keyward.a, keyward.b")], "SeveralFields"),
        (&[V, (P, "keyward., keyward.kw_live_abc")], "SeveralFields"),
        (&[V, (P, "Keyward.x, keyward.kw_live_abc")], "SeveralFields"),
        (&[V, (P, "keyward.kw_live_abc"), (P, "keyward.")], "SeveralFields"),
        (&[(A, "Digest x")], "OtherScheme"),
        // Base64 of "kw_live_abc", "kw_live_abc:x", ":kw_live_abc" and "a:b:".
        (&[(A, "Basic a3dfbGl2ZV9hYmM=")], "Basic"),
        (&[(A, "Basic a3dfbGl2ZV9hYmM6eA==")], "Basic"),
        (&[(A, "Basic Omt3X2xpdmVfYWJj")], "Basic"),
        (&[(A, "Basic YTpiOg==")], "Basic"),
        (&[(A, "Basic kw_live_abc")], "Basic"),
        (&[(A, "Basic a3dfbGl2ZV9hYmM6 x")], "Basic"),
        // Base64 of " a:".
        (&[(A, "Basic IGE6")], "WhiteSpace"),
        (&[(A, &format!("Basic {}", "A".repeat(1_028)))], "TooLong"),
        (&[(X, &"a".repeat(513))], "TooLong"),
    ] {
        let got = read(&all(), fields);
        let got = if got == Ok(format!("Bearer {KEY}")) { "key".to_owned() } else { got.unwrap_err() };
        assert_eq!(got, expected, "{fields:?}");
    }
}

#[test]
fn without_bearer_authorization_is_basic_or_ignored() {
    let basic = Locations::new(false, vec![Location::Basic]).unwrap().unwrap();
    assert_eq!(read(&basic, &[("authorization", "Bearer kw_live_abc")]), Err("OtherScheme".to_owned()));
    assert_eq!(read(&basic, &[("authorization", BASIC)]), Ok(format!("Bearer {KEY}")));
    let header = Locations::new(false, vec![Location::header("X-API-Key")]).unwrap().unwrap();
    let fields = [("authorization", "Bearer of-another-kind"), ("x-api-key", KEY)];
    assert_eq!(read(&header, &fields), Ok(format!("Bearer {KEY}")));
    assert_eq!(read(&header, &fields[..1]), Err("Nothing".to_owned()));
}

#[test]
fn only_names_without_another_meaning_are_accepted() {
    for name in ["X-API-Key", "apikey", "api_key", "X-Auth-Token", "xi-api-key", "Ocp-Apim-Subscription-Key"] {
        assert!(Locations::new(true, vec![Location::header(name)]).is_ok(), "{name}");
    }
    let long = "x".repeat(65);
    for name in [
        "Authorization",
        "authorization",
        "Proxy-Authorization",
        "Cookie",
        "Host",
        "Connection",
        "Keep-Alive",
        "TE",
        "Transfer-Encoding",
        "Upgrade",
        "Content-Type",
        "X-Request-Id",
        "X-Forwarded-For",
        "Sec-WebSocket-Protocol",
        "Keyward-Account",
        "User-Agent",
        "",
        "X API Key",
        "X-API-Key:",
        "ключ",
        &long,
    ] {
        let refused = Locations::new(true, vec![Location::header(name)]).err();
        assert!(matches!(refused, Some(LocationFault::Name { .. })), "{name}");
    }
    let twice = vec![Location::header("X-API-Key"), Location::header("x-api-key")];
    assert!(matches!(Locations::new(true, twice).err(), Some(LocationFault::Name { .. })));
    let nine = (0..9).map(|number| Location::header(format!("x-{number}"))).collect();
    assert_eq!(Locations::new(true, nine).err(), Some(LocationFault::TooMany));
    assert_eq!(Locations::new(false, Vec::new()).err(), Some(LocationFault::NoPlace));
    assert!(Locations::new(true, Vec::new()).unwrap().is_none());
}

#[test]
fn handlers_see_no_key() {
    let locations = all();
    for (sent, seen) in [
        (&["keyward.k, chat"][..], Some("chat")),
        (&["chat , KEYWARD.k", "v2"], Some("chat, v2")),
        (&["keyward.k"], None),
        (&["chat,v2"], Some("chat,v2")),
        (&["keyward"], Some("keyward")),
    ] {
        let mut headers = HeaderMap::new();
        for value in sent {
            headers.append(SEC_WEBSOCKET_PROTOCOL, value.parse().unwrap());
        }
        headers.insert("x-api-key", KEY.parse().unwrap());
        headers.insert(AUTHORIZATION, BASIC.parse().unwrap());
        locations.hide(&mut headers);
        assert_eq!(headers.get(SEC_WEBSOCKET_PROTOCOL).map(|value| value.to_str().unwrap()), seen);
        assert!(headers["x-api-key"].is_sensitive() && headers[AUTHORIZATION].is_sensitive());
    }
}

#[test]
fn challenges_and_messages_name_the_places() {
    let locations = all();
    let missing = Rejection::from(CredentialFault::Missing);
    let apis = "ApiKey realm=\"api\", in=\"header\", name=\"X-API-Key\", ApiKey realm=\"api\", in=\"header\", name=\"apikey\", \
                Basic realm=\"api\", charset=\"UTF-8\", ApiKey realm=\"api\", in=\"header\", name=\"Sec-WebSocket-Protocol\"";
    assert_eq!(locations.challenge(&missing, "api", "").unwrap(), format!("Bearer realm=\"api\", {apis}"));
    let scope = Rejection::InsufficientScope(crate::scope::Requirement::all_of([]));
    assert!(locations.challenge(&scope, "api", "").unwrap().to_str().unwrap().starts_with("Bearer "));
    assert!(locations.challenge(&Rejection::StoreUnavailable, "api", "").is_none());
    assert_eq!(
        locations.explain(&missing).unwrap().message(),
        "No API key was sent. Send it as Authorization: Bearer YOUR_API_KEY, as X-API-Key: YOUR_API_KEY, as apikey: YOUR_API_KEY, as \
         the user name of HTTP Basic, without a password (curl -u YOUR_API_KEY:), or as the WebSocket subprotocol keyward.YOUR_API_KEY."
    );
    let header = Locations::new(false, vec![Location::header("X-API-Key")]).unwrap().unwrap();
    let challenge = header.challenge(&Rejection::UnknownKey, "a \"b\"", "").unwrap();
    assert_eq!(challenge, "ApiKey realm=\"a b\", in=\"header\", name=\"X-API-Key\"");
    assert_eq!(header.challenge(&scope, "api", ""), None);
    for fault in
        [CredentialFault::Missing, CredentialFault::Empty, CredentialFault::List, CredentialFault::SeveralFields]
    {
        let (plain, explained) = (Rejection::from(fault), header.explain(&fault.into()).unwrap());
        assert!(!explained.message().contains("Bearer"), "{}", explained.message());
        assert_eq!(
            (plain.code(), plain.reason(), plain.status()),
            (explained.code(), explained.reason(), explained.status())
        );
    }
}

proptest! {
    #[test]
    fn basic_is_read_as_a_decoder_reads_it(user in "[ -~]{0,40}", password in "[ -~]{0,3}", padding in "={0,3}") {
        use base64::Engine as _;
        let basic = Locations::new(false, vec![Location::Basic]).unwrap().unwrap();
        let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        let changed = format!("{}{padding}", encoded.trim_end_matches('='));
        let is_plain = password.is_empty() && !user.contains(':') && user.trim() == user && !user.is_empty();
        let got = read(&basic, &[("authorization", &format!("Basic {changed}"))]);
        prop_assert_eq!(got.is_ok(), is_plain && changed == encoded);
        if let Ok(field) = got {
            prop_assert_eq!(field, format!("Bearer {user}"));
        }
    }

    #[test]
    fn no_entry_with_a_key_is_left(values in proptest::collection::vec("(keyward\\.|KEYward\\.|chat|,| |\t|k){0,12}", 0..4)) {
        let mut others = Others::default();
        values.iter().for_each(|value| others.read(value.as_bytes()));
        let sent: Vec<String> = values.iter().flat_map(|value| value.split(',')).map(|entry| entry.trim().to_owned()).collect();
        let own: Vec<String> =
            sent.iter().filter(|entry| !entry.is_empty() && !entry.to_lowercase().starts_with("keyward.")).cloned().collect();
        let has_key = sent.iter().any(|entry| entry.to_lowercase().starts_with("keyward."));
        let rest = others.without_keys().map(|rest| String::from_utf8(rest).unwrap());
        prop_assert_eq!(rest, has_key.then(|| own.join(", ")));
    }

    #[test]
    fn any_fields_are_read_without_a_panic(
        fields in proptest::collection::vec((0_usize..4, proptest::collection::vec(any::<u8>(), 0..600)), 0..6),
    ) {
        let mut request = Request::new(());
        for (number, value) in fields {
            let name = ["x-api-key", "apikey", "sec-websocket-protocol", "sec-websocket-version"][number];
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                request.headers_mut().append(name, value);
            }
        }
        let mut field = Field::empty();
        let reading = all().read(&request, &mut std::iter::empty(), &mut field);
        prop_assert_eq!(reading == Ok(Reading::Key), field.as_bytes().len() > 7 && reading.is_ok());
    }
}
