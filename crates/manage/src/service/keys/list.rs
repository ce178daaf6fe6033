use keyward_core::store::{KeyQuery, KeyStatus};
use keyward_core::{CredentialId, Mode};

use super::KeyView;
use crate::actor::Actor;
use crate::error::ManagementError;
use crate::role::scopes;
use crate::service::Management;
use crate::service::page::Page;

impl Management {
    /// Lists keys, newest first, including revoked and expired ones. Needs `keys:read`. Only the operator may omit
    /// the account.
    ///
    /// # Errors
    /// [`ManagementError::Forbidden`].
    pub async fn keys(&self, actor: &Actor, query: &KeyQuery) -> Result<Page<KeyView>, ManagementError> {
        let rights = self.rights(actor, query.account.as_ref().unwrap_or(self.operator())).await?;
        rights.require(&scopes::KEYS_READ)?;
        let mut query = query.clone();
        query.now = self.now();
        match query.mode {
            Some(mode) if !rights.reaches(mode) => return Ok(Page { items: Vec::new(), next: None }),
            Some(_) => {}
            None => query.mode = Mode::ALL.into_iter().find(|mode| !rights.reaches(*mode)).map(other),
        }
        let page = self.0.keys.list(&query).await?;
        let mut items = Vec::with_capacity(page.keys.len());
        for key in page.keys {
            items.push(self.view_key(key).await?);
        }
        Ok(Page { items, next: page.next.map(|cursor| cursor.to_string()) })
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

    /// Counts keys of these statuses, up to `at_most`. Needs `keys:read`.
    ///
    /// # Errors
    /// [`ManagementError::Forbidden`].
    pub async fn count_keys(
        &self,
        actor: &Actor,
        query: &KeyQuery,
        statuses: &[KeyStatus],
        at_most: usize,
    ) -> Result<usize, ManagementError> {
        let rights = self.rights(actor, query.account.as_ref().unwrap_or(self.operator())).await?;
        rights.require(&scopes::KEYS_READ)?;
        let mut found = 0;
        for status in statuses {
            let query =
                KeyQuery { status: Some(*status), after: None, limit: at_most, now: self.now(), ..query.clone() };
            found += self.0.keys.list(&query).await?.keys.iter().filter(|key| rights.reaches(key.mode)).count();
        }
        Ok(found.min(at_most))
    }
}

fn other(mode: Mode) -> Mode {
    if mode.is_live() { Mode::Test } else { Mode::Live }
}
