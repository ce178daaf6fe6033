//! The letter of a mail, from the records as they are when it is sent.

use std::time::Duration;

use keyward_core::id::UserId;
use keyward_core::store::{KeyRecord, KeyStatus};
use keyward_core::{CredentialId, Timestamp};

use crate::error::ManagementError;
use crate::mail::{Letter, Mailer, Outgoing, quoted};
use crate::paths::account_path;
use crate::records::{
    Account, Invitation, MailContent, ResetOrigin, StoredMail, StoredUser, Versioned, digest_of, new_secret,
};
use crate::service::Management;

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
                let device = user_agent.as_deref().map_or_else(|| "unknown".to_owned(), |agent| quoted(&cut(agent)));
                let facts = vec![
                    ("Time", utc(*at)),
                    ("Device", device),
                    ("Address", address.clone().unwrap_or_else(|| "unknown".to_owned())),
                ];
                composer.new_device(letter, user, facts).await
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
        let inviter: Option<Versioned<StoredUser>> = match known.invited_by.kind.as_str() {
            "user" => management.get(&known.invited_by.id).await?,
            _ => None,
        };
        let name = quoted(&account.name);
        letter.subject = format!("Invitation to {name} at {}", letter.provider);
        letter.paragraphs = vec![match &inviter {
            Some(user) => format!("{} invites you to the account {name} at {}.", quoted(&user.name), letter.provider),
            None => format!("You are invited to the account {name} at {}.", letter.provider),
        }];
        letter.facts = vec![("Role", known.role.to_string())];
        letter.facts.extend(inviter.map(|user| ("Invited by", user.value.email)));
        letter.link = Some(("Accept the invitation", self.link("/register?invitation=", &secret)));
        letter.advice = vec![
            format!("The link works once, until {}.", utc(known.ends_at)),
            "If you did not expect this invitation, ignore this mail.".to_owned(),
        ];
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
        let (reset, writes) = self.management.new_reset(&user, origin.clone()).await?;
        if !self.management.write_quietly(&writes).await? {
            return Err(ManagementError::Stale);
        }
        letter.subject = format!("Choose a new password for {}", letter.provider);
        letter.paragraphs = vec![match origin {
            ResetOrigin::Mailed => format!("We got a request for a new password of the user {}.", quoted(&user.email)),
            ResetOrigin::MadeBy(_) | ResetOrigin::MailedFor(_) => {
                format!("An administrator sends you a link for a new password of the user {}.", quoted(&user.email))
            }
        }];
        letter.link = Some(("Choose a new password", self.link("/reset?reset=", &reset.secret)));
        letter.advice = vec![
            format!("The link works once, until {}. Using it signs you out everywhere.", utc(reset.ends_at)),
            "If you did not ask for it, ignore this mail. Your password stays as it is.".to_owned(),
        ];
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
        if key.status(now) != KeyStatus::Active || key.expires_at != Some(expires_at) {
            return Ok(None);
        }
        let soon = if expires_at.saturating_since(now) <= DAY { "1 day" } else { "7 days" };
        letter.subject = format!("API key {} expires within {soon}", quoted(&key.name));
        letter.paragraphs =
            vec![format!("An API key for {} expires soon. Then, its callers are refused.", letter.provider)];
        letter.facts = vec![("Expires", utc(expires_at))];
        letter.advice = vec!["Rotate the key if it is in use, or let it expire.".to_owned()];
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
        letter.subject = format!("API key {} was reported as leaked", quoted(&key.name));
        letter.paragraphs = vec![format!("An API key for {} was found where others can read it.", letter.provider)];
        let status = key.status(self.management.now());
        letter.facts = vec![("Reported", utc(at)), ("Status", status.to_string())];
        letter.advice = vec![if status == KeyStatus::Active {
            "The key still works. Revoke it now, and create a new one.".to_owned()
        } else {
            "The key no longer works. Create a new one for its callers, and look for calls that were not yours."
                .to_owned()
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
        letter.subject = format!("New sign-in to {}", letter.provider);
        letter.paragraphs =
            vec![format!("A device that we have not seen before signed in as {}.", quoted(&user.email))];
        letter.facts = facts;
        letter.link = Some(("Open your settings", self.mailer.link("/settings")));
        letter.advice = vec!["If it was not you, choose a new password and sign out everywhere.".to_owned()];
        Ok(Some(self.to(user, letter, false)))
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
        let mut facts =
            vec![("Key", quoted(&key.name)), ("Begins with", key.hint.to_string()), ("Account", quoted(&account))];
        facts.append(&mut letter.facts);
        letter.facts = facts;
        letter.link =
            Some(("Open the key", self.mailer.link(&account_path(&key.account, &format!("/keys/{}", key.id)))));
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

fn cut(text: &str) -> String {
    const MOST: usize = 100;
    text.chars().take(MOST).collect()
}

/// Such as `2026-03-01 12:00 UTC`.
fn utc(at: Timestamp) -> String {
    let text = at.to_string();
    let (date, time) = (text.get(..10).unwrap_or_default(), text.get(11..16).unwrap_or_default());
    format!("{date} {time} UTC")
}
