//! Links with which a host application hands over a user whom it has signed in.

use std::fmt;
use std::time::Duration;

use keyward_core::id::UserId;
use keyward_core::{AccountId, Timestamp};
use serde_json::json;
use zeroize::Zeroizing;

#[cfg(feature = "dashboard")]
use super::code::SignInStep;
use super::devices::Proven;
use super::sessions::SignedIn;
use super::throttle::Attempt;
use crate::actor::{Actor, ActorName, Context, Principal, Through, Who, principal_of};
use crate::error::ManagementError;
#[cfg(feature = "dashboard")]
use crate::proof::Proof;
use crate::records::{
    Entity, Member, StoredSession, StoredSignInLink, StoredUser, User, Versioned, digest_of, new_secret,
};
use crate::role::{Role, scopes};
use crate::service::audit::{DoesNotFit, Draft, Target};
use crate::service::email::{TypedEmail, normal_email};
use crate::service::rights::{Effect, unless_lost};
use crate::service::{ATTEMPTS, Management, check_name};
use crate::store::Write;

const LINK_LIFE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
/// The host knows how long ago the user signed in there, and the server does not.
const SESSION_IDLE: Duration = HOUR;
const SESSION_LIFE: Duration = Duration::from_secs(8 * 3_600);
const RECENT: Duration = HOUR;

const MAX_PATH: usize = 500;

const UNKNOWN: ManagementError = ManagementError::NotFound("user");

/// A sign-in link to create.
///
/// # Examples
/// ```
/// use keyward::manage::{Role, SignInLinkDraft};
///
/// let acme = keyward::AccountId::generate();
/// let draft = SignInLinkDraft::new("ada@example.com").account(acme).path("/usage").create("Ada", Role::Developer);
/// # let _ = draft;
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct SignInLinkDraft {
    user: String,
    account: Option<AccountId>,
    path: Option<String>,
    new_user: Option<(String, Role)>,
}

impl SignInLinkDraft {
    /// Describes a link for the user with this id or e-mail address.
    pub fn new(user: impl Into<String>) -> Self {
        Self { user: user.into(), account: None, path: None, new_user: None }
    }

    /// Sets the account whose pages open. The user must be a member.
    pub fn account(mut self, account: AccountId) -> Self {
        self.account = Some(account);
        self
    }

    /// Sets the page that opens, below the account if there is one. Other paths than those of pages open the list of keys.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Creates the user as a member of the account if the address is unknown. The user has no password.
    pub fn create(mut self, name: impl Into<String>, role: Role) -> Self {
        self.new_user = Some((name.into(), role));
        self
    }
}

/// A link that signs a user in, once and within a minute.
pub struct SignInLink {
    /// URL of the link, shown once. A path without [`dashboard_at`](crate::ManagementBuilder::dashboard_at).
    pub url: Zeroizing<String>,
    /// Value of `link` in the URL.
    pub secret: Zeroizing<String>,
    /// The user.
    pub user: User,
    /// Expiry time.
    pub ends_at: Timestamp,
}

impl fmt::Debug for SignInLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignInLink").field("user", &self.user.id).finish_non_exhaustive()
    }
}

/// The user of a draft.
enum LinkUser {
    Known(Versioned<StoredUser>),
    New(NewLinkUser),
}

/// A user whom the actor may create, and the guards of the actor's rights.
struct NewLinkUser {
    typed: TypedEmail,
    user: StoredUser,
    account: AccountId,
    role: Role,
    guards: Vec<Write>,
}

/// A link that works, its user, and the guards of its maker's rights.
struct UsableLink {
    link: Versioned<StoredSignInLink>,
    user: Versioned<StoredUser>,
    guards: Vec<Write>,
}

/// Where a link leads.
#[cfg(feature = "dashboard")]
pub(crate) struct LinkTarget {
    pub(crate) account: Option<AccountId>,
    pub(crate) path: Option<String>,
}

