//! Changes the scopes, endpoints, networks and expiry of a key. A summary is shown before a change.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use keyward_core::Timestamp;
use keyward_core::key::KeyKind;

use super::create::{endpoints, networks};
use super::expiry::{self, Expiry, NoChoice};
use super::scopes::{self as picked, ApiScopes, Picker};
use super::view::{Key, flash_code};
use crate::dashboard::error::{FormErrors, PageError, Refused};
use crate::dashboard::form::Form;
use crate::dashboard::forms::SignedInForm;
use crate::dashboard::frame::Frame;
use crate::dashboard::member::AtKey;
use crate::dashboard::text::When;
use crate::dashboard::words;
use crate::error::ManagementError;
use crate::role::{Purpose, scopes};
use crate::scope_catalog::ScopeCatalog;
use crate::service::KeyChange;

/// In the order of the form.
const FIELDS: [&str; 5] = ["scopes", "endpoints", "networks", "expires_at", "expires_on"];

#[derive(Template)]
#[template(path = "dashboard/keys/edit.html")]
struct EditPage {
    frame: Frame,
    key: Key,
    picker: Option<Picker>,
    plan_note: Option<String>,
    networks: String,
    endpoints: String,
    expiry: Option<Expiry>,
    error: Option<FormErrors>,
}

#[derive(Template)]
#[template(path = "dashboard/keys/confirm.html")]
struct ConfirmPage {
    frame: Frame,
    key: Key,
    changes: Vec<Difference>,
    fields: Vec<(String, String)>,
}

struct Difference {
    label: &'static str,
    removed: Vec<String>,
    added: Vec<String>,
    /// The text for a key that nothing limits any more.
    open: Option<&'static str>,
}

pub(super) async fn page(member: AtKey) -> Result<Response, PageError> {
    member.require(&scopes::KEYS_WRITE)?;
    member.require_recent_sign_in().await?;
    show(&member, StatusCode::OK, &member.visitor.query(), None).await
}

fn is_restricted(member: &AtKey) -> bool {
    member.key.kind == KeyKind::Restricted
}

/// The scopes that the form may send for this key.
async fn catalog(member: &AtKey) -> Result<ScopeCatalog, ManagementError> {
    if member.key.purpose == Purpose::Api {
        return Ok(ApiScopes::of(member).await?.catalog);
    }
    Ok(picked::management_catalog(member))
}

/// The scopes that the form offers for this key, and why they are not all.
async fn offered(member: &AtKey) -> Result<(ScopeCatalog, Option<String>), ManagementError> {
    if member.key.purpose == Purpose::Api {
        let scopes = ApiScopes::of(member).await?;
        return Ok((scopes.offered(&member.key.scopes), scopes.plan().map(words::keys::only_scopes_of_plan)));
    }
    Ok((picked::management_catalog(member), None))
}

async fn show(
    member: &AtKey,
    status: StatusCode,
    form: &Form,
    error: Option<FormErrors>,
) -> Result<Response, PageError> {
    let key = Key::of(&member.key, member.management().now());
    let (picker, plan_note) = match is_restricted(member) {
        true => {
            let is_wrong = error.as_ref().is_some_and(|error| error.is_of("scopes"));
            let (offered, plan_note) = offered(member).await?;
            (Some(Picker::new(&offered, form, Some(&member.key.scopes)).marked(is_wrong)), plan_note)
        }
        false => (None, None),
    };
    let networks = form.typed("networks", key.networks.join(" "));
    let endpoints = form.typed("endpoints", key.endpoints.join("\n"));
    let expiry = match has_own_end(member) {
        true => {
            let (now, end) = (member.management().now(), member.key.expires_at);
            let end_text = end.map_or_else(|| words::shared::NEVER.to_owned(), |end| When::at(end, now).full);
            let unchanged = NoChoice { label: words::keys::no_change(&end_text), end };
            Some(Expiry::new(form, now, latest_end(member).await?, Some(unchanged)))
        }
        false => None,
    };
    Ok(member.page_with(status, words::keys::CHANGE_ACCESS, |frame| EditPage {
        frame,
        key,
        picker,
        plan_note,
        networks,
        endpoints,
        expiry,
        error,
    }))
}

