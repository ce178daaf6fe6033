pub use keyward_api_types::UpdateWebhook as WebhookUpdate;
use keyward_api_types::{Actor as ActorName, EventKind};
use keyward_core::store::KeyRecord;
use keyward_core::{AccountId, CredentialId};
use serde_json::{Value, json};

use super::secret::new_secret;
use super::{IssuedWebhook, MAX_WEBHOOKS, WebhookView};
use crate::actor::Actor;
use crate::error::ManagementError;
use crate::records::{Entity as _, EventCursor, StoredWebhook, Versioned, new_id};
use crate::role::scopes;
use crate::service::audit::{Draft, Target};
use crate::service::events::WEBHOOKS;
use crate::service::{ATTEMPTS, Management};
use crate::store::{Kind, List};
use crate::webhook_client::check_url;

const MAX_DESCRIPTION: usize = 200;
const MAX_EVENTS: usize = 50;
const PER_READ: usize = 200;

impl Management {
    /// Creates a webhook and its secret. Needs `webhooks:write`, the scopes that show what its events show, and a recent
    /// sign-in. A webhook of the operator's account receives the events of all accounts. No kinds mean all.
    ///
    /// A webhook of a key gets nothing after the key has ended. Then it is stopped: its events are kept, and not sent.
    ///
    /// # Errors
    /// [`ManagementError::Invalid`] for a URL that is not https, or with 20 webhooks.
    ///
    /// # Examples
    /// ```
    /// use keyward::manage::{Actor, Context, EventKind, Management, NewUser, SqliteManagementStore};
    /// use keyward::sqlite::SqliteStore;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let store = SqliteStore::temporary()?;
    /// let management = Management::builder(store.clone(), SqliteManagementStore::open(&store)?).build()?;
    /// let system = Actor::system("example", Context::new());
    /// # management.create_owner(&system, NewUser::new("ada@example.com", "Ada", "correct horse battery")).await?;
    /// let (account, url) = (management.operator(), "https://example.com/hooks");
    /// let issued = management.create_webhook(&system, account, url, "Alerts", &[EventKind::KeyCompromised]).await?;
    /// assert!(issued.secret.starts_with("whsec_"));
    /// # Ok(()) }
    /// ```
    pub async fn create_webhook(
        &self,
        actor: &Actor,
        account: &AccountId,
        url: &str,
        description: &str,
        events: &[EventKind],
    ) -> Result<IssuedWebhook, ManagementError> {
        let rights = self.rights(actor, account).await?;
        rights.require(&scopes::WEBHOOKS_WRITE)?;
        let events = check_events(events)?;
        rights.require_events(&events)?;
        self.check_recent(actor).await?;
        let since = self.last_entry_number().await?;
        let secret = new_secret()?;
        let mut webhook = StoredWebhook {
            id: new_id("whk")?,
            account: account.clone(),
            slot: 0,
            url: check_url(url, self.webhook_networks(account))?,
            description: check_description(description)?,
            events,
            enabled: true,
            disabled_reason: None,
            failing_since: None,
            stopped_since: None,
            created_at: self.now(),
            created_by: Some(actor.name()),
            responsible: Some(actor.name()),
            since,
            secret: secret.clone(),
            previous_secrets: Vec::new(),
        };
        let draft = Draft::new(actor, "webhook.create", Target::new("webhook", &webhook.id))
            .account(account)
            .after(audit_value(&webhook));
        for _ in 0..ATTEMPTS {
            webhook.slot = self.free_slot(account).await?;
            let mut writes = vec![webhook.insert()?];
            if self.get::<EventCursor>(WEBHOOKS).await?.is_none() {
                // The first webhook starts the queue, at the end of the log.
                let cursor = EventCursor { id: WEBHOOKS.to_owned(), number: since, held_until: None };
                writes.push(cursor.insert()?);
            }
            if self.commit(writes, draft.clone()).await?.is_ok() {
                let webhook = self.webhook_view(Versioned { value: webhook, version: 1 }).await?;
                return Ok(IssuedWebhook { webhook, secret });
            }
        }
        Err(ManagementError::Store(keyward_core::store::StoreError::unavailable(
            "other requests keep creating webhooks in this account",
        )))
    }

    /// Checks the fields of a webhook one by one, for a form that shows all mistakes at once.
    #[cfg(feature = "dashboard")]
    pub(crate) fn wrong_fields_of_webhook(
        &self,
        account: &AccountId,
        url: &str,
        description: &str,
    ) -> Result<Vec<ManagementError>, ManagementError> {
        crate::service::wrong_fields([
            check_url(url, self.webhook_networks(account)).map(drop),
            check_description(description).map(drop),
        ])
    }

    async fn free_slot(&self, account: &AccountId) -> Result<usize, ManagementError> {
        let known = List::of(Kind::Webhook, MAX_WEBHOOKS).owner(account.as_str());
        let taken: Vec<usize> =
            self.list::<StoredWebhook>(&known).await?.into_iter().map(|webhook| webhook.slot).collect();
        let free = (0..MAX_WEBHOOKS).find(|slot| !taken.contains(slot));
        free.ok_or_else(|| {
            let message = format!("the account has {MAX_WEBHOOKS} webhooks, the maximum: remove one");
            ManagementError::invalid("webhooks", message)
        })
    }

