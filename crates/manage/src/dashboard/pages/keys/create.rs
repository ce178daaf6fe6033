use askama::Template;
use axum::response::Response;
use http::StatusCode;
use keyward_core::endpoint::EndpointError;
use keyward_core::key::KeyKind;
use keyward_core::lifecycle::Lifetimes;
use keyward_core::network::ipnet::IpNet;
use keyward_core::{Endpoint, Mode, NewKey, ScopeSet, Timestamp};

use super::created::{self, CreatedKey};
use super::expiry::{self, Expiry};
use super::scopes::{self as picked, ApiScopes, Picker};
use crate::dashboard::error::{FormErrors, PageError, Refused};
use crate::dashboard::form::Form;
use crate::dashboard::forms::SignedInForm;
use crate::dashboard::frame::Frame;
use crate::dashboard::member::AtAccount;
use crate::dashboard::once::{self, RevealedSecret};
use crate::dashboard::words;
use crate::error::ManagementError;
use crate::role::{Purpose, scopes};
use crate::scope_catalog::ScopeCatalog;
use crate::service::{KeyDraft, key_filters};

/// In the order of the form.
const FIELDS: [&str; 9] =
    ["name", "mode", "kind", "scopes", "expires_at", "expires_on", "endpoints", "networks", "tags"];

struct Choice {
    value: String,
    label: String,
    meaning: String,
    is_chosen: bool,
    /// The plan allows it for management keys only.
    is_managing: bool,
}

#[derive(Template)]
#[template(path = "dashboard/keys/create.html")]
struct NewPage {
    frame: Frame,
    form_id: String,
    error: Option<FormErrors>,
    name: String,
    purposes: Vec<Choice>,
    modes: Vec<Choice>,
    kinds: Vec<Choice>,
    scopes: Picker,
    /// The provider has described no scopes, and the user may.
    may_describe_scopes: bool,
    plan_note: Option<String>,
    management_scopes: Picker,
    expiry: Expiry,
    endpoints: String,
    networks: String,
    is_mine: bool,
    tags: String,
}

fn choices(form: &Form, field: &str, all: &[(&str, &str, &str)]) -> Vec<Choice> {
    let sent = form.get(field);
    let chosen = all.iter().map(|(value, ..)| *value).find(|value| *value == sent);
    let chosen = chosen.or(all.first().map(|(value, ..)| *value)).unwrap_or_default();
    let choice = |(value, label, meaning): &(&str, &str, &str)| Choice {
        value: (*value).to_owned(),
        label: (*label).to_owned(),
        meaning: (*meaning).to_owned(),
        is_chosen: *value == chosen,
        is_managing: false,
    };
    all.iter().map(choice).collect()
}

async fn show(
    member: &AtAccount,
    status: StatusCode,
    form: &Form,
    error: Option<FormErrors>,
) -> Result<Response, PageError> {
    let (lifetimes, now) = (lifetimes(member).await?, member.management().now());
    let default = lifetimes.default.or(lifetimes.maximum).map(|length| expiry::by_default(length, now));
    let expiry = Expiry::new(form, now, lifetimes.latest_end(now), default);
    let format = member.management().key_format();
    let kinds = [
        (KeyKind::Secret, "secret", words::keys::SECRET, words::keys::FULL_ACCESS_FOR_SERVERS_NEVER),
        (
            KeyKind::Restricted,
            "restricted",
            words::keys::RESTRICTED,
            words::keys::ONLY_THE_SCOPES_THAT_YOU_CHOOSE_BELOW,
        ),
        (KeyKind::Publishable, "publishable", words::keys::PUBLISHABLE, words::keys::READ_ONLY_IT_MAY),
    ];
    let modes = [
        (Mode::Test, "test", words::shared::TEST, words::keys::FOR_TRYING_THINGS_OUT),
        (Mode::Live, "live", words::shared::LIVE, words::keys::FOR_REAL_DATA_AND_REAL_MONEY),
    ];
    let kinds: Vec<_> = kinds
        .into_iter()
        .filter(|(kind, ..)| Mode::ALL.iter().any(|mode| format.has(*kind, *mode)))
        .map(|(_, value, label, meaning)| (value, label, meaning))
        .collect();
    let modes: Vec<_> = modes
        .into_iter()
        .filter(|(mode, ..)| KeyKind::ALL.iter().any(|kind| format.has(*kind, *mode)))
        .map(|(_, value, label, meaning)| (value, label, meaning))
        .collect();
    let calls = words::keys::calls(member.visitor.provider());
    let purposes = [
        ("api", words::keys::CALLING_THE_API, calls.as_str()),
        ("management", words::keys::MANAGING_KEYS, words::keys::CALLS_THE_MANAGEMENT_API),
    ];
    let form_id = once::new_form()?;
    let is_wrong = error.as_ref().is_some_and(|error| error.is_of("scopes"));
    let is_managing = form.get("purpose") == "management";
    let api_scopes = ApiScopes::of(member).await?;
    let mut kinds = choices(form, "kind", &kinds);
    if api_scopes.plan().is_some() {
        for choice in &mut kinds {
            // The other kinds get all scopes.
            choice.is_managing = choice.value != "restricted";
            if !is_managing {
                choice.is_chosen = !choice.is_managing;
            }
        }
    }
    let plan_note = api_scopes.plan().map(words::keys::only_scopes_of_plan);
    let offered = api_scopes.offered(&ScopeSet::default());
    let scopes = Picker::new(&offered, form, None).marked(is_wrong && !is_managing);
    let management_scopes =
        Picker::new(&picked::management_catalog(member), form, None).marked(is_wrong && is_managing);
    let page = |frame| NewPage {
        frame,
        form_id,
        error,
        name: form.get("name").to_owned(),
        purposes: choices(form, "purpose", &purposes),
        modes: choices(form, "mode", &modes),
        kinds,
        may_describe_scopes: scopes.groups.is_empty() && member.may_describe_api(),
        scopes,
        plan_note,
        management_scopes,
        expiry,
        endpoints: form.get("endpoints").to_owned(),
        networks: form.get("networks").to_owned(),
        is_mine: form.get("mine") == "1",
        tags: form.get("tags").to_owned(),
    };
    Ok(member.page_with(status, words::keys::CREATE_A_KEY, page))
}

