use keyward_core::id::UserId;
use keyward_core::lease::Propagation;
use keyward_core::lifecycle::Changed;
use keyward_core::network::ipnet::IpNet;
use keyward_core::store::{KeyRecord, KeyStatus};
use keyward_core::tags::Tags;
use keyward_core::{CredentialId, Endpoint, KeyUpdate, Keys, ScopeSet, Timestamp};
use serde_json::{Map, Value};

use super::{KeyView, audit_value, check_rules, key_view};
use crate::actor::Actor;
use crate::authority::Rights;
use crate::error::ManagementError;
use crate::role::{Purpose, scopes};
use crate::service::audit::{Draft, Target};
use crate::service::{Management, check_name};

/// Changes to a key, by default none. `Some(None)` removes a value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KeyChange {
    /// New name.
    pub name: Option<String>,
    /// New scopes.
    pub scopes: Option<ScopeSet>,
    /// New endpoints.
    pub endpoints: Option<Vec<Endpoint>>,
    /// New networks.
    pub networks: Option<Vec<IpNet>>,
    /// New metadata.
    pub metadata: Option<Map<String, Value>>,
    /// New tags.
    pub tags: Option<Tags>,
    /// New expiry time, or none.
    pub expires_at: Option<Option<Timestamp>>,
    /// New user, or none.
    pub user: Option<Option<UserId>>,
}

impl Management {
    /// Changes a key at this version. Needs `keys:write`, and the rights of the old and the new key.
    ///
    /// # Errors
    /// [`ManagementError::Stale`], [`ManagementError::Ended`], [`ManagementError::Escalation`],
    /// [`ManagementError::KeyHasLimits`], [`ManagementError::LifetimeTooLong`], [`ManagementError::ScopeNotInPlan`];
    /// [`ManagementError::OwnSignInRequired`] for more rights of a management key with `members:write` or `users:sign_in`, in a
    /// session that began with a link; [`ManagementError::Invalid`] for the same by a key that did not create it.
    pub async fn update_key(
        &self,
        actor: &Actor,
        id: &CredentialId,
        change: KeyChange,
        version: u64,
    ) -> Result<(KeyView, Propagation), ManagementError> {
        let (key, rights) = self.authorize_key(actor, id, &scopes::KEYS_WRITE).await?;
        let purpose = self.check_covers_key(&rights, &key).await?;
        if key.version != version {
            return Err(ManagementError::Stale);
        }
        let name = change.name.as_deref().map(|name| check_name("name", name)).transpose()?;
        check_rules(change.endpoints.as_deref(), change.networks.as_deref(), change.metadata.as_ref())?;
        let update = KeyUpdate {
            version: Some(version),
            name,
            scopes: change.scopes,
            endpoints: change.endpoints,
            networks: change.networks,
            metadata: change.metadata,
            tags: change.tags,
            expires_at: change.expires_at.map(|end| end.and_then(Timestamp::as_end)),
            user: change.user,
            ..KeyUpdate::default()
        };
        // The changed key must not exceed the actor's rights either.
        let changed = changed_by(&key, &update);
        self.check_covers_key(&rights, &changed).await?;
        self.check_user(actor, &rights, &key.account, key.user.as_ref(), changed.user.as_ref()).await?;
        self.check_scopes_of_plan(purpose, &key.account, &key.scopes, &changed.scopes).await?;
        if Rights::of_record(&changed, Purpose::Api) != Rights::of_record(&key, Purpose::Api) {
            if changed.user == key.user {
                self.check_has_user(&key).await?;
            }
            self.check_recent(actor).await?;
            if let Some(user) = key.user.as_ref().filter(|_| purpose == Purpose::Management && changed.user != key.user)
            {
                self.check_may_take_from(actor, user).await?;
            }
            let (before, after) = (Rights::of_record(&key, purpose), Rights::of_record(&changed, purpose));
            if after.change_who_signs_in() {
                if before.covers(&after).is_err() {
                    self.check_may_widen(actor, &key).await?;
                }
                self.confirm_user(actor).await?;
            }
        }
        let changed = self.change_key(actor, "key.update", &key, &update).await?;
        if update.user.is_some() {
            self.check_still_user(actor, &[&changed_by(&key, &update)]).await?;
        }
        self.check_change_still_in_plan(actor, purpose, &key, &update).await?;
        Ok(changed)
    }

    /// Disables or enables a key. Needs `keys:write`; enabling also needs the key's rights. A user [confirms](crate::Context::code) that
    /// a management key with `members:write` or `users:sign_in` is enabled.
    ///
    /// # Errors
    /// [`ManagementError::Ended`], [`ManagementError::Escalation`], [`ManagementError::KeyHasLimits`].
    pub async fn set_key_disabled(
        &self,
        actor: &Actor,
        id: &CredentialId,
        disabled: bool,
    ) -> Result<(KeyView, Propagation), ManagementError> {
        if !disabled {
            let (key, is_to_confirm) = self.check_enables(actor, id).await?;
            if is_to_confirm {
                self.confirm_user(actor).await?;
            }
            return self.enable_key(actor, &key).await;
        }
        let (key, _) = self.authorize_key(actor, id, &scopes::KEYS_WRITE).await?;
        self.check_not_ended(&key)?;
        let disabled_at = Some(Some(key.disabled_at.unwrap_or(self.now())));
        self.change_key(actor, "key.disable", &key, &KeyUpdate { disabled_at, ..KeyUpdate::default() }).await
    }

