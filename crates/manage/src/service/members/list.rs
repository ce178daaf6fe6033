use std::collections::HashMap;

use keyward_core::AccountId;
use keyward_core::id::UserId;

use super::{MemberView, view_of};
use crate::actor::Actor;
use crate::error::ManagementError;
use crate::records::{Member, StoredUser, Versioned};
use crate::role::scopes;
use crate::service::Management;
use crate::service::page::{Page, PageRequest};
use crate::store::{Kind, List};

impl Management {
    /// Lists an account's members. Needs `members:read`.
    ///
    /// # Errors
    /// [`ManagementError::Forbidden`].
    pub async fn members(
        &self,
        actor: &Actor,
        account: &AccountId,
        page: &PageRequest,
    ) -> Result<Page<MemberView>, ManagementError> {
        Ok(self.members_and_users(actor, account, page).await?.map(|(view, _)| view))
    }

    pub(super) async fn members_and_users(
        &self,
        actor: &Actor,
        account: &AccountId,
        page: &PageRequest,
    ) -> Result<Page<(MemberView, Versioned<StoredUser>)>, ManagementError> {
        self.rights(actor, account).await?.require(&scopes::MEMBERS_READ)?;
        let list = page.apply(List::of(Kind::Member, 0).owner(account.as_str()))?;
        let found = page.page(self.list::<Member>(&list).await?);
        let ids: Vec<String> = found.items.iter().map(|member| member.user.to_string()).collect();
        let users = self.get_many::<StoredUser>(&ids).await?;
        let mut users: HashMap<UserId, _> = users.into_iter().map(|user| (user.id.clone(), user)).collect();
        let items = found.items.into_iter().filter_map(|member| {
            // A user who is being deleted is missing.
            let user = users.remove(&member.user)?;
            Some((view_of(&member, &user), user))
        });
        Ok(Page { items: items.collect(), next: found.next })
    }

    /// Returns a member. Needs `members:read`.
    ///
    /// # Errors
    /// [`ManagementError::NotFound`].
    pub async fn member(
        &self,
        actor: &Actor,
        account: &AccountId,
        user: &UserId,
    ) -> Result<MemberView, ManagementError> {
        self.rights(actor, account).await?.require(&scopes::MEMBERS_READ)?;
        self.view(self.read_member(account, user).await?).await
    }
}