#[cfg(feature = "dashboard")]
impl LinkTarget {
    fn of(link: &StoredSignInLink) -> Self {
        Self { account: link.account.clone(), path: link.path.clone() }
    }
}

impl Management {
    /// Creates a link that signs a user in, once and within a minute, for an application that has signed the user in. Needs
    /// `users:sign_in`, which includes the rights of a developer in each customer's account. For an admin, an owner, or a user
    /// of the operator's account, the actor needs all rights of the user. A key of a customer's account signs in users of only
    /// this account. Creating a user needs `members:write`, too, and a key of the operator.
    ///
    /// Counts against 600 links a minute of each actor, and 30 of each user, on each node.
    ///
    /// # Errors
    /// [`ManagementError::Escalation`], [`ManagementError::SignInAgain`], [`ManagementError::Throttled`];
    /// [`ManagementError::OwnSignInRequired`] in a session that began with a link;
    /// [`ManagementError::NotFound`] for unknown users and for users who are no member of the account;
    /// [`ManagementError::Invalid`] for the own user and for disabled users.
    ///
    /// # Examples
    /// ```
    /// use keyward::manage::{Actor, Context, Management, Role, SignInLinkDraft, SqliteManagementStore};
    /// use keyward::sqlite::SqliteStore;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let store = SqliteStore::temporary()?;
    /// let management = Management::builder(store.clone(), SqliteManagementStore::open(&store)?).build()?;
    /// let system = Actor::system("example", Context::new());
    /// let acme = management.create_account(&system, "Acme").await?.value.id;
    ///
    /// let draft = SignInLinkDraft::new("ada@example.com").account(acme).create("Ada", Role::Developer);
    /// let link = management.create_sign_in_link(&system, &draft).await?;
    /// let signed_in = management.sign_in_with_link(&Context::new(), &link.secret).await?;
    /// assert_eq!(signed_in.user.name, "Ada");
    /// assert!(management.sign_in_with_link(&Context::new(), &link.secret).await.is_err());
    /// # Ok(()) }
    /// ```
    pub async fn create_sign_in_link(
        &self,
        actor: &Actor,
        draft: &SignInLinkDraft,
    ) -> Result<SignInLink, ManagementError> {
        // First, so that others cannot find out which users exist.
        let place = self.place_of_links(actor);
        self.rights(actor, &place).await?.require(&scopes::USERS_SIGN_IN)?;
        self.0.throttle.check_link_maker(actor)?;
        self.require_own_sign_in(actor).await?;
        self.check_recent(actor).await?;
        check_path(draft.path.as_deref())?;
        let draft = &self.draft_within(draft, place)?;
        let (user, guards) = match self.user_of_draft(actor, draft).await? {
            LinkUser::Known(user) => {
                let guards = self.check_link(actor, &user, draft).await?;
                self.confirm_user(actor).await?;
                (user, guards)
            }
            // Nothing is written before the confirmation.
            LinkUser::New(new) => {
                self.confirm_user(actor).await?;
                let user = self.create_for_link(actor, new).await?;
                let guards = self.check_link(actor, &user, draft).await?;
                (user, guards)
            }
        };
        let secret = new_secret("kwl_")?;
        let link = StoredSignInLink {
            digest: digest_of(&secret),
            user: user.id.clone(),
            epoch: user.epoch,
            maker: actor.name(),
            account: draft.account.clone(),
            path: draft.path.clone(),
            waits_for_code: false,
            ends_at: self.now().saturating_add(LINK_LIFE),
        };
        let writes = [vec![link.insert()?], guards].concat();
        let mut entry = Draft::new(actor, "user.create_sign_in_link", Target::new("user", &user.id))
            .after(json!({"ends_at": link.ends_at, "path": link.path}));
        if let Some(account) = &link.account {
            entry = entry.account(account);
        }
        self.commit_or_stale(writes, entry).await?;
        let url = Zeroizing::new(format!("{}/login/link?link={}", self.0.settings.dashboard_url, *secret));
        Ok(SignInLink { url, secret, user: User::from(&user.value), ends_at: link.ends_at })
    }

