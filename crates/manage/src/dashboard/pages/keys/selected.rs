//! Revokes, disables or enables several keys.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use keyward_core::CredentialId;
use keyward_core::store::KeyStatus;

use super::revoke::{Reason, reasons, revocation};
use super::view::Key;
use crate::dashboard::error::{FormErrors, PageError};
use crate::dashboard::form::Form;
use crate::dashboard::forms::SignedInForm;
use crate::dashboard::frame::Frame;
use crate::dashboard::member::AtAccount;
use crate::dashboard::words;
use crate::error::ManagementError;
use crate::role::scopes;
use crate::service::KeyView;

/// As many as a page of the list has.
const MOST: usize = 100;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Action {
    Revoke,
    Disable,
    Enable,
}

impl Action {
    fn read(form: &Form) -> Result<Self, ManagementError> {
        match form.get("action") {
            "revoke" => Ok(Self::Revoke),
            "disable" => Ok(Self::Disable),
            "enable" => Ok(Self::Enable),
            _ => Err(ManagementError::invalid("action", words::keys::CHOOSE_REVOKE_DISABLE_OR_ENABLE)),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Revoke => "revoke",
            Self::Disable => "disable",
            Self::Enable => "enable",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Revoke => words::keys::REVOKE,
            Self::Disable => words::shared::DISABLE,
            Self::Enable => words::shared::ENABLE,
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::Revoke => "keys-revoked",
            Self::Disable => "keys-disabled",
            Self::Enable => "keys-enabled",
        }
    }

    fn changes(self, key: &KeyView) -> bool {
        match self {
            Self::Revoke => key.status != KeyStatus::Revoked,
            Self::Disable => key.status == KeyStatus::Active,
            Self::Enable => key.status == KeyStatus::Disabled,
        }
    }
}

/// The same fields, and nothing that is no query.
fn list_query(form: &Form) -> String {
    Form::parse(form.get("list").as_bytes()).without(&[])
}

/// The part of the list that the keys were selected in.
fn list_of(form: &Form) -> String {
    let query = list_query(form);
    let between = if query.is_empty() { "" } else { "?" };
    format!("/keys{between}{query}")
}

#[derive(Template)]
#[template(path = "dashboard/keys/selected.html")]
struct SelectedPage {
    frame: Frame,
    action: &'static str,
    label: &'static str,
    is_final: bool,
    keys: Vec<Key>,
    /// Keys that the action would not change.
    others: Vec<Key>,
    reasons: Vec<Reason>,
    note: String,
    /// The query of the list that the keys were selected in.
    list: String,
    /// The list itself.
    back: String,
    error: Option<FormErrors>,
}

pub(super) async fn page(member: AtAccount) -> Result<Response, PageError> {
    member.require(&scopes::KEYS_WRITE)?;
    let query = member.visitor.query();
    if !query.has("id") {
        return Ok(member.redirect_with_flash(&list_of(&query), "none-selected"));
    }
    let (action, keys) = (Action::read(&query)?, selected(&member, &query).await?);
    Ok(show(&member, StatusCode::OK, action, &keys, &query, None))
}

fn show(
    member: &AtAccount,
    status: StatusCode,
    action: Action,
    keys: &[KeyView],
    form: &Form,
    error: Option<FormErrors>,
) -> Response {
    let now = member.management().now();
    let (changed, others): (Vec<&KeyView>, Vec<&KeyView>) = keys.iter().partition(|key| action.changes(key));
    let view = |keys: Vec<&KeyView>| keys.into_iter().map(|key| Key::of(key, now)).collect();
    let title = words::keys::selected_title(action.label());
    member.page_with(status, &title, |frame| SelectedPage {
        frame,
        action: action.word(),
        label: action.label(),
        is_final: action == Action::Revoke,
        keys: view(changed),
        others: view(others),
        reasons: reasons(form),
        note: form.get("note").to_owned(),
        list: list_query(form),
        back: list_of(form),
        error,
    })
}

pub(super) async fn change(SignedInForm { at: member, form }: SignedInForm<AtAccount>) -> Result<Response, PageError> {
    member.require(&scopes::KEYS_WRITE)?;
    let (action, keys) = (Action::read(&form)?, selected(&member, &form).await?);
    let revocation = match revocation(&form) {
        Ok(revocation) => revocation,
        Err(error) => {
            let status = error.status();
            return Ok(show(&member, status, action, &keys, &form, Some(FormErrors::from(&error))));
        }
    };
    let management = member.management();
    let chosen: Vec<&KeyView> = keys.iter().filter(|key| action.changes(key)).collect();
    let ids: Vec<CredentialId> = chosen.iter().map(|key| key.id.clone()).collect();
    // One key must not keep the others working.
    let results = match action {
        Action::Revoke => each(&ids, |id| management.revoke_key_with(&member.actor, id, &revocation)).await,
        Action::Disable => each(&ids, |id| management.set_key_disabled(&member.actor, id, true)).await,
        Action::Enable => management.enable_keys(&member.actor, &ids).await?,
    };
    let (mut changed, mut failed) = (0, None);
    for (key, result) in chosen.into_iter().zip(results) {
        match result {
            Ok(()) => changed += 1,
            Err(error) => failed = failed.or(Some((key, error))),
        }
    }
    let Some((key, error)) = failed else {
        if let ([key], Action::Disable) = (keys.as_slice(), action) {
            return Ok(member.redirect_with_flash(&format!("/keys/{}", key.id), "disabled"));
        }
        return Ok(member.redirect_with_flash(&list_of(&form), &format!("{}.{changed}", action.code())));
    };
    if matches!(error, ManagementError::SignInAgain) {
        return Err(error.into());
    }
    let again = selected(&member, &form).await?;
    let text = words::keys::partly_changed(changed, &key.name, &error.to_string());
    Ok(show(&member, error.status(), action, &again, &form, Some(FormErrors::of("", text))))
}

async fn each<'t, T, F: Future<Output = Result<T, ManagementError>>>(
    ids: &'t [CredentialId],
    change: impl Fn(&'t CredentialId) -> F,
) -> Vec<Result<(), ManagementError>> {
    let mut results = Vec::with_capacity(ids.len());
    for id in ids {
        results.push(change(id).await.map(drop));
    }
    results
}

/// Keys of other accounts do not exist here.
async fn selected(member: &AtAccount, form: &Form) -> Result<Vec<KeyView>, ManagementError> {
    let mut ids: Vec<CredentialId> = Vec::new();
    for id in form.all("id") {
        let id = id.parse().map_err(|_| ManagementError::NotFound("key"))?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    if ids.len() > MOST {
        return Err(ManagementError::invalid("id", words::keys::too_many_selected(ids.len(), MOST)));
    }
    let mut keys = Vec::with_capacity(ids.len());
    for id in ids {
        let key = member.management().key(&member.actor, &id).await?;
        if key.account != member.account.id {
            return Err(ManagementError::NotFound("key"));
        }
        keys.push(key);
    }
    Ok(keys)
}