    /// Enables several keys, each as [`set_key_disabled`](Self::set_key_disabled) does. The user confirms once, before the first
    /// is enabled.
    #[cfg(feature = "dashboard")]
    pub(crate) async fn enable_keys(
        &self,
        actor: &Actor,
        ids: &[CredentialId],
    ) -> Result<Vec<Result<(), ManagementError>>, ManagementError> {
        let mut checked = Vec::with_capacity(ids.len());
        for id in ids {
            checked.push(self.check_enables(actor, id).await);
        }
        if checked.iter().flatten().any(|(_, is_to_confirm)| *is_to_confirm) {
            self.confirm_user(actor).await?;
        }
        let mut enabled = Vec::with_capacity(ids.len());
        for key in checked {
            enabled.push(match key {
                Ok((key, _)) => self.enable_key(actor, &key).await.map(drop),
                Err(error) => Err(error),
            });
        }
        Ok(enabled)
    }

    /// Returns the key, and whether the user confirms that it works again, as for a new key.
    async fn check_enables(&self, actor: &Actor, id: &CredentialId) -> Result<(KeyRecord, bool), ManagementError> {
        let (key, rights) = self.authorize_key(actor, id, &scopes::KEYS_WRITE).await?;
        let purpose = self.check_covers_key(&rights, &key).await?;
        self.check_user(actor, &rights, &key.account, key.user.as_ref(), key.user.as_ref()).await?;
        self.check_has_user(&key).await?;
        self.check_recent(actor).await?;
        self.check_not_ended(&key)?;
        let is_to_confirm = key.disabled_at.is_some() && Rights::of_record(&key, purpose).change_who_signs_in();
        Ok((key, is_to_confirm))
    }

    fn check_not_ended(&self, key: &KeyRecord) -> Result<(), ManagementError> {
        match key.status(self.now()) {
            KeyStatus::Active | KeyStatus::Disabled => Ok(()),
            _ => Err(ManagementError::Ended),
        }
    }

    async fn enable_key(&self, actor: &Actor, key: &KeyRecord) -> Result<(KeyView, Propagation), ManagementError> {
        // The version pins what was compared, so the key cannot gain rights before it is enabled.
        let update = KeyUpdate { version: Some(key.version), disabled_at: Some(None), ..KeyUpdate::default() };
        let changed = self.change_key(actor, "key.enable", key, &update).await?;
        self.check_still_user(actor, &[key]).await?;
        Ok(changed)
    }

    pub(super) async fn change_key(
        &self,
        actor: &Actor,
        action: &str,
        key: &KeyRecord,
        update: &KeyUpdate,
    ) -> Result<(KeyView, Propagation), ManagementError> {
        // Only a new end depends on the lifetimes.
        let keys = match update.expires_at {
            Some(_) => self.keys_within(Purpose::Api, &key.account).await?,
            None => self.0.keys.clone(),
        };
        self.change_key_of(&keys, actor, action, key, update).await
    }

    /// The lifetimes of `keys` hold.
    pub(super) async fn change_key_of(
        &self,
        keys: &Keys,
        actor: &Actor,
        action: &str,
        key: &KeyRecord,
        update: &KeyUpdate,
    ) -> Result<(KeyView, Propagation), ManagementError> {
        let draft =
            Draft::new(actor, action, Target::new("key", &key.id)).account(&key.account).before(audit_value(key));
        let changed = self
            .audited(draft, keys.update(&key.id, update), |changed: &Changed| Some(audit_value(&changed.record)))
            .await?;
        Ok((key_view(changed.record, self.now()), changed.propagation))
    }
}

fn changed_by(key: &KeyRecord, update: &KeyUpdate) -> KeyRecord {
    // Exhaustive: a new field that gives rights must be applied here before it is compared.
    let KeyUpdate {
        scopes,
        endpoints,
        networks,
        expires_at,
        user,
        // No operation of the management API changes when a key begins.
        not_before: _,
        version: _,
        name: _,
        metadata: _,
        tags: _,
        disabled_at: _,
        compromised_at: _,
    } = update;
    let mut changed = key.clone();
    if let Some(scopes) = scopes {
        changed.scopes.clone_from(scopes);
    }
    if let Some(endpoints) = endpoints {
        changed.endpoints.clone_from(endpoints);
    }
    if let Some(networks) = networks {
        changed.networks.clone_from(networks);
    }
    changed.expires_at = expires_at.unwrap_or(changed.expires_at);
    if let Some(user) = user {
        changed.user.clone_from(user);
    }
    changed
}
