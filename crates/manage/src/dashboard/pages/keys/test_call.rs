//! One call to the provider's API with a key that was just created.

#[cfg(any(feature = "github", feature = "oidc"))]
mod call;

use askama::Template;
use axum::response::Response;

use super::view::Key;
use crate::dashboard::error::PageError;
use crate::dashboard::forms::SignedInForm;
use crate::dashboard::frame::Frame;
use crate::dashboard::member::AtAccount;
#[cfg(any(feature = "github", feature = "oidc"))]
use crate::dashboard::settings::EXAMPLE_URL;
use crate::dashboard::words;
use crate::error::ManagementError;
use crate::role::scopes;

pub(super) struct Called {
    pub(super) status: u16,
    pub(super) reason: &'static str,
    pub(super) millis: u128,
    pub(super) body: String,
    pub(super) is_cut: bool,
}

#[derive(Template)]
#[template(path = "dashboard/keys/tested.html")]
struct TestedPage {
    frame: Frame,
    key: Key,
    url: String,
    called: Result<Called, String>,
}

impl Called {
    fn is_accepted(&self) -> bool {
        (200..300).contains(&self.status)
    }

    fn is_refused(&self) -> bool {
        [401, 403].contains(&self.status)
    }
}

/// The provider has set the URL, and the server has a client. It sends keys in plain text to its own machine only.
pub(super) fn may_call(url: &str) -> bool {
    #[cfg(any(feature = "github", feature = "oidc"))]
    return url != EXAMPLE_URL && crate::outbound::is_safe(url);
    #[cfg(not(any(feature = "github", feature = "oidc")))]
    {
        let _ = url;
        false
    }
}

/// Opens without a form only after a new sign-in. The key is gone then.
pub(super) async fn page(member: AtAccount) -> Response {
    member.visitor.redirect_with_flash(&member.path("/keys"), "test-again")
}

pub(super) async fn test(SignedInForm { at: member, form }: SignedInForm<AtAccount>) -> Result<Response, PageError> {
    member.require(&scopes::KEYS_WRITE)?;
    let url = member.example_url();
    // This server is no proxy: it calls with this account's keys only.
    if !may_call(&url) {
        return Err(ManagementError::NotFound("key").into());
    }
    let key = member.management().key_to_test(&member.account.id, form.get("key").as_bytes()).await?;
    #[cfg(any(feature = "github", feature = "oidc"))]
    let called = call::call(&url, form.get("key")).await;
    #[cfg(not(any(feature = "github", feature = "oidc")))]
    let called = Err(words::keys::THIS_BUILD_HAS_NO_CLIENT.to_owned());
    let key = Key::of(&key, member.management().now());
    Ok(member.page(words::keys::THE_ANSWER, |frame| TestedPage { frame, key, url, called }))
}
