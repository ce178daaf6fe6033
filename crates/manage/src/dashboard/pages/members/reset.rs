use askama::Template;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use crate::dashboard::error::PageError;
use crate::dashboard::form;
use crate::dashboard::forms::SignedInForm;
use crate::dashboard::frame::Frame;
use crate::dashboard::member::AtAccount;
use crate::dashboard::once::{self, RevealedSecret};
use crate::dashboard::path_params::NamedUser;
use crate::dashboard::words;

#[derive(Template)]
#[template(path = "dashboard/members/reset.html")]
struct ResetPage {
    frame: Frame,
    id: String,
    name: String,
    email: String,
    sends_mail: bool,
    form_id: String,
}

pub(super) async fn page(member: AtAccount, NamedUser(user): NamedUser) -> Result<Response, PageError> {
    member.require_recent_sign_in().await?;
    let user = member.management().member(&member.actor, &member.account.id, &user).await?.user;
    let form_id = once::new_form()?;
    let sends_mail = member.management().sends_mail();
    let page =
        |frame| ResetPage { frame, id: user.id.to_string(), name: user.name, email: user.email, sends_mail, form_id };
    Ok(member.page(words::shared::NEW_PASSWORD, page))
}

#[derive(Serialize, Deserialize)]
struct CreatedLink {
    email: String,
    /// `None` if mailed.
    secret: Option<String>,
}

#[derive(Template)]
#[template(path = "dashboard/members/reset_created.html")]
struct CreatedPage {
    frame: Frame,
    email: String,
    is_mailed: bool,
    /// `None` if mailed or already revealed.
    link: Option<String>,
}

pub(super) async fn create(
    NamedUser(user): NamedUser,
    SignedInForm { at: member, form }: SignedInForm<AtAccount>,
) -> Result<Response, PageError> {
    member.require_recent_sign_in().await?;
    let (management, actor, account) = (member.management().clone(), member.actor.clone(), member.account.id.clone());
    let base = member.visitor.link_base()?;
    let create = async move {
        // The actor may also have rights over members of other accounts, but not on this page.
        management.member(&actor, &account, &user).await?;
        if management.sends_mail() {
            let user = management.mail_password_reset(&actor, &user).await?;
            return Ok(CreatedLink { email: user.email, secret: None });
        }
        let link = management.create_password_reset(&actor, &user).await?;
        Ok(CreatedLink { email: link.user.email, secret: Some(link.secret.to_string()) })
    };
    let (created, is_new) = match once::once(&member, &form, create).await? {
        RevealedSecret::Now(created) => (created, true),
        RevealedSecret::Before(created) => (created, false),
    };
    let is_mailed = created.secret.is_none();
    let link = created.secret.filter(|_| is_new);
    let link = link.map(|secret| format!("{base}/reset?{}", form::query("reset", &secret)));
    Ok(member.page(words::shared::NEW_PASSWORD, |frame| CreatedPage { frame, email: created.email, is_mailed, link }))
}
