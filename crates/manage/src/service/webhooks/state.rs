//! Whether a webhook gets events.

use keyward_api_types::{EventKind, WebhookState};
use keyward_core::AccountId;
use keyward_core::network::ipnet::IpNet;

use super::WebhookView;
use crate::actor::{Principal, principal_of};
use crate::authority::Rights;
use crate::error::ManagementError;
use crate::records::{StoredWebhook, Versioned};
use crate::service::Management;

/// Why a webhook gets nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stopped {
    Disabled,
    KeyInactive,
    AccountSuspended,
}

impl Stopped {
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Disabled => "the webhook is disabled: enable it, then redeliver",
            Self::KeyInactive => {
                "the key behind the webhook does not work, or may not read its events: enable the webhook, then redeliver"
            }
            Self::AccountSuspended => "the account is suspended: resume it, then redeliver",
        }
    }
}

impl From<Stopped> for WebhookState {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::Disabled => Self::Disabled,
            Stopped::KeyInactive => Self::KeyInactive,
            Stopped::AccountSuspended => Self::AccountSuspended,
        }
    }
}

impl Management {
    /// Returns why a webhook gets nothing now, if so, or not this kind. A webhook of a key gets only what the key may read now.
    ///
    /// A delivery can wait since the webhook had other events or another responsible actor.
    pub(super) async fn stopped(
        &self,
        webhook: &StoredWebhook,
        waiting: Option<EventKind>,
    ) -> Result<Option<Stopped>, ManagementError> {
        if !webhook.enabled {
            return Ok(Some(Stopped::Disabled));
        }
        let account = self.0.keys.get_account(&webhook.account).await?;
        if account.is_some_and(|account| account.suspended_at.is_some()) {
            return Ok(Some(Stopped::AccountSuspended));
        }
        let principal = webhook.responsible.as_ref().and_then(principal_of);
        let Some(key @ Principal::Key(_)) = principal else { return Ok(None) };
        // A test tells no more than the id of the webhook, and goes to this webhook only.
        let waiting = waiting.filter(|kind| *kind != EventKind::WebhookTest);
        let may_read = |rights: &Rights| {
            let of_webhook = rights.require_events(&webhook.events);
            of_webhook.is_ok() && waiting.is_none_or(|kind| rights.require_events(&[kind]).is_ok())
        };
        match self.guarded_rights(&key, &webhook.account).await {
            Ok(held) if may_read(&held.rights) => Ok(None),
            Ok(_) | Err(ManagementError::NotFound(_)) => Ok(Some(Stopped::KeyInactive)),
            Err(error) => Err(error),
        }
    }

    /// Returns the networks that are not public and that webhooks of this account may reach.
    pub(super) fn webhook_networks(&self, account: &AccountId) -> &[IpNet] {
        if account == self.operator() { &self.0.settings.webhook_networks } else { &[] }
    }

    pub(super) async fn webhook_view(&self, webhook: Versioned<StoredWebhook>) -> Result<WebhookView, ManagementError> {
        let state = match (self.stopped(&webhook, None).await?, webhook.failing_since) {
            (Some(stopped), _) => stopped.into(),
            (None, Some(_)) => WebhookState::Failing,
            (None, None) => WebhookState::Active,
        };
        let previous_secret_ends_at = webhook.previous_at(self.now()).map(|previous| previous.ends_at).max();
        let Versioned { value, version } = webhook;
        Ok(WebhookView {
            previous_secret_ends_at,
            state,
            id: value.id,
            account: value.account,
            url: value.url,
            description: value.description,
            events: value.events,
            enabled: value.enabled,
            disabled_reason: value.disabled_reason,
            failing_since: value.failing_since,
            stopped_since: value.stopped_since,
            created_by: value.created_by,
            responsible: value.responsible,
            created_at: value.created_at,
            version,
        })
    }
}
