//! A signed-in user, account and key: from the URL and the session's rights, never from a cookie or form field.

use std::ops::Deref;

use askama::Template;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;
use keyward_core::{AccountId, CredentialId, Scope};
use zeroize::Zeroizing;

use super::app::App;
use super::cookies;
use super::csrf::token_of;
use super::error::PageError;
use super::exports::Export;
use super::frame::Frame;
use super::links::{account_path, decoded, encoded};
use super::navigation::{Access, Navigation};
use super::path_params::PathParams;
use super::visitor::Visitor;
use crate::actor::Actor;
use crate::authority::Rights;
use crate::error::ManagementError;
use crate::records::{Account, User, Versioned};
use crate::role::scopes;
use crate::service::{ApiDescription, KeyView, Management};

pub(super) struct Member {
    pub(super) visitor: Visitor,
    pub(super) actor: Actor,
    pub(super) session: Zeroizing<String>,
    pub(super) csrf: String,
    pub(super) user: Versioned<User>,
    accounts: Vec<Versioned<Account>>,
    here: Option<Here>,
    pub(super) operates: Option<Rights>,
    /// The user would operate with a second factor.
    would_operate: bool,
    /// An account of the user requires a second factor, and the user has none.
    pub(super) lacks_factor: bool,
    /// The provider's API, as far as the operator has described it on a page.
    pub(super) api: ApiDescription,
}

struct Here {
    account: Versioned<Account>,
    rights: Rights,
}

impl Member {
    pub(super) async fn of(visitor: Visitor) -> Result<Self, ManagementError> {
        let session = visitor.session();
        let management = visitor.app.management();
        let actor = management.session(&session, visitor.context.clone()).await?;
        let user = management.own_user(&actor).await?;
        let accounts = management.own_accounts(&actor).await?.into_iter().map(|(account, _)| account).collect();
        let (operates, would_operate) = match management.rights(&actor, management.operator()).await {
            Ok(rights) => (Some(rights), false),
            Err(ManagementError::NotFound(_)) => (None, false),
            Err(ManagementError::SecondFactorMissing) => (None, true),
            Err(error) => return Err(error),
        };
        let api = management.api_description().await?.value;
        let csrf = token_of(&session)?;
        let lacks_factor = would_operate;
        Ok(Self {
            visitor,
            actor,
            session,
            csrf,
            user,
            accounts,
            here: None,
            operates,
            would_operate,
            lacks_factor,
            api,
        })
    }

    /// An account that the user may not see is not found.
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

    async fn look_home(&mut self) -> Result<Option<Here>, ManagementError> {
        if let Some(last) = decoded(self.visitor.cookies.get(cookies::ACCOUNT)) {
            match self.look_at(&last).await {
                Err(ManagementError::NotFound(_)) => {}
                Err(ManagementError::SecondFactorMissing) => self.lacks_factor = true,
                found => return found.map(Some),
            }
        }
        // The operator's own account seldom has keys of interest.
        let operator = self.management().operator();
        let (own, operating): (Vec<_>, Vec<_>) = self.accounts.iter().partition(|account| account.id != *operator);
        let ids: Vec<AccountId> = own.into_iter().chain(operating).map(|account| account.id.clone()).collect();
        for id in ids {
            match self.look_at(&id).await {
                Err(ManagementError::SecondFactorMissing) => self.lacks_factor = true,
                found => return found.map(Some),
            }
        }
        Ok(None)
    }

    pub(super) fn management(&self) -> &Management {
        self.visitor.app.management()
    }

    /// The pages of the operator do not exist for others.
    pub(super) fn operator_rights(&self) -> Result<&Rights, ManagementError> {
        self.operates.as_ref().ok_or(if self.would_operate {
            ManagementError::SecondFactorMissing
        } else {
            ManagementError::NotFound("page")
        })
    }

    pub(super) fn may_describe_api(&self) -> bool {
        self.operates.as_ref().is_some_and(|rights| rights.allows(&scopes::ACCOUNTS_WRITE))
    }

    /// The names of the user's accounts that require a second factor.
    pub(super) async fn requiring_factor(&self) -> Result<Vec<String>, ManagementError> {
        let ids: Vec<String> = self.accounts.iter().map(|account| account.id.to_string()).collect();
        let requiring = self.management().requiring_factor(&ids).await?;
        let found = self.accounts.iter().filter(|account| requiring.contains(&account.id));
        Ok(found.map(|account| account.name.clone()).collect())
    }

    pub(super) fn home(&self) -> Option<(&Account, &Rights)> {
        self.here.as_ref().map(|here| (&here.account.value, &here.rights))
    }

    pub(super) fn page<T: Template>(&self, title: &str, page: impl FnOnce(Frame) -> T) -> Response {
        self.page_with(StatusCode::OK, title, page)
    }

    pub(super) fn page_with<T: Template>(
        &self,
        status: StatusCode,
        title: &str,
        page: impl FnOnce(Frame) -> T,
    ) -> Response {
        self.visitor.html(status, &page(self.frame(title)))
    }

    pub(super) async fn require_recent_sign_in(&self) -> Result<(), PageError> {
        if self.management().has_signed_in_recently(&self.actor).await? {
            Ok(())
        } else {
            Err(PageError::signed_in_long_ago())
        }
    }

