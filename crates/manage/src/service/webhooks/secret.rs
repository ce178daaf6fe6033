use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use keyward_core::{AccountId, Timestamp};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{WebhookView, view};
use crate::actor::Actor;
use crate::error::ManagementError;
use crate::records::{PreviousSecret, StoredWebhook, Versioned};
use crate::role::scopes;
use crate::service::Management;
use crate::service::audit::{Draft, Target};

const PREFIX: &str = "whsec_";
const OVERLAP: Duration = Duration::from_secs(24 * 3_600);

/// A webhook with its new secret.
pub struct IssuedWebhook {
    /// The webhook.
    pub webhook: WebhookView,
    /// The secret, shown once.
    pub secret: Zeroizing<String>,
}

impl std::fmt::Debug for IssuedWebhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IssuedWebhook").field("webhook", &self.webhook).finish_non_exhaustive()
    }
}

pub(super) fn new_secret() -> Result<Zeroizing<String>, ManagementError> {
    let mut random = Zeroizing::new([0_u8; 32]);
    getrandom::fill(&mut *random).map_err(|_| ManagementError::Internal)?;
    let encoded = Zeroizing::new(STANDARD.encode(*random));
    Ok(Zeroizing::new(format!("{PREFIX}{}", *encoded)))
}

/// Returns the field `webhook-signature`, with a signature for each valid secret.
pub(super) fn signatures(webhook: &StoredWebhook, id: &str, body: &str, now: Timestamp) -> Option<String> {
    let seconds = now.as_millis() / 1_000;
    let previous = webhook.previous.as_ref().filter(|previous| previous.ends_at > now);
    let secrets = std::iter::once(&webhook.secret).chain(previous.map(|previous| &previous.secret));
    let signed: Option<Vec<String>> = secrets
        .map(|secret| {
            let key = Zeroizing::new(STANDARD.decode(secret.strip_prefix(PREFIX)?).ok()?);
            let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
            mac.update(format!("{id}.{seconds}.{body}").as_bytes());
            Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
        })
        .collect();
    Some(signed?.join(" "))
}

impl Management {
    /// Gives a webhook a new secret. For 24 hours, the previous one signs, too. Needs `webhooks:write` and a recent
    /// sign-in.
    ///
    /// # Errors
    /// [`ManagementError::SignInAgain`].
    pub async fn rotate_webhook_secret(
        &self,
        actor: &Actor,
        account: &AccountId,
        id: &str,
    ) -> Result<IssuedWebhook, ManagementError> {
        let known = self.authorize_webhook(actor, account, id, &scopes::WEBHOOKS_WRITE).await?;
        self.check_recent(actor).await?;
        let secret = new_secret()?;
        let ends_at = self.now().saturating_add(OVERLAP);
        let previous = PreviousSecret { secret: known.value.secret.clone(), ends_at };
        let next = StoredWebhook { secret: secret.clone(), previous: Some(previous), ..known.value.clone() };
        let draft = Draft::new(actor, "webhook.rotate_secret", Target::new("webhook", id)).account(account);
        self.commit_or_stale(vec![known.replace(&next)?], draft).await?;
        let webhook = view(Versioned { value: next, version: known.version + 1 }, self.now());
        Ok(IssuedWebhook { webhook, secret })
    }
}
