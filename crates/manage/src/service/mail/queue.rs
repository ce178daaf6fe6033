use std::time::Duration;

use keyward_core::{AccountId, Timestamp};

use crate::actor::Context;
use crate::error::ManagementError;
use crate::records::{Entity as _, MailContent, MailCount, StoredMail, StoredUser, digest_of, new_id};
use crate::service::{ATTEMPTS, Management};
use crate::store::Write;

const HOUR: i64 = 3_600_000;
/// So that an account cannot flood strangers with invitations.
const PER_ACCOUNT: u32 = 100;
/// So that all accounts together cannot flood one address. Each kind of mail has its own count, so that invitations use up
/// neither alerts nor reset links.
const PER_ADDRESS: u32 = 10;
/// So that one account does not use up the invitations that others send to an address.
const PER_ACCOUNT_AND_ADDRESS: u32 = 3;
/// News about roles. Each account has its own count, so that a hostile one does not use up the news of others.
#[cfg(feature = "mail")]
const ROLES_PER_ACCOUNT_AND_ADDRESS: u32 = 10;
/// News about roles, of all accounts.
#[cfg(feature = "mail")]
const ROLES_PER_ADDRESS: u32 = 30;
/// News about keys, which only members get.
#[cfg(feature = "mail")]
const NEWS_PER_ACCOUNT: u32 = 500;

/// The subject for which an hour's mails are counted.
#[derive(Clone, Copy)]
pub(crate) enum MailQuota<'a> {
    /// Invitations of an account.
    Account(&'a AccountId),
    /// Invitations of an account to an address.
    Inviting(&'a AccountId, &'a str),
    /// Invitations to an address.
    Invited(&'a str),
    /// Reset links that others have sent to an address.
    ResetFor(&'a str),
    /// Reset links that were asked for with the address alone.
    Forgotten(&'a str),
    /// News about sign-ins.
    SignIns(&'a str),
    /// News about the password and the second factor.
    #[cfg(feature = "mail")]
    SignInChanges(&'a str),
    /// News about owners of an account. A hostile account can cause them, so they use up nothing else.
    #[cfg(feature = "mail")]
    NewOwners(&'a AccountId, &'a str),
    /// News about owners of any account.
    #[cfg(feature = "mail")]
    AllNewOwners(&'a str),
    /// News about lost roles in an account, which a hostile account can cause as well.
    #[cfg(feature = "mail")]
    LostRoles(&'a AccountId, &'a str),
    /// News about lost roles in any account.
    #[cfg(feature = "mail")]
    AllLostRoles(&'a str),
    #[cfg(feature = "mail")]
    News(&'a AccountId),
}

impl MailQuota<'_> {
    fn id(self, hour: i64) -> String {
        let of = match self {
            Self::Account(account) => format!("account {account}"),
            Self::Inviting(account, email) => format!("inviting {account} {email}"),
            Self::Invited(email) => format!("invited {email}"),
            Self::ResetFor(email) => format!("reset {email}"),
            Self::Forgotten(email) => format!("forgotten {email}"),
            Self::SignIns(email) => format!("sign-ins {email}"),
            #[cfg(feature = "mail")]
            Self::SignInChanges(email) => format!("sign-in changes {email}"),
            #[cfg(feature = "mail")]
            Self::NewOwners(account, email) => format!("new owners {account} {email}"),
            #[cfg(feature = "mail")]
            Self::AllNewOwners(email) => format!("all new owners {email}"),
            #[cfg(feature = "mail")]
            Self::LostRoles(account, email) => format!("lost roles {account} {email}"),
            #[cfg(feature = "mail")]
            Self::AllLostRoles(email) => format!("all lost roles {email}"),
            #[cfg(feature = "mail")]
            Self::News(account) => format!("news {account}"),
        };
        digest_of(&format!("{of} {hour}"))
    }

    fn most(self) -> u32 {
        match self {
            Self::Account(_) => PER_ACCOUNT,
            Self::Inviting(..) => PER_ACCOUNT_AND_ADDRESS,
            Self::Invited(_) | Self::ResetFor(_) | Self::Forgotten(_) | Self::SignIns(_) => PER_ADDRESS,
            #[cfg(feature = "mail")]
            Self::SignInChanges(_) => PER_ADDRESS,
            #[cfg(feature = "mail")]
            Self::NewOwners(..) | Self::LostRoles(..) => ROLES_PER_ACCOUNT_AND_ADDRESS,
            #[cfg(feature = "mail")]
            Self::AllNewOwners(_) | Self::AllLostRoles(_) => ROLES_PER_ADDRESS,
            #[cfg(feature = "mail")]
            Self::News(_) => NEWS_PER_ACCOUNT,
        }
    }
}

impl Management {
    /// Returns `true` if the service sends mails: [`mailer`](crate::ManagementBuilder::mailer).
    #[must_use]
    pub fn sends_mail(&self) -> bool {
        #[cfg(feature = "mail")]
        return self.0.mailer.is_some();
        #[cfg(not(feature = "mail"))]
        false
    }

    /// Writes a mail to send. It goes into the batch of its reason.
    pub(crate) fn new_mail(&self, account: Option<&AccountId>, content: MailContent) -> Result<Write, ManagementError> {
        self.mail_with_id(new_id("mail")?, self.now(), account, content)
    }

    pub(super) fn mail_with_id(
        &self,
        id: String,
        since: Timestamp,
        account: Option<&AccountId>,
        content: MailContent,
    ) -> Result<Write, ManagementError> {
        let mail = StoredMail {
            id,
            account: account.cloned(),
            created_at: since,
            ends_at: since.saturating_add(content.life()),
            content,
            failures: 0,
            at: self.now(),
        };
        mail.insert()
    }

    /// Counts mails of this hour, on all nodes together. Returns their number, with these mails.
    pub(crate) async fn count_mails(&self, quota: MailQuota<'_>, mails: u32) -> Result<u32, ManagementError> {
        let now = self.now().as_millis();
        let (hour, rest) = (now.div_euclid(HOUR), HOUR - now.rem_euclid(HOUR));
        let id = quota.id(hour);
        for _ in 0..ATTEMPTS {
            let known = self.get::<MailCount>(&id).await?;
            let sent = known.as_ref().map_or(0, |known| known.sent).saturating_add(mails);
            if sent > quota.most() {
                return Err(ManagementError::Throttled {
                    retry_after: Duration::from_millis(rest.try_into().unwrap_or_default()),
                });
            }
            let count = MailCount { id: id.clone(), sent, ends_at: Timestamp::from_millis(now + rest) };
            let write = match known {
                Some(known) => known.replace(&count)?,
                None => count.insert()?,
            };
            if self.write_quietly(&[write]).await? {
                return Ok(sent);
            }
        }
        Err(ManagementError::Stale)
    }

    /// The mail about a sign-in, unless the device is known or the user has never signed in before.
    pub(crate) async fn mail_of_sign_in(
        &self,
        context: &Context,
        before: &StoredUser,
        is_known: bool,
    ) -> Result<Option<Write>, ManagementError> {
        if !self.sends_mail() || is_known || before.last_sign_in_at.is_none() {
            return Ok(None);
        }
        match self.count_mails(MailQuota::SignIns(&before.email), 1).await {
            Ok(_) => {}
            Err(ManagementError::Throttled { .. } | ManagementError::Stale) => return Ok(None),
            Err(error) => return Err(error),
        }
        let content = MailContent::NewDevice {
            user: before.id.clone(),
            at: self.now(),
            address: context.address.map(|address| address.to_string()),
            user_agent: context.user_agent.clone(),
        };
        self.new_mail(None, content).map(Some)
    }
}