    /// Checks whether the actor may sign this user in.
    async fn check_link(
        &self,
        actor: &Actor,
        user: &StoredUser,
        draft: &SignInLinkDraft,
    ) -> Result<Vec<Write>, ManagementError> {
        if actor.user() == Some(&user.id) {
            return Err(ManagementError::invalid(
                "user",
                "expected another user: an open session or token must not begin another one",
            ));
        }
        if user.address_proven_at.is_none() && user.password.is_some() {
            // The link would remove the password.
            self.check_other_user(actor, &user.id, "sign in with your password").await?;
        }
        let guards = self.check_may_sign_in(&actor.principal(), &user.id, draft.account.as_ref()).await?;
        if user.disabled_at.is_some() {
            return Err(ManagementError::invalid("user", "the user is disabled: enable the user first"));
        }
        self.0.throttle.check_link_user(&user.id)?;
        Ok(guards)
    }

    /// Begins a session with a sign-in link. It lasts an hour without use and at most 8 hours, and counts as a recent sign-in for an
    /// hour. It joins and creates no account, shows no invitations, and sets no password and no second factor.
    ///
    /// If the address is unproven, another person may have chosen the user's password. The password is removed then, and all other
    /// sessions and tokens end.
    ///
    /// # Errors
    /// [`ManagementError::LinkEnded`], [`ManagementError::Throttled`]; [`ManagementError::CodeRequired`] if the user has a second
    /// factor, for which the dashboard asks.
    pub async fn sign_in_with_link(&self, context: &Context, secret: &str) -> Result<SignedIn, ManagementError> {
        let begun = match self.read_link(&digest_of(secret), false).await {
            Ok(usable) => self.begin_by_link(context, usable).await,
            Err(error) => Err(error),
        };
        begun.map_err(|error| self.count_ended(context, error))
    }

    /// Users of one office open many links from one address. So only links that have ended count.
    fn count_ended(&self, context: &Context, error: ManagementError) -> ManagementError {
        match error {
            ManagementError::LinkEnded => {
                self.0.throttle.check_address(Attempt::SignInLink, context).err().unwrap_or(ManagementError::LinkEnded)
            }
            error => error,
        }
    }

    async fn begin_by_link(&self, context: &Context, mut usable: UsableLink) -> Result<SignedIn, ManagementError> {
        let digest = usable.link.digest.clone();
        for _ in 0..ATTEMPTS {
            if usable.user.second_factor_at.is_some() {
                return Err(ManagementError::CodeRequired);
            }
            if let Ok(signed_in) = self.commit_by_link(context, usable, &[]).await? {
                return Ok(signed_in);
            }
            // On a conflict, everything is read again. A concurrent use has removed the link.
            usable = self.read_link(&digest, false).await?;
        }
        Err(ManagementError::Stale)
    }

    /// The writes of the second factor come first in the batch.
    async fn commit_by_link(
        &self,
        context: &Context,
        usable: UsableLink,
        factor: &[Write],
    ) -> Result<Result<SignedIn, DoesNotFit>, ManagementError> {
        let UsableLink { link, user, guards } = usable;
        let mut after = json!({"sign_in_link_of": link.maker});
        if user.second_factor_at.is_some() {
            after["second_factor"] = json!(true);
        }
        let mut signed_in = StoredUser { last_sign_in_at: Some(self.now()), ..user.value.clone() };
        if user.address_proven_at.is_none() && signed_in.password.take().is_some() {
            // The password may be that of a person who does not own the address, and so may be sessions and tokens.
            signed_in.epoch += 1;
            after["password"] = json!("removed, because the e-mail address was not verified");
        }
        let (secret, session) = self.new_session(context, &signed_in)?;
        let session = self.begun_by_link(session, link.maker.clone());
        let mut writes = factor.to_vec();
        writes.extend([link.remove(), session.insert()?, user.replace(&signed_in)?]);
        writes.extend(self.mail_of_sign_in(context, &user, self.is_known_to_links(context, &user).await?).await?);
        writes.extend(guards);
        let mut draft = Draft::anonymous(context, "session.begin", Target::new("user", &user.id)).after(after);
        if let Some(account) = &link.account {
            draft = draft.account(account);
        }
        if let Err(place) = self.commit(writes, draft).await? {
            return Ok(Err(place));
        }
        let device = self.prove_device(context, &signed_in, Proven::ByLink).await;
        Ok(Ok(SignedIn { session: secret, user: User::from(&signed_in), ends_at: session.ends_at, device }))
    }

