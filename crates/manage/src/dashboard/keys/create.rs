//! Making a key.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use keyward_core::key::KeyKind;
use keyward_core::network::ipnet::IpNet;
use keyward_core::{Mode, NewKey, ScopeSet, Timestamp};

use super::Made;
use crate::dashboard::failure::{Failure, Wrong};
use crate::dashboard::form::Form;
use crate::dashboard::member::AtAccount;
use crate::dashboard::once::{self, Shown};
use crate::dashboard::page::Frame;
use crate::dashboard::web::SignedInForm;
use crate::error::ManagementError;
use crate::role::{Purpose, scopes};
use crate::service::KeyDraft;

const DAY: i64 = 24 * 3_600 * 1_000;

/// A choice, and what it means.
struct Choice {
    value: String,
    label: String,
    meaning: String,
    is_chosen: bool,
}

#[derive(Template)]
#[template(path = "dashboard/key_new.html")]
struct NewPage {
    frame: Frame,
    form_id: String,
    wrong: Option<Wrong>,
    name: String,
    purposes: Vec<Choice>,
    modes: Vec<Choice>,
    kinds: Vec<Choice>,
    scopes: Vec<Choice>,
    management_scopes: Vec<Choice>,
    other_scopes: String,
    expiries: Vec<Choice>,
    expires_on: String,
    networks: String,
}

/// The choices of a field, of which one is chosen: that of the form, or else the first.
fn choices(form: &Form, field: &str, all: &[(&str, &str, &str)]) -> Vec<Choice> {
    let sent = form.get(field);
    let chosen = all.iter().map(|(value, ..)| *value).find(|value| *value == sent);
    let chosen = chosen.or(all.first().map(|(value, ..)| *value)).unwrap_or_default();
    let choice = |(value, label, meaning): &(&str, &str, &str)| Choice {
        value: (*value).to_owned(),
        label: (*label).to_owned(),
        meaning: (*meaning).to_owned(),
        is_chosen: *value == chosen,
    };
    all.iter().map(choice).collect()
}

fn scope_choices<'a>(form: &Form, all: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<Choice> {
    all.map(|(scope, meaning)| Choice {
        value: scope.to_owned(),
        label: scope.to_owned(),
        meaning: meaning.to_owned(),
        is_chosen: form.all("scope").any(|sent| sent == scope),
    })
    .collect()
}

