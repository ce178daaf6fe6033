//! Somebody who is signed in, the account that a page is about, and the key that it is about.
//!
//! A handler that works on an account takes an [`AtAccount`], and one that works on a key an [`AtKey`]. Both come from the URL alone, after
//! the rights of the session in that account were looked up. No cookie and no field of a form says what is worked on.

use std::ops::Deref;

use askama::Template;
use axum::extract::{FromRequestParts, RawPathParams};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;
use keyward_core::id::UserId;
use keyward_core::{AccountId, CredentialId, Scope};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use zeroize::Zeroizing;

use super::App;
use super::failure::Failure;
use super::page::Frame;
use super::web::{self, Visitor};
use crate::actor::Actor;
use crate::authority::Rights;
use crate::error::ManagementError;
use crate::records::{Account, User, Versioned};
use crate::service::{KeyView, Management};

/// Somebody who is signed in.
pub(super) struct Member {
    pub(super) visitor: Visitor,
    pub(super) actor: Actor,
    pub(super) session: Zeroizing<String>,
    pub(super) csrf: String,
    pub(super) user: Versioned<User>,
    /// Those that they belong to.
    accounts: Vec<Versioned<Account>>,
    /// Where the navigation leads: the account of the URL, or on pages about none the one that they looked at last.
    here: Option<Here>,
    /// What they may do in the operator's account, if they belong to it.
    pub(super) operates: Option<Rights>,
}

/// An account that somebody may look at.
struct Here {
    account: Versioned<Account>,
    rights: Rights,
}

impl Member {
    /// Whose session it is; not yet anywhere.
    pub(super) async fn of(visitor: Visitor) -> Result<Self, ManagementError> {
        let session = visitor.session();
        let management = visitor.app.management();
        let actor = management.session(&session, visitor.context.clone()).await?;
        let user = management.own_user(&actor).await?;
        let accounts = management.own_accounts(&actor).await?.into_iter().map(|(account, _)| account).collect();
        let operates = match management.rights(&actor, management.operator()).await {
            Ok(rights) => Some(rights),
            Err(ManagementError::NotFound(_)) => None,
            Err(error) => return Err(error),
        };
        let csrf = web::token_of(&session)?;
        Ok(Self { visitor, actor, session, csrf, user, accounts, here: None, operates })
    }

    /// The account with this id. It is not found if they have nothing to do with it, whether it exists or not.
    async fn look_at(&self, id: &AccountId) -> Result<Here, ManagementError> {
        let management = self.management();
        let account = match self.accounts.iter().find(|account| account.id == *id) {
            Some(own) => own.clone(),
            None => match management.account(&self.actor, id).await {
                Err(ManagementError::Forbidden(_)) => return Err(ManagementError::NotFound("account")),
                found => found?,
            },
        };
        let rights = management.rights(&self.actor, id).await?;
        Ok(Here { account, rights })
    }

    /// The account to begin with: the one that they looked at last, or else their first.
    async fn look_home(&self) -> Result<Option<Here>, ManagementError> {
        if let Some(last) = account_of(self.visitor.cookie(web::ACCOUNT)) {
            match self.look_at(&last).await {
                Err(ManagementError::NotFound(_)) => {}
                found => return found.map(Some),
            }
        }
        match self.accounts.first() {
            Some(first) => self.look_at(&first.id).await.map(Some),
            None => Ok(None),
        }
    }

    pub(super) fn management(&self) -> &Management {
        self.visitor.app.management()
    }

    /// Where the navigation leads, for pages that are about no account: nothing is done with it.
    pub(super) fn home(&self) -> Option<(&Account, &Rights)> {
        self.here.as_ref().map(|here| (&here.account.value, &here.rights))
    }

    /// Those that they can switch to: their own, and the one where they are.
    pub(super) fn accounts(&self) -> impl Iterator<Item = &Account> {
        let here = self.here.as_ref().map(|here| &here.account);
        let visited = here.filter(|here| !self.accounts.iter().any(|account| account.id == here.id));
        self.accounts.iter().chain(visited).map(|account| &account.value)
    }

    /// A page of theirs that is about no account.
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

    /// Has somebody sign in again who did so long ago, and wants to give something that outlives their session.
    pub(super) async fn require_recent_sign_in(&self) -> Result<(), Failure> {
        if self.management().has_signed_in_recently(&self.actor).await? {
            Ok(())
        } else {
            Err(Failure::signed_in_long_ago())
        }
    }
}

/// Somebody who is signed in, at the account that the URL names.
pub(super) struct AtAccount {
    member: Member,
    pub(super) account: Versioned<Account>,
    /// What they may do in the account.
    pub(super) rights: Rights,
}

impl Deref for AtAccount {
    type Target = Member;

    fn deref(&self) -> &Member {
        &self.member
    }
}

impl AtAccount {
    pub(super) fn may(&self, scope: &Scope) -> bool {
        self.rights.allows(scope)
    }

    pub(super) fn require(&self, scope: &Scope) -> Result<(), ManagementError> {
        self.rights.require(scope)
    }

    /// The path of a page about this account.
    pub(super) fn path(&self, rest: &str) -> String {
        account_path(&self.account.id, rest)
    }

    /// Goes on to another page about this account, which says this.
    pub(super) fn redirect_with_flash(&self, rest: &str, note: &str) -> Response {
        self.visitor.redirect_with_flash(&self.path(rest), note)
    }

    /// A page about this account.
    pub(super) fn page<T: Template>(&self, title: &str, page: impl FnOnce(Frame) -> T) -> Response {
        self.page_with(StatusCode::OK, title, page)
    }