    /// A user with a second factor enters its code next.
    #[cfg(feature = "dashboard")]
    pub(crate) async fn begin_sign_in_with_link(
        &self,
        context: &Context,
        secret: &str,
        visit: &str,
    ) -> Result<(SignInStep, LinkTarget), ManagementError> {
        let begun = async {
            let usable = self.read_link(&digest_of(secret), false).await?;
            let target = LinkTarget::of(&usable.link);
            let step = if usable.user.second_factor_at.is_some() {
                self.ask_for_code_after_link(usable, visit).await?
            } else {
                SignInStep::Done(self.begin_by_link(context, usable).await?)
            };
            Ok((step, target))
        };
        begun.await.map_err(|error| self.count_ended(context, error))
    }

    /// The link works for no other browser from now on. It stays until the code, so that it is used once and checked once more.
    #[cfg(feature = "dashboard")]
    async fn ask_for_code_after_link(&self, usable: UsableLink, visit: &str) -> Result<SignInStep, ManagementError> {
        let UsableLink { link, user, guards } = usable;
        let ends_at = self.now().saturating_add(super::code::LIFE);
        let waiting = StoredSignInLink { waits_for_code: true, ends_at, ..link.value.clone() };
        if !self.write_quietly(&[vec![link.replace(&waiting)?], guards].concat()).await? {
            return Err(ManagementError::LinkEnded);
        }
        self.ask_for_code(&user, visit, Some(waiting.digest)).await
    }

    #[cfg(feature = "dashboard")]
    pub(super) async fn end_sign_in_with_link(
        &self,
        context: &Context,
        digest: &str,
        proof: Proof<'_>,
    ) -> Result<SignedIn, ManagementError> {
        let mut usable = self.read_link(digest, true).await?;
        let draft = Draft::anonymous(context, "session.begin", Target::new("user", &usable.user.id));
        let factor =
            self.check_factor(context, &usable.user, Some(proof), crate::records::Asked::AtSignIn, &draft).await?;
        for _ in 0..ATTEMPTS {
            match self.commit_by_link(context, usable, &factor).await? {
                Ok(signed_in) => return Ok(signed_in),
                // Another sign-in used the code, or counted a wrong one.
                Err(DoesNotFit(0)) if !factor.is_empty() => return Err(ManagementError::WrongCode),
                Err(_) => usable = self.read_link(digest, true).await?,
            }
        }
        Err(ManagementError::Stale)
    }

    /// A customer's users have their own sign-in, and sign nobody else in.
    fn place_of_links(&self, actor: &Actor) -> AccountId {
        match &actor.who {
            Who::Key(identity) => identity.account().clone(),
            Who::User { .. } | Who::System(_) => self.operator().clone(),
        }
    }

    /// A customer's key opens pages of its account, and creates no user: it could find out who is one.
    fn draft_within(&self, draft: &SignInLinkDraft, place: AccountId) -> Result<SignInLinkDraft, ManagementError> {
        if place == *self.operator() {
            return Ok(draft.clone());
        }
        if draft.account.as_ref().is_some_and(|account| *account != place) {
            return Err(ManagementError::NotFound("account"));
        }
        if draft.new_user.is_some() {
            return Err(ManagementError::invalid(
                "name",
                "only a key of the operator creates users: invite the user into the account",
            ));
        }
        Ok(SignInLinkDraft { account: Some(place), ..draft.clone() })
    }

