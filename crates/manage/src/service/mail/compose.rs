//! The letter of a mail, from the records as they are when it is sent.

use std::time::Duration;

use keyward_core::id::UserId;
use keyward_core::store::{KeyRecord, KeyStatus};
use keyward_core::{AccountId, CredentialId, Timestamp};

use super::words;
use crate::error::ManagementError;
use crate::mail::{Letter, Mailer, Outgoing, quoted};
use crate::paths::account_path;
use crate::records::{
    Account, ChangedBy, Invitation, MailContent, ResetOrigin, SignInChange, StoredMail, StoredUser, Versioned,
    digest_of, new_secret,
};
use crate::role::Role;
use crate::service::Management;
use crate::service::device_name::device_name;

/// The one of the style sheet.
const ACCENT: &str = "#3c4cc0";
const DAY: Duration = Duration::from_secs(24 * 3_600);

impl Management {
    /// Returns `None` if the mail has lost its reason: the link was withdrawn, the key has ended, or the user is suspended.
    pub(super) async fn compose(
        &self,
        mailer: &Mailer,
        mail: &StoredMail,
    ) -> Result<Option<Outgoing>, ManagementError> {
        let look = self.appearance().await?.value;
        let letter = Letter {
            provider: look.name.unwrap_or_else(|| mailer.default_provider().to_owned()),
            accent: look.accent.map_or_else(|| ACCENT.to_owned(), |accent| accent.to_string()),
            subject: String::new(),
            paragraphs: Vec::new(),
            facts: Vec::new(),
            link: None,
            advice: Vec::new(),
        };
        let composer = Composer { management: self, mailer, id: &mail.id };
        match &mail.content {
            MailContent::Invitation { invitation, created_at } => {
                composer.invitation(letter, invitation, *created_at).await
            }
            MailContent::Reset { user, origin } => composer.reset(letter, user, origin).await,
            MailContent::KeyExpiring { key, user, expires_at } => {
                composer.expiring(letter, key, user, *expires_at).await
            }
            MailContent::KeyCompromised { key, user, at } => composer.compromised(letter, key, user, *at).await,
            MailContent::NewDevice { user, at, address, user_agent } => {
                let facts = device_facts(*at, address.as_deref(), user_agent.as_deref());
                composer.new_device(letter, user, facts).await
            }
            MailContent::SignInChanged { user, change, at, by } => {
                let facts = match by {
                    ChangedBy::User { address, user_agent } => {
                        device_facts(*at, address.as_deref(), user_agent.as_deref())
                    }
                    ChangedBy::Administrator => {
                        vec![(words::TIME, utc(*at)), (words::CHANGED_BY, words::AN_ADMINISTRATOR.to_owned())]
                    }
                };
                composer.sign_in_changed(letter, user, *change, facts).await
            }
            MailContent::NewOwner { user, account, owner, by, at } => {
                composer.new_owner(letter, user, account, owner, by.as_ref(), *at).await
            }
            MailContent::RoleLost { user, account, role, by, at } => {
                composer.role_lost(letter, user, account, *role, by.as_ref(), *at).await
            }
        }
    }
}

struct Composer<'a> {
    management: &'a Management,
    mailer: &'a Mailer,
    id: &'a str,
}

