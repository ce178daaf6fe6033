use std::fmt;
use std::iter;
use std::sync::Arc;
use std::time::Duration;

use keyward_core::Timestamp;
use keyward_core::id::UserId;
use serde_json::json;
use zeroize::Zeroizing;

use crate::actor::{Actor, ActorName, Context, principal_of};
use crate::error::ManagementError;
use crate::records::{
    Entity, MailContent, PasswordReset, ResetOrigin, StoredUser, User, Versioned, digest_of, new_secret,
};
use crate::service::audit::{Draft, Target};
use crate::service::email::{TypedEmail, normal_email};
use crate::service::mail::MailQuota;
use crate::service::rights::{Effect, unless_lost};
use crate::service::sign_in::Attempt;
use crate::service::{ATTEMPTS, Management};
use crate::store::Write;

const LINK_LIFE: Duration = Duration::from_secs(3_600);

/// A link that sets a new password, once, within an hour.
///
/// # Examples
/// ```
/// use keyward::manage::{Management, SqliteManagementStore};
/// use keyward::sqlite::SqliteStore;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let store = SqliteStore::temporary()?;
/// let management = Management::builder(store.clone(), SqliteManagementStore::open(&store)?)
///     .on_forgotten_password(|reset| {
///         let link = format!("https://keys.example.com/reset?reset={}", *reset.secret);
///         // Hand it to what sends mail, and do not wait for that here.
///         let _ = (&reset.user.email, link);
///     })
///     .build()?;
/// # let _ = management;
/// # Ok(()) }
/// ```
pub struct ResetLink {
    /// Value of `reset` in `/reset?reset=…`, shown once.
    pub secret: Zeroizing<String>,
    /// The user.
    pub user: User,
    /// Expiry time.
    pub ends_at: Timestamp,
}

impl fmt::Debug for ResetLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResetLink").field("user", &self.user.id).finish_non_exhaustive()
    }
}

pub(crate) type ResetLinkSender = Arc<dyn Fn(ResetLink) + Send + Sync>;

impl Management {
    /// Creates a reset link. Needs `members:write` in every account of the user, whose roles may not exceed the
    /// actor's.
    ///
    /// # Errors
    /// [`ManagementError::Escalation`], [`ManagementError::PasswordsOff`]; [`ManagementError::Invalid`] for the own
    /// user.
    pub async fn create_password_reset(&self, actor: &Actor, user: &UserId) -> Result<ResetLink, ManagementError> {
        let (known, guards) = self.check_may_reset(actor, user).await?;
        self.confirm_user(actor).await?;
        let draft = Draft::new(actor, "user.create_password_reset", Target::new("user", user));
        let link_maker = self.maker_of_session(actor).await?;
        let (link, mut writes) = self.new_reset(&known, ResetOrigin::MadeBy(actor.name()), link_maker).await?;
        writes.extend(guards);
        self.commit_or_stale(writes, draft.after(json!({"ends_at": link.ends_at}))).await?;
        Ok(link)
    }

    /// Mails a reset link to the user, as [`create_password_reset`](Self::create_password_reset) creates one. Only the user gets the link,
    /// whose hour begins when it is sent.
    ///
    /// # Errors
    /// Those of [`create_password_reset`](Self::create_password_reset); [`ManagementError::Throttled`] after 10 such mails to the address in an
    /// hour; [`ManagementError::Internal`] without a [`mailer`](crate::ManagementBuilder::mailer).
    pub async fn mail_password_reset(&self, actor: &Actor, user: &UserId) -> Result<User, ManagementError> {
        if !self.sends_mail() {
            return Err(ManagementError::Internal);
        }
        let (known, guards) = self.check_may_reset(actor, user).await?;
        self.count_mails(MailQuota::ResetFor(&known.email), 1).await?;
        let origin = ResetOrigin::MailedFor(actor.name());
        let mail = self.new_mail(None, MailContent::Reset { user: user.clone(), origin })?;
        let draft = Draft::new(actor, "user.create_password_reset", Target::new("user", user));
        self.commit_or_stale([vec![mail], guards].concat(), draft.after(json!({"mailed": true}))).await?;
        Ok(User::from(&known.value))
    }

