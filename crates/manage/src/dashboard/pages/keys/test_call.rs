//! One call to the provider's API with a key that was just created.

#[cfg(feature = "webhooks")]
mod call;

use askama::Template;
use axum::response::Response;

use super::view::Key;
use crate::dashboard::error::PageError;
#[cfg(feature = "webhooks")]
use crate::dashboard::example_client::{ExampleClient, SetBy};
use crate::dashboard::forms::SignedInForm;
use crate::dashboard::frame::Frame;
use crate::dashboard::member::AtAccount;
#[cfg(feature = "webhooks")]
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

/// The provider has set the URL, and the server has a client.
pub(super) fn may_call(member: &AtAccount, url: &str) -> bool {
    #[cfg(feature = "webhooks")]
    return url != EXAMPLE_URL && ExampleClient::may_call(url, set_by(member, url));
    #[cfg(not(feature = "webhooks"))]
    {
        let _ = (member, url);
        false
    }
}

#[cfg(feature = "webhooks")]
fn set_by(member: &AtAccount, url: &str) -> SetBy {
    if url == member.visitor.app.settings().example_url { SetBy::Configuration } else { SetBy::Browser }
}

/// Opens without a form only after a new sign-in. The key is gone then.
pub(super) async fn page(member: AtAccount) -> Response {
    member.visitor.redirect_with_flash(&member.path("/keys"), "test-again")
}

pub(super) async fn test(SignedInForm { at: member, form }: SignedInForm<AtAccount>) -> Result<Response, PageError> {
    member.require(&scopes::KEYS_WRITE)?;
    let url = member.example_url();
    // This server is no proxy: it calls with this account's keys only.
    if !may_call(&member, &url) {
        return Err(ManagementError::NotFound("key").into());
    }
    let key = member.management().key_to_test(&member.account.id, form.get("key").as_bytes()).await?;
    #[cfg(feature = "webhooks")]
    let called = {
        let client = member.visitor.app.example_client();
        call::call(client, &url, form.get("key"), set_by(&member, &url)).await
    };
    #[cfg(not(feature = "webhooks"))]
    let called = Err(words::keys::THIS_BUILD_HAS_NO_CLIENT.to_owned());
    let key = Key::of(&key, member.management().now());
    Ok(member.page(words::keys::THE_ANSWER, |frame| TestedPage { frame, key, url, called }))
}
