use keyward_core::AccountId;
use keyward_core::id::UserId;

use super::MemberView;
use crate::actor::Actor;
use crate::error::ManagementError;
use crate::records::Member;
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
        self.rights(actor, account).await?.require(&scopes::MEMBERS_READ)?;
        let list = page.apply(List::of(Kind::Member, 0).owner(account.as_str()))?;
        let found = page.page(self.list::<Member>(&list).await?);
        let mut items = Vec::with_capacity(found.items.len());
        for member in found.items {
            match self.view(member).await {
                Ok(view) => items.push(view),
                // The user is being deleted.
                Err(ManagementError::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Page { items, next: found.next })
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