    async fn check_may_reset(
        &self,
        actor: &Actor,
        user: &UserId,
    ) -> Result<(Versioned<StoredUser>, Vec<Write>), ManagementError> {
        self.require_passwords()?;
        self.check_other_user(actor, user, "change your own password with the current one").await?;
        let known: Versioned<StoredUser> = self.get(user.as_str()).await?.ok_or(ManagementError::NotFound("user"))?;
        let guards = self.check_governs_all(&actor.principal(), user, Effect::Grants).await?;
        self.check_recent(actor).await?;
        if known.disabled_at.is_some() {
            return Err(ManagementError::invalid("user", "the user is disabled: enable the user first"));
        }
        Ok((known, guards))
    }

    /// Sends a reset link if [`on_forgotten_password`](crate::ManagementBuilder::on_forgotten_password) or a
    /// [`mailer`](crate::ManagementBuilder::mailer) is set. An address gets at most 10 such mails in an hour.
    /// Neither the result nor its duration shows whether the user exists.
    ///
    /// # Errors
    /// [`ManagementError::Throttled`], [`ManagementError::PasswordsOff`].
    pub async fn forgot_password(&self, context: &Context, email: &str) -> Result<(), ManagementError> {
        self.require_passwords()?;
        let Some(email) = TypedEmail::read(email) else { return normal_email(email).map(drop) };
        self.0.throttle.check_address(Attempt::ForgotPassword, context)?;
        self.0.throttle.check_email(Attempt::ForgotPassword, email.key())?;
        if !self.sends_links() {
            return Ok(());
        }
        let (management, context) = (self.clone(), context.clone());
        tokio::spawn(async move {
            let sent = async {
                let user = management.find_typed(&email).await?;
                let Some(user) = user.filter(|user| user.disabled_at.is_none()) else { return Ok(()) };
                let draft = Draft::anonymous(&context, "user.forgot_password", Target::new("user", &user.id));
                let Some(send) = management.0.send_reset_link.clone() else {
                    management.count_mails(MailQuota::Forgotten(&user.email), 1).await?;
                    let content = MailContent::Reset { user: user.id.clone(), origin: ResetOrigin::Mailed };
                    management.write_quietly(&[management.new_mail(None, content)?]).await?;
                    management.note_frequent(draft);
                    return Ok(());
                };
                let (link, writes) = management.new_reset(&user, ResetOrigin::Mailed, None).await?;
                if !management.write_quietly(&writes).await? {
                    return Err(ManagementError::Stale);
                }
                // Anyone can cause any number of these. The link gives nothing until it is used, and its use has an
                // entry.
                management.note_frequent(draft);
                send(link);
                Ok::<_, ManagementError>(())
            };
            if let Err(error) = sent.await {
                keyward_core::log_limited!(error, %error, "a reset link was not sent");
            }
        });
        Ok(())
    }

    /// Returns `true` if users get reset links.
    #[must_use]
    pub fn sends_links(&self) -> bool {
        (self.0.send_reset_link.is_some() || self.sends_mail()) && self.takes_passwords()
    }