pub(super) async fn page(member: AtAccount) -> Result<Response, PageError> {
    member.require(&scopes::KEYS_WRITE)?;
    member.require_recent_sign_in().await?;
    // The query fills in the form, after a new sign-in or from a link.
    show(&member, StatusCode::OK, &member.visitor.query(), None).await
}

async fn lifetimes(member: &AtAccount) -> Result<Lifetimes, ManagementError> {
    member.management().lifetimes_for(&member.account.id).await
}

pub(super) async fn create(SignedInForm { at: member, form }: SignedInForm<AtAccount>) -> Result<Response, PageError> {
    member.require(&scopes::KEYS_WRITE)?;
    member.require_recent_sign_in().await?;
    match issue(&member, &form).await {
        Ok(RevealedSecret::Now(key)) => Ok(created::show(&member, key).await?),
        Ok(RevealedSecret::Before(key)) => Ok(created::show_before(&member, key)),
        Err(refused) => {
            let (status, errors) = refused.on_form(|error| {
                matches!(
                    error,
                    ManagementError::Invalid { .. }
                        | ManagementError::Escalation(_)
                        | ManagementError::KeyLimit { .. }
                        | ManagementError::ScopeNotInPlan { .. }
                        | ManagementError::LifetimeTooLong(_)
                )
            })?;
            show(&member, status, &form, errors).await
        }
    }
}

async fn issue(member: &AtAccount, form: &Form) -> Result<RevealedSecret<CreatedKey>, Refused> {
    let catalog = ApiScopes::of(member).await?.catalog;
    let mut errors = FormErrors::default();
    let draft = draft(member, form, lifetimes(member).await?, &catalog, &mut errors);
    errors.add_all(&member.management().wrong_fields_of_key(&draft).await?);
    expiry::at_its_field(errors, form).sorted(&FIELDS).none()?;
    let (management, actor) = (member.management().clone(), member.actor.clone());
    let create = async move {
        let issued = management.create_key(&actor, draft).await?;
        Ok(CreatedKey::new(issued.key, &issued.view))
    };
    Ok(once::once(member, form, create).await?)
}

/// A field that is wrong has its default in the draft.
fn draft(
    member: &AtAccount,
    form: &Form,
    lifetimes: Lifetimes,
    catalog: &ScopeCatalog,
    errors: &mut FormErrors,
) -> KeyDraft {
    let purpose = if form.get("purpose") == "management" { Purpose::Management } else { Purpose::Api };
    let choose = |field| ManagementError::invalid(field, words::shared::CHOOSE_ONE);
    let mode: Option<Mode> = errors.check(form.get("mode").parse().map_err(|_| choose("mode")));
    let kind: Option<KeyKind> = errors.check(form.get("kind").parse().map_err(|_| choose("kind")));
    let granted = if kind == Some(KeyKind::Restricted) {
        let picked = if purpose == Purpose::Management {
            // Hidden boxes of the other purpose may still be ticked.
            let is_managing = |scope: &&str| scopes::ALL.iter().any(|(known, _)| known.as_str() == *scope);
            picked::parse(form.all("scope").filter(is_managing))
        } else {
            picked::read(catalog, form)
        };
        errors.check(picked).unwrap_or_default()
    } else {
        ScopeSet::all()
    };
    let mut new = NewKey::secret(member.account.id.clone(), form.get("name"));
    new.scopes = granted;
    (new.kind, new.mode) = (kind.unwrap_or(new.kind), mode.unwrap_or(new.mode));
    let now = member.management().now();
    let end = errors.check(expiry::read(form, now, lifetimes.latest_end(now))).flatten();
    // A draft has no end for the default one.
    new.expires_at = end.map(|end| end.unwrap_or(Timestamp::MAX));
    new.endpoints = errors.check(endpoints(form.get("endpoints"))).unwrap_or_default();
    new.networks = errors.check(networks(form.get("networks"))).unwrap_or_default();
    new.tags = errors.check(key_filters(Some(form.get("tags")), None)).unwrap_or_default().0;
    new.user = member.actor.user().filter(|_| form.get("mine") == "1").cloned();
    KeyDraft::of(purpose, new)
}

/// One on each line.
pub(super) fn endpoints(text: &str) -> Result<Vec<Endpoint>, ManagementError> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let wrong = |error: EndpointError| ManagementError::invalid("endpoints", error.to_string());
    lines.map(|line| line.parse().map_err(wrong)).collect()
}

pub(super) fn networks(text: &str) -> Result<Vec<IpNet>, ManagementError> {
    let parts = text.split([' ', ',', '\n', '\r', '\t']).filter(|part| !part.is_empty());
    parts
        .map(|part| part.parse::<keyward_core::Network>().map(IpNet::from))
        .collect::<Result<_, _>>()
        .map_err(|error| ManagementError::invalid("networks", error.to_string()))
}