impl Composer<'_> {
    /// Each attempt has a new token, so no record has one.
    async fn invitation(
        &self,
        mut letter: Letter,
        id: &str,
        created_at: Timestamp,
    ) -> Result<Option<Outgoing>, ManagementError> {
        let management = self.management;
        let known: Option<Versioned<Invitation>> = management.get(id).await?;
        let is_current = |known: &Versioned<Invitation>| {
            known.is_mailed && known.created_at == created_at && known.ends_at > management.now()
        };
        let Some(known) = known.filter(is_current) else { return Ok(None) };
        match management.check_inviter(&known).await {
            Ok(_) => {}
            Err(ManagementError::LinkEnded) => return Ok(None),
            Err(error) => return Err(error),
        }
        let Some(account) = management.get::<Account>(known.account.as_str()).await? else { return Ok(None) };
        let secret = new_secret("kwi_")?;
        let next = Invitation { digest: digest_of(&secret), ..known.value.clone() };
        if !management.write_quietly(&[known.replace(&next)?]).await? {
            return Err(ManagementError::Stale);
        }
        let inviter = management.inviter(&known.invited_by).await?;
        let name = quoted(&account.name);
        letter.subject = words::invitation(&name, &letter.provider);
        letter.paragraphs = vec![match &inviter {
            Some(user) => words::user_invites(&quoted(&user.name), &name, &letter.provider),
            None => words::you_are_invited(&name, &letter.provider),
        }];
        letter.facts = vec![(words::ROLE, words::role(known.role))];
        letter.facts.extend(inviter.map(|user| (words::INVITED_BY, user.value.email)));
        letter.link = Some((words::ACCEPT_THE_INVITATION, self.link("/register?invitation=", &secret)));
        letter.advice = vec![words::invitation_ends(&utc(known.ends_at)), words::IGNORE_THE_INVITATION.to_owned()];
        let (id, address) = (self.id.to_owned(), known.value.email);
        Ok(Some(Outgoing { id, name: None, address, letter, has_secret: true }))
    }

    async fn reset(
        &self,
        mut letter: Letter,
        user: &UserId,
        origin: &ResetOrigin,
    ) -> Result<Option<Outgoing>, ManagementError> {
        let Some(user) = self.management.active_user(user).await? else { return Ok(None) };
        let (reset, writes) = self.management.new_reset(&user, origin.clone(), None).await?;
        if !self.management.write_quietly(&writes).await? {
            return Err(ManagementError::Stale);
        }
        letter.subject = words::reset(&letter.provider);
        letter.paragraphs = vec![match origin {
            ResetOrigin::Mailed => words::reset_was_requested(&quoted(&user.email)),
            ResetOrigin::MadeBy(_) | ResetOrigin::MailedFor(_) => {
                words::reset_comes_from_administrator(&quoted(&user.email))
            }
        }];
        letter.link = Some((words::CHOOSE_A_NEW_PASSWORD, self.link("/reset?reset=", &reset.secret)));
        letter.advice = vec![words::reset_ends(&utc(reset.ends_at)), words::IGNORE_THE_RESET.to_owned()];
        Ok(Some(self.to(user, letter, true)))
    }

    async fn expiring(
        &self,
        mut letter: Letter,
        id: &CredentialId,
        user: &UserId,
        expires_at: Timestamp,
    ) -> Result<Option<Outgoing>, ManagementError> {
        let now = self.management.now();
        let Some((key, user)) = self.key_of(id, user).await? else { return Ok(None) };
        let is_replaced = key.rotated_to.is_some();
        if key.status(now) != KeyStatus::Active || key.expires_at != Some(expires_at) || is_replaced {
            return Ok(None);
        }
        let soon = if expires_at.saturating_since(now) <= DAY { words::ONE_DAY } else { words::SEVEN_DAYS };
        letter.subject = words::key_expires(&quoted(&key.name), soon);
        letter.paragraphs = vec![words::key_expires_soon(&letter.provider)];
        letter.facts = vec![(words::EXPIRES, utc(expires_at))];
        letter.advice = vec![words::ROTATE_THE_KEY.to_owned()];
        self.about_key(letter, &key, user).await
    }

    async fn compromised(
        &self,
        mut letter: Letter,
        id: &CredentialId,
        user: &UserId,
        at: Timestamp,
    ) -> Result<Option<Outgoing>, ManagementError> {
        let Some((key, user)) = self.key_of(id, user).await? else { return Ok(None) };
        letter.subject = words::key_was_reported(&quoted(&key.name));
        letter.paragraphs = vec![words::key_was_found(&letter.provider)];
        let status = key.status(self.management.now());
        letter.facts = vec![(words::REPORTED, utc(at)), (words::STATUS, words::status(status).to_owned())];
        letter.advice = vec![if status == KeyStatus::Active {
            words::KEY_STILL_WORKS.to_owned()
        } else {
            words::KEY_IS_REVOKED.to_owned()
        }];
        self.about_key(letter, &key, user).await
    }

    async fn new_device(
        &self,
        mut letter: Letter,
        user: &UserId,
        facts: Vec<(&'static str, String)>,
    ) -> Result<Option<Outgoing>, ManagementError> {
        let Some(user) = self.management.active_user(user).await? else { return Ok(None) };
        letter.subject = words::new_sign_in(&letter.provider);
        letter.paragraphs = vec![words::new_device(&quoted(&user.email))];
        letter.facts = facts;
        letter.link = Some((words::OPEN_YOUR_SETTINGS, self.mailer.link("/settings")));
        letter.advice = vec![words::IF_IT_WAS_NOT_YOU.to_owned()];
        Ok(Some(self.to(user, letter, false)))
    }

    async fn sign_in_changed(
        &self,
        mut letter: Letter,
        user: &UserId,
        change: SignInChange,
        facts: Vec<(&'static str, String)>,
    ) -> Result<Option<Outgoing>, ManagementError> {
        let Some(user) = self.management.active_user(user).await? else { return Ok(None) };
        let email = quoted(&user.email);
        let (subject, text, advice, link) = match change {
            SignInChange::Password => (
                words::password_changed(&letter.provider),
                words::password_of(&email),
                words::IF_THE_PASSWORD_WAS_NOT_YOURS,
                (words::CHOOSE_A_NEW_PASSWORD, "/forgot"),
            ),
            SignInChange::FactorAdded => (
                words::factor_added(&letter.provider),
                words::factor_added_for(&email),
                words::IF_THE_FACTOR_WAS_NOT_YOURS,
                (words::OPEN_YOUR_SETTINGS, "/settings"),
            ),
            SignInChange::AnotherFactorAdded => (
                words::factor_added(&letter.provider),
                words::another_factor_of(&email),
                words::IF_THE_FACTOR_WAS_NOT_YOURS,
                (words::OPEN_YOUR_SETTINGS, "/settings"),
            ),
            SignInChange::OneFactorRemoved => (
                words::factor_removed(&letter.provider),
                words::one_factor_removed_of(&email),
                words::IF_ONE_REMOVAL_WAS_NOT_YOURS,
                (words::OPEN_YOUR_SETTINGS, "/settings"),
            ),
            SignInChange::FactorRemoved => (
                words::factor_removed(&letter.provider),
                words::factor_removed_of(&email),
                words::IF_THE_REMOVAL_WAS_NOT_YOURS,
                (words::OPEN_YOUR_SETTINGS, "/settings"),
            ),
        };
        (letter.subject, letter.paragraphs, letter.facts) = (subject, vec![text], facts);
        letter.link = Some((link.0, self.mailer.link(link.1)));
        letter.advice = vec![advice.to_owned()];
        Ok(Some(self.to(user, letter, false)))
    }

    /// The recipient gets it although the new owner may have removed the recipient.
    async fn new_owner(
        &self,
        mut letter: Letter,
        user: &UserId,
        account: &AccountId,
        owner: &UserId,
        by: Option<&UserId>,
        at: Timestamp,
    ) -> Result<Option<Outgoing>, ManagementError> {
        let management = self.management;
        let Some(user) = management.active_user(user).await? else { return Ok(None) };
        let Some(known) = management.get::<Account>(account.as_str()).await? else { return Ok(None) };
        let Some(owner) = management.get::<StoredUser>(owner.as_str()).await? else { return Ok(None) };
        let name = quoted(&known.name);
        letter.subject = words::new_owner(&name, &letter.provider);
        letter.paragraphs = vec![words::is_now_an_owner(&quoted(&owner.name), &name, &letter.provider)];
        letter.facts = vec![
            (words::OWNER, owner.value.email),
            (words::CHANGED_BY, self.changed_by(&user, by, account).await?),
            (words::TIME, utc(at)),
        ];
        letter.link = Some((words::OPEN_THE_MEMBERS, self.mailer.link(&account_path(account, "/members"))));
        letter.advice = vec![words::IF_YOU_DID_NOT_EXPECT_THE_OWNER.to_owned()];
        Ok(Some(self.to(user, letter, false)))
    }

    async fn role_lost(
        &self,
        mut letter: Letter,
        user: &UserId,
        account: &AccountId,
        role: Option<Role>,
        by: Option<&UserId>,
        at: Timestamp,
    ) -> Result<Option<Outgoing>, ManagementError> {
        let Some(user) = self.management.active_user(user).await? else { return Ok(None) };
        let Some(known) = self.management.get::<Account>(account.as_str()).await? else { return Ok(None) };
        let (name, email) = (quoted(&known.name), quoted(&user.email));
        letter.facts = vec![(words::CHANGED_BY, self.changed_by(&user, by, account).await?), (words::TIME, utc(at))];
        match role {
            Some(role) => {
                letter.subject = words::no_longer_an_owner(&name, &letter.provider);
                letter.paragraphs = vec![words::user_is_no_longer_an_owner(&email, &name, &letter.provider)];
                letter.facts.insert(0, (words::ROLE, words::role(role)));
                letter.link = Some((words::OPEN_THE_MEMBERS, self.mailer.link(&account_path(account, "/members"))));
            }
            None => {
                letter.subject = words::no_longer_a_member(&name, &letter.provider);
                letter.paragraphs = vec![words::user_is_no_longer_a_member(&email, &name, &letter.provider)];
                letter.link = Some((words::OPEN_YOUR_SETTINGS, self.mailer.link("/settings")));
            }
        }
        letter.advice = vec![words::IF_YOU_DID_NOT_EXPECT_THE_LOSS.to_owned()];
        Ok(Some(self.to(user, letter, false)))
    }

    /// The address of an operator who is no member of the account is none of its business.
    async fn changed_by(
        &self,
        recipient: &StoredUser,
        by: Option<&UserId>,
        account: &AccountId,
    ) -> Result<String, ManagementError> {
        let by = match by {
            Some(by) if *by == recipient.id => return Ok(recipient.email.clone()),
            Some(by) => self.management.reachable(by, account).await?,
            None => None,
        };
        Ok(by.map_or_else(|| words::AN_ADMINISTRATOR.to_owned(), |by| by.value.email))
    }

    async fn key_of(
        &self,
        id: &CredentialId,
        user: &UserId,
    ) -> Result<Option<(KeyRecord, Versioned<StoredUser>)>, ManagementError> {
        let Some(key) = self.management.0.keys.get(id).await? else { return Ok(None) };
        Ok(self.management.reachable(user, &key.account).await?.map(|user| (key, user)))
    }

    async fn about_key(
        &self,
        mut letter: Letter,
        key: &KeyRecord,
        user: Versioned<StoredUser>,
    ) -> Result<Option<Outgoing>, ManagementError> {
        let account = self.management.get::<Account>(key.account.as_str()).await?;
        let account = account.map_or_else(|| key.account.to_string(), |account| account.value.name);
        let mut facts = vec![
            (words::KEY, quoted(&key.name)),
            (words::BEGINS_AND_ENDS_WITH, key.hint.to_string()),
            (words::ACCOUNT, quoted(&account)),
        ];
        facts.append(&mut letter.facts);
        letter.facts = facts;
        letter.link =
            Some((words::OPEN_THE_KEY, self.mailer.link(&account_path(&key.account, &format!("/keys/{}", key.id)))));
        Ok(Some(self.to(user, letter, false)))
    }

    fn to(&self, user: Versioned<StoredUser>, letter: Letter, has_secret: bool) -> Outgoing {
        let StoredUser { name, email, .. } = user.value;
        Outgoing { id: self.id.to_owned(), name: Some(name), address: email, letter, has_secret }
    }

    fn link(&self, path: &str, secret: &str) -> String {
        self.mailer.link(&format!("{path}{secret}"))
    }
}

fn device_facts(at: Timestamp, address: Option<&str>, user_agent: Option<&str>) -> Vec<(&'static str, String)> {
    let device = user_agent.map_or_else(|| words::UNKNOWN.to_owned(), |agent| quoted(&device_name(Some(agent))));
    let address = address.unwrap_or(words::UNKNOWN).to_owned();
    vec![(words::TIME, utc(at)), (words::DEVICE, device), (words::ADDRESS, address)]
}

/// Such as `2026-03-01 12:00 UTC`.
fn utc(at: Timestamp) -> String {
    let text = at.to_string();
    let (date, time) = (text.get(..10).unwrap_or_default(), text.get(11..16).unwrap_or_default());
    words::in_utc(date, time)
}