    /// Sets a password with a reset link, and ends the user's sessions and tokens.
    ///
    /// # Errors
    /// [`ManagementError::LinkEnded`], [`ManagementError::Throttled`], [`ManagementError::PasswordsOff`].
    pub async fn reset_password(
        &self,
        context: &Context,
        secret: &str,
        new_password: &str,
    ) -> Result<(), ManagementError> {
        self.require_passwords()?;
        self.0.throttle.check_address(Attempt::Link, context)?;
        self.0.passwords.check(new_password, &[]).await?;
        let reset: Versioned<PasswordReset> = self.get(&digest_of(secret)).await?.ok_or(ManagementError::LinkEnded)?;
        let user: Versioned<StoredUser> = self.get(reset.user.as_str()).await?.ok_or(ManagementError::LinkEnded)?;
        // The use of another link, a new password and signing out everywhere end the link.
        if reset.ends_at <= self.now() || reset.epoch != user.epoch || user.disabled_at.is_some() {
            return Err(ManagementError::LinkEnded);
        }
        self.check_reset_origin(&reset).await?;
        let password = Some(self.0.passwords.hash(new_password.to_owned()).await?);
        let draft = Draft::anonymous(context, "user.reset_password", Target::new("user", &user.id));
        let mut known = user;
        for _ in 0..ATTEMPTS {
            let mut writes = self.check_reset_origin(&reset).await?;
            // A mailed link proves the address. A link of an actor does not: its maker may be signing in, and must
            // not get the invitations to the address. The program's own link changes nothing.
            let address_proven_at = match &reset.origin {
                ResetOrigin::Mailed | ResetOrigin::MailedFor(_) => known.address_proven_at.or_else(|| Some(self.now())),
                ResetOrigin::MadeBy(maker) => known.address_proven_at.filter(|_| maker.kind == "system"),
            };
            let changed = StoredUser {
                password: password.clone(),
                epoch: known.epoch + 1,
                address_proven_at,
                ..known.value.clone()
            };
            writes.extend([reset.remove(), known.replace(&changed)?]);
            if self.commit(writes, draft.clone()).await?.is_ok() {
                return Ok(());
            }
            // A concurrent sign-in does not end the link.
            known = self.get(reset.user.as_str()).await?.ok_or(ManagementError::LinkEnded)?;
            let is_used = self.get::<PasswordReset>(&reset.value.id()).await?.is_none();
            if known.epoch != reset.epoch || known.disabled_at.is_some() || is_used {
                return Err(ManagementError::LinkEnded);
            }
        }
        Err(ManagementError::Stale)
    }

    /// A change of the user's roles ends the link.
    async fn check_reset_origin(&self, reset: &PasswordReset) -> Result<Vec<Write>, ManagementError> {
        if self.memberships_hash(&reset.user).await? != reset.memberships {
            return Err(ManagementError::LinkEnded);
        }
        let (ResetOrigin::MadeBy(maker) | ResetOrigin::MailedFor(maker)) = &reset.origin else { return Ok(Vec::new()) };
        let mut guards = Vec::new();
        for maker in iter::once(maker).chain(&reset.link_maker) {
            let maker = principal_of(maker).ok_or(ManagementError::LinkEnded)?;
            let held = unless_lost(self.check_governs_all(&maker, &reset.user, Effect::Grants).await)?;
            guards.extend(held.ok_or(ManagementError::LinkEnded)?);
        }
        Ok(guards)
    }

    async fn memberships_hash(&self, user: &UserId) -> Result<String, ManagementError> {
        let members = self.memberships(user).await?;
        let lines = members.iter().map(|member| {
            format!("{} {} {} {}\n", member.account, member.role, member.version, member.created_at.as_millis())
        });
        Ok(digest_of(&lines.collect::<String>()))
    }

    pub(crate) async fn new_reset(
        &self,
        user: &StoredUser,
        origin: ResetOrigin,
        link_maker: Option<ActorName>,
    ) -> Result<(ResetLink, Vec<Write>), ManagementError> {
        let secret = new_secret("kwp_")?;
        let ends_at = self.now().saturating_add(LINK_LIFE);
        let memberships = self.memberships_hash(&user.id).await?;
        let digest = digest_of(&secret);
        let reset = PasswordReset {
            digest,
            user: user.id.clone(),
            epoch: user.epoch,
            origin,
            link_maker,
            memberships,
            ends_at,
        };
        let writes = vec![reset.insert()?];
        Ok((ResetLink { secret, user: User::from(user), ends_at }, writes))
    }
}