    fn frame(&self, title: &str) -> Frame {
        let access = Access { home: self.home(), operates: self.operates.as_ref() };
        let here = self.here.as_ref().map(|here| &here.account);
        let visited = here.filter(|here| !self.accounts.iter().any(|account| account.id == here.id));
        let accounts: Vec<&Account> = self.accounts.iter().chain(visited).map(|account| &account.value).collect();
        let navigation = Navigation::new(&self.visitor, &self.user, access, &accounts);
        Frame::open(&self.visitor, title, self.csrf.clone()).navigation(navigation).api_docs(self.api.docs_url.as_ref())
    }
}

pub(super) struct AtAccount {
    member: Member,
    pub(super) account: Versioned<Account>,
    pub(super) rights: Rights,
}

impl Deref for AtAccount {
    type Target = Member;

    fn deref(&self) -> &Member {
        &self.member
    }
}

impl AtAccount {
    /// Takes a place among the running exports.
    pub(super) fn begin_export(&self) -> Result<Export, PageError> {
        self.visitor.app.exports().begin(&self.account.id, &self.user.id, self.operates.is_some())
    }

    /// The name of a member, or the id of a user who has left.
    pub(super) async fn name_of(&self, user: &str) -> Result<String, ManagementError> {
        Ok(self.user_name(user).await?.unwrap_or_else(|| user.to_owned()))
    }

    /// The name of a member, or of any user for the operator.
    pub(super) async fn user_name(&self, user: &str) -> Result<Option<String>, ManagementError> {
        let Ok(id) = user.parse() else { return Ok(None) };
        match self.management().member(&self.actor, &self.account.id, &id).await {
            Ok(found) => return Ok(Some(found.user.name)),
            Err(ManagementError::NotFound(_) | ManagementError::Forbidden(_)) => {}
            Err(error) => return Err(error),
        }
        match self.management().user(&self.actor, &id).await {
            Ok(found) => Ok(Some(found.value.name)),
            Err(
                ManagementError::NotFound(_) | ManagementError::Forbidden(_) | ManagementError::SecondFactorMissing,
            ) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn may(&self, scope: &Scope) -> bool {
        self.rights.allows(scope)
    }

    pub(super) fn require(&self, scope: &Scope) -> Result<(), ManagementError> {
        self.rights.require(scope)
    }

    pub(super) fn path(&self, rest: &str) -> String {
        account_path(&self.account.id, rest)
    }

    pub(super) fn redirect_with_flash(&self, rest: &str, code: &str) -> Response {
        self.visitor.redirect_with_flash(&self.path(rest), code)
    }

    pub(super) fn page<T: Template>(&self, title: &str, page: impl FnOnce(Frame) -> T) -> Response {
        self.page_with(StatusCode::OK, title, page)
    }

    pub(super) fn page_with<T: Template>(
        &self,
        status: StatusCode,
        title: &str,
        page: impl FnOnce(Frame) -> T,
    ) -> Response {
        let mut response = self.visitor.html(status, &page(self.frame(title).about(&self.account)));
        // `/keys` leads to this account the next time.
        let id = encoded(&self.account.id);
        if self.visitor.cookies.get(cookies::ACCOUNT) != id {
            self.visitor.cookies.set(&mut response, cookies::ACCOUNT, &id, Some(365 * 24 * 3_600));
        }
        response
    }
}

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

    pub(super) fn rest(&self) -> String {
        format!("/keys/{}", self.key.id)
    }
}

pub(super) trait Place: Sized + Send {
    fn reach(member: Member, path: &PathParams) -> impl Future<Output = Result<Self, ManagementError>> + Send;
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
        // The actor may also see keys of other accounts, but not below this one.
        if key.account != place.account.id {
            return Err(ManagementError::NotFound("key"));
        }
        Ok(Self { place, key })
    }
}

pub(super) async fn find<P: Place>(parts: &mut Parts, app: &App) -> Result<P, Response> {
    let visitor = Visitor::from_request_parts(parts, app).await.map_err(IntoResponse::into_response)?;
    let path = PathParams::of(parts, app).await;
    let place = match Member::of(visitor.clone()).await {
        Ok(member) => P::reach(member, &path).await,
        Err(error) => Err(error),
    };
    match place {
        Ok(place) => Ok(place),
        Err(ManagementError::SignedOut) => Err(visitor.go_to_sign_in()),
        Err(ManagementError::SecondFactorMissing) => Err(visitor.go("/settings/second-factor")),
        Err(error) => Err(PageError::from(error).into_response()),
    }
}

impl FromRequestParts<App> for Member {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        find(parts, app).await
    }
}

impl FromRequestParts<App> for AtAccount {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        find(parts, app).await
    }
}

impl FromRequestParts<App> for AtKey {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        find(parts, app).await
    }
}

impl Visitor {
    pub(super) async fn error_frame(&self, title: &str) -> Frame {
        let Ok(mut member) = Member::of(self.clone()).await else { return Frame::open(self, title, String::new()) };
        let named = self.path.strip_prefix("/accounts/").and_then(|rest| rest.split(['/', '?']).next());
        let here = match named.and_then(decoded) {
            Some(id) => member.look_at(&id).await.ok(),
            None => None,
        };
        if let Some(here) = here {
            let account = here.account.clone();
            member.here = Some(here);
            return member.frame(title).about(&account).back_to_settings();
        }
        member.here = member.look_home().await.ok().flatten();
        member.frame(title).back_to_settings()
    }
}