pub(super) async fn change(SignedInForm { at: member, form }: SignedInForm<AtKey>) -> Result<Response, PageError> {
    member.require(&scopes::KEYS_WRITE)?;
    member.require_recent_sign_in().await?;
    let change = match read(&member, &form).await {
        Ok(change) => change,
        Err(refused) => {
            let (status, errors) = refused.on_form(|_| false)?;
            return show(&member, status, &form, errors).await;
        }
    };
    let changes = differences(&member, &change);
    if changes.is_empty() {
        return Ok(member.redirect_with_flash(&member.rest(), "unchanged"));
    }
    if !form.has("confirmed") {
        let key = Key::of(&member.key, member.management().now());
        let fields = fields(&change);
        return Ok(member.page(words::keys::CHANGE_ACCESS, |frame| ConfirmPage { frame, key, changes, fields }));
    }
    let is_expiry = changes.iter().all(|change| change.label == words::shared::EXPIRES);
    let code = if is_expiry { "expiry" } else { "access" };
    let version = form.get("version").parse().unwrap_or(0);
    match member.management().update_key(&member.actor, member.id(), without_equal(&member, change), version).await {
        Ok((_, propagation)) => Ok(member.redirect_with_flash(&member.rest(), &flash_code(code, &propagation))),
        Err(
            error @ (ManagementError::Invalid { .. }
            | ManagementError::Stale
            | ManagementError::Escalation(_)
            | ManagementError::ScopeNotInPlan { .. }
            | ManagementError::LifetimeTooLong(_)),
        ) => {
            let errors = expiry::at_its_field(FormErrors::from(&error), &form);
            show(&member, error.status(), &form, Some(errors)).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn read(member: &AtKey, form: &Form) -> Result<KeyChange, Refused> {
    let mut errors = FormErrors::default();
    let scopes = match is_restricted(member) {
        true => errors.check(picked::read(&catalog(member).await?, form)),
        false => None,
    };
    let endpoints = errors.check(endpoints(form.get("endpoints")));
    let networks = errors.check(networks(form.get("networks")));
    let expires_at = match has_own_end(member) {
        true => errors.check(expiry::read(form, member.management().now(), latest_end(member).await?)).flatten(),
        false => None,
    };
    let change = KeyChange { scopes, endpoints, networks, expires_at, ..KeyChange::default() };
    errors.add_all(&member.management().wrong_fields_of_change(&member.key, &change).await?);
    expiry::at_its_field(errors, form).sorted(&FIELDS).none()?;
    Ok(change)
}

/// Who changes only an expiry needs no right to grant the key's scopes.
fn without_equal(member: &AtKey, mut change: KeyChange) -> KeyChange {
    let key = &member.key;
    change.scopes.take_if(|scopes| *scopes == key.scopes);
    change.endpoints.take_if(|endpoints| *endpoints == key.endpoints);
    change.networks.take_if(|networks| *networks == key.networks);
    change
}

/// The end of a key that is replaced follows its rotation.
fn has_own_end(member: &AtKey) -> bool {
    member.key.rotated_to.is_none()
}

/// An end may stay or move earlier, whatever the maximum is.
async fn latest_end(member: &AtKey) -> Result<Option<Timestamp>, ManagementError> {
    let Some(known) = member.key.expires_at else { return Ok(None) };
    let lifetimes = member.management().lifetimes_for(&member.key.account).await?;
    Ok(lifetimes.latest_end(member.key.created_at).map(|latest| latest.max(known)))
}

fn differences(member: &AtKey, change: &KeyChange) -> Vec<Difference> {
    let key = &member.key;
    let mut all = Vec::new();
    if let Some(scopes) = &change.scopes {
        all.push(Difference::of(words::shared::SCOPES, key.scopes.iter(), scopes.iter()));
    }
    if let Some(endpoints) = &change.endpoints {
        all.push(Difference::of(words::keys::ENDPOINTS, key.endpoints.iter(), endpoints.iter()));
    }
    if let Some(networks) = &change.networks {
        all.push(Difference::of(words::keys::NETWORKS, key.networks.iter(), networks.iter()));
    }
    if let Some(end) = change.expires_at {
        let now = member.management().now();
        let text = |end: Option<Timestamp>| When::maybe(end, now).map(|when| when.full);
        let (before, after) = (text(key.expires_at), text(end));
        let difference = Difference::of(words::shared::EXPIRES, before.iter(), after.iter());
        all.push(Difference { open: after.is_none().then_some(words::keys::THE_KEY_NEVER_EXPIRES), ..difference });
    }
    all.retain(|one| !one.removed.is_empty() || !one.added.is_empty());
    all
}

impl Difference {
    fn of<T: ToString>(label: &'static str, before: impl Iterator<Item = T>, after: impl Iterator<Item = T>) -> Self {
        let before: Vec<String> = before.map(|one| one.to_string()).collect();
        let after: Vec<String> = after.map(|one| one.to_string()).collect();
        let without = |all: &[String], others: &[String]| {
            all.iter().filter(|one| !others.contains(one)).cloned().collect::<Vec<_>>()
        };
        let open = after.is_empty().then_some(words::keys::NO_LIMIT_IS_LEFT);
        Self { label, removed: without(&before, &after), added: without(&after, &before), open }
    }
}

/// The fields of the form that confirms the change.
fn fields(change: &KeyChange) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    if let Some(scopes) = &change.scopes {
        let scopes = scopes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        fields.push(("other_scopes".to_owned(), scopes));
    }
    let endpoints = change.endpoints.iter().flatten().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    let networks = change.networks.iter().flatten().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    fields.extend([("endpoints".to_owned(), endpoints), ("networks".to_owned(), networks)]);
    fields.extend(change.expires_at.map(|end| ("expires".to_owned(), expiry::exactly(end))));
    fields
}
