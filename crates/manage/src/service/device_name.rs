//! A name that a person recognises, from a `User-Agent` field, which can contain anything.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use woothee::parser::Parser;

const UNKNOWN: &str = "unknown device";
/// Longer than those of browsers.
const MAX_READ: usize = 512;
const MAX_PRODUCT: usize = 30;

pub(crate) fn device_name(user_agent: Option<&str>) -> String {
    let user_agent: String = user_agent.unwrap_or_default().chars().filter(char::is_ascii).take(MAX_READ).collect();
    let browser = browser(&user_agent);
    browser.or_else(|| product(&user_agent).map(str::to_owned)).unwrap_or_else(|| UNKNOWN.to_owned())
}

/// In the parser's own words, never in those of the field.
fn browser(user_agent: &str) -> Option<String> {
    let found = Parser::new().parse(user_agent)?;
    if !matches!(found.category, "pc" | "smartphone" | "mobilephone" | "appliance") {
        return None;
    }
    let browser = known(found.name)?;
    let system = match known(found.os) {
        // Browsers freeze the version.
        Some(system) if system.starts_with("Windows") && !system.contains("Phone") => "Windows",
        Some("Mac OSX") => "macOS",
        Some(system) => system,
        None => return Some(browser.to_owned()),
    };
    Some(format!("{browser} on {system}"))
}

fn known(word: &str) -> Option<&str> {
    Some(word).filter(|word| !word.is_empty() && *word != woothee::woothee::VALUE_UNKNOWN)
}

/// The name of a program, such as `curl` in `curl/8.5.0`.
fn product(user_agent: &str) -> Option<&str> {
    let name = user_agent.split(['/', ' ']).next()?;
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    (is_plain && !name.is_empty() && name.len() <= MAX_PRODUCT && name != "Mozilla").then_some(name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_device_has_a_name_that_a_person_recognises() {
        for (user_agent, name) in [
            ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0", "Firefox on Windows"),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
                "Safari on macOS",
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
                "Chrome on Linux",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
                "Safari on iPhone",
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36",
                "Chrome on Android",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0",
                "Edge on Windows",
            ),
            ("curl/8.5.0", "curl"),
            ("keyward-client/0.1.0", "keyward-client"),
            ("python-requests/2.32", "python-requests"),
            ("Mozilla/5.0 (<script>alert(1)</script>)", UNKNOWN),
            ("<b>Firefox</b>", UNKNOWN),
            ("你好", UNKNOWN),
            ("", UNKNOWN),
        ] {
            assert_eq!(device_name(Some(user_agent)), name, "{user_agent}");
        }
        assert_eq!(device_name(None), UNKNOWN);
    }

    proptest! {
        #[test]
        fn a_name_is_short_and_plain(user_agent in "(Mozilla/5.0 \\(|Firefox/|Android |Windows |Chrome/)?.{0,300}") {
            let name = device_name(Some(&user_agent));
            let is_plain = |c: char| c.is_ascii_alphanumeric() || " -_.".contains(c);
            prop_assert!(!name.is_empty() && name.len() <= 60 && name.chars().all(is_plain), "{}", name);
        }
    }
}