    async fn user_of_draft(&self, actor: &Actor, draft: &SignInLinkDraft) -> Result<LinkUser, ManagementError> {
        if !draft.user.contains('@') {
            if draft.new_user.is_some() {
                return Err(ManagementError::invalid("user", "expected the e-mail address of the new user"));
            }
            let id: UserId = draft.user.parse().map_err(|_| UNKNOWN)?;
            return Ok(LinkUser::Known(self.get(id.as_str()).await?.ok_or(UNKNOWN)?));
        }
        let Some(typed) = TypedEmail::read(&draft.user) else { return Err(invalid_address(&draft.user)) };
        if let Some(known) = self.find_typed(&typed).await? {
            return Ok(LinkUser::Known(known));
        }
        let Some((name, role)) = &draft.new_user else { return Err(UNKNOWN) };
        let account = draft.account.as_ref().ok_or_else(|| {
            ManagementError::invalid("account", "a new user needs an account: expected the id of an account")
        })?;
        let email = normal_email(&draft.user).map_err(|_| invalid_address(&draft.user))?;
        let name = check_name("name", name)?;
        let held = self.guarded_rights(&actor.principal(), account).await?;
        held.rights.require(&scopes::MEMBERS_WRITE)?;
        held.rights.check_signs_in(*role)?;
        self.read_account(account).await?;
        let user = self.new_user(email, name, None);
        Ok(LinkUser::New(NewLinkUser { typed, user, account: account.clone(), role: *role, guards: held.guards }))
    }

    async fn create_for_link(&self, actor: &Actor, new: NewLinkUser) -> Result<Versioned<StoredUser>, ManagementError> {
        match self.add_to(new.user, &new.account, new.role, actor, new.guards).await {
            // A concurrent request may have created the user.
            Ok(_) | Err(ManagementError::Duplicate(_)) => {}
            Err(error) => return Err(error),
        }
        self.find_typed(&new.typed).await?.ok_or(UNKNOWN)
    }

    /// A link gives all rights of its user, so its maker must have them.
    async fn check_may_sign_in(
        &self,
        maker: &Principal,
        user: &UserId,
        account: Option<&AccountId>,
    ) -> Result<Vec<Write>, ManagementError> {
        if !matches!(maker, Principal::Key(_)) {
            self.guarded_rights(maker, self.operator()).await?.rights.require(&scopes::USERS_SIGN_IN)?;
        }
        let guards = self.check_governs_all(maker, user, Effect::SignsIn).await?;
        if let Some(account) = account {
            let member = self.get::<Member>(&Member::id_of(account, user)).await?;
            drop(member.ok_or(ManagementError::NotFound("member"))?);
        }
        Ok(guards)
    }

    /// The maker's rights count at the use, and again at the code.
    async fn read_link(&self, digest: &str, waits_for_code: bool) -> Result<UsableLink, ManagementError> {
        const ENDED: ManagementError = ManagementError::LinkEnded;
        let link: Versioned<StoredSignInLink> = self.get(digest).await?.ok_or(ENDED)?;
        let user: Versioned<StoredUser> = self.get(link.user.as_str()).await?.ok_or(ENDED)?;
        if link.ends_at <= self.now() || link.epoch != user.epoch || user.disabled_at.is_some() {
            return Err(ENDED);
        }
        if link.waits_for_code != waits_for_code {
            return Err(ENDED);
        }
        let guards = self.guards_of_maker(&link.maker, &user.id, link.account.as_ref()).await?.ok_or(ENDED)?;
        Ok(UsableLink { link, user, guards })
    }

