//! Keys.

pub(super) mod change;
pub(super) mod create;
pub(super) mod details;
pub(super) mod list;
pub(super) mod revoke;
pub(super) mod rotate;

use askama::Template;
use axum::response::Response;
use keyward_core::lease::Propagation;
use keyward_core::store::KeyStatus;
use keyward_core::{PlainKey, Timestamp};
use serde::{Deserialize, Serialize};

use super::member::AtAccount;
use super::page::Frame;
use super::settings::variable;
use super::text::When;
use crate::role::Purpose;
use crate::service::KeyView;

/// A key as pages show it.
pub(super) struct Key {
    id: String,
    name: String,
    hint: String,
    mode: &'static str,
    kind: &'static str,
    is_managing: bool,
    scopes: Vec<String>,
    networks: Vec<String>,
    endpoints: Vec<String>,
    status: &'static str,
    is_usable: bool,
    is_ended: bool,
    created: When,
    not_before: Option<When>,
    expires: Option<When>,
    expires_soon: bool,
    last_used: Option<When>,
    last_used_from: Option<String>,
    used_after_rotation: Option<When>,
    revoked: Option<When>,
    rotated_from: Option<String>,
    rotated_to: Option<String>,
    version: u64,
}

impl Key {
    fn of(key: &KeyView, now: Timestamp) -> Self {
        Self {
            id: key.id.to_string(),
            name: key.name.clone(),
            hint: key.hint.to_string(),
            mode: key.mode.as_str(),
            kind: key.kind.as_str(),
            is_managing: key.purpose == Purpose::Management,
            scopes: key.scopes.iter().map(|scope| scope.as_str().to_owned()).collect(),
            networks: key.networks.iter().map(ToString::to_string).collect(),
            endpoints: key.endpoints.iter().map(ToString::to_string).collect(),
            status: key.status.as_str(),
            is_usable: key.status == KeyStatus::Active,
            is_ended: !matches!(key.status, KeyStatus::Active | KeyStatus::Disabled),
            created: When::at(key.created_at, now),
            not_before: When::maybe(key.not_before.filter(|begin| *begin > now), now),
            expires: When::maybe(key.expires_at, now),
            expires_soon: key.expires_soon,
            last_used: When::maybe(key.last_used_at, now),
            last_used_from: key.last_used_from.clone(),
            used_after_rotation: When::maybe(key.used_after_rotation_at, now),
            revoked: When::maybe(key.revoked_at, now),
            rotated_from: key.rotated_from.as_ref().map(ToString::to_string),
            rotated_to: key.rotated_to.as_ref().map(ToString::to_string),
            version: key.version,
        }
    }

    /// All that it grants, in a few words.
    fn grants(&self) -> String {
        if self.scopes.iter().any(|scope| scope == "*") { "everything".to_owned() } else { self.scopes.join(", ") }
    }
}

/// The code of a note that says how far a change has come.
fn note_of(what: &str, propagation: &Propagation) -> String {
    let confirmed = propagation.confirmed.len();
    let nodes = confirmed + propagation.waited_out.len();
    format!("{what}.{confirmed}.{nodes}.{}", propagation.took.as_millis().max(1))
}

/// A key that was just made, as its form's answer keeps it.
#[derive(Serialize, Deserialize)]
struct Made {
    id: String,
    name: String,
    plain: String,
    /// When the key that it succeeds ends, if there is one.
    old_ends_at: Option<Timestamp>,
}

impl Made {
    fn new(key: PlainKey, view: &KeyView) -> Self {
        Self {
            id: view.id.to_string(),
            name: view.name.clone(),
            plain: key.expose_once().to_string(),
            old_ends_at: None,
        }
    }
}

#[derive(Template)]
#[template(path = "dashboard/key_made.html")]
struct MadePage {
    frame: Frame,
    made: Made,
    old_ends: Option<When>,
    variable: String,
    example_url: String,
}

/// The one page with the key on it.
fn show_made(member: &AtAccount, made: Made) -> Response {
    let example_url = member.visitor.app.settings().example_url.clone();
    let old_ends = When::maybe(made.old_ends_at, member.management().now());
    member.page("Copy your key", |frame| MadePage {
        variable: variable(&frame.provider),
        frame,
        made,
        old_ends,
        example_url,
    })
}

#[derive(Template)]
#[template(path = "dashboard/key_made_before.html")]
struct MadeBeforePage {
    frame: Frame,
    made: Made,
}

/// What is said when the form comes again: that it was shown.
fn show_made_before(member: &AtAccount, made: Made) -> Response {
    member.page("Shown already", |frame| MadeBeforePage { frame, made })
}