    pub(super) fn page_with<T: Template>(
        &self,
        status: StatusCode,
        title: &str,
        page: impl FnOnce(Frame) -> T,
    ) -> Response {
        let mut response = self.visitor.html(status, &page(Frame::at(self, title)));
        // `/keys` leads here the next time.
        let id = utf8_percent_encode(self.account.id.as_str(), &IN_PATHS).to_string();
        if self.visitor.cookie(web::ACCOUNT) != id {
            self.visitor.set_cookie(&mut response, web::ACCOUNT, &id, Some(365 * 24 * 3_600));
        }
        response
    }
}

/// What an id has to be written with in a path and in a cookie: it may have any visible character.
const IN_PATHS: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The path of a page about an account.
pub(super) fn account_path(account: &AccountId, rest: &str) -> String {
    format!("/accounts/{}{rest}", utf8_percent_encode(account.as_str(), &IN_PATHS))
}

/// The account that a path or a cookie names.
fn account_of(text: &str) -> Option<AccountId> {
    percent_decode_str(text).decode_utf8().ok()?.parse().ok()
}

/// Somebody who is signed in, at a key of the account that the URL names.
pub(super) struct AtKey {
    place: AtAccount,
    pub(super) key: KeyView,
}

impl Deref for AtKey {
    type Target = AtAccount;

    fn deref(&self) -> &AtAccount {
        &self.place
    }
}

impl AtKey {
    pub(super) fn id(&self) -> &CredentialId {
        &self.key.id
    }

    /// The path of a page about this key, below the account's.
    pub(super) fn rest(&self) -> String {
        format!("/keys/{}", self.key.id)
    }
}

/// What a page or a form is about, found by its URL.
pub(super) trait Place: Sized + Send {
    /// Goes there.
    fn reach(member: Member, path: &PathParams) -> impl Future<Output = Result<Self, ManagementError>> + Send;
}

/// What the route has found in the path.
pub(super) struct PathParams(Vec<(String, String)>);

impl PathParams {
    pub(super) async fn of(parts: &mut Parts, app: &App) -> Self {
        let params = RawPathParams::from_request_parts(parts, app).await.ok();
        let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self(params.map(|params| params.iter().map(own).collect()).unwrap_or_default())
    }

    /// A parameter; what cannot be an id is not found.
    fn id<T: std::str::FromStr>(&self, name: &str, what: &'static str) -> Result<T, ManagementError> {
        let value = self.0.iter().find(|(known, _)| known == name).and_then(|(_, value)| value.parse().ok());
        value.ok_or(ManagementError::NotFound(what))
    }
}

impl Place for Member {
    async fn reach(mut member: Member, _: &PathParams) -> Result<Self, ManagementError> {
        member.here = member.look_home().await?;
        Ok(member)
    }
}

impl Place for AtAccount {
    async fn reach(mut member: Member, path: &PathParams) -> Result<Self, ManagementError> {
        let here = member.look_at(&path.id("account", "account")?).await?;
        let (account, rights) = (here.account.clone(), here.rights.clone());
        member.here = Some(here);
        Ok(Self { member, account, rights })
    }
}

impl Place for AtKey {
    async fn reach(member: Member, path: &PathParams) -> Result<Self, ManagementError> {
        let place = AtAccount::reach(member, path).await?;
        let key = place.management().key(&place.actor, &path.id("id", "key")?).await?;
        // The actor may see keys of other accounts too, but not here.
        if key.account != place.account.id {
            return Err(ManagementError::NotFound("key"));
        }
        Ok(Self { place, key })
    }
}

async fn seen<P: Place>(parts: &mut Parts, app: &App) -> Result<P, Response> {
    let visitor = Visitor::from_request_parts(parts, app).await.map_err(IntoResponse::into_response)?;
    let path = PathParams::of(parts, app).await;
    let place = match Member::of(visitor.clone()).await {
        Ok(member) => P::reach(member, &path).await,
        Err(error) => Err(error),
    };
    match place {
        Ok(place) => Ok(place),
        Err(ManagementError::SignedOut) => Err(visitor.go(&web::login_path(web::safe_redirect(&visitor.path)))),
        Err(error) => Err(Failure::from(error).into_response()),
    }
}

impl FromRequestParts<App> for Member {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        seen(parts, app).await
    }
}

impl FromRequestParts<App> for AtAccount {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        seen(parts, app).await
    }
}

impl FromRequestParts<App> for AtKey {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        seen(parts, app).await
    }
}

/// The user that a path names.
pub(super) struct NamedUser(pub(super) UserId);

impl FromRequestParts<App> for NamedUser {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        Ok(Self(PathParams::of(parts, app).await.id("id", "member")?))
    }
}

impl Visitor {
    /// The frame of a page that says what went wrong: with the way to their own accounts for those who are signed in.
    pub(super) async fn failure_frame(&self, title: &str) -> Frame {
        let Ok(mut member) = Member::of(self.clone()).await else { return Frame::open(self, title, String::new()) };
        let named = self.path.strip_prefix("/accounts/").and_then(|rest| rest.split(['/', '?']).next());
        let here = match named.and_then(account_of) {
            Some(id) => member.look_at(&id).await.ok(),
            None => None,
        };
        if let Some(here) = here {
            let (account, rights) = (here.account.clone(), here.rights.clone());
            member.here = Some(here);
            return Frame::at(&AtAccount { member, account, rights }, title);
        }
        member.here = member.look_home().await.ok().flatten();
        Frame::signed(&member, title)
    }
}
