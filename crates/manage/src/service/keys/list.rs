use keyward_core::store::KeyQuery;
use keyward_core::{CredentialId, Mode};

use super::KeyView;
use crate::actor::Actor;
use crate::error::ManagementError;
use crate::role::scopes;
use crate::service::Management;
use crate::service::page::Page;

impl Management {
    /// Lists keys, including revoked and expired ones. Needs `keys:read`. Only the operator may omit
    /// the account.
    ///
    /// # Errors
    /// [`ManagementError::Forbidden`].
    pub async fn keys(&self, actor: &Actor, query: &KeyQuery) -> Result<Page<KeyView>, ManagementError> {
        let Some(query) = self.permitted_keys(actor, query).await? else {
            return Ok(Page { items: Vec::new(), next: None });
        };
        let page = self.0.keys.list(&query).await?;
        let mut items = Vec::with_capacity(page.keys.len());
        for key in page.keys {
            items.push(self.view_key(key).await?);
        }
        Ok(Page { items, next: page.next.map(|cursor| cursor.to_string()) })
    }

    /// Counts the keys of all pages of [`keys`](Self::keys). Needs `keys:read`.
    ///
    /// # Errors
    /// [`ManagementError::Forbidden`].
    pub async fn count_keys(&self, actor: &Actor, query: &KeyQuery) -> Result<u64, ManagementError> {
        match self.permitted_keys(actor, query).await? {
            Some(query) => Ok(self.0.keys.count(&query).await?),
            None => Ok(0),
        }
    }

    /// Returns the query for what the actor may see, or none if that is nothing.
    async fn permitted_keys(&self, actor: &Actor, query: &KeyQuery) -> Result<Option<KeyQuery>, ManagementError> {
        let rights = self.rights(actor, query.account.as_ref().unwrap_or(self.operator())).await?;
        rights.require(&scopes::KEYS_READ)?;
        let mut query = KeyQuery { now: self.now(), ..query.clone() };
        match query.mode {
            Some(mode) if !rights.reaches(mode) => return Ok(None),
            Some(_) => {}
            None => query.mode = Mode::ALL.into_iter().find(|mode| !rights.reaches(*mode)).map(other),
        }
        Ok(Some(query))
    }

    /// Returns a key. Needs `keys:read`.
    ///
    /// # Errors
    /// [`ManagementError::NotFound`].
    pub async fn key(&self, actor: &Actor, id: &CredentialId) -> Result<KeyView, ManagementError> {
        let (key, _) = self.authorize_key(actor, id, &scopes::KEYS_READ).await?;
        self.view_key(key).await
    }

    /// Returns the acting key.
    ///
    /// # Errors
    /// [`ManagementError::NotFound`] for users and programs.
    pub async fn own_key(&self, actor: &Actor) -> Result<KeyView, ManagementError> {
        let key = self.acting_key(actor).await?;
        self.view_key(key).await
    }
}

fn other(mode: Mode) -> Mode {
    if mode.is_live() { Mode::Test } else { Mode::Live }
}
