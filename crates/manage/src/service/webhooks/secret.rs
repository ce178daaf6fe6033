use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use keyward_core::{AccountId, Timestamp};
use serde_json::json;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::WebhookView;
use crate::actor::Actor;
use crate::error::ManagementError;
use crate::records::{PreviousSecret, StoredWebhook, Versioned};
use crate::role::scopes;
use crate::service::Management;
use crate::service::audit::{Draft, Target};

const PREFIX: &str = "whsec_";
const DAY: Duration = Duration::from_secs(24 * 3_600);
const MAX_OVERLAP: Duration = Duration::from_secs(7 * 24 * 3_600);
/// Each adds a signature to every request.
const MAX_PREVIOUS: usize = 5;

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
    let previous = webhook.previous_at(now).map(|previous| &previous.secret);
    let secrets = std::iter::once(&webhook.secret).chain(previous);
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
    /// Gives a webhook a new secret. During the overlap, up to 7 days and by default a day, the previous secrets sign, too.
    /// 0 ends them at once. Needs `webhooks:write`, the scopes that show what its events show, and a recent sign-in.
    ///
    /// # Errors
    /// [`ManagementError::SignInAgain`]; [`ManagementError::Invalid`] for a longer overlap, or while 5 previous secrets
    /// sign.
    pub async fn rotate_webhook_secret(
        &self,
        actor: &Actor,
        account: &AccountId,
        id: &str,
        overlap: Option<Duration>,
    ) -> Result<IssuedWebhook, ManagementError> {
        let (known, _) = self.authorize_events(actor, account, id, &scopes::WEBHOOKS_WRITE).await?;
        self.check_recent(actor).await?;
        let mut next = known.value.clone();
        next.previous_secrets = self.previous_after(&known, overlap.unwrap_or(DAY))?;
        next.secret = new_secret()?;
        let secret = next.secret.clone();
        let after = json!({"previous_secrets": next.previous_secrets.len()});
        let draft =
            Draft::new(actor, "webhook.rotate_secret", Target::new("webhook", id)).account(account).after(after);
        self.commit_or_stale(vec![known.replace(&next)?], draft).await?;
        let webhook = self.webhook_view(Versioned { value: next, version: known.version + 1 }).await?;
        Ok(IssuedWebhook { webhook, secret })
    }

    /// Returns the secrets that still sign after a rotation. None signs longer than the overlap.
    fn previous_after(
        &self,
        webhook: &StoredWebhook,
        overlap: Duration,
    ) -> Result<Vec<PreviousSecret>, ManagementError> {
        let invalid = |message| Err(ManagementError::invalid("overlap_seconds", message));
        if overlap > MAX_OVERLAP {
            let (seconds, most) = (overlap.as_secs(), MAX_OVERLAP.as_secs());
            return invalid(format!("{seconds} is too long: expected at most {most}"));
        }
        if overlap.is_zero() {
            return Ok(Vec::new());
        }
        let now = self.now();
        let ends_at = now.saturating_add(overlap);
        let last = PreviousSecret { secret: webhook.secret.clone(), ends_at };
        let earlier = webhook.previous_at(now).cloned();
        let earlier = earlier.map(|previous| PreviousSecret { ends_at: previous.ends_at.min(ends_at), ..previous });
        let all: Vec<_> = std::iter::once(last).chain(earlier).collect();
        if all.len() > MAX_PREVIOUS {
            return invalid(format!("{MAX_PREVIOUS} previous secrets sign, the maximum: expected 0, which ends them"));
        }
        Ok(all)
    }
}
