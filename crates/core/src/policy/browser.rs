use crate::connection::Connection;
use crate::identity::Identity;
use crate::key::KeyKind;
use crate::rejection::Rejection;

/// For a request from a browser. Access tokens are made for browsers.
pub(crate) fn browser_allows(identity: &Identity) -> Result<(), Rejection> {
    match identity.kind().key_kind() {
        None | Some(KeyKind::Publishable) => Ok(()),
        Some(_) => Err(Rejection::SecretKeyInBrowser),
    }
}

/// Returns `true` if the request has a header that browsers add and pages cannot remove.
///
/// `Sec-Fetch-Mode` does not count, because `fetch` of Node.js sends it. `Sec-Fetch-Site: none` is a person's own request,
/// such as from the address bar.
pub(crate) fn is_from_browser(connection: &dyn Connection) -> bool {
    let mut found = false;
    connection.visit("origin", &mut |value| found |= !value.is_empty());
    connection.visit("sec-fetch-site", &mut |value| found |= !value.is_empty() && value != b"none");
    found
}
