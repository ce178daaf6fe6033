use askama::Template;
use axum::response::Response;
use keyward_core::{PlainKey, Timestamp};
use serde::{Deserialize, Serialize};

use super::test_call;
use super::view::Key;
use crate::dashboard::frame::Frame;
use crate::dashboard::member::AtAccount;
use crate::dashboard::settings::{EXAMPLE_URL, variable};
use crate::dashboard::text::When;
use crate::dashboard::words;
use crate::error::ManagementError;
use crate::role::Purpose;
use crate::service::KeyView;

#[derive(Serialize, Deserialize)]
pub(super) struct CreatedKey {
    id: String,
    name: String,
    plain: String,
    #[serde(default)]
    is_managing: bool,
    old_ends_at: Option<Timestamp>,
}

impl CreatedKey {
    pub(super) fn new(key: PlainKey, view: &KeyView) -> Self {
        Self {
            id: view.id.to_string(),
            name: view.name.clone(),
            plain: key.expose_once().to_string(),
            is_managing: view.purpose == Purpose::Management,
            old_ends_at: None,
        }
    }

    pub(super) fn with_predecessor(self, ends_at: Option<Timestamp>) -> Self {
        Self { old_ends_at: ends_at, ..self }
    }
}

#[derive(Template)]
#[template(path = "dashboard/keys/created.html")]
struct CreatedPage {
    frame: Frame,
    created: CreatedKey,
    old_ends: Option<When>,
    variable: String,
    example_url: String,
    may_test: bool,
    /// The provider has not set the URL of the example.
    lacks_url: bool,
    may_set_url: bool,
    /// `None` if the store fails now. The page shows the secret nevertheless.
    key: Option<Key>,
}

impl CreatedPage {
    /// The documentation of the API that the key calls.
    fn docs_url(&self) -> Option<&String> {
        if self.created.is_managing { self.frame.docs_url.as_ref() } else { self.frame.api_docs_url.as_ref() }
    }
}

pub(super) async fn show(member: &AtAccount, created: CreatedKey) -> Result<Response, ManagementError> {
    // A management key calls this server, for what needs no scope.
    let example_url = if created.is_managing {
        format!("{}/v1/keys/self", member.visitor.own_origin())
    } else {
        member.example_url()
    };
    let old_ends = When::maybe(created.old_ends_at, member.management().now());
    let may_test = !created.is_managing && test_call::may_call(member, &example_url);
    let lacks_url = !created.is_managing && example_url == EXAMPLE_URL;
    let may_set_url = member.may_describe_api();
    let now = member.management().now();
    let key = match created.id.parse() {
        Ok(id) => member.management().key(&member.actor, &id).await.ok().map(|key| Key::of(&key, now)),
        Err(_) => None,
    };
    Ok(member.page(words::keys::COPY_YOUR_KEY, |frame| CreatedPage {
        variable: variable(&frame.provider),
        frame,
        created,
        old_ends,
        example_url,
        may_test,
        lacks_url,
        may_set_url,
        key,
    }))
}

#[derive(Template)]
#[template(path = "dashboard/keys/created_before.html")]
struct CreatedBeforePage {
    frame: Frame,
    created: CreatedKey,
}

pub(super) fn show_before(member: &AtAccount, created: CreatedKey) -> Response {
    member.page(words::shared::ALREADY_SHOWN, |frame| CreatedBeforePage { frame, created })
}