    /// Changes a webhook at this version. Needs `webhooks:write`, the scopes that show what its events show, before and
    /// after the change, and a recent sign-in.
    ///
    /// The actor that changes the URL or the events, or enables the webhook, becomes responsible for it.
    ///
    /// # Errors
    /// [`ManagementError::Stale`].
    pub async fn update_webhook(
        &self,
        actor: &Actor,
        account: &AccountId,
        id: &str,
        update: WebhookUpdate,
        version: u64,
    ) -> Result<WebhookView, ManagementError> {
        let (known, rights) = self.authorize_events(actor, account, id, &scopes::WEBHOOKS_WRITE).await?;
        self.check_recent(actor).await?;
        if known.version != version {
            return Err(ManagementError::Stale);
        }
        let WebhookUpdate { url, description, events, enabled } = update;
        let mut next = known.value.clone();
        if let Some(url) = url {
            next.url = check_url(&url, self.webhook_networks(account))?;
        }
        if let Some(description) = description {
            next.description = check_description(&description)?;
        }
        if let Some(events) = events {
            next.events = check_events(&events)?;
            rights.require_events(&next.events)?;
        }
        if let Some(enabled) = enabled {
            next.enabled = enabled;
            (next.disabled_reason, next.failing_since) = (None, None);
        }
        if next.url != known.url || next.events != known.events || enabled == Some(true) {
            (next.responsible, next.stopped_since) = (Some(actor.name()), None);
        }
        let draft = Draft::new(actor, "webhook.update", Target::new("webhook", id))
            .account(account)
            .before(audit_value(&known.value))
            .after(audit_value(&next));
        self.commit_or_stale(vec![known.replace(&next)?], draft).await?;
        self.webhook_view(Versioned { value: next, version: version + 1 }).await
    }

    /// Removes a webhook at this version. Its pending deliveries are not sent. Needs `webhooks:write`.
    ///
    /// # Errors
    /// [`ManagementError::Stale`].
    pub async fn remove_webhook(
        &self,
        actor: &Actor,
        account: &AccountId,
        id: &str,
        version: u64,
    ) -> Result<(), ManagementError> {
        let (known, _) = self.authorize_webhook(actor, account, id, &scopes::WEBHOOKS_WRITE).await?;
        if known.version != version {
            return Err(ManagementError::Stale);
        }
        let draft = Draft::new(actor, "webhook.remove", Target::new("webhook", id))
            .account(account)
            .before(audit_value(&known.value));
        self.commit_or_stale(vec![known.remove()], draft).await
    }

    /// Makes the successor of a key responsible for the webhooks of the key. It has the same rights.
    pub(in crate::service) async fn hand_on_webhooks(
        &self,
        predecessor: &KeyRecord,
        successor: &CredentialId,
    ) -> Result<(), ManagementError> {
        let name = |id: &CredentialId| ActorName { kind: "key".to_owned(), id: id.to_string() };
        let (old, new) = (name(&predecessor.id), name(successor));
        let mut list = List::of(Kind::Webhook, PER_READ);
        // A key of the operator can have made webhooks in all accounts.
        if predecessor.account != *self.operator() {
            list = list.owner(predecessor.account.as_str());
        }
        loop {
            let page = self.list::<StoredWebhook>(&list).await?;
            for webhook in page.iter().filter(|webhook| webhook.responsible.as_ref() == Some(&old)) {
                self.hand_on(&webhook.id, &old, &new).await?;
            }
            match page.last() {
                Some(last) if page.len() == PER_READ => list.after = Some((last.sort(), last.id())),
                _ => return Ok(()),
            }
        }
    }

    async fn hand_on(&self, webhook: &str, old: &ActorName, new: &ActorName) -> Result<(), ManagementError> {
        // An attempt can change it at the same time.
        for _ in 0..ATTEMPTS {
            let Some(known) = self.get::<StoredWebhook>(webhook).await? else { return Ok(()) };
            if known.responsible.as_ref() != Some(old) {
                return Ok(());
            }
            let next = StoredWebhook { responsible: Some(new.clone()), ..known.value.clone() };
            if self.write_quietly(&[known.replace(&next)?]).await? {
                return Ok(());
            }
        }
        Err(ManagementError::Stale)
    }
}

fn check_description(text: &str) -> Result<String, ManagementError> {
    let text = text.trim();
    let length = text.chars().count();
    if length > MAX_DESCRIPTION {
        let message = format!("{length} characters are too many: expected at most {MAX_DESCRIPTION}");
        return Err(ManagementError::invalid("description", message));
    }
    keyward_core::name::check_text(text).map_err(|error| ManagementError::invalid("description", error.to_string()))?;
    Ok(text.to_owned())
}

fn check_events(events: &[EventKind]) -> Result<Vec<EventKind>, ManagementError> {
    if events.len() > MAX_EVENTS {
        let message = format!("{} are too many: expected at most {MAX_EVENTS}", events.len());
        return Err(ManagementError::invalid("events", message));
    }
    let mut events = events.to_vec();
    events.sort_unstable();
    events.dedup();
    Ok(events)
}

fn audit_value(webhook: &StoredWebhook) -> Value {
    json!({
        "url": webhook.url,
        "description": webhook.description,
        "events": webhook.events,
        "enabled": webhook.enabled,
        "responsible": webhook.responsible,
    })
}