fn show(member: &AtAccount, status: StatusCode, form: &Form, wrong: Option<Wrong>) -> Result<Response, Failure> {
    let format = member.management().key_format();
    let kinds = [
        (KeyKind::Secret, "secret", "Secret", "Can do everything. For servers, never for browsers or apps."),
        (KeyKind::Restricted, "restricted", "Restricted", "Can do what you tick below, and nothing else."),
        (KeyKind::Publishable, "publishable", "Publishable", "Can only read. May be seen by others, as in a browser."),
    ];
    let modes = [
        (Mode::Test, "test", "Test", "For trying things out: nothing real happens."),
        (Mode::Live, "live", "Live", "For real data and real money."),
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
    let provider = &member.visitor.app.settings().name;
    let purposes = [
        ("api", provider.as_str(), "Calls of the API."),
        ("management", "Managing keys", "Calls of the management API: creating, listing and revoking keys by program."),
    ];
    let expiries = [
        ("never", "Never", ""),
        ("7", "In 7 days", ""),
        ("30", "In 30 days", ""),
        ("90", "In 90 days", ""),
        ("365", "In a year", ""),
        ("on", "On a date", ""),
    ];
    let form_id = once::new_form()?;
    let own_scopes = member.visitor.app.settings().scopes.iter();
    let page = |frame| NewPage {
        frame,
        form_id,
        wrong,
        name: form.get("name").to_owned(),
        purposes: choices(form, "purpose", &purposes),
        modes: choices(form, "mode", &modes),
        kinds: choices(form, "kind", &kinds),
        scopes: scope_choices(form, own_scopes.map(|(scope, meaning)| (scope.as_str(), meaning.as_str()))),
        management_scopes: scope_choices(
            form,
            scopes::ALL
                .iter()
                .filter(|(scope, _)| member.may(scope))
                .map(|(scope, meaning)| (scope.as_str(), *meaning)),
        ),
        other_scopes: form.get("other_scopes").to_owned(),
        expiries: choices(form, "expires", &expiries),
        expires_on: form.get("expires_on").to_owned(),
        networks: form.get("networks").to_owned(),
    };
    Ok(member.page_with(status, "Create a key", page))
}

pub(in super::super) async fn page(member: AtAccount) -> Result<Response, Failure> {
    member.require(&scopes::KEYS_WRITE)?;
    // What a form held whose session had ended, or what a link proposes: nothing is done before it is sent.
    member.require_recent_sign_in().await?;
    show(&member, StatusCode::OK, &member.visitor.query(), None)
}

pub(in super::super) async fn create(
    SignedInForm { at: member, form }: SignedInForm<AtAccount>,
) -> Result<Response, Failure> {
    member.require_recent_sign_in().await?;
    let made = match draft(&member, &form) {
        Ok(draft) => {
            let (management, actor) = (member.management().clone(), member.actor.clone());
            let create = async move {
                let issued = management.create_key(&actor, draft).await?;
                Ok(Made::new(issued.key, &issued.view))
            };
            once::once(&member, &form, create).await
        }
        Err(error) => Err(error),
    };
    match made {
        Ok(Shown::Now(made)) => Ok(super::show_made(&member, made)),
        Ok(Shown::Before(made)) => Ok(super::show_made_before(&member, made)),
        Err(
            error @ (ManagementError::Invalid { .. }
            | ManagementError::Escalation(_)
            | ManagementError::KeyLimit { .. }),
        ) => show(&member, error.status(), &form, Some(Wrong::from(&error))),
        Err(error) => Err(error.into()),
    }
}

fn draft(member: &AtAccount, form: &Form) -> Result<KeyDraft, ManagementError> {
    let purpose = if form.get("purpose") == "management" { Purpose::Management } else { Purpose::Api };
    let kind: KeyKind = form.get("kind").parse().map_err(|_| ManagementError::invalid("kind", "choose one"))?;
    let mode: Mode = form.get("mode").parse().map_err(|_| ManagementError::invalid("mode", "choose one"))?;
    let granted = if kind == KeyKind::Restricted {
        // The boxes of the other purpose are hidden, and stay ticked if they were.
        let is_managing = |scope: &str| scopes::ALL.iter().any(|(known, _)| known.as_str() == scope);
        let is_own =
            |scope: &str| member.visitor.app.settings().scopes.iter().any(|(known, _)| known.as_str() == scope);
        let fits = |scope: &&str| if purpose == Purpose::Management { is_managing(scope) } else { is_own(scope) };
        let others = if purpose == Purpose::Api { form.get("other_scopes") } else { "" };
        let all: Vec<&str> = form.all("scope").filter(fits).chain(others.split_whitespace()).collect();
        if all.is_empty() {
            return Err(ManagementError::invalid("scopes", "a restricted key needs at least one"));
        }
        let message = "names such as resources:read, with spaces between them";
        all.join(" ").parse::<ScopeSet>().map_err(|_| ManagementError::invalid("scopes", message))?
    } else {
        ScopeSet::all()
    };
    let mut new = NewKey::secret(member.account.id.clone(), form.get("name"));
    (new.kind, new.mode, new.scopes) = (kind, mode, granted);
    new.expires_at = end(form, member.management().now())?;
    new.networks = networks(form.get("networks"))?;
    Ok(KeyDraft::of(purpose, new))
}

fn end(form: &Form, now: Timestamp) -> Result<Option<Timestamp>, ManagementError> {
    let wrong = || ManagementError::invalid("expires_at", "choose one, or a date that is to come");
    match form.get("expires") {
        "never" | "" => Ok(None),
        "on" => {
            let end: Timestamp = format!("{}T23:59:59Z", form.get("expires_on")).parse().map_err(|_| wrong())?;
            if end > now { Ok(Some(end)) } else { Err(wrong()) }
        }
        days => {
            let days: i64 = days.parse().ok().filter(|days| (1..=3_660).contains(days)).ok_or_else(wrong)?;
            Ok(Some(Timestamp::from_millis(now.as_millis() + days * DAY)))
        }
    }
}

fn networks(text: &str) -> Result<Vec<IpNet>, ManagementError> {
    let parts = text.split([' ', ',', '\n', '\r', '\t']).filter(|part| !part.is_empty());
    parts
        .map(|part| part.parse::<keyward_core::Network>().map(IpNet::from))
        .collect::<Result<_, _>>()
        .map_err(|error| ManagementError::invalid("networks", error.to_string()))
}

impl NewPage {
    /// Whether this field is the one that was wrong.
    fn is_wrong(&self, field: &str) -> bool {
        self.wrong.as_ref().is_some_and(|wrong| wrong.field == field)
    }
}
