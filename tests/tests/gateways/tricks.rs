use keyward_tests::gateways::Kind;

use crate::setting::Setting;

const ROUNDS: usize = 4;

const TRICKS: &[&str] = &[
    "//admin",
    "/./admin",
    "/admin/",
    "/admin/.",
    "/Admin",
    "/%61dmin",
    "/%41dmin",
    "/%2561dmin",
    "/%2fadmin",
    "/%2Fadmin",
    "/x/../admin",
    "/x/%2e%2e/admin",
    "/x/%2E./admin",
    "/x/..%2fadmin",
    "/x/..%5cadmin",
    "/x/..\\admin",
    "/x/%252e%252e/admin",
    "/..;/admin",
    "/x/..;/admin",
    "/;/admin",
    "/admin;x",
    "/admin;x/users",
    "/;x=1/admin",
    "/admin%00",
    "/admin%3bx",
    "/admin%23",
    "/admin%23x",
    "/admin%23/y",
    "/x/%23/../../admin",
    "/%c0%afadmin",
    "/x/%c0%ae%c0%ae/admin",
    "/x/%C0%AE%c0%ae%c0%afadmin",
    "/x/%e0%80%ae%e0%80%ae/admin",
    "/%c1%a1dmin",
    "/admin%c0%80",
    "/admin%c0%af",
    "/admin%ff",
    "/admin%c3",
    "/admin%3f",
    "/admin%3fx",
    "/admin%3Fx/y",
    "/x/%3f/../../admin",
    "/admin%20",
    "/admin%09",
    "/admin%0a",
    "/admin%0d%0a",
    "/admin/%20",
    "/%20/admin",
    "/%u0061dmin",
    "/admin%",
    "/admin%2",
    "/health%0a",
    "/health/../admin",
    "/health/..%2fadmin",
    "/health/%2e%2e/admin",
    "/health%2f..%2fadmin",
    "/health;/../admin",
    "/health;x",
    "/health/",
    "/health//",
    "//health",
    "/HEALTH",
    "/%68ealth",
    "/health%20",
    "/health%00",
    "/health%2f",
    "/health/.",
    "/admin/../health",
    "/admin/%2e%2e/health",
    "/admin/..%2fhealth",
    "/admin/x/..%2f..%2fhealth",
    "/admin/..;/health",
    "/admin?/../health",
    "/admin#/../../health",
    "/admin%3f/../health",
    "/health?/../admin",
    "/health#/../admin",
    "/v1/resources/../../health",
    "/v1/resources/..%2f..%2fhealth",
    "/v1/resources/..%5c..%5chealth",
    "http://127.0.0.1/admin",
    "http://example.com/admin",
    "http://example.com//admin",
    "http://example.com/health/../admin",
    "http://example.com/v1/resources",
    "http://example.com/health",
    "http:///admin",
    "http:/admin",
    "HTTP://example.com/admin",
    "admin",
    "*",
    "",
];

/// No spelling gives access to more than the plain path, even if the backend decodes generously.
pub(crate) async fn run(kind: Kind) {
    let setting = Setting::new(kind).await;
    let mut passed = 0;
    for trick in TRICKS {
        for key in [None, Some(&*setting.keys.reader)] {
            let answer = setting.call(key, trick, &[]);
            if answer.status != 200 {
                assert!((400..=503).contains(&answer.status), "{kind:?}, {trick}: {}", answer.text);
                continue;
            }
            passed += 1;
            let target = answer.json()["target"].as_str().unwrap().to_owned();
            for reading in readings(&target) {
                let what = format!("{kind:?}, {trick} reached the backend as {target}, which can be read as {reading}");
                assert!(reading != "/admin" && !reading.starts_with("/admin/"), "{what}");
                assert!(key.is_some() || reading == "/health", "{what}");
            }
        }
    }
    // Some requests pass: `/health?…` is open, and the key may read `/v1/resources`.
    assert!(passed > 0);
}

/// After each round of decoding, removing parameters and resolving dots.
fn readings(target: &str) -> Vec<String> {
    let path = match target.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => target,
    };
    let mut path = path.split(['?', '#']).next().unwrap().to_owned();
    let mut all = vec![path.clone()];
    for _ in 0..ROUNDS {
        path = resolved(&characters(&decoded(&path)).to_ascii_lowercase().replace('\\', "/"));
        // Apache's mod_proxy and mod_rewrite cut at an encoded `?` (CVE-2024-38473, CVE-2024-38474). So does every
        // program that decodes a target before it parses it.
        path.truncate(path.find(['?', '#']).unwrap_or(path.len()));
        all.push(path.clone());
    }
    all
}

fn decoded(path: &str) -> String {
    let mut parts = path.split('%');
    let mut text = parts.next().unwrap().to_owned();
    for part in parts {
        // Microsoft's older encoding has four digits.
        let wide = part.strip_prefix('u').and_then(|rest| Some((rest.get(..4)?, rest.get(4..)?)));
        let wide = wide.and_then(|(digits, rest)| Some((u32::from_str_radix(digits, 16).ok()?, rest)));
        if let Some((code, rest)) = wide {
            text += &format!("{}{rest}", char::from_u32(code).unwrap());
            continue;
        }
        match part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => text += &format!("{}{}", char::from(byte), &part[2..]),
            None => text += &format!("%{part}"),
        }
    }
    text
}

/// UTF-8 without checks. Overlong forms count, as in IIS (CVE-2000-0884) and Tomcat (CVE-2008-2938).
fn characters(bytes: &str) -> String {
    let mut text = String::new();
    let mut rest = bytes.chars().map(u32::from).peekable();
    while let Some(first) = rest.next() {
        let (mut code, more) = match first {
            0xc0..=0xdf => (first & 0x1f, 1),
            0xe0..=0xef => (first & 0x0f, 2),
            0xf0..=0xf7 => (first & 0x07, 3),
            0x80..=0xff => continue,
            _ => (first, 0),
        };
        let continued = std::iter::from_fn(|| rest.next_if(|byte| (0x80..=0xbf).contains(byte))).take(more);
        code = continued.fold(code, |code, byte| code << 6 | byte & 0x3f);
        text.extend(char::from_u32(code));
    }
    text
}

fn resolved(path: &str) -> String {
    let mut segments = Vec::new();
    for segment in path.split('/') {
        match segment.split([';', '\0']).next().unwrap().trim() {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            segment => segments.push(segment.to_owned()),
        }
    }
    format!("/{}", segments.join("/"))
}
