//! An endpoint, then a request's method and path, one a line.

use keyward::Endpoint;
use keyward::endpoint::is_ambiguous_path;

/// Checks that an endpoint is written as it was read, and that a covered path stays below it, however a router reads
/// it.
pub fn endpoint(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.split('\n');
    let (pattern, method, path) = (lines.next().unwrap_or(""), lines.next().unwrap_or(""), lines.next().unwrap_or(""));
    if !is_ambiguous_path(path) {
        assert!(path.starts_with('/'));
        assert_eq!(segments(path), segments(&resolved(path)), "{path}");
        assert!(String::from_utf8(bytes_of(path)).is_ok(), "routers disagree on {path}: it is not UTF-8 when decoded");
    }
    let Ok(endpoint) = pattern.parse::<Endpoint>() else { return };
    assert_eq!(endpoint.to_string(), pattern);
    assert_eq!(serde_json::from_str::<Endpoint>(&serde_json::to_string(&endpoint).unwrap()).unwrap(), endpoint);
    let (allowed, place) = pattern.split_once(' ').unwrap();
    let covered = endpoint.covers(method, path);
    if let Some(base) = place.strip_suffix("/*") {
        if covered {
            assert!(path == base || path.starts_with(&format!("{base}/")));
            let (base, read) = (segments(base), resolved(path));
            assert!(segments(&read).starts_with(&base), "{pattern} covers {path}, which may be read as {read}");
            assert!(!path.contains("//"), "{pattern} covers {path}");
        }
    } else {
        let allows = allowed == "*" || allowed == method || (allowed == "GET" && method == "HEAD");
        assert_eq!(covered, allows && path == place);
    }
    // An endpoint covers its own method and path.
    if !place.contains('*') && allowed != "*" {
        assert!(endpoint.covers(allowed, place));
    }
}

fn segments(path: &str) -> Vec<String> {
    path.split('/').skip(1).map(ToOwned::to_owned).collect()
}

fn bytes_of(path: &str) -> Vec<u8> {
    let mut parts = path.split('%');
    let mut bytes = parts.next().unwrap_or("").as_bytes().to_vec();
    for part in parts {
        bytes.push(part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()).unwrap_or(b'%'));
        bytes.extend(part.as_bytes().get(2..).unwrap_or_default());
    }
    bytes
}

/// As the most eager router reads it. Encodings without a special meaning stay.
fn resolved(path: &str) -> String {
    let once = decoded(path);
    // A router that decodes first takes an encoded `?` or `#` for the end of the path.
    let once = if once == path { &once } else { once.split(['?', '#']).next().unwrap_or("") };
    let decoded = decoded(once).replace('\\', "/");
    let mut segments: Vec<&str> = Vec::new();
    for (at, segment) in decoded.split('/').skip(1).map(|segment| segment.split(';').next().unwrap_or("")).enumerate() {
        let is_last = at + 2 == decoded.split('/').count();
        match segment {
            ".." => drop(segments.pop()),
            "." => {}
            "" if !is_last => {}
            _ => segments.push(segment),
        }
    }
    format!("/{}", segments.join("/"))
}

/// Decodes unreserved characters, and those that can change how a path is split.
fn decoded(path: &str) -> String {
    let mut parts = path.split('%');
    let mut text = parts.next().unwrap_or("").to_owned();
    for part in parts {
        let byte =
            part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(|_| !part.starts_with('+'));
        match byte {
            Some(byte) if byte.is_ascii_alphanumeric() || b"/\\.;%?#-_~\0".contains(&byte) => {
                text.push(char::from(byte));
                text.push_str(&part[2..]);
            }
            _ => {
                text.push('%');
                text.push_str(part);
            }
        }
    }
    text
}
