//! Somebody who is signed in, and the account that they look at.

use askama::Template;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;
use keyward::Scope;
use zeroize::Zeroizing;

use super::App;
use super::failure::Failure;
use super::page::Frame;
use super::web::{self, Visitor};
use crate::actor::Actor;
use crate::authority::Rights;
use crate::desk::Desk;
use crate::error::DeskError;
use crate::records::{Account, User, Versioned};

/// Somebody who is signed in.
pub(super) struct Member {
    pub(super) visitor: Visitor,
    pub(super) actor: Actor,
    pub(super) session: Zeroizing<String>,
    pub(super) csrf: String,
    pub(super) user: Versioned<User>,
    /// The account that they look at.
    pub(super) account: Versioned<Account>,
    /// Those that they belong to, and the one that they look at.
    pub(super) accounts: Vec<Versioned<Account>>,
    /// What they may do in the account.
    pub(super) rights: Rights,
    /// What they may do in the operator's account, if they belong to it.
    pub(super) operates: Option<Rights>,
}

impl Member {
    pub(super) async fn of(visitor: Visitor) -> Result<Self, DeskError> {
        let session = visitor.session();
        let desk = visitor.app.desk();
        let actor = desk.session(&session, visitor.context.clone()).await?;
        let user = desk.own_user(&actor).await?;
        let mut accounts: Vec<_> = desk.own_accounts(&actor).await?.into_iter().map(|(account, _)| account).collect();
        let operates = match desk.rights(&actor, desk.operator()).await {
            Ok(rights) => Some(rights),
            Err(DeskError::NotFound(_)) => None,
            Err(error) => return Err(error),
        };
        let wanted = visitor.cookie(web::ACCOUNT);
        // The operator's people look at any account.
        if operates.is_some()
            && !accounts.iter().any(|account| account.id.as_str() == wanted)
            && let Ok(id) = wanted.parse()
        {
            match desk.account(&actor, &id).await {
                Ok(visited) => accounts.push(visited),
                Err(DeskError::NotFound(_) | DeskError::Forbidden(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let chosen = accounts.iter().find(|account| account.id.as_str() == wanted).or(accounts.first());
        let account = chosen.cloned().ok_or(DeskError::NotFound("account: you belong to none any more"))?;
        let rights = desk.rights(&actor, &account.id).await?;
        let csrf = web::token_of(&session)?;
        Ok(Self { visitor, actor, session, csrf, user, account, accounts, rights, operates })
    }

    pub(super) fn desk(&self) -> &Desk {
        self.visitor.app.desk()
    }

    pub(super) fn may(&self, scope: &Scope) -> bool {
        self.rights.allows(scope)
    }

    /// A page of theirs.
    pub(super) fn page<T: Template>(&self, title: &str, page: impl FnOnce(Frame) -> T) -> Response {
        self.page_with(StatusCode::OK, title, page)
    }

    pub(super) fn page_with<T: Template>(
        &self,
        status: StatusCode,
        title: &str,
        page: impl FnOnce(Frame) -> T,
    ) -> Response {
        self.visitor.html(status, &page(Frame::signed(self, title)))
    }
}

impl FromRequestParts<App> for Member {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let visitor = Visitor::from_request_parts(parts, app).await.map_err(IntoResponse::into_response)?;
        match Self::of(visitor.clone()).await {
            Ok(member) => Ok(member),
            Err(DeskError::SignedOut) => Err(visitor.go(&web::login_path(web::own_path(&visitor.path)))),
            Err(error) => Err(Failure::from(error).into_response()),
        }
    }
}