    /// Returns `None` if the maker of a link may not sign the user in now.
    async fn guards_of_maker(
        &self,
        maker: &ActorName,
        user: &UserId,
        account: Option<&AccountId>,
    ) -> Result<Option<Vec<Write>>, ManagementError> {
        let Some(maker) = principal_of(maker) else { return Ok(None) };
        unless_lost(self.check_may_sign_in(&maker, user, account).await)
    }

    /// A session of a link ends with the rights of its maker: the maker may hold it. The user may have joined another
    /// account, got a higher role, or the key may have leaked and be revoked.
    pub(super) async fn check_maker(&self, session: &StoredSession) -> Result<(), ManagementError> {
        let Some(maker) = &session.link_maker else { return Ok(()) };
        self.guards_of_maker(maker, &session.user, None).await?.map(drop).ok_or(ManagementError::SignedOut)
    }

    /// Returns the name of the key or user that created a link, or of the program.
    pub(super) async fn name_of_maker(&self, maker: &ActorName) -> Result<String, ManagementError> {
        let name = match principal_of(maker) {
            Some(Principal::Key(id)) => self.0.keys.get(&id).await?.map(|key| key.name),
            Some(Principal::User(id)) => self.get::<StoredUser>(id.as_str()).await?.map(|user| user.value.name),
            Some(Principal::System) | None => None,
        };
        Ok(name.unwrap_or_else(|| maker.id.clone()))
    }

    pub(crate) async fn is_by_link(&self, actor: &Actor) -> Result<bool, ManagementError> {
        Ok(self.maker_of_session(actor).await?.is_some())
    }

    /// Returns who made the link with which the actor's session began.
    pub(in crate::service) async fn maker_of_session(
        &self,
        actor: &Actor,
    ) -> Result<Option<ActorName>, ManagementError> {
        let Who::User { through: Through::Session(digest), .. } = &actor.who else { return Ok(None) };
        let session: Versioned<StoredSession> = self.get(digest).await?.ok_or(ManagementError::SignedOut)?;
        Ok(session.value.link_maker)
    }

    /// A session of a link neither takes the user beyond the rights of its maker, who could sign the user in no longer,
    /// nor changes how the user signs in: the maker may hold it.
    pub(crate) async fn require_own_sign_in(&self, actor: &Actor) -> Result<(), ManagementError> {
        if self.is_by_link(actor).await? { Err(ManagementError::OwnSignInRequired) } else { Ok(()) }
    }

    fn begun_by_link(&self, session: StoredSession, maker: ActorName) -> StoredSession {
        StoredSession {
            ends_at: session.ends_at.min(session.created_at.saturating_add(SESSION_LIFE)),
            idle_at: session.idle_at.min(session.created_at.saturating_add(SESSION_IDLE)),
            link_maker: Some(maker),
            ..session
        }
    }

    pub(super) fn session_idle(&self, session: &StoredSession) -> Duration {
        let idle = self.0.settings.session_idle;
        if session.link_maker.is_some() { idle.min(SESSION_IDLE) } else { idle }
    }

    pub(crate) fn recent_sign_in(&self, session: &StoredSession) -> Duration {
        let within = self.0.settings.recent_sign_in;
        if session.link_maker.is_some() { within.min(RECENT) } else { within }
    }
}

fn invalid_address(text: &str) -> ManagementError {
    ManagementError::invalid("user", format!("`{text}` is not an e-mail address: expected one such as ada@example.com"))
}

fn check_path(path: Option<&str>) -> Result<(), ManagementError> {
    let Some(path) = path else { return Ok(()) };
    let is_plain = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if path.len() <= MAX_PATH && path.starts_with('/') && !path.starts_with("//") && is_plain {
        return Ok(());
    }
    let shown: String = path.chars().take(100).collect();
    Err(ManagementError::invalid(
        "path",
        format!("`{shown}` is not a path of a page: expected one such as /keys, of at most {MAX_PATH} characters"),
    ))
}
